/**
 * The pull queue: owners whose ledgers are to be requested, and from which peer. They are gathered for a moment, so
 * that one request asks for many owners, and a peer has one request at a time. A request that fails is made again as long as its peer is
 * a member: what was announced while no stream came about is not announced again. Responses are handled in replication.ts.
 */
import type { Address } from '../../base/address.ts';
import { assert } from '../../base/assert.ts';
import { BoundedMap } from '../../base/bounded-map.ts';
import type { Rng } from '../../base/rng.ts';
import { type Millis, NEVER } from '../../base/time.ts';
import type { PullTicket } from './host.ts';

/** Owners that wait to be requested; further ones wait for the next push/pull. */
const MAX_QUEUED = 4096;
/** Requests at one time. */
const MAX_IN_FLIGHT = 8;
/** Peers whose last request failed. */
const MAX_FAILED = 256;
/** Until a request that failed is made again; each failure doubles it. */
const FIRST_RETRY: Millis = 1000;
const MAX_RETRY: Millis = 8000;

interface QueuedPull {
  readonly from: Address;
  /** Whether this agent announces the owner's progress once it has pulled it. */
  readonly announce: boolean;
}

/** What was asked for in vain, and when it is asked for again. */
interface FailedPull extends PullBatch {
  readonly at: Millis;
  readonly wait: Millis;
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
  /** By address. */
  readonly #failed = new BoundedMap<string, FailedPull>(MAX_FAILED);
  readonly #isMember: (at: Address) => boolean;
  #at: Millis = NEVER;

  /** `maxDelay`: owners are gathered for a random part of it. */
  constructor(maxDelay: Millis, rng: Rng, isMember: (at: Address) => boolean) {
    this.#maxDelay = maxDelay;
    this.#rng = rng;
    this.#isMember = isMember;
  }

  get deadline(): Millis {
    let earliest = this.#at;
    for (const { at } of this.#failed.values()) earliest = Math.min(earliest, at);
    return earliest;
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
    this.#retry(now);
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

  /** No answer has come: as long as the peer is a member it is asked again. */
  onRequestFailed({ owners, announceOwners }: PullTicket, from: Address, now: Millis): void {
    const before = this.#failed.get(from.key);
    this.#failed.delete(from.key);
    this.onRequestFinished(from, now);
    if (owners.length === 0 && before === undefined) return;
    const wait = before === undefined ? FIRST_RETRY : Math.min(MAX_RETRY, 2 * before.wait);
    this.#failed.set(from.key, {
      from,
      owners: [...new Set([...(before?.owners ?? []), ...owners])],
      announceOwners: new Set([...(before?.announceOwners ?? []), ...announceOwners]),
      at: now + wait * (0.5 + 0.5 * this.#rng.next()),
      wait,
    });
  }

  #retry(now: Millis): void {
    for (const failed of [...this.#failed.values()]) {
      if (failed.at > now) continue;
      if (!this.#isMember(failed.from)) this.#failed.delete(failed.from.key);
      else this.#enqueueFailed(failed, now);
    }
  }

  /** What remains is how long it is waited if that fails, too. */
  #enqueueFailed(failed: FailedPull, now: Millis): void {
    const { from, owners, announceOwners } = failed;
    this.#failed.set(from.key, { ...failed, owners: [], announceOwners: new Set(), at: NEVER });
    for (const owner of owners) this.enqueue(owner, from, announceOwners.has(owner), now);
  }

  /** The request to this peer has ended; owners that wait for it, or were asked for in vain, are requested next. */
  onRequestFinished(from: Address, now: Millis): void {
    this.#inFlight.delete(from.key);
    const failed = this.#failed.get(from.key);
    if (failed !== undefined) this.#enqueueFailed(failed, now);
    this.#failed.delete(from.key);
    if (this.#queued.size > 0) this.#at = Math.min(this.#at, now + this.#maxDelay * this.#rng.next());
  }
}
