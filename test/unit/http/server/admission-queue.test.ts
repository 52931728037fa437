/** Requests that arrive together are started a few at a time, in order. G20. */
import { expect, test } from 'vitest';
import { ADMITTED_PER_TURN, AdmissionQueue } from '../../../../src/http/server/admission-queue.ts';

test('work that arrives together is done in batches, in order, so that packets get their turn in between', async () => {
  const turns = new AdmissionQueue();
  const done: number[] = [];
  for (let i = 0; i < 3 * ADMITTED_PER_TURN + 5; i++) turns.admit(() => done.push(i));
  const groups = [done.length];
  while (done.length < 3 * ADMITTED_PER_TURN + 5) {
    const before = done.length;
    await new Promise(setImmediate);
    groups.push(done.length - before);
  }
  expect(groups).toEqual([ADMITTED_PER_TURN, ADMITTED_PER_TURN, ADMITTED_PER_TURN, 5]);
  expect(done).toEqual([...done].sort((a, b) => a - b));
});

test('later work does not overtake waiting work', async () => {
  const turns = new AdmissionQueue();
  const done: string[] = [];
  for (let i = 0; i < 2 * ADMITTED_PER_TURN; i++) turns.admit(() => done.push('early'));
  await new Promise<void>((resolve) => setImmediate(() => resolve(turns.admit(() => done.push('late')))));
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  expect(done.indexOf('late')).toBe(2 * ADMITTED_PER_TURN);
});
