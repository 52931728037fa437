import { expect, test } from 'vitest';
import { disagreements } from '../../src/sim/laws/index.ts';
import { startStory, withStatus } from './start-story.ts';

test('one who leaves in order is left everywhere within 3 s, and never failed', () => {
  const {
    world,
    leave,
    run: pass,
    runUntil: until,
    statusByObserver: seenAs,
    statusHistory: saw,
    timeUntilAllSee: tookAll,
  } = startStory('ann bob cat dan eve', { seed: 1 });
  const began = world.now;

  const asked = leave('bob');

  expect(until(() => asked.result !== undefined)).toBe(true);
  expect(asked.result).toEqual({ ok: true });
  expect(tookAll('bob', 'left', began)).toBeLessThan(3000);
  pass('60s');
  expect(seenAs('bob')).toEqual(withStatus('ann cat dan eve', 'left'));
  for (const observer of ['ann', 'cat', 'dan', 'eve']) {
    expect(saw(observer, 'bob')).not.toContain('failed');
    expect(saw(observer, 'bob')).not.toContain('suspect');
  }
  expect(world.host('bob').running).toBe(false);
});

test.each([0, 0.1])(
  'G2: with 100 members and %d of all packets lost, a leave is known everywhere in time',
  (loss) => {
    const names = Array.from({ length: 100 }, (_, i) => `n${i}`).join(' ');
    const {
      world,
      leave,
      runUntil: until,
      statusByObserver: seenAs,
      timeUntilAllSee: tookAll,
    } = startStory(names, {
      seed: 2,
      linkQuality: { loss },
      detail: 'facts',
    });
    const began = world.now;

    leave('n5');
    until(() => Object.values(seenAs('n5')).every((status) => status === 'left'));

    expect(tookAll('n5', 'left', began)).toBeLessThan(loss === 0 ? 2000 : 5000);
  },
);

test('the last two can leave one after the other', () => {
  const { leave, runUntil: until } = startStory('ann bob', { seed: 3 });
  const first = leave('ann');
  expect(until(() => first.result !== undefined)).toBe(true);

  const second = leave('bob');

  expect(until(() => second.result !== undefined)).toBe(true);
  expect(second.result).toEqual({ ok: true });
});

test('conformance: back after a graceful leave, at the same address', () => {
  const {
    world,
    leave,
    restart,
    run: pass,
    runUntil: until,
    timeUntilAllSee: tookAll,
  } = startStory('ann bob cat dan', { seed: 4 });
  const asked = leave('bob');
  until(() => asked.result !== undefined);
  pass('5s');
  const began = world.now;

  restart('bob');

  expect(until(() => disagreements(world).length === 0)).toBe(true);
  expect(tookAll('bob', 'alive', began)).toBeLessThan(3000);
});

test('conformance: back after a graceful leave, at another address', () => {
  const {
    world,
    leave,
    restart,
    run: pass,
    runUntil: until,
    timeUntilAllSee: tookAll,
    member: view,
  } = startStory('ann bob cat dan', { seed: 5 });
  const asked = leave('bob');
  until(() => asked.result !== undefined);
  pass('5s');
  const began = world.now;

  restart('bob', { newAddress: true });

  expect(until(() => disagreements(world).length === 0)).toBe(true);
  expect(tookAll('bob', 'alive', began)).toBeLessThan(3000);
  for (const observer of ['ann', 'cat', 'dan'])
    expect(view(observer, 'bob')?.address.key).toBe(world.host('bob').address.key);
});

test('a failed member that is forgotten is left everywhere', () => {
  const {
    stop,
    run: pass,
    forget,
    runUntil: until,
    statusByObserver: seenAs,
  } = startStory('ann bob cat dan eve', { seed: 6 });
  stop('bob');
  pass('20s');

  expect(forget('cat', 'bob')).toEqual({ ok: true });

  // An intent may pass one member by in so small a cluster; then the next push/pull tells it.
  const allSayLeft = (): boolean => Object.values(seenAs('bob')).every((status) => status === 'left');
  expect(until(allSayLeft, '40s')).toBe(true);
  expect(seenAs('bob')).toEqual(withStatus('ann cat dan eve', 'left'));
});

test('pruned, it is gone everywhere, also for those who join later', () => {
  const {
    stop,
    run: pass,
    forget,
    statusByObserver: seenAs,
    addHost: arrive,
  } = startStory('ann bob cat dan', { seed: 7 });
  stop('bob');
  pass('20s');

  expect(forget('ann', 'bob', { prune: true })).toEqual({ ok: true });
  pass('5s');
  arrive('eve');
  pass('90s');

  expect(seenAs('bob')).toEqual(withStatus('ann cat dan eve', 'absent'));
});

test('a live member cannot be forgotten by mistake; one wrongly called left says so', () => {
  const { forget, run: pass, statusByObserver: seenAs } = startStory('ann bob cat dan', { seed: 8 });

  expect(forget('ann', 'bob')).toMatchObject({ ok: false, error: { code: 'conflict' } });
  expect(forget('ann', 'nobody')).toMatchObject({ ok: false, error: { code: 'notFound' } });
  expect(forget('ann', 'bob', { refuseLive: false })).toEqual({ ok: true });
  pass('30s');

  expect(seenAs('bob')).toEqual(withStatus('ann cat dan', 'alive'));
});
