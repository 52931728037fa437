/** Proxies give the weight of availability zones: 0 to what is spare. */
import { expect, test } from 'vitest';
import { LastGoodList, type SyncRow, toDesiredList } from '../../../src/sync/desired.ts';

const row = (id: string, more: Partial<SyncRow> = {}): SyncRow => ({
  ...{ id, node: 'n', address: '10.0.0.1', port: 80, status: 'passing', draining: false },
  ...{ weights: { passing: 7, warning: 1 }, zone: null, tags: [], meta: {}, ports: {} },
  ...more,
});

const weights = (...rows: readonly SyncRow[]): unknown =>
  toDesiredList(rows).servers.map(({ id, state, weight }) => `${id} ${state} ${weight}`);

test('what the agent says counts, and the registered weight where it says nothing', () => {
  expect(
    weights(
      row('a', { priority: 1, weight: 500 }),
      row('b', { priority: 2, weight: 7 }),
      row('c', { priority: 1, weight: 0, status: 'draining', draining: true }),
      row('d', { status: 'warning' }),
    ),
  ).toEqual(['a ready 500', 'b ready 0', 'c drain 7', 'd ready 1']);
});

test('what a partition has taken is served with its weight, and if only spare ones are left, they are', () => {
  const list = new LastGoodList();
  const rows = [row('a', { priority: 1, weight: 7 }), row('b', { priority: 2, weight: 7 })];
  list.remember(toDesiredList(rows));
  const kept = (...left: readonly SyncRow[]): unknown =>
    list.keep(left, toDesiredList(left)).map(({ id, weight }) => `${id} ${weight}`);
  const critical = { status: 'critical', priority: 1, weight: 0 };
  expect(kept(row('a', critical), row('b', critical))).toEqual(['a 7', 'b 0']);
  expect(kept(row('b', critical))).toEqual(['b 7']);
});
