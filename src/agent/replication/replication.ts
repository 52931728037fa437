/**
 * Replication of the catalog between agents: rumors in lanes of their own, announcements of deltas that no packet
 * holds, requests and responses over streams, a summary in every push/pull. Only catalog peers get any of it, so real
 * Serf agents notice nothing. How ledgers merge is decided in catalog/.
 *
 * Source: docs/replication.md; P64 to P66 (docs/protocol.md).
 */
import type { Address } from '../../base/address.ts';
import type { Rng } from '../../base/rng.ts';
import { type InTurns, type Millis, NEVER, type Turn } from '../../base/time.ts';
import {
  acceptSyncResponse,
  answerSyncRequest,
  batchDeltas,
  createOwnersRequest,
  unitsOf,
} from '../../catalog/anti-entropy.ts';
import type { Catalog } from '../../catalog/catalog.ts';
import type { BucketSet } from '../../catalog/digest.ts';
import { reachOf } from '../../catalog/doubts.ts';
import type { ExternalNodes } from '../../catalog/external-nodes.ts';
import { isUrgent } from '../../catalog/rumor-batches.ts';
import type { ApplyResult, Delta, Progress } from '../../catalog/types.ts';
import type { TopicSink } from '../../catalog/view.ts';
import type { EntryWrite } from '../../model/service.ts';
import type { Member } from '../../swim/types.ts';
import {
  decodeCatalog,
  decodeCatalogInTurns,
  decodeCatalogSummary,
  encodeCatalogSyncRequest,
  encodeCatalogSyncResponse,
  encodeDeltas,
} from '../../wire/catalog.ts';
import type { CatalogPeers } from './catalog-peers.ts';
import type { FailedMemberSync } from './failed-member-sync.ts';
import { HealSync } from './heal-sync.ts';
import type { PullTicket, ReplicationHost } from './host.ts';
import { OwnerPulls } from './owner-pulls.ts';
import { PullQueue } from './pull-queue.ts';
import { RumorLanes } from './rumor-lanes.ts';

export interface ReplicationOptions {
  /** This agent's own name. */
  readonly self: string;
  readonly catalog: Catalog;
  readonly index: ExternalNodes;
  readonly catalogPeers: CatalogPeers;
  readonly failedMembers: FailedMemberSync;
  readonly host: ReplicationHost;
  /** The catalog of a peer has been compared with ours, and all that it had more has been kept. */
  readonly onCatalogSynced: (now: Millis) => void;
  /** Takes the topics that each change concerns. */
  readonly topics: TopicSink;
  readonly rng: Rng;
  readonly gossipInterval: Millis;
  readonly gossipNodes: number;
  /** The bytes that a rumor may take in a packet; a longer one is announced instead. */
  readonly rumorBytes: number;
}

export class Replication {
  readonly lanes: RumorLanes;
  readonly #options: ReplicationOptions;
  readonly #pullQueue: PullQueue;
  readonly #healSync: HealSync;
  readonly #ownerPulls: OwnerPulls;
  #gossipAt: Millis = NEVER;
  #sweepAt: Millis;

  constructor(options: ReplicationOptions, now: Millis) {
    this.#options = options;
    const { catalog, catalogPeers, rumorBytes } = options;
    this.lanes = new RumorLanes({ catalog, rumorBytes, hasPeer: () => catalogPeers.count > 1 });
    const isPeer = (at: Address): boolean => catalogPeers.findByAddress(at.key) !== undefined;
    this.#pullQueue = new PullQueue(options.gossipInterval, options.rng, isPeer);
    this.#ownerPulls = new OwnerPulls(options, this.#pullQueue);
    this.#healSync = new HealSync(options.gossipInterval, options.rng);
    this.#sweepAt = now + options.catalog.reapInterval;
  }

  get deadline(): Millis {
    const pulls = Math.min(this.#pullQueue.deadline, this.#ownerPulls.deadline);
    return Math.min(this.#gossipAt, this.#sweepAt, pulls, this.#healSync.deadline);
  }

  /**
   * Announces our ledger, even if it is empty: members that hold the one of our last run would otherwise go on serving
   * it, since we are alive.
   */
  start(now: Millis): void {
    this.#broadcastOwnLedger(now);
  }

  /** Publishes changes of our own entries. Throws `AgentError` with nothing changed. */
  publish(changes: readonly EntryWrite[], now: Millis): void {
    const { catalog, index, self } = this.#options;
    const written = catalog.publish(changes, now);
    index.onEntriesChanged(self, written.changes, this.#options.topics, now);
    for (const { delta, urgent } of written.rumors) this.#broadcastDelta(delta, urgent, now);
    this.#settle(now);
  }

  /** A catalog message in a packet of `from`. Throws `WireError`. */
  receiveGossip(body: Uint8Array, from: Address, now: Millis): void {
    const message = decodeCatalog(body);
    if (message.kind !== 'delta' && message.kind !== 'deltaAnnounce') return;
    const { catalogPeers } = this.#options;
    if (!catalogPeers.isAddressOfMember(from))
      this.#ownerPulls.handleHint(message.kind === 'delta' ? reachOf(message) : message, now);
    else if (message.kind === 'delta') {
      this.#handleDelta(message, body, from, now);
      this.lanes.recordDeltaHolder(message, from.key, catalogPeers.presentCount);
    } else {
      this.#handleAnnouncement(message, from, now);
      this.lanes.recordAnnouncementHolder(body, from.key, catalogPeers.presentCount);
    }
    this.#settle(now);
  }

  /** A catalog message over a stream; returns the response if it is a request. Throws `WireError`. */
  *receiveRequest(body: Uint8Array, from: Address, turn: Turn): InTurns<Uint8Array | undefined> {
    const message = yield* decodeCatalogInTurns(body, turn);
    let response: Uint8Array | undefined;
    if (message.kind === 'deltas') yield* this.#receiveDeltas(message.deltas, from, turn);
    else if (message.kind === 'catalogSyncRequest') {
      const { catalog, catalogPeers, failedMembers } = this.#options;
      const failed = failedMembers.tell(message, message.failed, turn.now);
      if (catalogPeers.isHostOfMember(from)) failedMembers.learn(message.failed, turn.now);
      const found = yield* answerSyncRequest(catalog, message, turn, this.#onOtherCopy(from, turn));
      if (found.epochRaised) this.#broadcastOwnLedger(turn.now);
      response = encodeCatalogSyncResponse({ ...found, failed });
    }
    this.#settle(turn.now);
    return response;
  }

  *#receiveDeltas(deltas: readonly Delta[], from: Address, turn: Turn): InTurns<void> {
    const isMember = this.#options.catalogPeers.isHostOfMember(from);
    for (const delta of deltas) {
      if (!isMember) this.#ownerPulls.handleHint(reachOf(delta), turn.now);
      else if (this.#applyDelta(delta, turn.now).outcome === 'epochRaised')
        this.#broadcastOwnLedger(turn.now);
      if (turn.spend(unitsOf(delta))) yield;
    }
  }

  /** The response to a request of ours. Throws `WireError`. */
  *receiveResponse(body: Uint8Array, ticket: PullTicket, from: Address, turn: Turn): InTurns<void> {
    const { catalog, catalogPeers, failedMembers, host } = this.#options;
    const message = yield* decodeCatalogInTurns(body, turn);
    this.#pullQueue.onRequestFinished(from, turn.now);
    if (message.kind !== 'catalogSyncResponse') return this.#ownerPulls.pullInstead(ticket, from, turn.now);
    failedMembers.learn(message.failed, turn.now);
    const apply = (delta: Delta): ApplyResult => {
      const isFromOwner = catalogPeers.isAddressOf(delta.owner, from);
      const applied = catalog.apply(delta, turn.now, isFromOwner, ticket.told?.get(delta.owner));
      this.#indexChanges(applied, turn.now);
      return applied;
    };
    const accepted = yield* acceptSyncResponse(catalog, message, turn, apply, this.#onOtherCopy(from, turn));
    for (const delta of accepted.passedOver) this.#ownerPulls.defer(progressOf(delta), from);
    if (accepted.epochRaised) this.#broadcastOwnLedger(turn.now);
    for (const owner of ticket.announceOwners) this.#broadcastProgress(owner, turn.now);
    for (const batch of batchDeltas(accepted.deltas))
      host.dial(from, encodeDeltas(batch), undefined, turn.now);
    if (accepted.more) this.requestSync(from, undefined, turn.now);
    else if (ticket.owners.length === 0 && !accepted.isPartial) this.#options.onCatalogSynced(turn.now);
    const incomplete = ticket.owners.filter(catalog.hasGap);
    this.#ownerPulls.pullInstead({ ...ticket, owners: incomplete }, from, turn.now);
    this.#settle(turn.now);
  }

  #onOtherCopy(from: Address, turn: Turn): (owner: string) => void {
    return (owner) => this.#ownerPulls.handleOtherCopy(owner, from, turn.now);
  }

  onRequestFailed(ticket: PullTicket, from: Address, now: Millis): void {
    this.#pullQueue.onRequestFailed(ticket, from, now);
    this.#ownerPulls.pullInstead(ticket, from, now);
  }

  /** Requests what this agent lacks: of the whole catalog, or of the buckets in which summaries differ. */
  requestSync(from: Address, buckets: BucketSet | undefined, now: Millis): void {
    const { catalog, failedMembers, host } = this.#options;
    const request = catalog.createSyncRequest(buckets);
    const failed = failedMembers.tell(request, [], now);
    const ticket = { owners: [], announceOwners: new Set<string>() };
    host.dial(from, encodeCatalogSyncRequest({ ...request, failed }), ticket, now);
  }

  /** The summary for a push/pull with a catalog peer. */
  summary(): Uint8Array {
    return this.#options.catalog.digest.encodedSummary();
  }

  /** A peer's summary. With `dialed` this agent requests what differs, otherwise the peer does. Throws `WireError`. */
  compareSummary(summary: Uint8Array, from: Address, dialed: boolean, now: Millis): void {
    const buckets = this.#options.catalog.differingBuckets(decodeCatalogSummary(summary));
    if (buckets === undefined) this.#options.onCatalogSynced(now);
    else if (dialed) this.requestSync(from, buckets, now);
    this.#settle(now);
  }

  /** A member is up, perhaps again: its instances count at once. */
  onMemberUp(name: string, now: Millis): void {
    this.#healSync.onUp(name, now);
    this.#options.index.setOwnerUp(name, true, this.#options.topics);
    this.#ownerPulls.pullDeferred(name, now);
    if (this.lanes.consumeUnannounced()) this.#broadcastOwnLedger(now);
    this.#scheduleGossip(now);
    this.#settle(now);
  }

  /** It may carry the tag only now. */
  onMemberUpdated(name: string, now: Millis): void {
    this.#ownerPulls.pullDeferred(name, now);
    if (this.lanes.consumeUnannounced()) this.#broadcastOwnLedger(now);
    this.#settle(now);
  }

  /** A member failed: its entries stay, and its instances stop passing. */
  onMemberDown(name: string): void {
    this.#healSync.onFailed(name);
    this.#options.index.setOwnerUp(name, false, this.#options.topics);
    this.lanes.dropUntellable();
  }

  /** A member left or was reaped: its entries go with it. */
  onMemberGone(name: string): void {
    this.#healSync.onGone(name);
    this.lanes.dropOwner(name);
    this.#options.index.onOwnerDeleted(name, this.#options.catalog.deleteOwner(name), this.#options.topics);
    this.lanes.dropUntellable();
  }

  tick(now: Millis): void {
    const { catalog, catalogPeers, host } = this.#options;
    if (now >= this.#healSync.deadline) this.#syncAfterHeal(now);
    if (now >= this.#ownerPulls.deadline) this.#ownerPulls.pullDoubtful(now);
    if (now >= this.#gossipAt) this.#gossip(now);
    for (const { from, owners, announceOwners } of this.#pullQueue.dequeue(now)) {
      const isAsked = (owner: string): boolean => catalogPeers.isAddressOf(owner, from);
      const { told, ...request } = createOwnersRequest(catalog, owners, now, isAsked);
      host.dial(from, encodeCatalogSyncRequest(request), { owners, announceOwners, told }, now);
    }
    if (now >= this.#sweepAt) {
      this.#sweepAt = now + catalog.reapInterval;
      catalog.reapTombstones(now);
    }
  }

  /** Without it both sides of a healed partition would wait for the next push/pull. */
  #syncAfterHeal(now: Millis): void {
    const { catalogPeers, self } = this.#options;
    const names = this.#healSync.dequeue(catalogPeers.count, now);
    if (names.length > 0) this.#broadcastProgress(self, now);
    for (const name of names) {
      const address = catalogPeers.addressOf(name);
      if (address !== undefined) this.requestSync(address, undefined, now);
    }
  }

  #handleDelta(delta: Delta, body: Uint8Array, from: Address, now: Millis): void {
    const { outcome, changes } = this.#applyDelta(delta, now);
    switch (outcome) {
      case 'applied':
        return this.#broadcastDelta(delta, changes.some(isUrgent), now, body);
      case 'gap':
        this.#broadcastDelta(delta, changes.some(isUrgent), now, body);
        return this.#pullQueue.enqueue(delta.owner, from, false, now);
      case 'needsWhole':
        return this.#pullQueue.enqueue(delta.owner, from, true, now);
      case 'notMember':
        return this.#ownerPulls.defer(progressOf(delta), from);
      case 'epochRaised':
        return this.#broadcastOwnLedger(now);
      case 'stale':
      case 'refused':
    }
  }

  #handleAnnouncement(progress: Progress, from: Address, now: Millis): void {
    switch (this.#options.catalog.receiveProgress(progress, now)) {
      case 'pull':
        return this.#pullQueue.enqueue(progress.owner, from, true, now);
      case 'epochRaised':
        return this.#broadcastOwnLedger(now);
      case 'stale':
        if (!this.#options.catalogPeers.isOwner(progress.owner)) this.#ownerPulls.defer(progress, from);
    }
  }

  #applyDelta(delta: Delta, now: Millis): ApplyResult {
    const applied = this.#options.catalog.apply(delta, now);
    this.#indexChanges(applied, now);
    return applied;
  }

  #indexChanges(applied: ApplyResult, now: Millis): void {
    this.#options.index.onEntriesChanged(applied.owner, applied.changes, this.#options.topics, now);
  }

  /** A peer holds an epoch of our ledger that is not ours: the ledger now has a higher one, which all members must receive. */
  #broadcastOwnLedger(now: Millis): void {
    const delta = this.#options.catalog.deltaFor(this.#options.self);
    if (delta !== undefined) this.#broadcastDelta(delta, false, now);
  }

  #broadcastDelta(delta: Delta, urgent: boolean, now: Millis, octets?: Uint8Array): void {
    this.lanes.enqueueDelta(delta, urgent, octets);
    this.#scheduleGossip(now);
  }

  #broadcastProgress(owner: string, now: Millis): void {
    const progress = this.#options.catalog.replicaProgress(owner);
    if (progress === undefined || progress.version === 0) return;
    this.lanes.announce(progress, false);
    this.#scheduleGossip(now);
  }

  #scheduleGossip(now: Millis): void {
    if (this.#gossipAt === NEVER && this.lanes.size > 0)
      this.#gossipAt = now + this.#options.gossipInterval * this.#options.rng.next() * 0.5;
  }

  /** The lanes go to catalog peers only, so gossip rounds choose among those. */
  #gossip(now: Millis): void {
    const { catalogPeers, gossipInterval, gossipNodes, host } = this.#options;
    this.#gossipAt = NEVER;
    const isUntold = (peer: Member): boolean => this.lanes.hasFor(peer.identity.address.key);
    if (this.lanes.size > 0)
      for (const peer of catalogPeers.pickRandom(gossipNodes, isUntold)) host.gossip(peer);
    this.lanes.remindOfSent();
    if (this.lanes.size > 0) this.#gossipAt = now + gossipInterval;
  }

  /** Owners that were confirmed count as known, not as restored, from now on; those whose progress is doubtful are asked. */
  #settle(now: Millis): void {
    const { catalog, index, topics } = this.#options;
    for (const owner of catalog.consumeConfirmed()) index.onOwnerConfirmed(owner, topics);
    this.#ownerPulls.pullDoubtful(now);
  }
}

const progressOf = ({ owner, epoch, to }: Delta): Progress => ({ owner, epoch, version: to });
