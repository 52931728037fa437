/**
 * Ledgers to ask for, and whom: gathered for a moment, so that one stream asks for many owners, and never two at
 * once of one peer. What the answer means is replication.ts's business.
 */
import type { Address } from '../../base/address.ts';
import type { Rng } from '../../base/rng.ts';
import { type Millis, NEVER } from '../../base/time.ts';

/** Owners waiting to be asked for. More wait for the next push/pull. */
const MAX_QUEUED = 4096;
/** Streams of requests at once. */
const MAX_IN_FLIGHT = 8;

interface QueuedPull {
  readonly from: Address;
  /** Whoever gets it tells on that there is something to get. */
  readonly announce: boolean;
}

/** One request to send: the owners, and who has them. */
export interface PullBatch {
  readonly from: Address;
  readonly owners: readonly string[];
  readonly announceOwners: ReadonlySet<string>;
}

export class PullQueue {
  readonly #patience: Millis;
  readonly #rng: Rng;
  readonly #queued = new Map<string, QueuedPull>();
  readonly #inFlight = new Set<string>();
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
  enqueue(owner: string, from: Address, announce: boolean, now: Millis): void {
    const held = this.#queued.get(owner);
    if (held === undefined && this.#queued.size >= MAX_QUEUED) return;
    this.#queued.set(owner, { from, announce: announce || held?.announce === true });
    this.#at = Math.min(this.#at, now + this.#patience * this.#rng.next());
  }

  /** What is to be asked for now, a request for each peer that is not being asked already. */
  dequeue(now: Millis): readonly PullBatch[] {
    if (now < this.#at) return [];
    this.#at = NEVER;
    const pulls = new Map<string, { from: Address; owners: string[]; announceOwners: Set<string> }>();
    for (const [owner, { from, announce }] of this.#queued) {
      if (this.#inFlight.has(from.key)) continue;
      let pull = pulls.get(from.key);
      if (pull === undefined) {
        if (this.#inFlight.size + pulls.size >= MAX_IN_FLIGHT) continue;
        pull = { from, owners: [], announceOwners: new Set() };
        pulls.set(from.key, pull);
      }
      pull.owners.push(owner);
      if (announce) pull.announceOwners.add(owner);
      this.#queued.delete(owner);
    }
    for (const key of pulls.keys()) this.#inFlight.add(key);
    return [...pulls.values()];
  }

  /** The request to this peer has ended, well or not; who else waits for it is asked next. */
  onRequestFinished(from: Address, now: Millis): void {
    this.#inFlight.delete(from.key);
    if (this.#queued.size > 0) this.#at = Math.min(this.#at, now + this.#patience * this.#rng.next());
  }
}
