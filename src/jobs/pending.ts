/**
 * The ticks of one job that have come and are not known to be run. Those that nobody could run, since no agent was
 * eligible or this one was down, are missed: of them the definition says how many are made up for.
 */
import type { JobDefinition, WallMillis } from '../model/job.ts';
import { ticksBetween } from '../model/job-schedule.ts';

/** Ticks that are made up for with `catchUp: all`, and ticks that may be open at once. */
const MAX_PENDING = 128;
/** A tick that this agent notices this much too late was missed: it was down, or suspended. */
const MISSED_AFTER = 30_000;

export class PendingTicks {
  /** All ticks until then have been looked at. */
  checkedTo: WallMillis;
  #ticks: { readonly tick: WallMillis; missed: boolean }[] = [];

  constructor(checkedTo: WallMillis) {
    this.checkedTo = checkedTo;
  }

  get size(): number {
    return this.#ticks.length;
  }

  /** In the order in which they are to be run. */
  all(): readonly WallMillis[] {
    return this.#ticks.map(({ tick }) => tick);
  }

  /** The ticks that have come since. */
  collect({ schedule }: JobDefinition, wall: WallMillis): void {
    if (wall <= this.checkedTo) return;
    for (const tick of ticksBetween(schedule, this.checkedTo, wall, MAX_PENDING))
      this.add(tick, wall - tick > MISSED_AFTER);
    this.checkedTo = wall;
  }

  /** The clock was set back: what had come by the old one is yet to come. */
  rewind(wall: WallMillis): void {
    this.#ticks = this.#ticks.filter(({ tick }) => tick <= wall);
    this.checkedTo = Math.min(this.checkedTo, wall);
  }

  /** The ticks until then pass. */
  pass(until: WallMillis): void {
    this.#ticks = this.#ticks.filter(({ tick }) => tick > until);
    this.checkedTo = Math.max(this.checkedTo, until);
  }

  add(tick: WallMillis, missed = false): void {
    if (this.#ticks.some((one) => one.tick === tick)) return;
    this.#ticks.push({ tick, missed });
    if (this.#ticks.length > MAX_PENDING) this.#ticks.shift();
  }

  drop(tick: WallMillis): void {
    this.#ticks = this.#ticks.filter((one) => one.tick !== tick);
  }

  /** Nobody is eligible: what waits is missed unless somebody will be soon. */
  markMissed(wall: WallMillis): void {
    for (const one of this.#ticks) if (wall - one.tick > MISSED_AFTER) one.missed = true;
  }

  /** Somebody is eligible again: leaves of the missed ticks those that are made up for. Returns how many were missed. */
  catchUp({ catchUp }: JobDefinition): { readonly missed: number; readonly kept: number } {
    const missed = this.#ticks.filter((one) => one.missed);
    if (missed.length === 0) return { missed: 0, kept: 0 };
    const latest = Math.max(...missed.map(({ tick }) => tick));
    const isKept = (one: { readonly tick: WallMillis; readonly missed: boolean }): boolean =>
      !one.missed || catchUp === 'all' || (catchUp === 'one' && one.tick === latest);
    const kept = this.#ticks.filter(isKept);
    const result = { missed: missed.length, kept: kept.length - (this.#ticks.length - missed.length) };
    this.#ticks = kept.map(({ tick }) => ({ tick, missed: false }));
    return result;
  }
}
