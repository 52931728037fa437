/** Which instance a request goes to. */
import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { rendezvousOwners } from '../../../src/catalog/placement.ts';
import { Balancer, type Weigh } from '../../../src/client/balancing/balancer.ts';
import type { StreamedInstance } from '../../../src/client/instance.ts';
import { ZonePreference } from '../../../src/client/zone-preference.ts';
import { instance, service } from '../http/data.ts';
import { discovered, row } from './rows.ts';

function balance(rows: readonly StreamedInstance[], zone: string | null = null) {
  const balancer = new Balancer(7);
  const known = rows.map(discovered);
  const clock = { now: () => 0, later: () => () => undefined };
  const preference = new ZonePreference(0.5, 30_000, clock, () => undefined);
  const weigh: Weigh | undefined =
    zone === null ? undefined : (all, usable) => preference.weigh(all, usable, zone);
  const rebuild = (): void => balancer.rebuild(known, () => true, weigh);
  rebuild();
  return { balancer, known, rebuild };
}

function counts(balancer: Balancer, picks = 20_000): Record<string, number> {
  const seen: Record<string, number> = {};
  for (let i = 0; i < picks; i++) {
    const id = balancer.pick()?.id ?? '';
    seen[id] = (seen[id] ?? 0) + 1;
  }
  return seen;
}

describe('a pick', () => {
  test('of nothing is nothing, and of one is that one', () => {
    expect(balance([]).balancer.pick()).toBeUndefined();
    expect(balance([row('a')]).balancer.pick()?.id).toBe('a');
    expect(balance([row('a', { status: 'critical' })]).balancer.pick()).toBeUndefined();
  });

  test('of idle instances follows their weights in their status', () => {
    const { balancer } = balance([
      row('a', { weights: { passing: 3, warning: 1 } }),
      row('b', { weights: { passing: 9, warning: 1 }, status: 'warning' }),
      row('c', { weights: { passing: 0, warning: 1 } }),
      row('d', { address: '' }),
    ]);
    const seen = counts(balancer);
    expect(Object.keys(seen).sort()).toEqual(['a', 'b']);
    expect((seen['a'] ?? 0) / 20_000).toBeCloseTo(0.75, 1);
  });

  test('of busy instances takes the one with less to do for its weight', () => {
    const { balancer, known } = balance([row('a', { weights: { passing: 4, warning: 1 } }), row('b')]);
    const [a, b] = known;
    for (let i = 0; i < 5; i++) a?.start();
    b?.start();
    expect(counts(balancer)).toEqual({ b: 20_000 }); // 5 of weight 4 against 1 of weight 1
    b?.start();
    expect(counts(balancer)).toEqual({ a: 20_000 });
  });

  test('with a hundred instances and requests that stay, no instance has more than twice its share', () => {
    const { balancer, known } = balance(Array.from({ length: 100 }, (_, i) => row(`i${i}`)));
    for (let i = 0; i < 1000; i++) balancer.pick()?.start();
    expect(Math.max(...known.map(({ pending }) => pending))).toBeLessThan(20);
    expect(known.reduce((sum, { pending }) => sum + pending, 0)).toBe(1000);
  });

  test('avoids the one that has just failed, unless it is the only one', () => {
    const { balancer, known } = balance([row('a'), row('b')]);
    for (let i = 0; i < 100; i++) expect(balancer.pick(known[0])?.id).toBe('b');
    const alone = balance([row('a')]);
    expect(alone.balancer.pick(alone.known[0])?.id).toBe('a');
    expect(alone.balancer.pickByKey('k', alone.known[0])?.id).toBe('a');
  });
});

describe('zones', () => {
  const inZone = (id: string, zone: string | null, changes: Partial<StreamedInstance> = {}) =>
    row(id, { zone, ...changes });

  test('the own zone comes first', () => {
    const { balancer } = balance([inZone('a', 'x'), inZone('b', 'y'), inZone('c', null)], 'x');
    expect(counts(balancer, 100)).toEqual({ a: 100 });
  });

  test('it is left when fewer than half of its instances are usable', () => {
    const rows = [inZone('a1', 'x'), inZone('a2', 'x', { status: 'critical' }), inZone('b', 'y')];
    expect(Object.keys(counts(balance(rows, 'x').balancer))).toEqual(['a1']);
    for (const third of [
      inZone('a3', 'x', { status: 'critical' }),
      inZone('a3', 'x', { status: 'draining', draining: true }),
    ]) {
      const seen = counts(balance([...rows, third], 'x').balancer);
      expect(Object.keys(seen).sort()).toEqual(['a1', 'b']);
      expect((seen['a1'] ?? 0) / 20_000).toBeCloseTo(2 / 3, 1); // one of three can carry two thirds
    }
  });

  test('a zone without instances, and no zone, use all', () => {
    const rows = [inZone('a', 'x'), inZone('b', null)];
    expect(Object.keys(counts(balance(rows, 'z').balancer)).sort()).toEqual(['a', 'b']);
    expect(Object.keys(counts(balance(rows, null).balancer)).sort()).toEqual(['a', 'b']);
  });

  test('a key belongs to the same instance in every zone', () => {
    const rows = ['a', 'b', 'c', 'd'].map((id, i) => inZone(id, i < 2 ? 'x' : 'y'));
    const owners = ['x', 'y', null].map((zone) =>
      Array.from({ length: 100 }, (_, i) => balance(rows, zone).balancer.pickByKey(`k${i}`)?.id),
    );
    expect(owners[0]).toEqual(owners[1]);
    expect(owners[0]).toEqual(owners[2]);
  });
});

describe('ejected instances', () => {
  test('are left out, and their keys go to the next owner', () => {
    const { balancer, known, rebuild } = balance([row('a'), row('b'), row('c')]);
    const owner = balancer.pickByKey('k');
    if (owner !== undefined) owner.ejected = true;
    rebuild();
    expect(counts(balancer, 1000)).not.toHaveProperty(owner?.id ?? '');
    expect(balancer.usable.length).toBe(3);
    const next = balancer.pickByKey('k');
    expect(next).not.toBe(owner);
    expect(known).toContain(next);
  });

  test('are used all the same if no other is left', () => {
    const { balancer, known, rebuild } = balance([row('a'), row('b')]);
    for (const one of known) one.ejected = true;
    rebuild();
    expect(Object.keys(counts(balancer, 1000)).sort()).toEqual(['a', 'b']);
  });
});

property.prop([
  fc.uniqueArray(
    fc.record({
      node: fc.constantFrom('ann', 'bob', 'Ähre', 'n-1'),
      id: fc.string({ minLength: 1, maxLength: 8 }),
      passing: fc.integer({ min: 0, max: 9 }),
      warning: fc.integer({ min: 0, max: 9 }),
      status: fc.constantFrom('passing', 'warning', 'critical'),
    }),
    { maxLength: 12, selector: ({ node, id }) => `${node} ${id}` },
  ),
  fc.array(fc.string({ size: 'max', maxLength: 40 }), { maxLength: 20 }),
])('a key has the owner that the agent names', (drawn, keys) => {
  const { balancer } = balance(
    drawn.map(({ node, id, passing, warning, status }) =>
      row(id, { node, weights: { passing, warning }, status: status as StreamedInstance['status'] }),
    ),
  );
  const instances = drawn.map(({ node, id, passing, warning, status }) =>
    instance(node, service(id, { weights: { passing, warning } }), {
      status: status as 'passing' | 'warning' | 'critical',
    }),
  );
  for (const key of keys) {
    const [owner] = rendezvousOwners(key, instances);
    const picked = balancer.pickByKey(key);
    expect([picked?.node, picked?.id]).toEqual([owner?.node, owner?.service.id]);
  }
});
