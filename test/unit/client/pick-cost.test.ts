/** A million picks leave the heap as it was. What each costs is in test/bench/pick.ts. */
import { expect, test } from 'vitest';
import { costOfPick } from './picks.ts';

test.each([
  [3, undefined],
  [100, undefined],
  [3, 'user:42'],
])('a million picks of %i instances, with key %s, leave the heap as it was', (size, key) => {
  expect(costOfPick(size, key).leftBytes).toBeLessThan(500_000);
});
