import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { watchWallClock } from '../../../../src/shell/host/wall-clock.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('a clock that is set, and a host that was suspended, are told once; slewing is not', () => {
  const readings = { wall: 1_790_000_000_000, monotonic: 50 };
  const steps: number[] = [];
  const watch = watchWallClock(
    { wall: () => readings.wall, monotonic: () => readings.monotonic },
    (by) => steps.push(by),
    1000,
  );
  const pass = (wall: number, monotonic = 1000): void => {
    readings.wall += wall;
    readings.monotonic += monotonic;
    vi.advanceTimersByTime(1000);
  };
  pass(1000);
  pass(1060);
  expect(steps).toEqual([]);
  pass(1060); // 120 ms in all
  pass(1000);
  pass(1000 - 7_200_000);
  pass(601_000, 1000); // ten minutes in which only the wall clock went on
  expect(steps).toEqual([120, -7_200_000, 600_000]);
  watch.stop();
  pass(90_000);
  expect(steps).toHaveLength(3);
});
