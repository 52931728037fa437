/**
 * How many accusations we believe of one source address: enough for any real failure, since everybody tells of it,
 * and few enough that one hostile holder of the key cannot have a whole cluster suspected (S7).
 *
 * Differs: memberlist believes any number.
 */
import type { Address } from '../../base/address.ts';
import type { Millis } from '../../base/time.ts';

/** Accusations at once, and again after being silent for `REFILL` times as many. */
export const BURST = 30;
/** Time in which one is earned: 10 a second. */
export const REFILL: Millis = 100;
const MAX_SOURCES = 1024;
/** All that find no place of their own share one. */
const OTHERS = '';

interface Account {
  left: number;
  at: Millis;
}

export class Budget {
  /** By host, without the port: whoever forges one forges the other. Longest unused first. */
  readonly #accounts = new Map<string, Account>();

  /** May this source change what we think of somebody? Counts as used if so. */
  spend(from: Address, now: Millis): boolean {
    const key = this.#accounts.has(from.host) || this.#hasRoom(now) ? from.host : OTHERS;
    const held = this.#accounts.get(key);
    const left = held === undefined ? BURST : Math.min(BURST, held.left + (now - held.at) / REFILL);
    if (held !== undefined) this.#accounts.delete(key);
    const granted = left >= 1;
    this.#accounts.set(key, { left: granted ? left - 1 : left, at: now });
    return granted;
  }

  /** Forgets who is back at a full account. */
  #hasRoom(now: Millis): boolean {
    for (const [key, { at }] of this.#accounts) {
      if (now - at < BURST * REFILL) break;
      this.#accounts.delete(key);
    }
    return this.#accounts.size < MAX_SOURCES;
  }
}
