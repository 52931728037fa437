/** Lamport clocks order Serf's intents, events and queries. */
import type { Millis } from '../base/time.ts';
import type { SerfEffect, SerfFact } from './types.ts';

/** How far others may take a clock ahead at once. */
export const MAX_AHEAD = 2 ** 20;
/** How far they may take it in a millisecond, on and on: the end of the numbers is 70,000 years away. */
const AHEAD_PER_MILLI = 4;
/** A clock this far ahead of what the members show was led astray; what is under way makes up for less. */
export const MAX_ASTRAY = 2 ** 14;
/** Above this, adding one may be lost; the codec saturates there too. */
const CEILING = Number.MAX_SAFE_INTEGER - 1;

/** The next Lamport time of each clock. */
export interface LamportTimes {
  readonly member: number;
  readonly event: number;
  readonly query: number;
}

/**
 * Starts at 1, and falls only where it was led astray (clocks.ts).
 *
 * Source: serf lamport.go. Differs: what others say takes it only so far at once, and so far with time, or a few messages
 * would spoil it for good.
 */
export class LamportClock {
  #time = 1;
  /** How far others may still take it. */
  #ahead = MAX_AHEAD;
  #at: Millis = 0;

  /** The next time to give. All times witnessed so far are below it. */
  get time(): number {
    return this.#time;
  }

  /** To be called before `witness` for every time of a peer. */
  isPlausible(ltime: number, now: Millis): boolean {
    this.#ahead = Math.min(MAX_AHEAD, this.#ahead + Math.max(0, now - this.#at) * AHEAD_PER_MILLI);
    this.#at = now;
    return ltime < CEILING && ltime <= this.#time + this.#ahead;
  }

  witness(ltime: number): void {
    if (ltime < this.#time || ltime >= CEILING) return;
    this.#ahead = Math.max(0, this.#ahead - (ltime + 1 - this.#time));
    this.#time = ltime + 1;
  }

  /** The time for a new message of ours; the clock then advances. */
  stamp(): number {
    const ltime = this.#time;
    if (ltime < CEILING) this.#time += 1;
    return ltime;
  }

  /** Goes to `next`, wherever that is: the members say so. */
  set(next: number): void {
    this.#time = Math.min(CEILING, Math.max(1, next));
  }

  /** Have others taken it far lately, or would this time do so? */
  isDoubtful(ltime: number): boolean {
    return ltime > this.#time + MAX_ASTRAY || this.#ahead < MAX_AHEAD / 2;
  }
}

type LamportTimeRefused = Extract<SerfFact, { kind: 'lamportTimeRefused' }>;
export type RecordRefusal = (fact: LamportTimeRefused) => void;

/** Is this time plausible? If not, a fact is recorded. */
export function acceptTime(
  name: keyof LamportTimes,
  clock: LamportClock,
  ltime: number,
  now: Millis,
  record: RecordRefusal,
): boolean {
  if (clock.isPlausible(ltime, now)) return true;
  record({ kind: 'lamportTimeRefused', clock: name, ltime, local: clock.time });
  return false;
}

/** A push/pull can hold a million wild times: the first one of each clock is recorded. */
export function recordOncePerClock(out: SerfEffect[]): RecordRefusal {
  const recorded = new Set<string>();
  return (fact) => {
    if (!recorded.has(fact.clock)) out.push({ kind: 'fact', fact });
    recorded.add(fact.clock);
  };
}
