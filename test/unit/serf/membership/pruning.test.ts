/** Members that are to be pruned while they still leave: how long they have, and when that is over. */
import { expect, test } from 'vitest';
import { NEVER } from '../../../../src/base/time.ts';
import { Pruning } from '../../../../src/serf/membership/pruning.ts';

const GRACE = 6000;

test('P48 a member has its grace once: further prunes do not lengthen it', () => {
  const pruning = new Pruning(GRACE);
  for (let now = 0; now < GRACE; now += 1000) pruning.start('bob', now);
  expect(pruning.deadline).toBe(GRACE);
  expect(pruning.markOverdue(GRACE - 1)).toEqual([]);
  expect(pruning.markOverdue(GRACE)).toEqual(['bob']);
  expect(pruning.markOverdue(GRACE + 1)).toEqual([]);

  pruning.start('bob', GRACE + 2);
  expect(pruning.deadline).toBe(NEVER);
  expect(pruning.isOverdue('bob')).toBe(true);
});

test('P48 a member that is back has nothing of an earlier prune, neither before its grace was over nor after', () => {
  for (const returnsAt of [GRACE / 2, GRACE * 2]) {
    const pruning = new Pruning(GRACE);
    pruning.start('bob', 0);
    pruning.start('cat', 0);
    pruning.markOverdue(returnsAt);
    pruning.cancel('bob');
    expect(pruning.isOverdue('bob')).toBe(false);
    expect(pruning.markOverdue(GRACE * 3)).not.toContain('bob');
    expect(pruning.isOverdue('bob')).toBe(false);
    expect(pruning.isOverdue('cat')).toBe(true);

    // A later prune gives it all of its grace again.
    pruning.start('bob', GRACE * 4);
    expect(pruning.deadline).toBe(GRACE * 5);
    expect(pruning.isOverdue('bob')).toBe(false);
  }
});
