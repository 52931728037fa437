import { describe, expect, test } from 'vitest';
import { RumorLanes } from '../../../../src/agent/replication/rumor-lanes.ts';
import { Catalog } from '../../../../src/catalog/catalog.ts';
import type { Delta } from '../../../../src/catalog/types.ts';
import type { EntryWrite } from '../../../../src/model/service.ts';
import { type CatalogMessage, decodeCatalog } from '../../../../src/wire/catalog.ts';
import { check, service } from '../../catalog/values.ts';

/** ann's catalog and lanes, and what a packet of 60 kB would hold now. */
function lanesOf(rumorBytes = 1300) {
  const catalog = new Catalog({ owner: 'ann', epoch: 7, canOwn: () => true });
  const state = { hasPeer: true };
  const lanes = new RumorLanes({ catalog, rumorBytes, hasPeer: () => state.hasPeer });
  const publish = (...writes: EntryWrite[]): void => {
    for (const { delta, urgent } of catalog.publish(writes, 0).rumors) lanes.enqueueDelta(delta, urgent);
  };
  const waiting = (): CatalogMessage[] => {
    const into: Uint8Array[] = [];
    lanes.urgent.dequeue(60_000, 2, 1000, into);
    lanes.rumors.dequeue(60_000, 2, 1000, into);
    return into.map(decodeCatalog);
  };
  return { catalog, state, lanes, publish, waiting };
}

const put = (value: ReturnType<typeof service | typeof check>): EntryWrite => ({ put: value });
const flip = (i: number): EntryWrite => put(check('ok', 'web', { output: `look ${i}` }));
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const ranges = (messages: readonly CatalogMessage[]): unknown[] =>
  messages.map((one) =>
    one.kind === 'delta' ? [one.from, one.to, one.entries.map(({ key }) => key)] : one.kind,
  );

describe('A39: a newer rumor about an entry replaces the older one', () => {
  test('and begins where that began, so that nobody has a gap', () => {
    const { publish, waiting } = lanesOf();
    publish(put(service('web')));
    for (const i of range(20)) publish(flip(i));
    expect(ranges(waiting())).toEqual([
      [1, 21, ['c:ok']],
      [0, 1, ['s:web']],
    ]);
  });

  test('what lies between is told in the same rumor', () => {
    const { publish, waiting } = lanesOf();
    publish(flip(0));
    publish(put(service('web')));
    publish(flip(1));
    expect(ranges(waiting())).toEqual([[0, 3, ['c:ok', 's:web']]]);
  });

  test('from either lane: a check that passes again is not followed by word that it is critical', () => {
    const { lanes, publish } = lanesOf();
    publish(put(check('ok', 'web')));
    publish(put(check('ok', 'web', { status: 'critical' })));
    expect([lanes.urgent.size, lanes.rumors.size]).toEqual([1, 0]);
    publish(put(check('ok', 'web')));
    expect([lanes.urgent.size, lanes.rumors.size]).toEqual([0, 1]);
  });

  test('a removal that a later rumor takes in stays urgent', () => {
    const { lanes, publish, waiting } = lanesOf();
    publish(put(service('web')));
    publish(put(service('db')));
    publish({ remove: 's:db' });
    publish(put(service('web', { port: 81 })));
    expect(lanes.urgent.size).toBe(1);
    expect(ranges(waiting())).toEqual([[0, 4, ['s:web', 's:db']]]);
  });

  test('a copy of another owner’s ledger with a gap passes on what it received', () => {
    const { catalog, lanes, waiting } = lanesOf();
    const delta = (from: number, to: number, output: string): Delta => ({
      ...{ owner: 'bob', epoch: 3, from, to, swept: 0 },
      entries: [{ key: 'c:ok', version: to, value: check('ok', 'web', { output }) }],
    });
    for (const one of [delta(0, 1, 'a'), delta(4, 5, 'b'), delta(5, 6, 'c')]) {
      catalog.apply(one, 0);
      lanes.enqueueDelta(one, false);
    }
    expect(ranges(waiting())).toEqual([[5, 6, ['c:ok']]]);
  });

  test('if it would not fit, the new one stands alone', () => {
    const { publish, waiting } = lanesOf();
    publish(flip(0));
    for (const i of range(8)) publish(put(service(`web-${i}`, { tags: ['x'.repeat(200)] })));
    publish(flip(1));
    const found = ranges(waiting());
    expect(found).toContainEqual([9, 10, ['c:ok']]);
    expect(found).toHaveLength(9);
  });
});

test('A40: many rumors of one owner become one announcement, urgent if one of them was', () => {
  const { lanes, publish, waiting } = lanesOf();
  for (let i = 0; i < 64; i++) publish(put(service(`web-${i}`, { tags: ['x'.repeat(100)] })));
  publish({ remove: 's:web-0' });
  expect([lanes.urgent.size, lanes.rumors.size]).toEqual([1, 63]);
  publish(put(service('web-64')));
  expect([lanes.urgent.size, lanes.rumors.size]).toEqual([1, 0]);
  expect(waiting()).toEqual([
    expect.objectContaining({ kind: 'deltaAnnounce', owner: 'ann', epoch: 7, version: 66 }),
  ]);
});

test('what no packet holds is announced, and a newer announcement replaces the older', () => {
  const { publish, waiting } = lanesOf(200);
  publish(put(service('web', { tags: ['x'.repeat(300)] })));
  publish(put(service('web', { tags: ['y'.repeat(300)] })));
  expect(waiting()).toEqual([expect.objectContaining({ kind: 'deltaAnnounce', version: 2 })]);
});

test('A41: without a peer nothing is queued, and the first one is to be told', () => {
  const { lanes, publish, state } = lanesOf();
  publish(put(service('web')));
  state.hasPeer = false;
  expect(lanes.consumeUnannounced()).toBe(false);
  lanes.dropUntellable();
  for (const i of range(100)) publish(flip(i));
  expect(lanes.size).toBe(0);
  state.hasPeer = true;
  expect([lanes.consumeUnannounced(), lanes.consumeUnannounced()]).toEqual([true, false]);
});

test('A42: once its rumors were sent, an owner is announced with probes, once, and not while a rumor waits', () => {
  const { lanes, publish } = lanesOf();
  const sendAll = (): void => {
    for (const queue of [lanes.urgent, lanes.rumors]) queue.dequeue(60_000, 2, 1, []);
  };
  publish(put(service('web')));
  lanes.remindOfSent();
  expect(lanes.reminders.size).toBe(0);
  sendAll();
  lanes.remindOfSent();
  const into: Uint8Array[] = [];
  lanes.reminders.dequeue(60_000, 2, 1, into);
  expect(into.map(decodeCatalog)).toEqual([
    expect.objectContaining({ kind: 'deltaAnnounce', owner: 'ann', epoch: 7, version: 1 }),
  ]);
  lanes.remindOfSent();
  expect([lanes.size, lanes.reminders.size]).toEqual([0, 0]);

  publish(put(service('db')));
  sendAll();
  lanes.remindOfSent();
  lanes.dropOwner('ann');
  expect(lanes.reminders.size).toBe(0);
});

test('A41: nobody is reminded of anything while there is nobody to tell', () => {
  const { lanes, publish, state } = lanesOf();
  publish(put(service('web')));
  for (const queue of [lanes.urgent, lanes.rumors]) queue.dequeue(60_000, 2, 1, []);
  state.hasPeer = false;
  lanes.remindOfSent();
  expect(lanes.reminders.size).toBe(0);
});
