import { describe, expect, test } from 'vitest';
import type { SerfEffect } from '../../../../src/serf/types.ts';
import { HOUR, member, type One, one, SELF } from '../one.ts';

const reconnects = (ann: One): string[] =>
  ann.out
    .filter((effect): effect is Extract<SerfEffect, { kind: 'reconnect' }> => effect.kind === 'reconnect')
    .map((effect) => effect.name);

describe('P61 reaping', () => {
  test('P61 a failed and a left member are erased a day later, at the next check', () => {
    const ann = one({ members: ['bob', 'cat', 'dan'] });
    ann.down('bob');
    ann.leaveIntent('cat', 5);
    ann.down('cat');

    ann.pass(24 * HOUR);
    expect([ann.status('bob'), ann.status('cat')]).toEqual(['failed', 'left']);
    ann.facts();
    ann.events();
    ann.pass(15_000);

    expect([ann.status('bob'), ann.status('cat')]).toEqual([undefined, undefined]);
    expect(ann.status('dan')).toBe('alive');
    expect(ann.events()).toEqual(['reaped bob', 'reaped cat']);
    expect(ann.facts()).toEqual(
      expect.arrayContaining([
        { kind: 'memberReaped', node: 'bob', status: 'failed' },
        { kind: 'memberReaped', node: 'cat', status: 'left' },
      ]),
    );
    expect(ann.state().leftMembers).toEqual([]);
    expect(ann.state().statusLTimes.has('bob')).toBe(false);
  });

  test('P61 the two timeouts are two settings', () => {
    const ann = one({
      members: ['bob', 'cat'],
      config: { reconnectTimeout: HOUR, tombstoneTimeout: 2 * HOUR },
    });
    ann.down('bob');
    ann.leaveIntent('cat', 5);
    ann.down('cat');

    ann.pass(1.5 * HOUR);

    expect([ann.status('bob'), ann.status('cat')]).toEqual([undefined, 'left']);
  });

  test('P63 the round trips of a reaped member are discarded', () => {
    const ann = one({ members: ['bob'] });
    const far = { vec: [0.05, 0, 0, 0, 0, 0, 0, 0], error: 1.5, adjustment: 0, height: 1e-5 };
    ann.serf.coordinates.update('bob', 50, far);
    ann.serf.coordinates.update('bob', 50, far);
    ann.down('bob');
    ann.pass(25 * HOUR);
    const before = ann.serf.coordinates.own;

    ann.serf.coordinates.update('bob', 2000, far); // not held back by a median of older ones

    const moved = Math.abs((ann.serf.coordinates.own.vec[0] as number) - (before.vec[0] as number));
    expect(moved).toBeGreaterThan(0.1);
  });
});

describe('P61 reconnecting', () => {
  test('P61 the last failed member of a pair is tried every 30 s, at its last address', () => {
    const ann = one({ members: ['bob'] });
    ann.down('bob');
    ann.serf.handleMemberEvent({ kind: 'memberDropped', member: member('bob', 'dead') }, 0, ann.out);

    ann.pass(95_000);

    expect(reconnects(ann)).toEqual(['bob', 'bob', 'bob']);
    expect(ann.out).toContainEqual({
      kind: 'reconnect',
      name: 'bob',
      to: member('bob').identity.address,
    });
    expect(ann.facts()).toContainEqual({ kind: 'reconnectAttempted', node: 'bob' });
  });

  test('P61 members that left are not tried, only failed ones', () => {
    const ann = one({ members: ['bob', 'cat'] });
    ann.leaveIntent('bob', 5);
    ann.down('bob');

    ann.pass(600_000);

    expect(reconnects(ann)).toEqual([]);
  });

  test('P61 one failed among twenty that are up is tried about every twentieth time', () => {
    const names = Array.from({ length: 20 }, (_, i) => `n${i}`);
    const ann = one({ members: names, seed: 9 });
    ann.down('n3');

    ann.pass(30_000 * 2000);

    const expected = 2000 / 20; // 20 up: ourselves and 19
    expect(reconnects(ann).length).toBeGreaterThan(0.7 * expected);
    expect(reconnects(ann).length).toBeLessThan(1.3 * expected);
  });

  test('P61 every failed member gets its turn', () => {
    const names = ['bob', 'cat', 'dan'];
    const ann = one({ members: names });
    for (const name of names) ann.down(name);

    ann.pass(30_000 * 40);

    expect(new Set(reconnects(ann))).toEqual(new Set(names));
  });

  test('P61 an agent that leaves tries no member', () => {
    const ann = one({ members: ['bob'] });
    ann.down('bob');
    ann.serf.leave(0, ann.out);

    ann.pass(600_000);

    expect(reconnects(ann)).toEqual([]);
    expect(ann.status(SELF)).toBe('leaving');
  });
});

describe('P61 queues', () => {
  test('P61 every 30 s a lane is pruned to its depth, and that is a fact', () => {
    const ann = one({ config: { maxQueueDepth: 20 } });
    for (let ltime = 1; ltime <= 50; ltime++) ann.event('e', ltime);
    for (let i = 0; i < 20; i++) ann.joinIntent(`n${i}`, 5);

    ann.pass(29_999);
    expect(ann.lanes.events.size).toBe(50);
    ann.pass(1);

    expect(ann.lanes.events.size).toBe(20);
    expect(ann.lanes.intents.size).toBe(20);
    expect(ann.facts()).toEqual([{ kind: 'broadcastQueuePruned', lane: 'events', dropped: 30 }]);
  });
});

test('time: the deadline is the earliest check, and a tick before it does nothing', () => {
  const ann = one({ members: ['bob'] });
  ann.down('bob');
  ann.events();
  expect(ann.serf.deadline).toBe(15_000);

  ann.serf.tick(14_999, ann.out);

  expect(ann.out).toEqual([]);
  ann.leaveIntent('bob', 3);
  ann.up('cat');
  ann.leaveIntent('cat', 4, true);
  expect(ann.serf.deadline).toBe(6000); // a pruned member's grace
});
