/**
 * How far this agent's wall clock is from those of its peers. Of each peer the sample with the shortest round trip counts
 * for some minutes, and their median is what this clock is compared with, so that a few that are wrong decide nothing.
 */
import type { Millis } from '../base/time.ts';

/** With fewer clocks, this one among them, nobody can tell which of them is wrong. */
const MIN_CLOCKS = 3;
/** A sample gives way to any later one after this time. */
const SAMPLE_AGE: Millis = 300_000;
/** A longer round trip says too little about the clock at its end. */
export const MAX_ROUND_TRIP: Millis = 1000;

interface ClockSample {
  /** The peer's wall clock, less ours. */
  readonly offset: Millis;
  readonly roundTrip: Millis;
  readonly at: Millis;
}

export class PeerClocks {
  readonly #samples = new Map<string, ClockSample>();

  /** The peer read `wall` while ours read from `sent` to `received`, by the wall; `now` is when that was received. */
  record(
    node: string,
    wall: number,
    { sent, received }: { sent: number; received: number },
    now: Millis,
  ): void {
    const roundTrip = received - sent;
    if (roundTrip < 0 || roundTrip > MAX_ROUND_TRIP) return;
    const known = this.#samples.get(node);
    if (known !== undefined && known.roundTrip < roundTrip && now - known.at < SAMPLE_AGE) return;
    this.#samples.set(node, { offset: wall - (sent + received) / 2, roundTrip, at: now });
  }

  /** Our clock was set: what was known of the others' may be as old, since a time server often sets all of them. */
  clear(): void {
    this.#samples.clear();
  }

  /** Forgets the peers of which `isPeer` is false. */
  retain(isPeer: (node: string) => boolean): void {
    for (const node of this.#samples.keys()) if (!isPeer(node)) this.#samples.delete(node);
  }

  /** How many clocks are known, besides this agent's. */
  get size(): number {
    return this.#samples.size;
  }

  has(node: string): boolean {
    return this.#samples.has(node);
  }

  /** The peer's wall clock, less ours; `undefined`: it is not known. */
  offsetOf(node: string): Millis | undefined {
    return this.#samples.get(node)?.offset;
  }

  /** How far this clock is ahead of the median of all that are known; `undefined`: there are too few. */
  get ownOffset(): Millis | undefined {
    if (this.#samples.size + 1 < MIN_CLOCKS) return undefined;
    const offsets = [0, ...[...this.#samples.values()].map(({ offset }) => offset)].sort((a, b) => a - b);
    return 0 - (offsets[Math.floor((offsets.length - 1) / 2)] as Millis);
  }
}
