import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { runCli } from '../../../../src/cli/index.ts';
import { FakeHaproxy } from '../../../support/fake-haproxy.ts';
import { createFakeProcess, hearsay, unusedUrl } from '../helper.ts';
import { row, startStream } from '../stream-server.ts';

const SLOW = { timeout: 30_000 };
function socketPath(): string {
  const dir = mkdtempSync(join(tmpdir(), 'hearsay-sync-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  return join(dir, 'admin.sock');
}

async function startHaproxy(...backends: readonly string[]) {
  const haproxy = new FakeHaproxy(...backends);
  const socket = socketPath();
  await haproxy.listen(socket);
  return { haproxy, socket };
}

async function startSync(first: readonly object[], ...more: readonly string[]) {
  const { haproxy, socket } = await startHaproxy('web');
  const agent = await startStream(first);
  const fake = createFakeProcess();
  const at = ['--socket', socket, '--http-addr', agent.url];
  const ended = runCli(['sync', 'haproxy', ...at, '--backend', 'web=Web', ...more], fake.io);
  const lines = (): string[] =>
    fake
      .out()
      .trimEnd()
      .split('\n')
      .map((line) => line.slice(10));
  return {
    ...{ haproxy, agent, lines, err: fake.err },
    serves: (...expected: readonly string[]) =>
      vi.waitFor(() => expect(haproxy.serves('web')).toEqual(expected), SLOW),
    prints: (line: string) => vi.waitFor(() => expect(lines()).toContain(line), SLOW),
    says: (text: string) => vi.waitFor(() => expect(fake.err()).toContain(text), SLOW),
    stop: async () => {
      fake.send('SIGTERM');
      expect(await ended).toBe(0);
      expect(fake.listeners('SIGINT') + fake.listeners('SIGTERM')).toBe(0);
    },
  };
}

describe('hearsay sync haproxy', () => {
  test('prints each change as it is made', async () => {
    const { agent, lines, serves, prints, stop } = await startSync([
      row(1),
      row(2, 'warning'),
      row(3, 'critical'),
    ]);
    await serves('10.0.0.1:80 10', '10.0.0.2:80 1');
    expect(agent.paths[0]).toBe('/v1/hearsay/events?type=service&service=Web');
    agent.set([row(1, 'draining'), row(2), row(3)]);
    await prints('drained  web/hearsay1  web-1  n1  10.0.0.1:80  weight 10');
    await serves('10.0.0.2:80 10', '10.0.0.3:80 10');
    agent.set([row(2), row(3)]);
    await prints('removed  web/hearsay1  web-1  n1  10.0.0.1:80  weight 10');
    expect(lines()).toEqual([
      'added    web/hearsay1  web-1  n1  10.0.0.1:80  weight 10',
      'added    web/hearsay2  web-2  n1  10.0.0.2:80  weight 1',
      'changed  web/hearsay2  web-2  n1  10.0.0.2:80  weight 10',
      'added    web/hearsay3  web-3  n1  10.0.0.3:80  weight 10',
      'drained  web/hearsay1  web-1  n1  10.0.0.1:80  weight 10',
      'removed  web/hearsay1  web-1  n1  10.0.0.1:80  weight 10',
    ]);
    await stop();
  });

  test('a partition empties no backend, and one that is recognized late gives the servers back', async () => {
    const { agent, serves, prints, stop } = await startSync([row(1), row(2)]);
    await serves('10.0.0.1:80 10', '10.0.0.2:80 10');
    agent.set([row(1, 'critical'), row(2, 'critical')]);
    await serves();
    agent.setKind('partition');
    await prints(
      'kept     web  no instance passes, and its last servers are kept: 2 of 4 members are missing',
    );
    await serves('10.0.0.1:80 10', '10.0.0.2:80 10');
    agent.set([row(1, 'critical'), row(2)], 'partition');
    await serves('10.0.0.2:80 10');
    agent.set([row(1, 'critical')], 'partition'); // the last one was deregistered
    await serves();
    await stop();
  });

  test('--empty allow believes the catalog', async () => {
    const { agent, serves, stop } = await startSync([row(1)], '--empty', 'allow');
    await serves('10.0.0.1:80 10');
    agent.set([row(1, 'critical')], 'partition');
    await serves();
    await stop();
  });

  test('a restarted HAProxy is set again; while the agent is away its servers stay', async () => {
    const { haproxy, agent, serves, says, stop } = await startSync([row(1)]);
    await serves('10.0.0.1:80 10');
    haproxy.restart();
    await serves('10.0.0.1:80 10');
    agent.breakOff();
    await says('; the servers stay as they are until it answers');
    haproxy.restart();
    await serves('10.0.0.1:80 10');
    await says('answers again');
    await stop();
  });

  test('what cannot be served is said with the next step', async () => {
    const rows = [row(1), row(2), row(3, 'passing', { address: 'db.example' })];
    const { haproxy, says, stop } = await startSync(rows, '--slots', '1');
    await says('web: 1 of 2 servers have no slot: raise --slots above 1');
    await says('web: web-3 on n1 is left out: HAProxy needs an IP address and a port');
    expect(haproxy.serves('web')).toEqual(['10.0.0.1:80 10']);
    await stop();
  });

  test('a backend that a reload of HAProxy took away does not stop the others', async () => {
    const { haproxy, socket } = await startHaproxy('old', 'web');
    const agent = await startStream([row(1)]);
    const fake = createFakeProcess();
    const at = ['--socket', socket, '--http-addr', agent.url, '--backend', 'old=web', '--backend', 'web=web'];
    const ended = runCli(['sync', 'haproxy', ...at], fake.io);
    await vi.waitFor(() => expect(haproxy.serves('web')).toHaveLength(1), SLOW);
    haproxy.backends.delete('old');
    agent.set([row(1), row(2)]);
    await vi.waitFor(() => expect(haproxy.serves('web')).toHaveLength(2), SLOW);
    expect(fake.err()).toContain("hearsay: old: HAProxy does not show its servers: Can't find backend.");
    fake.send('SIGINT');
    expect(await ended).toBe(130);
  });

  test('a service that nobody has registered is said, with what may be meant', async () => {
    const { haproxy, socket } = await startHaproxy('web');
    const { url } = await startStream([]);
    const once = (service: string) =>
      hearsay([
        ...['sync', 'haproxy', '--socket', socket, '--http-addr', url],
        ...['--backend', `web=${service}`, '--once'],
      ]);
    const typo = await once('Web');
    expect(typo).toMatchObject({ code: 0, out: '' });
    expect(typo.err).toBe('warning: nobody has registered a service "Web": did you mean webs?\n');
    expect(haproxy.serves('web')).toEqual([]);
  });

  test('--once sets what there is, in JSON, and ends', async () => {
    const { haproxy, socket } = await startHaproxy('web');
    const { url } = await startStream([row(1)]);
    const at = ['--socket', socket, '--http-addr', url];
    const { code, out, err } = await hearsay([
      'sync',
      'haproxy',
      ...at,
      '--backend',
      'web=web',
      '--once',
      '--json',
    ]);
    expect([code, err]).toEqual([0, '']);
    const { at: when, ...change } = JSON.parse(out);
    expect(Date.parse(when)).not.toBeNaN();
    expect(change).toEqual({
      ...{ event: 'added', backend: 'web', service: 'web', server: 'hearsay1', id: 'web-1', node: 'n1' },
      ...{ address: '10.0.0.1', port: 80, weight: 10, reason: '' },
    });
    expect(haproxy.serves('web')).toEqual(['10.0.0.1:80 10']);
  });
});

describe('arguments that are refused', () => {
  const sync = (...words: readonly string[]) => hearsay(['sync', 'haproxy', ...words]);

  test.each([
    [['--backend', 'web=web'], "required option '--socket <address>'"],
    [['--socket', '/a.sock'], "required option '--backend <backend=service>'"],
    [['--socket', 'a.sock', '--backend', 'web=web'], '--socket: "a.sock" is no address'],
    [['--socket', '/a.sock', '--backend', 'web'], '--backend: "web" must be KEY=VALUE'],
    [['--socket', '/a.sock', '--backend', 'a b=web'], '--backend: "a b=web" must be BACKEND=SERVICE'],
    [['--socket', '/a.sock', '--backend', 'a;quit=web'], '--backend: "a;quit=web" must be BACKEND=SERVICE'],
    [['--socket', '/a.sock', '--backend', 'web=a b'], '--backend: "a b" is no name of a service'],
    [['--socket', '/a.sock', '--backend', 'a=b', '--backend', 'a=c'], '--backend: "a" is given twice'],
    [['--socket', '/a.sock', '--backend', 'a=b', '--slots', '0'], '--slots: "0" must be a number from 1'],
    [['--socket', '/a.sock', '--backend', 'a=b', '--empty', 'no'], '--empty: "no" must be keep or allow'],
  ])('%j', async (words, message) => {
    const { code, err } = await sync(...words);
    expect(err).toContain(message);
    expect(code).toBe(2);
  });

  test('a backend that HAProxy does not have', async () => {
    const { socket } = await startHaproxy('web', 'api');
    const { code, err } = await sync('--socket', socket, '--backend', 'shop=web');
    expect(err).toBe(`hearsay: --backend: HAProxy at ${socket} has no backend "shop"; it has: web, api\n`);
    expect(code).toBe(2);
  });

  test('no HAProxy, and no agent', async () => {
    const path = socketPath();
    const away = await sync('--socket', path, '--backend', 'web=web');
    expect(away.err).toContain(`HAProxy does not answer at ${path} (`);
    expect(away.code).toBe(1);
    const { socket } = await startHaproxy('web');
    const url = await unusedUrl();
    const alone = await sync('--socket', socket, '--backend', 'web=web', '--http-addr', url);
    expect(alone.err).toContain(`no agent answers at ${url}`);
    expect(alone.code).toBe(3);
  });
});
