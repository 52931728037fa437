/**
 * The catalogue between agents: rumors in lanes of their own, announcements of what no packet holds, requests and
 * answers over streams, a summary in every push/pull. Only peers whose tag says so get any of it, so real Serf
 * agents notice nothing. How ledgers merge is catalog/'s; sockets are nobody's here.
 *
 * Source: docs/replication.md; P64 to P66 (docs/protocol.md).
 */
import type { Address } from '../../base/address.ts';
import { BoundedMap } from '../../base/bounded-map.ts';
import { copyBytes } from '../../base/bytes.ts';
import type { Rng } from '../../base/rng.ts';
import { type Millis, NEVER } from '../../base/time.ts';
import { batchDeltas } from '../../catalog/anti-entropy.ts';
import type { Catalog } from '../../catalog/catalog.ts';
import type { BucketSet } from '../../catalog/digest.ts';
import { isUrgent } from '../../catalog/rumor-batches.ts';
import type { ApplyResult, Delta, DeltaRumor, Progress } from '../../catalog/types.ts';
import type { CatalogIndex, TopicSink } from '../../catalog/view.ts';
import type { EntryWrite } from '../../model/service.ts';
import { BroadcastQueue } from '../../swim/broadcasts.ts';
import type { Member } from '../../swim/types.ts';
import {
  decodeCatalog,
  decodeCatalogSummary,
  encodeCatalogSyncRequest,
  encodeCatalogSyncResponse,
  encodeDelta,
  encodeDeltaAnnounce,
  encodeDeltas,
} from '../../wire/catalog.ts';
import type { CatalogPeers } from './catalog-peers.ts';
import { HealSync } from './heal-sync.ts';
import { PullQueue } from './pull-queue.ts';

/** What replication asks of the landing. */
export interface ReplicationHost {
  /** Opens a stream, sends this user message; with `answer` it waits for one, told by `answered` or `unanswered`. */
  dial(to: Address, body: Uint8Array, answer: PullTicket | undefined, now: Millis): void;
  /** One packet from the lanes. */
  gossip(peer: Member): void;
}

/** What a request was for. */
export interface PullTicket {
  /** Single owners asked for; empty if it was about everything. */
  readonly owners: readonly string[];
  readonly announceOwners: ReadonlySet<string>;
}

export interface ReplicationOptions {
  /** Our own name. */
  readonly self: string;
  readonly catalog: Catalog;
  readonly index: CatalogIndex;
  readonly catalogPeers: CatalogPeers;
  readonly host: ReplicationHost;
  /** Takes the topics that each change concerns. */
  readonly topics: TopicSink;
  readonly rng: Rng;
  readonly gossipInterval: Millis;
  readonly gossipNodes: number;
  /** What one rumor may take of a packet. Longer ones are announced. */
  readonly rumorBytes: number;
}

const SWEEP_INTERVAL: Millis = 60_000;
/** Announcements about names that are no members yet: they may be in a moment. */
const MAX_DEFERRED = 1024;

export class Replication {
  /** Removals and bad news, before all others. */
  readonly urgent = new BroadcastQueue();
  readonly rumors = new BroadcastQueue();
  readonly #o: ReplicationOptions;
  readonly #pullQueue: PullQueue;
  readonly #healSync: HealSync;
  readonly #deferred = new BoundedMap<string, { readonly progress: Progress; readonly from: Address }>(
    MAX_DEFERRED,
  );
  #gossipAt: Millis = NEVER;
  #sweepAt: Millis;

  constructor(options: ReplicationOptions, now: Millis) {
    this.#o = options;
    this.#pullQueue = new PullQueue(options.gossipInterval, options.rng);
    this.#healSync = new HealSync(options.gossipInterval, options.rng);
    this.#sweepAt = now + SWEEP_INTERVAL;
  }

  get deadline(): Millis {
    return Math.min(this.#gossipAt, this.#sweepAt, this.#pullQueue.deadline, this.#healSync.deadline);
  }

  /**
   * A life begins with an empty ledger, and all must hear even that: whoever holds the one of our last life would go
   * on serving it, for we are alive.
   */
  start(now: Millis): void {
    this.#broadcastOwnLedger(now);
  }

  /** Our own changes. Throws `AgentError` with nothing changed. */
  publish(changes: readonly EntryWrite[], now: Millis): void {
    const { catalog, index, self } = this.#o;
    const written = catalog.publish(changes, now);
    index.onEntriesChanged(self, written.changes, this.#o.topics, now);
    for (const { delta, urgent } of written.rumors) this.#broadcastDelta(delta, urgent, now);
    this.#indexConfirmed();
  }

  /** A message of ours in a packet from `from`. Throws `WireError`. */
  receiveGossip(body: Uint8Array, from: Address, now: Millis): void {
    const message = decodeCatalog(body);
    if (message.kind === 'delta') this.#handleDelta(message, copyBytes(body), from, now);
    else if (message.kind === 'deltaAnnounce') this.#handleAnnouncement(message, from, now);
    this.#indexConfirmed();
  }

  /** A message of ours over a stream; what to answer, if it wants an answer. Throws `WireError`. */
  receiveRequest(body: Uint8Array, now: Millis): Uint8Array | undefined {
    const message = decodeCatalog(body);
    let answer: Uint8Array | undefined;
    if (message.kind === 'deltas') {
      const outcomes = message.deltas.map((delta) => this.#applyDelta(delta, now).outcome);
      if (outcomes.includes('epochRaised')) this.#broadcastOwnLedger(now);
    } else if (message.kind === 'catalogSyncRequest') {
      const found = this.#o.catalog.answerSyncRequest(message, now);
      if (found.epochRaised) this.#broadcastOwnLedger(now);
      answer = encodeCatalogSyncResponse(found);
    }
    this.#indexConfirmed();
    return answer;
  }

  /** The answer to a request of ours. Throws `WireError`. */
  receiveResponse(body: Uint8Array, ticket: PullTicket, from: Address, now: Millis): void {
    const { catalog, host } = this.#o;
    const message = decodeCatalog(body);
    this.#pullQueue.onRequestFinished(from, now);
    if (message.kind !== 'catalogSyncResponse') return this.#requestFromOwners(ticket, from, now);
    const accepted = catalog.acceptSyncResponse(message, now);
    for (const applied of accepted.applied) this.#indexChanges(applied, now);
    if (accepted.epochRaised) this.#broadcastOwnLedger(now);
    for (const owner of ticket.announceOwners) this.#broadcastProgress(owner, now);
    for (const some of batchDeltas(accepted.deltas)) host.dial(from, encodeDeltas(some), undefined, now);
    if (accepted.more) this.requestSync(from, undefined, now);
    this.#requestFromOwners(
      { ...ticket, owners: ticket.owners.filter((owner) => catalog.hasGap(owner)) },
      from,
      now,
    );
    this.#indexConfirmed();
  }

  onRequestFailed(ticket: PullTicket, from: Address, now: Millis): void {
    this.#pullQueue.onRequestFinished(from, now);
    this.#requestFromOwners(ticket, from, now);
  }

  /** Whoever told us may lack the same, or be out of reach: only the owner surely has all. */
  #requestFromOwners({ owners, announceOwners: tellOn }: PullTicket, from: Address, now: Millis): void {
    for (const owner of owners) {
      const address = this.#o.catalogPeers.addressOf(owner);
      if (address !== undefined && address.key !== from.key)
        this.#pullQueue.enqueue(owner, address, tellOn.has(owner), now);
    }
  }

  /** Asks a peer for all we lack: everything, or where summaries differ. */
  requestSync(from: Address, buckets: BucketSet | undefined, now: Millis): void {
    const { catalog, host } = this.#o;
    const request = encodeCatalogSyncRequest(catalog.createSyncRequest(buckets));
    host.dial(from, request, { owners: [], announceOwners: new Set() }, now);
  }

  /** What rides in a push/pull with a capable peer. */
  summary(): Uint8Array {
    return this.#o.catalog.encodedSummary();
  }

  /** A peer's summary; with `dialed`, it is for us to ask about what differs. Throws `WireError`. */
  compareSummary(summary: Uint8Array, from: Address, dialed: boolean, now: Millis): void {
    const buckets = this.#o.catalog.differingBuckets(decodeCatalogSummary(summary));
    if (buckets !== undefined && dialed) this.requestSync(from, buckets, now);
    this.#indexConfirmed();
  }

  /** A member is up, perhaps again: its services count at once. */
  onMemberUp(name: string, now: Millis): void {
    this.#healSync.onUp(name, now);
    this.#o.index.setOwnerUp(name, true, this.#o.topics);
    const early = this.#deferred.get(name);
    this.#deferred.delete(name);
    if (early !== undefined && this.#o.catalog.receiveProgress(early.progress, now) === 'pull')
      this.#pullQueue.enqueue(name, early.from, true, now);
    if (this.urgent.size + this.rumors.size > 0) this.#scheduleGossip(now);
    this.#indexConfirmed();
  }

  /** A member failed: what it published stays, and stops passing. */
  onMemberDown(name: string): void {
    this.#healSync.onFailed(name);
    this.#o.index.setOwnerUp(name, false, this.#o.topics);
    this.#indexConfirmed();
  }

  /** A member left or was reaped: all it published goes with it. */
  onMemberGone(name: string): void {
    this.#healSync.onGone(name);
    this.#o.index.onOwnerDeleted(name, this.#o.catalog.deleteOwner(name), this.#o.topics);
    this.#indexConfirmed();
  }

  tick(now: Millis): void {
    const { catalog, host } = this.#o;
    if (now >= this.#healSync.deadline) this.#syncAfterHeal(now);
    if (now >= this.#gossipAt) this.#gossip(now);
    for (const { from, owners, announceOwners: tellOn } of this.#pullQueue.dequeue(now))
      host.dial(
        from,
        encodeCatalogSyncRequest(catalog.createOwnersRequest(owners)),
        { owners, announceOwners: tellOn },
        now,
      );
    if (now >= this.#sweepAt) {
      this.#sweepAt = now + SWEEP_INTERVAL;
      catalog.reapTombstones(now);
    }
  }

  /** Both sides of a partition would else wait for the next push/pull. */
  #syncAfterHeal(now: Millis): void {
    const { catalogPeers: capable, self } = this.#o;
    const back = this.#healSync.dequeue(capable.count, now);
    if (back.length > 0) this.#broadcastProgress(self, now);
    for (const name of back) {
      const address = capable.addressOf(name);
      if (address !== undefined) this.requestSync(address, undefined, now);
    }
  }

  #handleDelta(delta: Delta, body: Uint8Array, from: Address, now: Millis): void {
    const { outcome, changes } = this.#applyDelta(delta, now);
    switch (outcome) {
      case 'applied':
        return this.#enqueue(body, changes.some(isUrgent), now);
      case 'gap':
        this.#enqueue(body, changes.some(isUrgent), now);
        return this.#pullQueue.enqueue(delta.owner, from, false, now);
      case 'needsWhole':
        return this.#pullQueue.enqueue(delta.owner, from, true, now);
      case 'notMember':
        return this.#deferAnnouncement(progressOf(delta), from);
      case 'epochRaised':
        return this.#broadcastOwnLedger(now);
      case 'stale':
      case 'refused':
    }
  }

  #handleAnnouncement(progress: Progress, from: Address, now: Millis): void {
    switch (this.#o.catalog.receiveProgress(progress, now)) {
      case 'pull':
        return this.#pullQueue.enqueue(progress.owner, from, true, now);
      case 'epochRaised':
        return this.#broadcastOwnLedger(now);
      case 'stale':
        if (!this.#o.catalogPeers.isMember(progress.owner)) this.#deferAnnouncement(progress, from);
    }
  }

  #applyDelta(delta: Delta, now: Millis): ApplyResult {
    const applied = this.#o.catalog.apply(delta, now);
    this.#indexChanges(applied, now);
    return applied;
  }

  #indexChanges(applied: ApplyResult, now: Millis): void {
    this.#o.index.onEntriesChanged(applied.owner, applied.changes, this.#o.topics, now);
  }

  /** Somebody spoke for us from a time we do not remember: our ledger begins anew, and all must hear it. */
  #broadcastOwnLedger(now: Millis): void {
    const delta = this.#o.catalog.deltaFor(this.#o.self);
    if (delta !== undefined) this.#broadcastDelta(delta, false, now);
  }

  #broadcastDelta(delta: DeltaRumor['delta'], urgent: boolean, now: Millis): void {
    const rumor = encodeDelta(delta);
    if (rumor.length <= this.#o.rumorBytes) this.#enqueue(copyBytes(rumor), urgent, now);
    else this.#enqueue(copyBytes(encodeDeltaAnnounce(progressOf(delta))), urgent, now, delta.owner);
  }

  #broadcastProgress(owner: string, now: Millis): void {
    const progress = this.#o.catalog.replicaProgress(owner);
    if (progress !== undefined && progress.version > 0)
      this.#enqueue(copyBytes(encodeDeltaAnnounce(progress)), false, now, owner);
  }

  #enqueue(message: Uint8Array, urgent: boolean, now: Millis, name?: string): void {
    (urgent ? this.urgent : this.rumors).enqueue(message, name);
    this.#scheduleGossip(now);
  }

  #scheduleGossip(now: Millis): void {
    if (this.#gossipAt === NEVER) this.#gossipAt = now + this.#o.gossipInterval * this.#o.rng.next() * 0.5;
  }

  /** Our lanes go to capable peers only, so their rounds are counted over those. */
  #gossip(now: Millis): void {
    const { catalogPeers: capable, gossipInterval, gossipNodes, host } = this.#o;
    this.#gossipAt = NEVER;
    if (this.urgent.size + this.rumors.size === 0) return;
    const peers = capable.pickRandom(gossipNodes);
    for (const peer of peers) host.gossip(peer);
    // With nobody to tell, what waits goes on waiting; whoever comes up wakes it.
    if (peers.length > 0 && this.urgent.size + this.rumors.size > 0) this.#gossipAt = now + gossipInterval;
  }

  #deferAnnouncement(progress: Progress, from: Address): void {
    this.#deferred.set(progress.owner, { progress, from });
  }

  /** Owners that have been confirmed since the last call count as known, not as restored, from now on. */
  #indexConfirmed(): void {
    const { catalog, index, topics } = this.#o;
    for (const owner of catalog.consumeConfirmed()) index.onOwnerConfirmed(owner, topics);
  }
}

const progressOf = ({ owner, epoch, to }: Delta): Progress => ({ owner, epoch, version: to });
