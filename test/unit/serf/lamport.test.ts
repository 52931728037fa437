import { expect, test } from 'vitest';
import { LamportClock, MAX_AHEAD } from '../../../src/serf/lamport.ts';

test('P42 a clock starts at 1', () => {
  expect(new LamportClock().time).toBe(1);
});

test('P42 a new message gets the current time, and the clock advances', () => {
  const clock = new LamportClock();

  expect(clock.stamp()).toBe(1);
  expect(clock.stamp()).toBe(2);
  expect(clock.time).toBe(3);
});

test('P42 witnessing a time at or above ours goes one past it; an older one changes nothing', () => {
  const clock = new LamportClock();

  clock.witness(1);
  expect(clock.time).toBe(2);
  clock.witness(40);
  expect(clock.time).toBe(41);
  clock.witness(7);
  expect(clock.time).toBe(41);
});

test('P42 others take a clock 2^20 ahead at once, and 4 a millisecond, however small their steps are', () => {
  const clock = new LamportClock();
  expect(clock.isPlausible(1 + MAX_AHEAD, 0)).toBe(true);
  expect(clock.isPlausible(2 + MAX_AHEAD, 0)).toBe(false);
  expect(clock.isPlausible(Number.MAX_SAFE_INTEGER, 1e15)).toBe(false);
  for (let i = 0; i < 3000; i++) {
    const ltime = clock.time + 1000;
    if (clock.isPlausible(ltime, 0)) clock.witness(ltime);
  }
  expect(clock.time).toBeLessThan(2 + MAX_AHEAD);
  expect(clock.isPlausible(clock.time + 5000, 900)).toBe(false);
  expect(clock.isPlausible(clock.time + 5000, 1300)).toBe(true);
});

test('P42 near the end of safe integers the clock stops instead of overflowing', () => {
  const clock = new LamportClock();
  clock.witness(Number.MAX_SAFE_INTEGER - 2);
  const late = clock.time;

  clock.witness(Number.MAX_SAFE_INTEGER);

  expect(clock.time).toBe(late);
  expect(Number.isSafeInteger(clock.time)).toBe(true);
  expect(clock.isPlausible(Number.MAX_SAFE_INTEGER, 0)).toBe(false);
});
