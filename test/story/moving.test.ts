import { expect, test } from 'vitest';
import { startStory } from './start-story.ts';

/** Time within which peers learn the new address. */
const FOLLOWED = 6_000;

test.each([1, 2, 3, 4, 5])(
  'a host that gets another address is alive there within seconds, and was never down (seed %i)',
  (seed) => {
    const { world, run, runUntil, member, statusHistory, register } = startStory('ann bob cat dan eve', {
      seed,
    });
    register('bob', 'web');
    run('5s');
    const others = ['ann', 'cat', 'dan', 'eve'];

    world.changeAddress('bob');
    const newAddress = world.now;
    const here = world.host('bob').address.key;
    const followed = (): boolean => others.every((observer) => member(observer, 'bob')?.address.key === here);
    expect(runUntil(followed, '30s')).toBe(true);
    expect(world.now - newAddress).toBeLessThanOrEqual(FOLLOWED);
    run('1m');

    expect(followed()).toBe(true);
    for (const observer of others) expect(statusHistory(observer, 'bob')).not.toContain('failed');
  },
);

test('a member that changes its address twice does not take its own old messages for those of another', () => {
  const { world, run, member, facts } = startStory('ann bob cat', { seed: 7 });

  world.changeAddress('bob');
  run('500ms');
  world.changeAddress('bob');
  run('2m');

  expect(member('ann', 'bob')?.address.key).toBe(world.host('bob').address.key);
  expect(member('cat', 'bob')?.address.key).toBe(world.host('bob').address.key);
  expect(facts('nameConflict', 'bob')).toEqual([]);
  expect(world.host('bob').running).toBe(true);
});
