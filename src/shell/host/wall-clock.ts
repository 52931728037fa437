/**
 * Notices that the wall clock of this host was set, or that the host was suspended: the agent's own clock counts on at an
 * even pace, and jobs have their ticks by the wall clock.
 */
import type { Millis } from '../../base/time.ts';

export interface WallClockWatch {
  stop(): void;
}

export interface ClockReadings {
  wall(): Millis;
  monotonic(): Millis;
}

const WATCH_INTERVAL: Millis = 1000;
/** A smaller step makes no difference to anybody, and a reading may be late by as much. */
const MIN_STEP: Millis = 100;

/** `startedAt`: the readings that the agent began with. `onStepped`: by how much the wall clock is later since. */
export function watchWallClock(
  { wall, monotonic }: ClockReadings,
  onStepped: (by: Millis) => void,
  interval: Millis = WATCH_INTERVAL,
): WallClockWatch {
  let base = wall() - monotonic();
  const timer = setInterval(() => {
    const next = wall() - monotonic();
    if (Math.abs(next - base) < MIN_STEP) return;
    onStepped(Math.round(next - base));
    base = next;
  }, interval);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}
