import { describe, expect, test, vi } from 'vitest';
import { runCli } from '../../../../src/cli/index.ts';
import { createFakeProcess, hearsay, startBlockingAgent, startFakeAgent, unusedUrl } from '../helper.ts';

/** `hearsay watch` with these words, running, on an agent that stands at index 10. */
async function watch(state: unknown, words: readonly string[]) {
  const agent = await startBlockingAgent(10, state);
  const process = createFakeProcess();
  const ended = runCli(['watch', ...words, '--http-addr', agent.url], process.io);
  /** The lines so far, without their times. */
  const lines = (): string[] =>
    process
      .out()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.replace(/^\d\d:\d\d:\d\d {2}/, '').replace(/"at":"[^"]+",/, ''));
  return {
    ...process,
    agent,
    ended,
    lines,
    /** Waits until these are all the lines. */
    shows: (...expected: string[]) =>
      vi.waitFor(() => expect(lines()).toEqual(expected), { timeout: 30_000 }),
    says: (text: string) => vi.waitFor(() => expect(process.err()).toContain(text), { timeout: 30_000 }),
    /** Waits until the last question carries this index. */
    waitsFor: (index: number) =>
      vi.waitFor(() => expect(agent.requests.at(-1)).toContain(`index=${index}&wait=30s`), {
        timeout: 30_000,
      }),
    stop: async () => {
      process.send('SIGINT');
      expect(await ended).toBe(130);
      expect(process.listeners('SIGINT') + process.listeners('SIGTERM')).toBe(0);
    },
  };
}

const versions = { min: 1, max: 5, cur: 2 };
const member = (name: string, status: string, tags: Record<string, string> = {}, ageMs = 0) => ({
  ...{ name, addr: '10.0.0.1', port: 7946, status, tags, incarnation: ageMs, ageMs, self: false },
  ...{ protocol: versions, delegate: versions },
});
const entry = (id: string, status: string) => ({
  Node: { Node: 'n1', Address: '10.0.0.1' },
  Service: { ID: id, Service: 'web', Tags: ['v1'], Address: '', Port: 80 },
  Checks: [{ Node: 'n1', CheckID: 'c', Status: status }],
});

describe('changes that watch prints', () => {
  test('services: the current ones, then what is added, removed and changed', async () => {
    const { agent, shows, waitsFor, stop } = await watch({ web: ['v1'], db: [] }, ['services']);
    await shows('now      web  v1', 'now      db');
    await waitsFor(10);
    agent.set(11, { web: ['v1', 'v2'], api: [] });
    const now = ['now      web  v1', 'now      db'];
    await shows(...now, 'removed  db', 'changed  web  v1,v2', 'added    api');
    expect(agent.requests[0]).toBe('/v1/catalog/services');
    await stop();
  });

  test('events: the current ones, then each new one; evicted ones are not printed', async () => {
    const event = (id: string, name: string) => ({ ID: id, Name: name, Payload: 'djE=', LTime: 3 });
    const { agent, shows, waitsFor, stop } = await watch([event('1', 'deploy')], ['events']);
    await shows('now      deploy  v1');
    await waitsFor(10);
    agent.set(11, [event('2', 'restart')]);
    await shows('now      deploy  v1', 'event    restart  v1');
    await stop();
  });

  test('service: its instances and their health, one object per line', async () => {
    const { agent, out, waitsFor, stop } = await watch(
      [entry('web-1', 'passing')],
      ['service', 'web', '--json', '--passing'],
    );
    await waitsFor(10);
    agent.set(12, [entry('web-1', 'critical'), entry('web-2', 'passing')]);
    await waitsFor(12);
    const printed = out()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { at: string });
    const web1 = { service: 'web', id: 'web-1', node: 'n1', address: '10.0.0.1', port: 80, tags: ['v1'] };
    expect(printed).toMatchObject([
      { event: 'now', ...web1, status: 'passing' },
      { event: 'changed', ...web1, status: 'critical' },
      { event: 'added', ...web1, id: 'web-2', status: 'passing' },
    ]);
    for (const { at } of printed) expect(at).toMatch(/^\d{4}-\d\d-\d\dT/);
    expect(agent.requests[1]).toBe('/v1/health/service/web?passing=1&index=10&wait=30s');
    await stop();
  });

  test('members: joined, left, failed, returned', async () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
    const { agent, shows, waitsFor, lines, stop } = await watch(
      names.map((name) => member(name, { c: 'suspect', d: 'failed', e: 'left' }[name] ?? 'alive')),
      ['members'],
    );
    await waitsFor(10);
    const now = lines();
    expect(now).toHaveLength(7);
    expect(now[2]).toBe('now      c  10.0.0.1:7946  suspect');
    agent.set(11, [
      member('a', 'alive', {}, 5000), // older, and nothing else
      member('b', 'failed'),
      member('c', 'alive'),
      member('d', 'alive'),
      member('e', 'alive', { role: 'web' }),
      member('f', 'alive', { role: 'db' }),
      member('h', 'alive'),
    ]);
    await shows(
      ...now,
      'reaped   g  10.0.0.1:7946  alive',
      'failed   b  10.0.0.1:7946  failed',
      'alive    c  10.0.0.1:7946  alive',
      'joined   d  10.0.0.1:7946  alive',
      'joined   e  10.0.0.1:7946  alive  role=web',
      'updated  f  10.0.0.1:7946  alive  role=db',
      'joined   h  10.0.0.1:7946  alive',
    );
    await stop();
  });

  test('owner: when the key moves, not on other changes of the ring', async () => {
    const owned = (checksum: string, ...ids: string[]) => ({
      ...{ key: 'job', service: 'web', checksum, instances: ids.length },
      owners: ids.map((id) => ({ id, node: 'n1', address: '10.0.0.1', port: 80 })),
    });
    const { agent, shows, waitsFor, stop } = await watch(owned('x', 'web-1'), [
      'owner',
      'job',
      '--service',
      'web',
    ]);
    await waitsFor(10);
    agent.set(11, owned('y', 'web-1'));
    await waitsFor(11);
    agent.set(12, owned('z', 'web-2'));
    await waitsFor(12);
    agent.set(13, owned('0'));
    await shows(
      'now      job  web-1 on n1 (10.0.0.1:80)',
      'moved    job  web-2 on n1 (10.0.0.1:80)',
      'moved    job  none',
    );
    await stop();
  });

  test('an empty state is a notice on stderr; later rows are new', async () => {
    const { agent, says, shows, waitsFor, stop } = await watch([], ['service', 'web']);
    await says('nothing to show yet; waiting for changes\n');
    await waitsFor(10);
    agent.set(11, [entry('web\u001b[2J', 'passing')]);
    await shows('added    web[2J  n1  10.0.0.1:80  passing  v1');
    await stop();
  });
});

describe('how watch follows the agent', () => {
  test('an index that falls is reset', async () => {
    const { agent, waitsFor, shows, stop } = await watch({ a: [] }, ['services']);
    await waitsFor(10);
    agent.set(3, { b: [] });
    await shows('now      a', 'removed  a', 'added    b');
    await waitsFor(3);
    expect(agent.requests).toEqual([
      '/v1/catalog/services',
      '/v1/catalog/services?index=10&wait=30s',
      '/v1/catalog/services',
      '/v1/catalog/services?index=3&wait=30s',
    ]);
    await stop();
  });

  test('an agent that disappears is retried, with one notice', async () => {
    const { agent, waitsFor, says, shows, err, stop } = await watch({ a: [] }, ['services']);
    await waitsFor(10);
    await agent.close();
    await says('retrying until it answers');
    agent.answerWith(500); // as an agent that is starting: more retries, without another notice
    const tries = agent.requests.length;
    await agent.reopen();
    await vi.waitFor(() => expect(agent.requests.length).toBeGreaterThan(tries + 1), { timeout: 30_000 });
    agent.set(5, { a: [], b: [] });
    agent.answerWith(200);
    await says('answers again');
    await shows('now      a', 'added    b');
    expect(err().split('\n')).toEqual([
      expect.stringMatching(/^no agent answers at .*; retrying until it answers$/),
      `the agent at ${agent.url} answers again`,
      '',
    ]);
    await stop();
  });

  test('an agent that fails is retried; one that refuses ends the watch', async () => {
    const { agent, waitsFor, says, ended, err } = await watch({ a: [] }, ['services']);
    await waitsFor(10);
    agent.answerWith(503);
    await says('status 503; retrying until it answers');
    agent.answerWith(403);
    expect(await ended).toBe(1);
    expect(err()).toContain('hearsay: status 403; pass the token in');
  });

  test('an agent that does not block is queried with pauses', async () => {
    const { url, requests } = await startFakeAgent({ 'GET /v1/catalog/services': { a: [] } }); // it sends no index either
    const { io, out, send } = createFakeProcess();
    const startedAt = performance.now();
    const ended = runCli(['watch', 'services', '--http-addr', url], io);
    await vi.waitFor(() => expect(requests.length).toBeGreaterThan(2), { timeout: 30_000 });
    expect(performance.now() - startedAt).toBeGreaterThan(1900);
    send('SIGINT');
    expect(await ended).toBe(130);
    expect(out()).toMatch(/^\S+ {2}now {6}a\n$/);
  });

  test('no agent at the start is exit 3', async () => {
    const { code, out, err } = await hearsay(['watch', 'members', '--http-addr', await unusedUrl()]);
    expect([code, out]).toEqual([3, '']);
    expect(err).toMatch(/^hearsay: no agent answers at /);
  });

  test('SIGTERM ends it while it waits, and while it pauses', async () => {
    const waiting = await watch({ a: [] }, ['services']);
    await waiting.waitsFor(10);
    waiting.send('SIGTERM');
    expect(await waiting.ended).toBe(130);
    const pausing = await watch({ a: [] }, ['services']);
    await pausing.waitsFor(10);
    await pausing.agent.close();
    await pausing.says('retrying');
    pausing.send('SIGTERM');
    expect(await pausing.ended).toBe(130);
  });
});

test('watch needs a subcommand', async () => {
  expect((await hearsay(['watch'])).code).toBe(2);
  expect((await hearsay(['watch', 'nonsense'])).code).toBe(2);
});
