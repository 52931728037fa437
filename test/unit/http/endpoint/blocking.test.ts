import { describe, expect, onTestFinished, test, vi } from 'vitest';
import {
  BlockingQueries,
  MAX_PARKED,
  parseBlockingParams,
  WAKE_BATCH_SIZE,
} from '../../../../src/http/endpoint/blocking.ts';
import { parseQueryString } from '../../../../src/http/endpoint/query.ts';
import { createEventStream } from '../../../../src/http/endpoint/streams/event-stream.ts';
import { FakeAgent, member, SEED, send, serve, until } from '../fixture.ts';

const nodes = '/v1/catalog/nodes';
const indexOf = (answer: { headers: NodeJS.Dict<string | string[]> }): number =>
  Number(answer.headers['x-consul-index']);

/** A client that never disconnects. */
const stays = () => () => undefined;

async function timed<T>(promise: Promise<T>): Promise<{ value: T; millis: number }> {
  const start = performance.now();
  const value = await promise;
  return { value, millis: performance.now() - start };
}

describe('blocking queries', () => {
  test('without an index, or with 0, the reply comes at once', async () => {
    const agent = new FakeAgent(member('ann'));
    const server = await serve(agent);
    for (const query of ['', '?index=', '?index=0', '?index=0&wait=10m', '?wait=10m'])
      expect(indexOf(await send(server, nodes + query))).toBe(SEED);
    expect(agent.waiting).toBe(0);
  });

  test('B3: any index but the current one gets a reply at once, with the current one', async () => {
    const agent = new FakeAgent(member('ann'));
    const server = await serve(agent);
    for (const index of [1, SEED - 1, SEED + 1, 2 ** 53, '18446744073709551615']) {
      const answer = await send(server, `${nodes}?index=${index}&wait=10m`);
      expect([answer.status, indexOf(answer)]).toEqual([200, SEED]);
    }
  });

  test('with the current index it waits for the change, and gets all new data', async () => {
    const agent = new FakeAgent(member('ann'));
    const server = await serve(agent);
    const parked = send(server, `${nodes}?index=${SEED}`);
    await until(() => agent.waiting === 1);
    agent.rows.set('bob', member('bob'));
    agent.touch(['nodes', 'node:bob']);
    const answer = await parked;
    expect(indexOf(answer)).toBe(SEED + 1);
    expect((answer.json() as { Node: string }[]).map((node) => node.Node)).toEqual(['ann', 'bob']);
    await until(() => agent.waiting === 0);
  });

  test('when the wait is over, and not earlier, the reply is the same as before', async () => {
    const agent = new FakeAgent(member('ann'));
    const server = await serve(agent);
    const before = await send(server, nodes);
    const { value, millis } = await timed(send(server, `${nodes}?index=${SEED}&wait=300ms`));
    expect(millis).toBeGreaterThanOrEqual(300);
    expect([indexOf(value), value.body]).toEqual([SEED, before.body]);
    expect(agent.waiting).toBe(0);
  });

  test('a client that disconnects frees its place', async () => {
    const agent = new FakeAgent(member('ann'));
    const server = await serve(agent);
    const client = new AbortController();
    const parked = send(server, `${nodes}?index=${SEED}`, { signal: client.signal });
    await until(() => agent.waiting === 1);
    client.abort();
    await expect(parked).rejects.toThrow();
    await until(() => agent.waiting === 0);
  });

  test('B4 B6 a change elsewhere, or none at all, wakes no request', async () => {
    const agent = new FakeAgent(member('ann'));
    const server = await serve(agent);
    let done = false;
    const parked = send(server, `${nodes}?index=${SEED}`).finally(() => {
      done = true;
    });
    await until(() => agent.waiting === 1);
    agent.touch(['members']);
    agent.touch(['nodes'], true);
    await until(() => agent.waiting === 1);
    await send(server, '/');
    expect(done).toBe(false);
    agent.touch(['nodes']);
    expect(indexOf(await parked)).toBe(SEED + 2);
  });

  test('a local read and the list of datacenters never wait', async () => {
    const agent = new FakeAgent(member('ann'));
    const server = await serve(agent);
    const local = await send(server, `/v1/agent/self?index=${SEED}`);
    expect(local.headers['x-consul-index']).toBeUndefined();
    expect(indexOf(await send(server, `/v1/catalog/datacenters?index=${SEED}`))).toBe(SEED);
  });
});

describe('index and wait', () => {
  const block = (query: string) => parseBlockingParams(parseQueryString(query));

  test.each([
    'index=-1',
    'index=x',
    'index=1.5',
    'index=+1',
    'index=0x1',
    'index=18446744073709551616',
    'index=1e3',
  ])('%s is 400', async (query) => {
    const answer = await send(await serve(new FakeAgent(member('ann'))), `${nodes}?${query}`);
    // A plus sign is a space in a query string; Go refuses that as well.
    expect([answer.status, answer.body]).toEqual([400, 'Invalid index']);
  });

  test.each(['10', 'x', '5 m', '1d', '10S', '--1s'])('wait=%s is 400', async (wait) => {
    const query = `${nodes}?index=1&wait=${encodeURIComponent(wait)}`;
    const answer = await send(await serve(new FakeAgent(member('ann'))), query);
    expect([answer.status, answer.body]).toEqual([400, 'Invalid wait time']);
  });

  test('the wait is 5 min by default and 10 min at most', () => {
    const minute = 60_000;
    expect(block('')).toEqual({ index: 0, wait: 5 * minute });
    expect(block('index=7&wait=0s').wait).toBe(5 * minute);
    expect(block('wait=-1s').wait).toBe(5 * minute);
    expect(block('wait=').wait).toBe(5 * minute);
    expect(block('wait=9m59s').wait).toBe(10 * minute - 1000);
    expect(block('wait=120000ms').wait).toBe(2 * minute);
    expect(block('wait=11m').wait).toBe(10 * minute);
    expect(block('wait=99999999999999999999h').wait).toBe(10 * minute);
  });

  test.each([1000, 60_000, 600_000])(
    'a wait of %d ms ends neither before it is over nor a sixteenth after',
    async (wait) => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      onTestFinished(() => void vi.useRealTimers());
      for (const random of [0, 0.5, 0.999_999]) {
        const queries = new BlockingQueries(new FakeAgent(member('ann')), () => random);
        let over = false;
        const parked = queries.waitForIndex(['nodes'], { index: SEED, wait }, stays).finally(() => {
          over = true;
        });
        await vi.advanceTimersByTimeAsync(wait);
        expect(over).toBe(false);
        await vi.advanceTimersByTimeAsync(wait / 16);
        expect(over).toBe(true);
        await parked;
      }
    },
  );
});

test('S23 more than 4096 parked queries get 429 with Retry-After', async () => {
  const agent = new FakeAgent(member('ann'));
  const queries = new BlockingQueries(agent);
  const park = () => queries.waitForIndex(['nodes'], { index: SEED, wait: 60_000 }, stays);
  const parked = Array.from({ length: MAX_PARKED }, park);
  expect(queries.parkedCount).toBe(4096);
  await expect(park()).rejects.toMatchObject({ status: 429, headers: { 'Retry-After': '1' } });
  agent.touch(['nodes']);
  await Promise.all(parked);
  expect([queries.parkedCount, agent.waiting]).toEqual([0, 0]);
});

test('S23 where nobody more can wait no stream begins, and one that has begun waits on', async () => {
  const agent = new FakeAgent(member('ann'));
  const queries = new BlockingQueries(agent);
  const site = { agent, blockingQueries: queries };
  const formatter = { formatChanges: () => [], formatSnapshot: () => [], formatMark: () => ({}) };
  const begun = createEventStream(site, formatter, SEED, stays).getReader();
  await begun.read(); // the time to reconnect after
  await begun.read(); // `synced`: it waits for a change from now on, until its next heartbeat
  const next = begun.read();
  await until(() => queries.parkedCount === 1);
  const parked = Array.from({ length: MAX_PARKED - 1 }, () =>
    queries.waitForIndex(['nodes'], { index: SEED, wait: 60_000 }, stays),
  );
  expect(() => createEventStream(site, formatter, SEED, stays)).toThrow('Too many blocking queries');
  agent.touch(['members']); // the stream is woken, and others take its place before it waits again
  parked.push(queries.waitInStream(() => !queries.closed, ['events'], 60_000, stays));
  let isOver = false;
  next.catch(() => undefined).finally(() => (isOver = true));
  await until(() => queries.parkedCount === MAX_PARKED + 1);
  expect(isOver).toBe(false);
  queries.close();
  await Promise.all(parked);
  expect((await next).done).toBe(true);
});

test('a reader is behind from the change until it has been sent it', async () => {
  const agent = new FakeAgent(member('ann'));
  const queries = new BlockingQueries(agent);
  const parked = queries.waitForIndex(['nodes'], { index: SEED, wait: 60_000 }, stays);
  const formatter = {
    formatChanges: () => [{ event: 'x', data: 1 }],
    formatSnapshot: () => [],
    formatMark: () => ({}),
  };
  const stream = createEventStream({ agent, blockingQueries: queries }, formatter, SEED, stays).getReader();
  await stream.read(); // the time to reconnect after
  await stream.read(); // `synced`
  const next = stream.read();
  await until(() => queries.parkedCount === 2);
  expect(queries.countBehind(SEED)).toBe(0);
  agent.touch(['nodes', 'node:ann']);
  expect(queries.countBehind(SEED + 1)).toBeGreaterThanOrEqual(2);
  await Promise.all([parked, next]);
  expect(queries.countBehind(SEED + 1)).toBe(1); // its client has not taken the next chunk
  void stream.read();
  await until(() => queries.countBehind(SEED + 1) === 0);
  agent.touch(['nodes', 'node:ann']);
  await stream.cancel();
  expect(queries.countBehind(SEED + 2)).toBe(0);
  queries.close();
});

test('requests that a change wakes are answered in batches, so that packets get their turn in between', async () => {
  const agent = new FakeAgent(member('ann'));
  const queries = new BlockingQueries(agent);
  let answered = 0;
  const parked = Array.from({ length: 5 * WAKE_BATCH_SIZE }, async () => {
    await queries.waitForIndex(['nodes'], { index: SEED, wait: 60_000 }, stays);
    answered += 1;
  });
  agent.touch(['nodes']);
  const groups: number[] = [];
  while (answered < parked.length) {
    const before = answered;
    await new Promise(setImmediate);
    if (answered > before) groups.push(answered - before);
  }
  expect(groups).toEqual(Array(5).fill(WAKE_BATCH_SIZE));
  await Promise.all(parked);
});
