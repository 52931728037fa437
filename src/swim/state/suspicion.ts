/**
 * Suspicions: how long an accused member has to refute, and how this time shrinks as other members confirm.
 *
 * Source: Lifeguard §IV-B; memberlist suspicion.go, util.go (suspicionTimeout).
 */
import { assert } from '../../base/assert.ts';
import type { Millis } from '../../base/time.ts';
import { Timers } from '../../base/timers.ts';
import type { SwimConfig } from '../../config/protocol.ts';
import type { Dead } from '../../wire/memberlist.ts';
import type { MutableMember } from '../members.ts';
import type { AccusationReason } from '../types.ts';

export interface Suspicion {
  /** The first accuser starts the suspicion, the others confirm it. */
  readonly accusers: string[];
  /** The number of confirmations that shorten it; further ones do not count. */
  readonly expected: number;
  readonly min: Millis;
  readonly max: Millis;
  /** The reason of the first accusation. */
  readonly reason: AccusationReason;
  /** The accusers that the suspect's host has refused connections. */
  readonly refusedBy: string[];
  startedAt: Millis;
  deadline: Millis;
  verdict: Verdict | undefined;
}

/** A peer declared the suspect dead. */
export interface Verdict {
  readonly message: Dead;
  readonly reason: AccusationReason;
  /** The suspect answered since. */
  readonly isAnswered?: boolean;
}

export class Suspicions {
  readonly #config: SwimConfig;
  readonly #running = new Map<MutableMember, Suspicion>();
  /** When the verification of each suspect starts. */
  readonly #timers = new Timers<MutableMember>();
  /** The last part of each suspicion, in which the suspect is verified; 0 without verification. */
  readonly #verificationTime: Millis;

  constructor(config: SwimConfig) {
    this.#config = config;
    this.#verificationTime = config.lastCall ? verificationTime(config) : 0;
  }

  get deadline(): Millis {
    return this.#timers.deadline;
  }

  get(row: MutableMember): Suspicion | undefined {
    return this.#running.get(row);
  }

  /** Starts a suspicion in a table of `n` rows; `by` is the first accuser. */
  start(row: MutableMember, by: string, n: number, now: Millis, reason: AccusationReason): Suspicion {
    // Invariant: only a row in state suspect is under suspicion, and only one at a time.
    assert(row.state === 'suspect' && !this.#running.has(row), 'a suspicion of a member that is no suspect');
    const { suspicionMult, suspicionMaxTimeoutMult, probeInterval } = this.#config;
    const min = suspicionTimeout(suspicionMult, n, probeInterval);
    const max = min * suspicionMaxTimeoutMult;
    const expected = expectedConfirmations(suspicionMult, n);
    const deadline = now + (expected === 0 ? min : max);
    const suspicion: Suspicion = {
      ...{ accusers: [by], expected, min, max, reason },
      ...{ startedAt: now, deadline, verdict: undefined, refusedBy: [] },
    };
    this.#running.set(row, suspicion);
    this.#timers.set(row, this.#verifyAt(deadline, now));
    return suspicion;
  }

  /** Adds a confirmation by `by`. Returns the suspicion if that shortened it. */
  confirm(row: MutableMember, by: string, now: Millis): Suspicion | undefined {
    const suspicion = this.#running.get(row);
    if (suspicion === undefined) return undefined;
    const { accusers, expected, min, max } = suspicion;
    if (accusers.length > expected || accusers.includes(by)) return undefined;
    accusers.push(by);
    const length = suspicionLength(accusers.length - 1, expected, min, max);
    // Not in the past: a deadline in the past would count as lateness of this agent.
    suspicion.deadline = Math.max(now, suspicion.startedAt + length);
    this.#timers.set(row, this.#verifyAt(suspicion.deadline, now));
    return suspicion;
  }

  /** The suspect is verified now. False: this was said before, in this suspicion. */
  addVerdict(row: MutableMember, verdict: Verdict, now: Millis): boolean {
    const suspicion = this.#running.get(row);
    if (suspicion === undefined || suspicion.verdict !== undefined) return false;
    suspicion.verdict = verdict;
    this.#timers.set(row, now);
    return true;
  }

  /** The suspect is alive, but its refutation did not arrive: it has the shortest time again, if not more. */
  extend(row: MutableMember, now: Millis): void {
    const suspicion = this.#running.get(row);
    if (suspicion === undefined) return;
    const { verdict } = suspicion;
    if (verdict !== undefined) suspicion.verdict = { ...verdict, isAnswered: true };
    suspicion.deadline = Math.max(suspicion.deadline, now + suspicion.min);
    this.#timers.set(row, this.#verifyAt(suspicion.deadline, now));
  }

  /** Makes it due at `at` again. */
  reschedule(row: MutableMember, at: Millis): void {
    if (this.#running.has(row)) this.#timers.set(row, at);
  }

  /** Ends it, if there is one. */
  stop(row: MutableMember): void {
    if (this.#running.delete(row)) this.#timers.clear(row);
  }

  /** The next suspect to verify; its suspicion goes on. */
  nextDue(now: Millis): MutableMember | undefined {
    const row = this.#timers.pop(now);
    assert(row === undefined || this.#running.has(row), 'a timer of a member that is not under suspicion');
    return row;
  }

  /** After a stall: extends all by `lateness`, and ends none before `notBefore`. */
  postpone(lateness: Millis, notBefore: Millis): void {
    for (const [row, suspicion] of this.#running) {
      suspicion.startedAt += lateness;
      suspicion.deadline = Math.max(suspicion.deadline + lateness, notBefore);
      // Not when its time is over: a verdict may have made it due before that.
      const at = this.#timers.dueAt(row);
      if (at !== undefined) this.#timers.set(row, Math.max(notBefore, at + lateness));
    }
  }

  #verifyAt(deadline: Millis, now: Millis): Millis {
    return Math.max(now, deadline - this.#verificationTime);
  }

  /** Postpones those due now to `until`. */
  postponeDue(now: Millis, until: Millis): void {
    for (let row = this.#timers.pop(now); row !== undefined; row = this.#timers.pop(now)) {
      this.#timers.set(row, until);
      const suspicion = this.#running.get(row);
      if (suspicion !== undefined) suspicion.deadline = until;
    }
  }
}

/** How long a suspect is verified before it is declared dead. */
export const verificationTime = ({ probeInterval, probeTimeout }: SwimConfig): Millis =>
  Math.min(probeInterval, 2 * probeTimeout);

/** The shortest suspicion in a table of `n` rows. Source: memberlist util.go, suspicionTimeout. */
export const suspicionTimeout = (mult: number, n: number, interval: Millis): Millis =>
  (mult * Math.trunc(Math.max(1, Math.log10(Math.max(1, n))) * 1000) * interval) / 1000;

/** The confirmations to expect in a table of `n` rows: a small cluster cannot give any. */
export function expectedConfirmations(mult: number, n: number): number {
  const k = mult - 2;
  return k < 1 || n - 2 < k ? 0 : k;
}

/**
 * The length of a suspicion, from its start, after `confirmations` of the `expected` ones.
 *
 * Source: memberlist suspicion.go, remainingSuspicionTime.
 */
export function suspicionLength(confirmations: number, expected: number, min: Millis, max: Millis): Millis {
  const share = Math.log(confirmations + 1) / Math.log(expected + 1);
  // Computed in seconds, as in memberlist, so that truncation to milliseconds gives the same value.
  const seconds = max / 1000 - share * (max / 1000 - min / 1000);
  return Math.max(min, Math.floor(seconds * 1000));
}
