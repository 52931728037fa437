import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AgentHandle } from '../../../src/agent/contract/agent-handle.ts';
import type { CommandRequest, ReloadOutcome } from '../../../src/agent/contract/commands.ts';
import { AgentError } from '../../../src/base/errors.ts';
import { resolveConfig } from '../../../src/config/resolve.ts';
import type { AgentConfig } from '../../../src/config/schema.ts';
import type { JournalFact } from '../../../src/shell/logging/facts.ts';
import { Reloader } from '../../../src/shell/reload.ts';
import type { KeyringEdit } from '../../../src/shell/reload-keys.ts';
import { fingerprint, formatKey } from '../../../src/wire/crypt.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hearsay-reload-'));
});
afterAll(() => rm(folder, { recursive: true }));

const resolve = (flags: Record<string, unknown>, token?: string): AgentConfig =>
  resolveConfig({
    flags: { node: 'a', ...flags },
    env: token === undefined ? {} : { HEARSAY_HTTP_TOKEN: token.padEnd(32, '-') },
    files: [],
    hostname: 'h',
  }).config;

/** A reloader whose parts record what they are told. */
function stand(first: AgentConfig) {
  const calls: string[] = [];
  const facts: JournalFact[] = [];
  const stand = {
    calls,
    facts,
    next: first,
    outcome: { services: [], tags: [] } as ReloadOutcome,
    refusal: undefined as AgentError | undefined,
    edit: undefined as KeyringEdit | undefined,
    keyringRefusal: undefined as AgentError | undefined,
    unsaved: [] as string[],
  };
  const agent = {
    execute: async (command: CommandRequest) => {
      if (command.kind !== 'reload') throw new Error(`unexpected command ${command.kind}`);
      if (stand.refusal !== undefined) throw stand.refusal;
      calls.push(`services ${command.services.map(({ service }) => service.id).join()}`);
      if (command.keys !== undefined) calls.push(`keys ${command.keys.map(fingerprint).join()}`);
      return stand.outcome;
    },
  } as unknown as AgentHandle;
  const reloader = new Reloader(first, {
    agent,
    log: { setLevel: (level) => void calls.push(`level ${level}`) },
    handlers: { replace: (handlers) => void calls.push(`handlers ${handlers.length}`) },
    runners: { explainDenial: (probe) => (probe.kind === 'tcp' ? 'it is far away' : undefined) },
    record: (fact) => void facts.push(fact),
    keyring: {
      read: async () => {
        if (stand.keyringRefusal !== undefined) throw stand.keyringRefusal;
        return stand.edit;
      },
      findUnsaved: async () => stand.unsaved,
    },
    setRetryJoin: (seeds) => void calls.push(`seeds ${seeds.join()}`),
    prepareTls: async () => () => false,
    setTokens: ({ httpToken }) => void calls.push(`token ${httpToken}`),
    read: async () => ({ config: stand.next, warnings: [] }),
  });
  return {
    ...stand,
    reload: () => reloader.reload(),
    reloader,
    set: (more: Partial<typeof stand>) => Object.assign(stand, more),
  };
}

const texts = (report: { readonly changes: readonly { readonly text: string }[] }): string[] =>
  report.changes.map(({ text }) => text);

describe('a reload', () => {
  test('applies what can change, and tells each difference once', async () => {
    const { reload, set, calls, facts } = stand(resolve({}, 'old'));
    set({ next: resolve({ logLevel: 'debug', retryJoin: ['10.0.0.5'] }, 'new') });
    const report = await reload();
    expect(calls).toEqual([
      'services ',
      'handlers 0',
      'seeds 10.0.0.5',
      `token ${'new'.padEnd(32, '-')}`,
      'level debug',
    ]);
    expect(texts(report)).toEqual([
      'retryJoin changed from none to 10.0.0.5',
      'httpToken changed',
      'logLevel changed from info to debug',
    ]);
    expect(JSON.stringify([report, facts])).not.toMatch(/new--|old--/);
    expect(facts.map(({ kind }) => kind)).toEqual([
      'reloadChange',
      'reloadChange',
      'reloadChange',
      'reloaded',
    ]);
    expect(await reload()).toEqual({ changes: [], needsRestart: [], warnings: [] });
  });

  test('says at each time what waits for a restart, and tells the difference once', async () => {
    const { reload, set, facts, reloader } = stand(resolve({}));
    set({ next: resolve({ domain: 'sd.example' }) });
    const first = await reload();
    expect(texts(first)).toEqual(['domain changed from hearsay to sd.example: needs a restart']);
    expect(await reload()).toEqual({ changes: [], needsRestart: ['domain'], warnings: [] });
    expect(facts.filter(({ kind }) => kind === 'restartNeeded')).toEqual([
      { kind: 'restartNeeded', settings: 'domain' },
      { kind: 'restartNeeded', settings: 'domain' },
    ]);
    expect(reloader.config.domain).toBe('hearsay');
    set({ next: resolve({}) });
    const back = await reload();
    expect([texts(back), back.needsRestart]).toEqual([['domain changed from sd.example to hearsay'], []]);
  });

  test('tells what has changed of tags and services', async () => {
    const { reload, set } = stand(resolve({}));
    set({
      outcome: {
        services: [
          { id: 'web', change: 'changed', fields: ['port', 'check h'] },
          { id: 'old', change: 'deregistered', fields: [] },
        ],
        tags: [
          { key: 'role', from: 'a', to: 'b' },
          { key: 'zone', from: 'z' },
          { key: 'rack', to: 'r' },
        ],
        unsaved: 'ENOSPC',
      },
    });
    const report = await reload();
    expect(texts(report)).toEqual([
      'tag role=b was set (before: a)',
      'tag zone=z was deleted',
      'tag rack=r was set',
      'service web was changed: port, check h',
      'service old was deregistered, since no file has it any more',
    ]);
    expect(report.warnings).toEqual([expect.stringContaining('(ENOSPC)')]);
  });
});

describe('keys of an edited keyring file', () => {
  const key = new Uint8Array(32).fill(7);
  const edited = (assertCurrent = (): void => {}): KeyringEdit => ({ keys: [key], assertCurrent });

  test('are taken over with all the rest, and told by their fingerprints', async () => {
    const { reload, set, calls, facts } = stand(resolve({}));
    const name = fingerprint(key);
    const keys = (['install', 'use', 'remove'] as const).map((change) => ({ key: name, change }));
    set({ edit: edited(), outcome: { services: [], tags: [], keys }, unsaved: ['not stored'] });
    const report = await reload();
    expect(calls.slice(0, 2)).toEqual(['services ', `keys ${name}`]);
    expect(report).toEqual({
      changes: [
        { kind: 'key', name, text: `gossip key ${name} was installed` },
        { kind: 'key', name, text: `gossip key ${name} is the primary now` },
        { kind: 'key', name, text: `gossip key ${name} was removed` },
      ],
      needsRestart: [],
      warnings: ['not stored'],
    });
    expect(facts.filter(({ kind }) => kind === 'reloadChange')).toHaveLength(3);
    expect(JSON.stringify([report, facts])).not.toContain(formatKey(key));
  });

  test('are not taken over if the keys have changed since they were judged', async () => {
    const { reload, set, calls } = stand(resolve({}));
    const assertCurrent = (): void => {
      throw new AgentError('conflict', 'changed meanwhile');
    };
    set({ edit: edited(assertCurrent), next: resolve({ logLevel: 'debug' }) });
    await expect(reload()).rejects.toThrow('changed meanwhile');
    expect(calls).toEqual([]);
  });

  test('of a file that is broken stop the whole reload', async () => {
    const { reload, set, calls, facts } = stand(resolve({}));
    const keyringRefusal = new AgentError('config', 'keyring /k:2: entry 2 is not a string');
    set({ keyringRefusal, next: resolve({ logLevel: 'debug' }) });
    await expect(reload()).rejects.toThrow('keyring /k:2: entry 2 is not a string');
    expect(calls).toEqual([]);
    expect(facts).toMatchObject([{ kind: 'reloadFailed' }]);
  });
});

test('a check that will not be let out is told, with its place', async () => {
  const path = join(folder, 'far.yaml');
  await writeFile(path, 'name: a\ncheck: {id: c, tcp: "10.9.9.9:80", interval: 5s}\n', { mode: 0o600 });
  const made = stand(resolve({}));
  made.set({ next: resolve({ service: [path] }) });
  expect((await made.reload()).warnings).toEqual([`${path}:1: the check c will be critical: it is far away`]);
});

describe('nothing is changed', () => {
  const fails = async (made: ReturnType<typeof stand>, reason: string): Promise<void> => {
    await expect(made.reload()).rejects.toThrow(reason);
    expect(made.calls).toEqual([]);
    expect(made.facts).toEqual([{ kind: 'reloadFailed', reason: expect.stringContaining(reason) }]);
    expect(made.reloader.config.logLevel).toBe('info');
  };

  test('by a broken service file', async () => {
    const path = join(folder, 'web.yaml');
    await writeFile(path, 'name: web\ncheck: {htp: x}\n', { mode: 0o600 });
    const made = stand(resolve({}));
    made.set({ next: resolve({ logLevel: 'debug', service: [path] }) });
    await fails(made, `${path}:2: check.htp: no such field; did you mean http?`);
    await writeFile(path, 'name: web\n');
    expect((await made.reload()).changes).toHaveLength(2);
    expect(made.calls).toContain('services web');
  });

  test('by a check that runs a program, unless the running agent allows it', async () => {
    const path = join(folder, 'exec.yaml');
    await writeFile(path, 'name: a\ncheck: {args: [/bin/true], interval: 5s}\n', { mode: 0o600 });
    const made = stand(resolve({}));
    made.set({ next: resolve({ service: [path], allowExecChecks: true }) });
    await fails(
      made,
      `${path}:2: check.args: this agent does not allow checks that run programs: start it with --allow-exec-checks`,
    );
  });

  test('by what the core refuses', async () => {
    const made = stand(resolve({}));
    made.set({ next: resolve({ logLevel: 'debug' }), refusal: new AgentError('badRequest', 'too many') });
    await fails(made, 'too many');
  });

  test('by a token that goes while HTTP is open to the network', async () => {
    const made = stand(resolve({ http: '10.0.0.7:8500' }, 'secret'));
    made.set({ next: resolve({ logLevel: 'debug' }) });
    await fails(made, 'http: 10.0.0.7:8500 is open to the network');
  });
});

test('reloads run one after the other, and one that failed does not stop the next', async () => {
  const { reload, set } = stand(resolve({}));
  set({ refusal: new AgentError('badRequest', 'not now') });
  const failed = reload();
  await expect(failed).rejects.toThrow('not now');
  set({ refusal: undefined, next: resolve({ logLevel: 'warn' }) });
  const [first, second] = await Promise.all([reload(), reload()]);
  expect([texts(first), texts(second)]).toEqual([['logLevel changed from info to warn'], []]);
});
