/** Requests that come together are begun a few at a time, in order. G20. */
import { expect, test } from 'vitest';
import { BEGUN_AT_ONCE, Turns } from '../../../../src/http/server/admission-queue.ts';

test('what comes together is done in groups, in order, so that packets get their turn in between', async () => {
  const turns = new Turns();
  const done: number[] = [];
  for (let i = 0; i < 3 * BEGUN_AT_ONCE + 5; i++) turns.take(() => done.push(i));
  const groups = [done.length];
  while (done.length < 3 * BEGUN_AT_ONCE + 5) {
    const before = done.length;
    await new Promise(setImmediate);
    groups.push(done.length - before);
  }
  expect(groups).toEqual([BEGUN_AT_ONCE, BEGUN_AT_ONCE, BEGUN_AT_ONCE, 5]);
  expect(done).toEqual([...done].sort((a, b) => a - b));
});

test('who comes later does not overtake those who wait', async () => {
  const turns = new Turns();
  const done: string[] = [];
  for (let i = 0; i < 2 * BEGUN_AT_ONCE; i++) turns.take(() => done.push('early'));
  await new Promise<void>((resolve) => setImmediate(() => resolve(turns.take(() => done.push('late')))));
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  expect(done.indexOf('late')).toBe(2 * BEGUN_AT_ONCE);
});
