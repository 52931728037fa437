/** Lamport clocks order Serf's intents, events and queries. */
import type { SerfEffect, SerfFact } from './types.ts';

/** How far a Lamport time may be ahead of ours. Serf's clocks overflow near 2^64, so a wild time is never passed on. */
const MAX_AHEAD = 2 ** 32;
/** Above this, adding one may be lost; the codec saturates there too. */
const CEILING = Number.MAX_SAFE_INTEGER - 1;

/** The next Lamport time of each clock. */
export interface LamportTimes {
  readonly member: number;
  readonly event: number;
  readonly query: number;
}

/**
 * Starts at 1 and never falls.
 *
 * Source: serf lamport.go. Differs: refuses times more than 2^32 ahead (`isPlausible`), which would spoil it for good.
 */
export class LamportClock {
  #time = 1;

  /** The next time to give. All times witnessed so far are below it. */
  get time(): number {
    return this.#time;
  }

  /** To be called before `witness` for every time of a peer. */
  isPlausible(ltime: number): boolean {
    return ltime < CEILING && ltime <= this.#time + MAX_AHEAD;
  }

  witness(ltime: number): void {
    if (ltime >= this.#time && ltime < CEILING) this.#time = ltime + 1;
  }

  /** The time for a new message of ours; the clock then advances. */
  stamp(): number {
    const ltime = this.#time;
    this.witness(ltime);
    return ltime;
  }
}

type LamportTimeRefused = Extract<SerfFact, { kind: 'lamportTimeRefused' }>;
export type RecordRefusal = (fact: LamportTimeRefused) => void;

/** Is this time plausible? If not, a fact is recorded. */
export function acceptTime(
  name: keyof LamportTimes,
  clock: LamportClock,
  ltime: number,
  record: RecordRefusal,
): boolean {
  if (clock.isPlausible(ltime)) return true;
  record({ kind: 'lamportTimeRefused', clock: name, ltime, local: clock.time });
  return false;
}

export const recordWithSource =
  (out: SerfEffect[], from: string): RecordRefusal =>
  (fact) => {
    out.push({ kind: 'fact', fact: from === '' ? fact : { ...fact, source: from } });
  };

/** A push/pull can hold a million wild times: the first one of each clock is recorded. */
export function recordOncePerClock(out: SerfEffect[]): RecordRefusal {
  const recorded = new Set<string>();
  return (fact) => {
    if (!recorded.has(fact.clock)) out.push({ kind: 'fact', fact });
    recorded.add(fact.clock);
  };
}
