/** Whatever list follows whatever list: after a pass HAProxy serves what the catalog says, and instances that stayed kept their slots. */
import { fc, test } from '@fast-check/vitest';
import { expect } from 'vitest';
import type { SyncRow } from '../../src/sync/desired.ts';
import { HaproxySync } from '../../src/sync/haproxy/haproxy-sync.ts';
import { parseServersState } from '../../src/sync/haproxy/runtime-api.ts';
import { FakeHaproxy } from '../support/fake-haproxy.ts';

const RUNS = { numRuns: 300 };

const row: fc.Arbitrary<SyncRow> = fc
  .record({
    number: fc.integer({ min: 0, max: 14 }),
    host: fc.constantFrom('10.0.0.1', '10.0.0.2', 'fd00::5'),
    port: fc.integer({ min: 80, max: 84 }),
    passing: fc.integer({ min: 0, max: 256 }),
    status: fc.constantFrom('passing', 'passing', 'warning', 'critical', 'draining', 'maintenance'),
  })
  .map(({ number, host, port, passing, status }) => ({
    ...{ id: `web-${number}`, node: `n${number % 3}`, address: host, port, status },
    draining: status === 'draining',
    ...{ weights: { passing, warning: 1 }, zone: null, tags: [], meta: {}, ports: {} },
  }));
const list = fc.uniqueArray(row, { maxLength: 15, selector: ({ id }) => id });

const at = ({ address, port, weights, status }: SyncRow): string =>
  `${address}:${port} ${status === 'warning' ? weights.warning : weights.passing}`;
const isReady = ({ status }: SyncRow): boolean => status === 'passing' || status === 'warning';

function start(haproxy: FakeHaproxy, limit: number, doubt = '') {
  const problems: string[] = [];
  const sync = new HaproxySync({
    api: {
      send: async (line) => haproxy.execute(line),
      slots: async (backend) => parseServersState(haproxy.execute(`show servers state ${backend}`)),
    },
    ...{ backends: [{ backend: 'web', service: 'web' }], limit, doubt: async () => doubt },
    ...{ onChange: () => undefined, onProblem: (message) => void problems.push(message) },
  });
  return { sync, problems };
}

test.prop(
  {
    lists: fc.array(fc.record({ list, haproxyRestarts: fc.boolean(), restarts: fc.boolean() }), {
      maxLength: 8,
    }),
  },
  RUNS,
)(
  'what HAProxy serves and drains equals the list, by the shortest way, also after restarts of either',
  async ({ lists }) => {
    const haproxy = new FakeHaproxy('web');
    let { sync } = start(haproxy, 30);
    for (const { list, haproxyRestarts, restarts } of lists) {
      if (haproxyRestarts) haproxy.restart();
      if (restarts) sync = start(haproxy, 30).sync;
      const before = haproxy.serves('web').length;
      let fewest = Number.POSITIVE_INFINITY;
      haproxy.onCommand = () => {
        fewest = Math.min(fewest, haproxy.serves('web').length);
      };
      sync.update('web', list);
      expect(await sync.apply()).toBe(true);
      expect(haproxy.serves('web')).toEqual(list.filter(isReady).map(at).sort());
      const draining = list.filter(({ status }) => status === 'draining');
      expect(haproxy.drains('web')).toEqual(draining.map(at).sort());
      expect(fewest).toBeGreaterThanOrEqual(Math.min(before, haproxy.serves('web').length));
      const changes = haproxy.changes.length;
      await sync.apply();
      expect(haproxy.changes.slice(changes)).toEqual([]);
    }
  },
);

test.prop({ first: list, second: list }, RUNS)(
  'an instance that stays keeps its slot',
  async ({ first, second }) => {
    const haproxy = new FakeHaproxy('web');
    const { sync } = start(haproxy, 30);
    // Ports of their own, so that the slot of an instance can be told.
    const own = (rows: readonly SyncRow[]): SyncRow[] =>
      rows.map((one) => ({ ...one, port: 1000 + Number(one.id.slice(4)) }));
    const slots = (rows: readonly SyncRow[]): Map<string, string | undefined> =>
      new Map(
        rows
          .filter((one) => isReady(one) || one.status === 'draining')
          .map(({ id, node, address, port }) => [id + node, haproxy.slotOf('web', address, port)]),
      );
    sync.update('web', own(first));
    await sync.apply();
    const before = slots(own(first));
    sync.update('web', own(second));
    await sync.apply();
    for (const [key, slot] of slots(own(second))) if (before.has(key)) expect(slot).toBe(before.get(key));
  },
);

test.prop(
  { lists: fc.array(list, { minLength: 1, maxLength: 6 }), limit: fc.integer({ min: 1, max: 6 }) },
  RUNS,
)(
  'never more slots than the limit; those that get requests come first, and the rest is said',
  async ({ lists, limit }) => {
    const haproxy = new FakeHaproxy('web');
    const { sync } = start(haproxy, limit);
    for (const list of lists) {
      // A drained instance may hold a slot for as long as it drains.
      const rows = list.filter(({ status }) => status !== 'draining');
      sync.update('web', rows);
      const wanted = rows.filter(isReady).map(at);
      expect(await sync.apply()).toBe(wanted.length <= limit);
      expect(haproxy.backends.get('web')?.size).toBeLessThanOrEqual(limit);
      expect(haproxy.serves('web')).toHaveLength(Math.min(limit, wanted.length));
      for (const one of haproxy.serves('web')) expect(wanted).toContain(one);
    }
  },
);

test.prop({ before: list, after: list }, RUNS)(
  'while a partition is in doubt, instances that turned critical never leave a backend empty',
  async ({ before, after }) => {
    const haproxy = new FakeHaproxy('web');
    const { sync } = start(haproxy, 30, 'the other side is missing');
    sync.update('web', before);
    await sync.apply();
    const good = new Set(before.filter(isReady).map(({ id }) => id));
    sync.update('web', after);
    await sync.apply();
    const ready = after.filter(isReady).length;
    const critical = after.filter(({ status, id }) => status === 'critical' && good.has(id)).length;
    expect(haproxy.serves('web')).toHaveLength(ready > 0 ? ready : critical);
  },
);
