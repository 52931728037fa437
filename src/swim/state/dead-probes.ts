/**
 * The schedule of dead probes: while a dead member still has a row, it is pinged now and then together with the
 * accusation. One that is alive answers with its refutation, even if only this agent missed the first one.
 *
 * Differs: memberlist gossips to members that died lately while it has broadcasts, and then waits for the next push/pull.
 */
import type { Rng } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import { Timers } from '../../base/timers.ts';
import type { MutableMember } from '../members.ts';

/** Exponential backoff: the first wait and the longest, in probe intervals. */
const FIRST_WAIT = 2;
const MAX_WAIT = 16;
/** Dead probes in one probe interval, for all dead members together. */
const PROBES_PER_INTERVAL = 4;

export class DeadProbes {
  readonly #probeInterval: Millis;
  readonly #rng: Rng;
  readonly #timers = new Timers<MutableMember>();
  /** The current wait of each member, in probe intervals. */
  readonly #waits = new WeakMap<MutableMember, number>();
  #notBefore: Millis = 0;

  constructor(probeInterval: Millis, rng: Rng) {
    this.#probeInterval = probeInterval;
    this.#rng = rng;
  }

  get deadline(): Millis {
    return Math.max(this.#timers.deadline, this.#notBefore);
  }

  /** The member has just died. */
  schedule(row: MutableMember, now: Millis): void {
    this.#scheduleAfter(row, FIRST_WAIT, now);
  }

  /** The next member to probe now, if it is still dead; others are discarded. */
  nextDue(now: Millis, isStillDead: (row: MutableMember) => boolean): MutableMember | undefined {
    if (now < this.#notBefore) return undefined;
    for (let row = this.#timers.pop(now); row !== undefined; row = this.#timers.pop(now)) {
      if (!isStillDead(row)) continue;
      this.#scheduleAfter(row, Math.min(MAX_WAIT, 2 * (this.#waits.get(row) ?? FIRST_WAIT)), now);
      this.#notBefore = now + this.#probeInterval / PROBES_PER_INTERVAL;
      return row;
    }
    return undefined;
  }

  #scheduleAfter(row: MutableMember, intervals: number, now: Millis): void {
    this.#waits.set(row, intervals);
    // Jitter of a quarter: all members learn of a death at about the same time.
    this.#timers.set(row, now + intervals * this.#probeInterval * (0.75 + this.#rng.next() / 2));
  }
}
