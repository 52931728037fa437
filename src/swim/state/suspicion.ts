/**
 * Running suspicions: how long an accused member has to refute, and how that time shrinks as others confirm.
 *
 * Source: Lifeguard §IV-B; memberlist suspicion.go, util.go (suspicionTimeout).
 */
import type { Millis } from '../../base/time.ts';
import { Timers } from '../../base/timers.ts';
import type { SwimConfig } from '../../config/protocol.ts';
import type { MutableMember } from '../members.ts';
import type { AccusationReason } from '../types.ts';

export interface Suspicion {
  /** Accusers so far; the first is the initiator, who is no confirmation. */
  readonly accusers: string[];
  /** Confirmations that shorten it; later ones do not count. */
  readonly expected: number;
  readonly min: Millis;
  readonly max: Millis;
  /** Why it began. */
  readonly reason: AccusationReason;
  startedAt: Millis;
  deadline: Millis;
}

export class Suspicions {
  readonly #config: SwimConfig;
  readonly #running = new Map<MutableMember, Suspicion>();
  readonly #timers = new Timers<MutableMember>();

  /** The last part of each suspicion, in which the accused is asked once more; 0: it is not. */
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

  /** Begins one in a table of `n` rows; `by` is the initiator. */
  start(row: MutableMember, by: string, n: number, now: Millis, reason: AccusationReason): Suspicion {
    const { suspicionMult, suspicionMaxTimeoutMult, probeInterval } = this.#config;
    const min = suspicionTimeout(suspicionMult, n, probeInterval);
    const max = min * suspicionMaxTimeoutMult;
    const expected = expectedConfirmations(suspicionMult, n);
    const deadline = now + (expected === 0 ? min : max);
    const suspicion = { accusers: [by], expected, min, max, reason, startedAt: now, deadline };
    this.#running.set(row, suspicion);
    this.#timers.set(row, this.#verifyAt(deadline, now));
    return suspicion;
  }

  /** Counts `by` as another accuser. Returns the suspicion if that shortened it. */
  confirm(row: MutableMember, by: string, now: Millis): Suspicion | undefined {
    const suspicion = this.#running.get(row);
    if (suspicion === undefined) return undefined;
    const { accusers, expected, min, max } = suspicion;
    if (accusers.length > expected || accusers.includes(by)) return undefined;
    accusers.push(by);
    const length = suspicionLength(accusers.length - 1, expected, min, max);
    // Never in the past: being late is ours to answer for, and this is not lateness.
    suspicion.deadline = Math.max(now, suspicion.startedAt + length);
    this.#timers.set(row, this.#verifyAt(suspicion.deadline, now));
    return suspicion;
  }

  /** It is alive, only nobody heard it refute: the shortest time begins again. */
  extend(row: MutableMember, now: Millis): void {
    const suspicion = this.#running.get(row);
    if (suspicion === undefined) return;
    suspicion.deadline = now + suspicion.min;
    this.#timers.set(row, this.#verifyAt(suspicion.deadline, now));
  }

  /** To be called again soon. */
  reschedule(row: MutableMember, at: Millis): void {
    if (this.#running.has(row)) this.#timers.set(row, at);
  }

  /** Ends it without a verdict. */
  stop(row: MutableMember): void {
    if (this.#running.delete(row)) this.#timers.clear(row);
  }

  /** One whose time for a last call has come; it runs on. */
  nextDue(now: Millis): MutableMember | undefined {
    return this.#timers.pop(now);
  }

  /** Gives back time that passed without us, and ends none before `notBefore`. */
  postpone(lateness: Millis, notBefore: Millis): void {
    for (const [row, suspicion] of this.#running) {
      suspicion.startedAt += lateness;
      suspicion.deadline = Math.max(suspicion.deadline + lateness, notBefore);
      if (this.#timers.has(row))
        this.#timers.set(row, Math.max(notBefore, suspicion.deadline - this.#verificationTime));
    }
  }

  #verifyAt(deadline: Millis, now: Millis): Millis {
    return Math.max(now, deadline - this.#verificationTime);
  }

  /** Those due by now end at `until` at the earliest. */
  postponeDue(now: Millis, until: Millis): void {
    for (let row = this.#timers.pop(now); row !== undefined; row = this.#timers.pop(now)) {
      this.#timers.set(row, until);
      const suspicion = this.#running.get(row);
      if (suspicion !== undefined) suspicion.deadline = until;
    }
  }
}

/** How long the accused is asked before a verdict. */
export const verificationTime = ({ probeInterval, probeTimeout }: SwimConfig): Millis =>
  Math.min(probeInterval, 2 * probeTimeout);

/** The shortest suspicion in a table of `n` rows. Source: memberlist util.go, suspicionTimeout. */
export const suspicionTimeout = (mult: number, n: number, interval: Millis): Millis =>
  (mult * Math.trunc(Math.max(1, Math.log10(Math.max(1, n))) * 1000) * interval) / 1000;

/** How many confirmations can be hoped for; too few members cannot give any. */
export function expectedConfirmations(mult: number, n: number): number {
  const k = mult - 2;
  return k < 1 || n - 2 < k ? 0 : k;
}

/**
 * Length, from its start, of a suspicion that was confirmed `confirmations` times out of `expected`.
 *
 * Source: memberlist suspicion.go, remainingSuspicionTime.
 */
export function suspicionLength(confirmations: number, expected: number, min: Millis, max: Millis): Millis {
  const share = Math.log(confirmations + 1) / Math.log(expected + 1);
  // In seconds first, as the reference computes it: the cut to milliseconds then falls on the same value.
  const seconds = max / 1000 - share * (max / 1000 - min / 1000);
  return Math.max(min, Math.floor(seconds * 1000));
}
