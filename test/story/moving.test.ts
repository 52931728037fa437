import { expect, test } from 'vitest';
import { startStory } from './start-story.ts';

/** The matrix' row "IP change": peers follow within this. */
const FOLLOWED = 6_000;

test.each([1, 2, 3, 4, 5])(
  'a host that gets another address is found there in seconds, and was never down (seed %i)',
  (seed) => {
    const {
      world,
      run: pass,
      runUntil: until,
      member: view,
      statusHistory: saw,
      register,
    } = startStory('ann bob cat dan eve', { seed });
    register('bob', 'web');
    pass('5s');
    const others = ['ann', 'cat', 'dan', 'eve'];

    world.changeAddress('bob');
    const newAddress = world.now;
    const here = world.host('bob').address.key;
    const followed = (): boolean => others.every((observer) => view(observer, 'bob')?.address.key === here);
    expect(until(followed, '30s')).toBe(true);
    expect(world.now - newAddress).toBeLessThanOrEqual(FOLLOWED);
    pass('1m');

    expect(followed()).toBe(true);
    for (const observer of others) expect(saw(observer, 'bob')).not.toContain('failed');
  },
);

test('one that moves twice in a row does not take its own old words for those of another', () => {
  const { world, run: pass, member: view, facts } = startStory('ann bob cat', { seed: 7 });

  world.changeAddress('bob');
  pass('500ms');
  world.changeAddress('bob');
  pass('2m');

  expect(view('ann', 'bob')?.address.key).toBe(world.host('bob').address.key);
  expect(view('cat', 'bob')?.address.key).toBe(world.host('bob').address.key);
  expect(facts('nameConflict', 'bob')).toEqual([]);
  expect(world.host('bob').running).toBe(true);
});
