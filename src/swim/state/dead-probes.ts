/**
 * Second thoughts about the dead: while we have their rows we ask them now and then, in the same packet as we tell them
 * what we hold against them. One that lives answers with its refutation, also if it was refuted long ago and only we
 * have not heard.
 *
 * Differs: memberlist gossips to the newly dead while it has something to say, and then waits for the next push/pull.
 */
import type { Rng } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import { Timers } from '../../base/timers.ts';
import type { MutableMember } from '../members.ts';

/** Probe intervals until the first time; each wait is twice as long as the one before, up to the longest. */
const FIRST_WAIT = 2;
const MAX_WAIT = 16;
/** Of all the dead together so many are asked in a probe interval. */
const PROBES_PER_INTERVAL = 4;

export class DeadProbes {
  readonly #probeInterval: Millis;
  readonly #rng: Rng;
  readonly #timers = new Timers<MutableMember>();
  /** The wait that is running, in probe intervals. */
  readonly #waits = new WeakMap<MutableMember, number>();
  #notBefore: Millis = 0;

  constructor(probeInterval: Millis, rng: Rng) {
    this.#probeInterval = probeInterval;
    this.#rng = rng;
  }

  get deadline(): Millis {
    return Math.max(this.#timers.deadline, this.#notBefore);
  }

  /** It died just now. */
  schedule(row: MutableMember, now: Millis): void {
    this.#scheduleAfter(row, FIRST_WAIT, now);
  }

  /** One to be asked now, if it is still `held` for dead; the others are forgotten. */
  nextDue(now: Millis, held: (row: MutableMember) => boolean): MutableMember | undefined {
    if (now < this.#notBefore) return undefined;
    for (let row = this.#timers.pop(now); row !== undefined; row = this.#timers.pop(now)) {
      if (!held(row)) continue;
      this.#scheduleAfter(row, Math.min(MAX_WAIT, 2 * (this.#waits.get(row) ?? FIRST_WAIT)), now);
      this.#notBefore = now + this.#probeInterval / PROBES_PER_INTERVAL;
      return row;
    }
    return undefined;
  }

  #scheduleAfter(row: MutableMember, intervals: number, now: Millis): void {
    this.#waits.set(row, intervals);
    // By chance a quarter more or less: all have heard of it at the same time.
    this.#timers.set(row, now + intervals * this.#probeInterval * (0.75 + this.#rng.next() / 2));
  }
}
