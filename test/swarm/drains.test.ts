/** After a drain is done nobody answers with the instance, whatever fails meanwhile. I34. */
import { expect, test } from 'vitest';
import { runWithDrains } from './drains.ts';

test('drains among faults are done only when all serve them (seed 9)', () => {
  const { failures, judgments } = runWithDrains({ seed: 9, members: 5, minutes: 0.5 });
  expect(failures).toEqual([]);
  expect(judgments.I34 ?? 0).toBeGreaterThan(20);
});
