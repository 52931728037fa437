import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { AgentError } from '../../../../src/base/errors.ts';
import { toHttpUrl } from '../../../../src/cli/commands/agent.ts';
import { runCli } from '../../../../src/cli/index.ts';
import { createFakeProcess, hearsay } from '../helper.ts';
import { fakeAgent, ready } from '../started-agent.ts';

describe('the agent is ready', () => {
  test('and prints where it listens, that it keeps no state, and how to join it', async () => {
    const { out, err, send, ended } = await ready(['--node', 'a', '--bind', '10.0.0.7', '--label', 'blue']);
    expect(out().split('\n')).toEqual([
      expect.stringMatching(/^hearsay \d+\.\d+\.\d+: a \(dc1\) is ready$/),
      '  gossip  10.0.0.7:7946 (UDP and TCP, not encrypted)',
      '  http    http://127.0.0.1:8500',
      '  dns     127.0.0.1:8600 (UDP and TCP)',
      '  data    in memory: no state survives a restart (--data-dir PATH keeps it)',
      "join it:  hearsay agent --label 'blue' --join 10.0.0.7:7946   (from a running agent: hearsay join 10.0.0.7:7946)",
      '',
    ]);
    expect(err()).toBe(
      'warning: gossip on 10.0.0.7:7946 is not encrypted: any host that reaches the port can join (see `hearsay keygen`)\n',
    );
    send('SIGTERM');
    expect(await ended).toBe(0);
  });

  test('and says which key an agent needs that joins it, without printing one', async () => {
    const key = Buffer.alloc(32, 7).toString('base64');
    const byVariable = await ready(['--bind', '10.0.0.7'], {}, { HEARSAY_GOSSIP_KEY: key });
    expect(byVariable.out()).toContain(
      'join it:  HEARSAY_GOSSIP_KEY=KEY hearsay agent --join 10.0.0.7:7946   (with a gossip key of this cluster; from',
    );
    expect(byVariable.out()).not.toContain(key);
    const byFile = await ready(['--bind', '10.0.0.7', '--keyring-file', '/etc/ring']);
    expect(byFile.out()).toContain(
      'join it:  hearsay agent --keyring-file /etc/ring --join 10.0.0.7:7946   (with a',
    );
    for (const { send, ended } of [byVariable, byFile]) {
      send('SIGTERM');
      await ended;
    }
  });

  test('on loopback the join line takes free ports', async () => {
    const { out, err, send, ended } = await ready(['--http', 'off', '--dns', 'off', '--data-dir', 'd']);
    expect(out()).toContain('  http    off\n  dns     off\n  data    d\n');
    expect(out()).toContain(
      'hearsay agent --node other --bind 127.0.0.1:0 --http 127.0.0.1:0 --dns off --join 127.0.0.1:7946 ',
    );
    expect(err()).toBe('');
    send('SIGINT');
    await ended;
  });
});

test('addresses are shown as --http-addr takes them', () => {
  expect(toHttpUrl('[::1]:8500')).toBe('http://[::1]:8500');
  expect(toHttpUrl('unix:/run/hearsay.sock')).toBe('unix:///run/hearsay.sock');
  expect(toHttpUrl('unix:a.sock')).toBe(`unix://${resolve('a.sock')}`);
});

describe('the agent ends', () => {
  test('with 0 after a signal, when it has left', async () => {
    const { send, ended, agent, err, listeners } = await ready([]);
    send('SIGINT');
    expect(await ended).toBe(0);
    expect(agent.calls).toEqual(['leave']);
    expect(err()).toBe('leaving the cluster; repeat the signal to stop at once\n');
    expect(listeners('SIGINT') + listeners('SIGTERM') + listeners('SIGHUP')).toBe(0);
  });

  test.each([
    ['pause', 30_000, '30s'],
    ['pause=90s', 90_000, '1m30s'],
  ])('with 0 after a signal, without leaving, with --on-stop %s', async (word, duration, text) => {
    const { send, ended, agent, err } = await ready(['--on-stop', word, '--data-dir', '/nowhere']);
    send('SIGTERM');
    expect(await ended).toBe(0);
    expect(agent.calls).toEqual([`pause ${duration}`]);
    expect(err()).toBe(`pausing: start this agent again within ${text}; repeat the signal to stop at once\n`);
  });

  test('with 130 after a second one, even if leaving never ends', async () => {
    const { send, ended, agent } = await ready([], { leave: () => new Promise(() => undefined) });
    send('SIGINT');
    send('SIGTERM');
    expect(await ended).toBe(130);
    expect(agent.calls).toEqual(['stop']);
  });

  test('with 130 and no error if leaving fails because of the second one', async () => {
    let reject = (_error: AgentError): void => {};
    const leave = () =>
      new Promise<void>((_, fail) => {
        reject = fail;
      });
    const stop = async () => reject(new AgentError('failed', 'the agent is stopping: use another agent'));
    const { send, ended, err } = await ready([], { leave, stop });
    send('SIGINT');
    send('SIGINT');
    expect(await ended).toBe(130);
    expect(err()).not.toContain('stopping: use another');
  });

  test('at once after a second one, even if stopping never ends', async () => {
    const never = () => new Promise<void>(() => undefined);
    const { send, forcedExits } = await ready([], { leave: never, stop: never });
    send('SIGINT');
    send('SIGINT');
    await vi.waitFor(() => expect(forcedExits).toEqual([130]), { timeout: 30_000 });
  });

  test('with 0 after a request over HTTP to leave', async () => {
    const { ended, agent } = await ready([]);
    agent.down();
    expect(await ended).toBe(0);
  });

  test('with 1 and an error when leaving failed, but stopped', async () => {
    const leave = () => Promise.reject(new AgentError('failed', 'the network is gone'));
    const { send, ended, agent, err } = await ready([], { leave });
    send('SIGTERM');
    expect(await ended).toBe(1);
    expect(agent.calls).toEqual(['stop']);
    expect(err()).toContain('hearsay: the network is gone\n');
  });
});

describe('a signal during the start', () => {
  /** `hearsay agent`, whose start ends when the test says so. */
  function starting() {
    let agent: ReturnType<typeof fakeAgent> | undefined;
    const gate = { resolve: (): void => {}, reject: (_error: AgentError): void => {} };
    const opened = new Promise<void>((resolve, reject) => Object.assign(gate, { resolve, reject }));
    const process = createFakeProcess({
      start: async (config) => {
        agent = fakeAgent(config);
        await opened;
        return agent.started;
      },
    });
    const ended = runCli(['agent'], process.io);
    const isStarting = () => vi.waitFor(() => expect(agent).toBeDefined(), { timeout: 30_000 });
    return { ...process, ended, isStarting, gate, calls: () => agent?.calls };
  }

  test('to stop is followed as soon as it has ended, in order', async () => {
    const { send, ended, isStarting, gate, calls, err, listeners } = starting();
    await isStarting();
    expect(listeners('SIGTERM')).toBe(1);
    send('SIGHUP');
    send('SIGTERM');
    expect(err()).toContain('stopping as soon as the start has ended; repeat the signal to stop at once\n');
    expect(calls()).toEqual([]);
    gate.resolve();
    expect(await ended).toBe(0);
    expect(calls()).toEqual(['leave']);
    expect(listeners('SIGTERM')).toBe(0);
  });

  test('to stop ends the wait for seeds at once, and nothing is said to be ready', async () => {
    let agent: ReturnType<typeof fakeAgent> | undefined;
    const { io, send, err, out } = createFakeProcess({
      start: (config, _readSettings, stopping) => {
        const fake = fakeAgent(config);
        agent = fake;
        return new Promise((resolve) => stopping?.addEventListener('abort', () => resolve(fake.started)));
      },
    });
    const ended = runCli(['agent'], io);
    await vi.waitFor(() => expect(agent).toBeDefined(), { timeout: 30_000 });
    send('SIGTERM');
    expect([await ended, agent?.calls, out()]).toEqual([0, ['leave'], '']);
    expect(err()).toContain('leaving the cluster');
  });

  test('to stop ends the process if it is repeated', async () => {
    const { send, isStarting, forcedExits, gate, ended } = starting();
    await isStarting();
    send('SIGINT');
    send('SIGTERM');
    expect(forcedExits).toEqual([130]);
    gate.resolve();
    await ended;
  });

  test('to reload and to write the metrics is followed, too', async () => {
    const { send, ended, isStarting, gate, calls } = starting();
    await isStarting();
    for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGHUP', 'SIGUSR2'] as const) send(signal);
    gate.resolve();
    await vi.waitFor(() => expect(calls()).toEqual(['reload', 'metrics']), { timeout: 30_000 });
    send('SIGTERM');
    expect(await ended).toBe(0);
  });

  test('does not hide why the start failed', async () => {
    const { send, ended, isStarting, gate, err, listeners } = starting();
    await isStarting();
    send('SIGTERM');
    gate.reject(new AgentError('config', 'TCP 127.0.0.1:7946 is in use'));
    expect(await ended).toBe(78);
    expect(err()).toContain('is in use');
    expect(listeners('SIGTERM')).toBe(0);
  });
});

test.each([
  [new AgentError('failed', 'no seed answered (10.0.0.5: refused)'), 1],
  [new AgentError('config', 'TCP 127.0.0.1:7946 is in use'), 78],
  [new Error('a defect'), 1],
])('an agent that cannot start reports why: %s', async (error, exit) => {
  const ran = await hearsay(['agent'], { start: () => Promise.reject(error) });
  expect(ran).toEqual({ code: exit, out: '', err: `hearsay: ${error.message}\n` });
});

test('S30 SIGUSR1 writes the metrics to the log, and SIGUSR2 does nothing', async () => {
  const { send, ended, agent, listeners } = await ready([]);
  send('SIGUSR1');
  send('SIGUSR2');
  expect(agent.calls).toEqual(['metrics']);
  expect([listeners('SIGUSR1'), listeners('SIGUSR2')]).toEqual([1, 1]);
  send('SIGTERM');
  expect(await ended).toBe(0);
});

test('SIGHUP reloads; a reload that fails is in the log, and the agent goes on', async () => {
  const { send, ended, agent, err } = await ready([]);
  send('SIGHUP');
  expect(agent.calls).toEqual(['reload']);
  send('SIGTERM');
  expect(await ended).toBe(0);
  expect(err()).toBe('leaving the cluster; repeat the signal to stop at once\n');

  const failing = await ready([], {
    reload: () => Promise.reject(new AgentError('failed', 'agent.yaml:1: no')),
  });
  failing.send('SIGHUP');
  failing.send('SIGTERM');
  expect(await failing.ended).toBe(0);
});

test('a reload reads flags, variables and files as the start did', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hearsay-agent-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, 'agent.yaml');
  await writeFile(path, 'logLevel: info\n', { mode: 0o600 });
  const { readSettings, send, ended } = await ready(['--config', path, '--node', 'a']);
  await writeFile(path, 'logLevel: debug\nnode: b\n');
  expect((await readSettings()).config).toMatchObject({ logLevel: 'debug', node: 'a' });
  await writeFile(path, 'logLevel: loud\n');
  await expect(readSettings()).rejects.toThrow(
    `${path}:1: logLevel: must be one of trace, debug, info, warn, error`,
  );
  send('SIGTERM');
  await ended;
});
