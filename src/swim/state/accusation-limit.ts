/**
 * How many accusations we believe of one source address: enough for any real failure, since everybody tells of it,
 * and few enough that one hostile holder of the key cannot have a whole cluster suspected (S7).
 *
 * Differs: memberlist believes any number.
 */
import type { Address } from '../../base/address.ts';
import type { Millis } from '../../base/time.ts';

/** Accusations at once, and again after being silent for `REFILL` times as many. */
export const ACCUSATION_BURST = 30;
/** Time in which one is earned: 10 a second. */
export const ACCUSATION_REFILL_INTERVAL: Millis = 100;
const MAX_SOURCES = 1024;
/** All that find no place of their own share one. */
const OVERFLOW_KEY = '';

interface Bucket {
  left: number;
  at: Millis;
}

export class AccusationLimiter {
  /** By host, without the port: whoever forges one forges the other. Longest unused first. */
  readonly #buckets = new Map<string, Bucket>();

  /** May this source change what we think of somebody? Counts as used if so. */
  acquire(from: Address, now: Millis): boolean {
    const key = this.#buckets.has(from.host) || this.#hasRoom(now) ? from.host : OVERFLOW_KEY;
    const held = this.#buckets.get(key);
    const left =
      held === undefined
        ? ACCUSATION_BURST
        : Math.min(ACCUSATION_BURST, held.left + (now - held.at) / ACCUSATION_REFILL_INTERVAL);
    if (held !== undefined) this.#buckets.delete(key);
    const granted = left >= 1;
    this.#buckets.set(key, { left: granted ? left - 1 : left, at: now });
    return granted;
  }

  /** Forgets who is back at a full account. */
  #hasRoom(now: Millis): boolean {
    for (const [key, { at }] of this.#buckets) {
      if (now - at < ACCUSATION_BURST * ACCUSATION_REFILL_INTERVAL) break;
      this.#buckets.delete(key);
    }
    return this.#buckets.size < MAX_SOURCES;
  }
}
