import { describe, expect, test } from 'vitest';
import { disagreements } from '../../src/sim/laws/index.ts';
import { startStory, withStatus } from './start-story.ts';

test('a crashed member is suspected and then failed, and all agree', () => {
  const { stop, run, statusByObserver, statusHistory } = startStory('ann bob cat dan eve', { seed: 7 });

  stop('bob');
  run('30s');

  expect(statusHistory('ann', 'bob')).toEqual(['suspect', 'failed']);
  expect(statusByObserver('bob')).toEqual(withStatus('ann cat dan eve', 'failed'));
});

test('a machine that loses power is detected like a process that dies', () => {
  const { stop, run, statusByObserver } = startStory('ann bob cat dan eve', { seed: 8 });

  stop('bob', { powerOff: true });
  run('30s');

  expect(statusByObserver('bob')).toEqual(withStatus('ann cat dan eve', 'failed'));
});

test.each([
  { loss: 0, seeds: [11, 12, 13, 14] },
  { loss: 0.05, seeds: [21, 22, 23, 24] },
])(
  'G1: with fifty members and $loss of all packets lost, most losses of power are known everywhere within 15 s, all within 20 s',
  ({ loss, seeds }) => {
    const names = Array.from({ length: 50 }, (_, i) => `n${i}`).join(' ');
    const took = seeds.map((seed) => {
      const { world, stop, runUntil, statusByObserver, timeUntilAllSee } = startStory(names, {
        seed,
        linkQuality: { loss },
        detail: 'facts',
        bootstrapped: 'byPushPull',
      });
      const began = world.now;
      stop('n7', { powerOff: true });
      runUntil(() => Object.values(statusByObserver('n7')).every((status) => status === 'failed'));
      return timeUntilAllSee('n7', 'failed', began) ?? Number.POSITIVE_INFINITY;
    });

    expect(took.filter((millis) => millis < 15_000).length).toBeGreaterThanOrEqual(3);
    expect(Math.max(...took)).toBeLessThan(20_000);
    expect(Math.min(...took)).toBeGreaterThan(4000);
  },
);

test('two of three members crash, and the last one detects both', () => {
  const { stop, run, statusByObserver } = startStory('ann bob cat', { seed: 9 });

  stop('bob');
  stop('cat');
  run('40s');

  expect(statusByObserver('bob')).toEqual({ ann: 'failed' });
  expect(statusByObserver('cat')).toEqual({ ann: 'failed' });
});

describe('a crashed member comes back', () => {
  test('conformance: kill -9 and restart with the same name and address: alive everywhere at once', () => {
    const { world, stop, restart, run, runUntil, statusByObserver, timeUntilAllSee } = startStory(
      'ann bob cat dan',
      { seed: 31 },
    );
    stop('bob');
    run('20s');
    expect(statusByObserver('bob')).toEqual(withStatus('ann cat dan', 'failed'));
    const began = world.now;

    restart('bob');

    expect(runUntil(() => disagreements(world).length === 0)).toBe(true);
    expect(timeUntilAllSee('bob', 'alive', began)).toBeLessThan(1000);
  });

  test('before the crash was detected: never failed anywhere', () => {
    const { world, stop, restart, run, statusHistory } = startStory('ann bob cat dan', { seed: 32 });
    stop('bob');
    run('300ms');

    restart('bob');
    run('30s');

    expect(disagreements(world)).toEqual([]);
    for (const observer of ['ann', 'cat', 'dan'])
      expect(statusHistory(observer, 'bob')).not.toContain('failed');
  });

  test('with its snapshot, its incarnation continues where it was', () => {
    const { world, stop, restart, run, setTags, member } = startStory('ann bob cat dan', { seed: 33 });
    for (let i = 0; i < 5; i++) setTags('bob', { round: `${i}` });
    run('10s');
    const before = member('ann', 'bob')?.incarnation ?? 0;
    stop('bob');
    run('20s');

    restart('bob', { restore: true });
    run('5s');

    expect(before).toBeGreaterThanOrEqual(6);
    expect(member('ann', 'bob')?.incarnation).toBeGreaterThan(before);
    expect(disagreements(world)).toEqual([]);
  });

  test('G10: at another address: alive there as soon as its old row is dropped', () => {
    const { world, stop, restart, run, runUntil, member } = startStory('ann bob cat dan', { seed: 34 });
    stop('bob');
    run('60s');
    const began = world.now;

    restart('bob', { newAddress: true });

    expect(runUntil(() => disagreements(world).length === 0)).toBe(true);
    expect(world.now - began).toBeLessThan(6000);
    expect(member('ann', 'bob')?.address.key).toBe(world.host('bob').address.key);
  });
});
