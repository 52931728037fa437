import { expect, test } from 'vitest';
import { disagreements } from '../../src/sim/laws/index.ts';
import { startStory, withStatus } from './start-story.ts';

test('a member that leaves is left everywhere within 3 s, and never failed', () => {
  const { world, leave, run, runUntil, statusByObserver, statusHistory, timeUntilAllSee } = startStory(
    'ann bob cat dan eve',
    { seed: 1 },
  );
  const began = world.now;

  const asked = leave('bob');

  expect(runUntil(() => asked.result !== undefined)).toBe(true);
  expect(asked.result).toEqual({ ok: true });
  expect(timeUntilAllSee('bob', 'left', began)).toBeLessThan(3000);
  run('60s');
  expect(statusByObserver('bob')).toEqual(withStatus('ann cat dan eve', 'left'));
  for (const observer of ['ann', 'cat', 'dan', 'eve']) {
    expect(statusHistory(observer, 'bob')).not.toContain('failed');
    expect(statusHistory(observer, 'bob')).not.toContain('suspect');
  }
  expect(world.host('bob').running).toBe(false);
});

test.each([0, 0.1])(
  'G2: with 100 members and %d of all packets lost, a leave is known everywhere in time',
  (loss) => {
    const names = Array.from({ length: 100 }, (_, i) => `n${i}`).join(' ');
    const { world, leave, runUntil, statusByObserver, timeUntilAllSee } = startStory(names, {
      seed: 2,
      linkQuality: { loss },
      detail: 'facts',
    });
    const began = world.now;

    leave('n5');
    runUntil(() => Object.values(statusByObserver('n5')).every((status) => status === 'left'));

    expect(timeUntilAllSee('n5', 'left', began)).toBeLessThan(loss === 0 ? 2000 : 5000);
  },
);

test('the last two members can leave one after the other', () => {
  const { leave, runUntil } = startStory('ann bob', { seed: 3 });
  const first = leave('ann');
  expect(runUntil(() => first.result !== undefined)).toBe(true);

  const second = leave('bob');

  expect(runUntil(() => second.result !== undefined)).toBe(true);
  expect(second.result).toEqual({ ok: true });
});

test('conformance: back after a graceful leave, at the same address', () => {
  const { world, leave, restart, run, runUntil, timeUntilAllSee } = startStory('ann bob cat dan', {
    seed: 4,
  });
  const asked = leave('bob');
  runUntil(() => asked.result !== undefined);
  run('5s');
  const began = world.now;

  restart('bob');

  expect(runUntil(() => disagreements(world).length === 0)).toBe(true);
  expect(timeUntilAllSee('bob', 'alive', began)).toBeLessThan(3000);
});

test('conformance: back after a graceful leave, at another address', () => {
  const { world, leave, restart, run, runUntil, timeUntilAllSee, member } = startStory('ann bob cat dan', {
    seed: 5,
  });
  const asked = leave('bob');
  runUntil(() => asked.result !== undefined);
  run('5s');
  const began = world.now;

  restart('bob', { newAddress: true });

  expect(runUntil(() => disagreements(world).length === 0)).toBe(true);
  expect(timeUntilAllSee('bob', 'alive', began)).toBeLessThan(3000);
  for (const observer of ['ann', 'cat', 'dan'])
    expect(member(observer, 'bob')?.address.key).toBe(world.host('bob').address.key);
});

test('a failed member that is forgotten is left everywhere', () => {
  const { stop, run, forget, runUntil, statusByObserver } = startStory('ann bob cat dan eve', { seed: 6 });
  stop('bob');
  run('20s');

  expect(forget('cat', 'bob')).toEqual({ ok: true });

  // In so small a cluster gossip may miss a member; then the next push/pull delivers the intent.
  const allSayLeft = (): boolean =>
    Object.values(statusByObserver('bob')).every((status) => status === 'left');
  expect(runUntil(allSayLeft, '40s')).toBe(true);
  expect(statusByObserver('bob')).toEqual(withStatus('ann cat dan eve', 'left'));
});

test('a pruned member is gone everywhere, also for members that join later', () => {
  const { stop, run, forget, statusByObserver, addHost } = startStory('ann bob cat dan', { seed: 7 });
  stop('bob');
  run('20s');

  expect(forget('ann', 'bob', { prune: true })).toEqual({ ok: true });
  run('5s');
  addHost('eve');
  run('90s');

  expect(statusByObserver('bob')).toEqual(withStatus('ann cat dan eve', 'absent'));
});

test('a live member is not forgotten by mistake; one that is wrongly declared left refutes it', () => {
  const { forget, run, statusByObserver } = startStory('ann bob cat dan', { seed: 8 });

  expect(forget('ann', 'bob')).toMatchObject({ ok: false, error: { code: 'conflict' } });
  expect(forget('ann', 'nobody')).toMatchObject({ ok: false, error: { code: 'notFound' } });
  expect(forget('ann', 'bob', { refuseLive: false })).toEqual({ ok: true });
  run('30s');

  expect(statusByObserver('bob')).toEqual(withStatus('ann cat dan', 'alive'));
});
