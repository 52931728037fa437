/**
 * The pull queue: owners whose ledgers are to be requested, and from which peer. They are gathered for a moment, so
 * that one request asks for many owners, and a peer has one request at a time. Responses are handled in replication.ts.
 */
import type { Address } from '../../base/address.ts';
import { assert } from '../../base/assert.ts';
import type { Rng } from '../../base/rng.ts';
import { type Millis, NEVER } from '../../base/time.ts';

/** Owners that wait to be requested; further ones wait for the next push/pull. */
const MAX_QUEUED = 4096;
/** Requests at one time. */
const MAX_IN_FLIGHT = 8;

interface QueuedPull {
  readonly from: Address;
  /** Whether this agent announces the owner's progress once it has pulled it. */
  readonly announce: boolean;
}

/** One request: owners, and the peer that has their ledgers. */
export interface PullBatch {
  readonly from: Address;
  readonly owners: readonly string[];
  readonly announceOwners: ReadonlySet<string>;
}

export class PullQueue {
  readonly #maxDelay: Millis;
  readonly #rng: Rng;
  readonly #queued = new Map<string, QueuedPull>();
  readonly #inFlight = new Set<string>();
  #at: Millis = NEVER;

  /** `maxDelay`: owners are gathered for a random part of it. */
  constructor(maxDelay: Millis, rng: Rng) {
    this.#maxDelay = maxDelay;
    this.#rng = rng;
  }

  get deadline(): Millis {
    return this.#at;
  }

  /** The peer at `from` knows more of this owner's ledger than this agent. */
  enqueue(owner: string, from: Address, announce: boolean, now: Millis): void {
    const queued = this.#queued.get(owner);
    if (queued === undefined && this.#queued.size >= MAX_QUEUED) return;
    this.#queued.set(owner, { from, announce: announce || queued?.announce === true });
    this.#at = Math.min(this.#at, now + this.#maxDelay * this.#rng.next());
  }

  /** The requests that are due, one for each peer without a request in flight. */
  dequeue(now: Millis): readonly PullBatch[] {
    if (now < this.#at) return [];
    this.#at = NEVER;
    const batches = new Map<string, { from: Address; owners: string[]; announceOwners: Set<string> }>();
    for (const [owner, { from, announce }] of this.#queued) {
      if (this.#inFlight.has(from.key)) continue;
      let batch = batches.get(from.key);
      if (batch === undefined) {
        if (this.#inFlight.size + batches.size >= MAX_IN_FLIGHT) continue;
        batch = { from, owners: [], announceOwners: new Set() };
        batches.set(from.key, batch);
      }
      batch.owners.push(owner);
      if (announce) batch.announceOwners.add(owner);
      this.#queued.delete(owner);
    }
    for (const key of batches.keys()) this.#inFlight.add(key);
    // Invariant: the limit holds whatever is queued.
    assert(this.#inFlight.size <= MAX_IN_FLIGHT, `${this.#inFlight.size} requests in flight`);
    return [...batches.values()];
  }

  /** The request to this peer has ended, successfully or not; owners that wait for it are requested next. */
  onRequestFinished(from: Address, now: Millis): void {
    this.#inFlight.delete(from.key);
    if (this.#queued.size > 0) this.#at = Math.min(this.#at, now + this.#maxDelay * this.#rng.next());
  }
}
