/**
 * Ledgers to ask for, and whom: gathered for a moment, so that one stream asks for many owners, and never two at
 * once of one peer. What the answer means is replication.ts's business.
 */
import type { Address } from '../../base/address.ts';
import type { Rng } from '../../base/rng.ts';
import { type Millis, NEVER } from '../../base/time.ts';

/** Owners waiting to be asked for. More wait for the next push/pull. */
const MAX_WANTED = 4096;
/** Streams of requests at once. */
const MAX_ASKING = 8;

interface Wanted {
  readonly from: Address;
  /** Whoever gets it tells on that there is something to get. */
  readonly tellOn: boolean;
}

/** One request to send: the owners, and who has them. */
export interface Pull {
  readonly from: Address;
  readonly owners: readonly string[];
  readonly tellOn: ReadonlySet<string>;
}

export class Pulls {
  readonly #patience: Millis;
  readonly #rng: Rng;
  readonly #wanted = new Map<string, Wanted>();
  readonly #asking = new Set<string>();
  #at: Millis = NEVER;

  /** `patience`: how long to gather, at the most. */
  constructor(patience: Millis, rng: Rng) {
    this.#patience = patience;
    this.#rng = rng;
  }

  get deadline(): Millis {
    return this.#at;
  }

  /** `from` has more of this owner than we. */
  want(owner: string, from: Address, tellOn: boolean, now: Millis): void {
    const held = this.#wanted.get(owner);
    if (held === undefined && this.#wanted.size >= MAX_WANTED) return;
    this.#wanted.set(owner, { from, tellOn: tellOn || held?.tellOn === true });
    this.#at = Math.min(this.#at, now + this.#patience * this.#rng.next());
  }

  /** What is to be asked for now, a request for each peer that is not being asked already. */
  take(now: Millis): readonly Pull[] {
    if (now < this.#at) return [];
    this.#at = NEVER;
    const pulls = new Map<string, { from: Address; owners: string[]; tellOn: Set<string> }>();
    for (const [owner, { from, tellOn }] of this.#wanted) {
      if (this.#asking.has(from.key)) continue;
      let pull = pulls.get(from.key);
      if (pull === undefined) {
        if (this.#asking.size + pulls.size >= MAX_ASKING) continue;
        pull = { from, owners: [], tellOn: new Set() };
        pulls.set(from.key, pull);
      }
      pull.owners.push(owner);
      if (tellOn) pull.tellOn.add(owner);
      this.#wanted.delete(owner);
    }
    for (const key of pulls.keys()) this.#asking.add(key);
    return [...pulls.values()];
  }

  /** The request to this peer has ended, well or not; who else waits for it is asked next. */
  ended(from: Address, now: Millis): void {
    this.#asking.delete(from.key);
    if (this.#wanted.size > 0) this.#at = Math.min(this.#at, now + this.#patience * this.#rng.next());
  }
}
