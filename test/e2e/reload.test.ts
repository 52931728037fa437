/** Reload against the built program: service files, folders, tags, seeds, tokens and keys are read again, all or nothing. */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { fingerprint } from '../../src/wire/crypt.ts';
import { getJson, httpRequest } from '../support/http.ts';
import { type HearsayProcess, killProcesses, runHearsay, startHearsay } from '../support/processes.ts';
import { waitUntil } from '../support/wait.ts';

const ip = (host: number): string => `127.72.1.${host}`;
const at = (host: number): string[] => ['--http-addr', `http://${ip(host)}:8500`];

let dir = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'hearsay-reload-'));
});
afterEach(killProcesses);
afterAll(() => rmSync(dir, { recursive: true }));

function write(name: string, ...lines: readonly string[]): string {
  const path = join(dir, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, `${lines.join('\n')}\n`);
  chmodSync(path, 0o600);
  return path;
}

const put = async (url: string): Promise<number> => (await httpRequest('PUT', url)).status;
const reload = (host: number) => runHearsay(['reload', ...at(host)], { RUNTIME_DIRECTORY: dir });

interface ServiceRow {
  readonly Service: { readonly ID: string; readonly Port: number };
  readonly Checks: readonly { readonly CheckID: string; readonly Status: string }[];
}
const instances = (agent: HearsayProcess, service: string): Promise<readonly ServiceRow[]> =>
  getJson(`${agent.http}/v1/health/service/${service}`);

/** Waits until this agent shows the port of `web`. */
const waitForPort = (agent: HearsayProcess, port: number): Promise<unknown> =>
  waitUntil(`${agent.name} shows port ${port}`, 20_000, async () =>
    (await instances(agent, 'web')).some(({ Service }) => Service.Port === port),
  );

test('service files and tags are read again: differences are told once, what is gone is deregistered', async () => {
  write('one/services.d/web.yaml', 'name: web', 'port: 80', 'check: {id: t, ttl: 10m}');
  write('one/services.d/old.json', '{"name": "old"}');
  const config = write(
    'one/agent.yaml',
    `service: [${join(dir, 'one/services.d')}]`,
    'tag: {role: a, rack: r1}',
  );
  const ann = await startHearsay({ name: 'ann', ip: ip(1), args: ['--config', config] });
  const bob = await startHearsay({ name: 'bob', ip: ip(2), join: ip(1) });
  await waitForPort(bob, 80);
  expect(await put(`${ann.http}/v1/agent/check/pass/t`)).toBe(200);
  expect((await runHearsay(['tags', 'set', 'zone=z', ...at(1)])).code).toBe(0);
  expect((await runHearsay(['register', write('one/http.yaml', 'name: http'), ...at(1)])).code).toBe(0);

  write('one/services.d/web.yaml', 'name: web', 'port: 81', 'check: {id: t, ttl: 10m}');
  write('one/services.d/new.yaml', 'name: new');
  rmSync(join(dir, 'one/services.d/old.json'));
  write(
    'one/agent.yaml',
    `service: [${join(dir, 'one/services.d')}]`,
    'tag: {role: b}',
    'domain: sd.example',
  );
  expect(await reload(1)).toEqual({
    code: 0,
    stdout: [
      'domain changed from hearsay to sd.example: needs a restart',
      'tag role=b was set (before: a)',
      'tag rack=r1 was deleted',
      'service new was registered',
      'service web was changed: port',
      'service old was deregistered, since no file has it any more',
      'restart the agent to apply: domain',
      '',
    ].join('\n'),
    stderr: '',
  });
  await waitForPort(bob, 81);
  const [web] = await instances(ann, 'web');
  expect(web?.Checks.find(({ CheckID }) => CheckID === 't')?.Status).toBe('passing');
  const services = await getJson<Record<string, unknown>>(`${ann.http}/v1/agent/services`);
  expect(Object.keys(services).sort()).toEqual(['http', 'new', 'web']);
  await waitUntil('bob knows the tags', 20_000, async () => {
    const row = (await bob.members()).find(({ name }) => name === 'ann');
    return row?.tags['role'] === 'b' && row.tags['zone'] === 'z' && !('rack' in row.tags);
  });

  expect((await reload(1)).stdout).toBe(
    'nothing has changed since the files were read last\nrestart the agent to apply: domain\n',
  );
  expect(ann.log()).toContain('"change":"service web was changed: port"');
});

test('a broken file changes nothing: exit 1 and 500, and a log line with file, line and key', async () => {
  const file = write('two/web.yaml', 'name: web', 'port: 80');
  const ann = await startHearsay({
    name: 'ann',
    ip: ip(1),
    args: ['--service', file, '--log-level', 'info'],
  });
  write('two/web.yaml', 'name: web', 'port: 81', 'check:', '  htp: x');
  const reason = `${file}:4: check.htp: no such field; did you mean http?`;
  expect(await reload(1)).toEqual({ code: 1, stdout: '', stderr: `hearsay: ${reason}\n` });
  expect(await put(`${ann.http}/v1/agent/reload`)).toBe(500);
  ann.child.kill('SIGHUP');
  await waitUntil('the log says it three times', 20_000, () => ann.log().split(reason).length === 4);
  expect((await instances(ann, 'web'))[0]?.Service.Port).toBe(80);
  rmSync(file);
  expect((await reload(1)).stderr).toBe(`hearsay: ${file}: no such file or directory\n`);
  write('two/web.yaml', 'name: web', 'port: 81');
  ann.child.kill('SIGHUP');
  await waitForPort(ann, 81);
});

test('no answer is missing while services are changed and read again', async () => {
  const file = write('three/web.yaml', 'name: web', 'port: 1');
  const ann = await startHearsay({ name: 'ann', ip: ip(1), args: ['--service', file] });
  const bob = await startHearsay({ name: 'bob', ip: ip(2), join: ip(1) });
  await waitForPort(bob, 1);
  let asked = 0;
  let missing = 0;
  let isDone = false;
  const ask = async (agent: HearsayProcess): Promise<void> => {
    while (!isDone) {
      missing += (await instances(agent, 'web')).length === 1 ? 0 : 1;
      asked += 1;
    }
  };
  const asking = [ask(ann), ask(bob)];
  for (let port = 2; port <= 10; port++) {
    write('three/web.yaml', 'name: web', `port: ${port}`);
    ann.child.kill('SIGHUP');
    await waitForPort(bob, port);
  }
  isDone = true;
  await Promise.all(asking);
  expect(missing).toBe(0);
  expect(asked).toBeGreaterThan(20);
});

test('seeds and tokens are taken over', async () => {
  const seed = await startHearsay({ name: 'seed', ip: ip(3) });
  const token = write('four/token', 'first-token-of-this-test-of-32-characters');
  const config = write('four/agent.yaml', `httpOperatorTokenFile: ${token}`);
  const ann = await startHearsay({ name: 'ann', ip: ip(1), args: ['--config', config] });
  const reloadWith = (file: string) => runHearsay(['reload', '--token-file', file, ...at(1)]);
  const old = write('four/old', 'first-token-of-this-test-of-32-characters');
  write('four/agent.yaml', `httpOperatorTokenFile: ${token}`, `retryJoin: [${ip(3)}]`);
  write('four/token', 'second-token-of-this-test-of-32-characters');
  expect(await reloadWith(old)).toEqual({
    code: 0,
    stdout: `retryJoin changed from none to ${ip(3)}\nhttpOperatorToken changed\n`,
    stderr: '',
  });
  expect((await reloadWith(old)).code).toBe(1);
  expect((await reloadWith(token)).code).toBe(0);
  await waitUntil('ann has joined', 20_000, async () => (await seed.members()).length === 2);
  expect(ann.log()).not.toContain('second-token');
});

const key = (octet: number): string => Buffer.alloc(32, octet).toString('base64');
const keyring = (name: string, ...octets: readonly number[]): string =>
  write(name, '[', octets.map((octet) => `  "${key(octet)}"`).join(',\n'), ']');
const listKeys = async (host: number): Promise<{ keys: object; primaries: object }> =>
  JSON.parse((await runHearsay(['keys', 'list', '--json', ...at(host)], { RUNTIME_DIRECTORY: dir })).stdout);
const name = (octet: number): string => fingerprint(Buffer.alloc(32, octet));

test('a keyring is rotated by its files: each step is told, and nobody is cut off', async () => {
  const files = [keyring('five/1', 1), keyring('five/2', 1)];
  const start = (host: number) =>
    startHearsay({
      ...{ name: `n${host}`, ip: ip(host), ...(host === 1 ? {} : { join: ip(1) }) },
      env: { RUNTIME_DIRECTORY: dir },
      // One has a data directory, the other keeps its keys in the file.
      args: [
        ...['--keyring-file', files[host - 1] as string, '--record', join(dir, `five/${host}.rec`)],
        ...(host === 1 ? ['--data-dir', join(dir, 'five/data')] : []),
      ],
    });
  const ann = await start(1);
  const bob = await start(2);
  await waitUntil('both are one', 20_000, async () => (await bob.members()).length === 2);

  keyring('five/1', 2, 1);
  expect(await reload(1)).toEqual({
    code: 1,
    stdout: '',
    stderr: `hearsay: keyring ${files[0]}: n2 would no longer understand this agent without the key ${name(2)}: put it second in the keyrings of all agents first and reload them, or use \`hearsay keys\`\n`,
  });
  const steps: readonly (readonly [number[], string[]])[] = [
    [[1, 2], [`gossip key ${name(2)} was installed`]],
    [[2, 1], [`gossip key ${name(2)} is the primary now`]],
    [[2], [`gossip key ${name(1)} was removed`]],
  ];
  for (const [octets, told] of steps)
    for (const host of [1, 2]) {
      keyring(`five/${host}`, ...octets);
      expect(await reload(host)).toEqual({ code: 0, stdout: `${told.join('\n')}\n`, stderr: '' });
    }
  expect(await listKeys(1)).toMatchObject({ keys: { [name(2)]: 2 }, primaries: { [name(2)]: 2 } });

  // What the agents themselves write is no edit.
  const used = ['install', 'use'].map((one) => ['keys', one, key(3), ...at(2)]);
  for (const words of used) expect((await runHearsay(words, { RUNTIME_DIRECTORY: dir })).code).toBe(0);
  for (const host of [1, 2])
    expect((await reload(host)).stdout).toBe('nothing has changed since the files were read last\n');
  expect(await listKeys(1)).toMatchObject({ primaries: { [name(3)]: 2 } });

  // Broken files change nothing, and no key is printed.
  const broken = write('five/2', '[', `  "${key(3)}",`, `  "${key(9).slice(0, 8)}"`, ']');
  expect((await reload(2)).stderr).toBe(
    `hearsay: keyring ${broken}:3: entry 2 is not base64 of 16, 24 or 32 bytes\n`,
  );
  write('five/2');
  expect((await reload(2)).stderr).toContain(`keyring ${broken}:1: it is empty`);
  write('five/2', '[]');
  expect((await reload(2)).stderr).toContain(`keyring ${broken}:1: there is no key in it`);
  expect(await listKeys(2)).toMatchObject({ primaries: { [name(3)]: 2 } });

  await Promise.all([ann, bob].map((agent) => agent.leave()));
  const texts = [
    ann.log(),
    bob.log(),
    ...[1, 2].map((host) => readFileSync(join(dir, `five/${host}.rec`), 'latin1')),
  ];
  for (const octet of [1, 2, 3, 9])
    for (const text of texts) {
      expect(text).not.toContain(key(octet).slice(0, 8));
      expect(text).not.toContain(Buffer.alloc(32, octet).toString('latin1'));
      expect(text).not.toContain(Buffer.alloc(32, octet).toString('hex'));
    }

  // The edit that was taken over last is what later starts compare with: the keys that were rotated since stay.
  const again = await start(1);
  const stored = JSON.parse(readFileSync(join(dir, 'five/data/keyring'), 'utf8')) as { keys: string[] };
  expect(stored.keys).toEqual([key(3), key(2)]);
  expect(again.log()).not.toContain('replace the keyring');
});
