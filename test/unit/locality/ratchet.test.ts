import { expect, test } from 'vitest';
import { NEVER } from '../../../src/base/time.ts';
import { Ratchet } from '../../../src/locality/ratchet.ts';

/** The values after each [time, number]. */
function follow(sign: 1 | -1, steps: readonly (readonly [number, number])[]): number[] {
  const ratchet = new Ratchet(sign, 100);
  return steps.map(([now, number]) => {
    ratchet.update(number, now);
    return ratchet.value;
  });
}

test('one that rises at once falls when its number has stayed below for the span', () => {
  const steps = [
    [0, 3],
    [10, 5],
    [20, 2],
    [119, 2],
    [120, 2],
  ] as const;
  expect(follow(1, steps)).toEqual([3, 5, 5, 5, 2]);
});

test('it falls to the largest number that came in between, and then further', () => {
  const steps = [
    [0, 5],
    [10, 1],
    [60, 3],
    [70, 2],
    [110, 2],
    [209, 2],
    [210, 2],
  ] as const;
  expect(follow(1, steps)).toEqual([5, 5, 5, 5, 3, 3, 2]);
});

test('a number that is back in between begins the span anew', () => {
  const steps = [
    [0, 5],
    [10, 1],
    [60, 5],
    [70, 1],
    [110, 1],
    [169, 1],
    [170, 1],
  ] as const;
  expect(follow(1, steps)).toEqual([5, 5, 5, 5, 5, 5, 1]);
});

test('the other one falls at once and rises after the span, to the least number of it', () => {
  const steps = [
    [0, 1],
    [10, 0.2],
    [20, 1],
    [50, 0.6],
    [119, 1],
    [120, 1],
    [220, 1],
  ] as const;
  expect(follow(-1, steps)).toEqual([1, 0.2, 0.2, 0.2, 0.2, 0.6, 1]);
});

test('it says when its value changes by itself', () => {
  const ratchet = new Ratchet(1, 100);
  ratchet.update(3, 0);
  expect(ratchet.due).toBe(NEVER);
  ratchet.update(1, 10);
  expect(ratchet.due).toBe(110);
  ratchet.update(2, 20);
  expect(ratchet.due).toBe(110);
  ratchet.update(1, 110);
  expect([ratchet.value, ratchet.due]).toEqual([2, 210]);
  ratchet.update(2, 120);
  expect(ratchet.due).toBe(NEVER);
});
