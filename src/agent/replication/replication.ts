/**
 * The catalogue between agents: rumors in lanes of their own, announcements of what no packet holds, requests and
 * answers over streams, a summary in every push/pull. Only peers whose tag says so get any of it, so real Serf
 * agents notice nothing. How ledgers merge is catalog/'s; sockets are nobody's here.
 *
 * Source: design 4(b), 4(c); protocol reference 5.4.
 */
import type { Address } from '../../base/address.ts';
import { copyOf } from '../../base/bytes.ts';
import type { Rng } from '../../base/rng.ts';
import { type Millis, NEVER } from '../../base/time.ts';
import { portions } from '../../catalog/anti-entropy.ts';
import type { Catalog } from '../../catalog/catalog.ts';
import type { Buckets } from '../../catalog/digest.ts';
import { isUrgent } from '../../catalog/rumor-batches.ts';
import type { Applied, Delta, Progress, Rumor } from '../../catalog/types.ts';
import type { CatalogIndex, CatalogTopic } from '../../catalog/view.ts';
import type { Change } from '../../model/service.ts';
import { Broadcasts } from '../../swim/broadcasts.ts';
import type { Member } from '../../swim/types.ts';
import {
  decodeCatalog,
  decodeSummary,
  encodeAnnounce,
  encodeDelta,
  encodeDeltas,
  encodeSyncAnswer,
  encodeSyncRequest,
} from '../../wire/catalog.ts';
import type { Capable } from './catalog-peers.ts';
import { Reunions } from './heal-sync.ts';
import { Pulls } from './pull-queue.ts';

/** What replication asks of the landing. */
export interface ReplicationHost {
  /** Opens a stream, sends this user message; with `answer` it waits for one, told by `answered` or `unanswered`. */
  dial(to: Address, body: Uint8Array, answer: PullTicket | undefined, now: Millis): void;
  /** One packet from the lanes. */
  gossip(peer: Member): void;
  touch(topics: Iterable<CatalogTopic>): void;
}

/** What a request was for. */
export interface PullTicket {
  /** Single owners asked for; empty if it was about everything. */
  readonly owners: readonly string[];
  readonly tellOn: ReadonlySet<string>;
}

export interface ReplicationOptions {
  /** Our own name. */
  readonly self: string;
  readonly catalog: Catalog;
  readonly index: CatalogIndex;
  readonly capable: Capable;
  readonly host: ReplicationHost;
  readonly rng: Rng;
  readonly gossipInterval: Millis;
  readonly gossipNodes: number;
  /** What one rumor may take of a packet. Longer ones are announced. */
  readonly rumorBytes: number;
}

const SWEEP_INTERVAL: Millis = 60_000;
/** Announcements about names that are no members yet: they may be in a moment. */
const MAX_EARLY = 1024;

export class Replication {
  /** Removals and bad news, before all others. */
  readonly urgent = new Broadcasts();
  readonly rumors = new Broadcasts();
  readonly #o: ReplicationOptions;
  readonly #pulls: Pulls;
  readonly #reunions: Reunions;
  readonly #early = new Map<string, { readonly progress: Progress; readonly from: Address }>();
  readonly #topics = new Set<CatalogTopic>();
  #gossipAt: Millis = NEVER;
  #sweepAt: Millis;

  constructor(options: ReplicationOptions, now: Millis) {
    this.#o = options;
    this.#pulls = new Pulls(options.gossipInterval, options.rng);
    this.#reunions = new Reunions(options.gossipInterval, options.rng);
    this.#sweepAt = now + SWEEP_INTERVAL;
  }

  get deadline(): Millis {
    return Math.min(this.#gossipAt, this.#sweepAt, this.#pulls.deadline, this.#reunions.deadline);
  }

  /**
   * A life begins with an empty ledger, and all must hear even that: whoever holds the one of our last life would go
   * on serving it, for we are alive.
   */
  start(now: Millis): void {
    this.#speakUp(now);
  }

  /** Our own changes. Throws `AgentError` with nothing changed. */
  publish(changes: readonly Change[], now: Millis): void {
    const { catalog, index, self } = this.#o;
    const written = catalog.write(changes, now);
    index.changed(self, written.changes, this.#topics, now);
    for (const { delta, urgent } of written.rumors) this.#spread(delta, urgent, now);
    this.#touch();
  }

  /** A message of ours in a packet from `from`. Throws `WireError`. */
  heard(body: Uint8Array, from: Address, now: Millis): void {
    const message = decodeCatalog(body);
    if (message.kind === 'delta') this.#heardDelta(message, copyOf(body), from, now);
    else if (message.kind === 'announce') this.#announced(message, from, now);
    this.#touch();
  }

  /** A message of ours over a stream; what to answer, if it wants an answer. Throws `WireError`. */
  asked(body: Uint8Array, now: Millis): Uint8Array | undefined {
    const message = decodeCatalog(body);
    let answer: Uint8Array | undefined;
    if (message.kind === 'deltas') {
      const outcomes = message.deltas.map((delta) => this.#apply(delta, now).outcome);
      if (outcomes.includes('outbid')) this.#speakUp(now);
    } else if (message.kind === 'syncRequest') {
      const found = this.#o.catalog.answer(message, now);
      if (found.outbid) this.#speakUp(now);
      answer = encodeSyncAnswer(found);
    }
    this.#touch();
    return answer;
  }

  /** The answer to a request of ours. Throws `WireError`. */
  answered(body: Uint8Array, ticket: PullTicket, from: Address, now: Millis): void {
    const { catalog, host } = this.#o;
    const message = decodeCatalog(body);
    this.#pulls.ended(from, now);
    if (message.kind !== 'syncAnswer') return this.#askOwners(ticket, from, now);
    const accepted = catalog.accept(message, now);
    for (const applied of accepted.applied) this.#show(applied, now);
    if (accepted.outbid) this.#speakUp(now);
    for (const owner of ticket.tellOn) this.#tellOn(owner, now);
    for (const some of portions(accepted.deltas)) host.dial(from, encodeDeltas(some), undefined, now);
    if (accepted.more) this.ask(from, undefined, now);
    this.#askOwners({ ...ticket, owners: ticket.owners.filter((owner) => catalog.hasGap(owner)) }, from, now);
    this.#touch();
  }

  unanswered(ticket: PullTicket, from: Address, now: Millis): void {
    this.#pulls.ended(from, now);
    this.#askOwners(ticket, from, now);
  }

  /** Whoever told us may lack the same, or be out of reach: only the owner surely has all. */
  #askOwners({ owners, tellOn }: PullTicket, from: Address, now: Millis): void {
    for (const owner of owners) {
      const address = this.#o.capable.addressOf(owner);
      if (address !== undefined && address.key !== from.key)
        this.#pulls.want(owner, address, tellOn.has(owner), now);
    }
  }

  /** Asks a peer for all we lack: everything, or where summaries differ. */
  ask(from: Address, buckets: Buckets | undefined, now: Millis): void {
    const { catalog, host } = this.#o;
    const request = encodeSyncRequest(catalog.request(buckets));
    host.dial(from, request, { owners: [], tellOn: new Set() }, now);
  }

  /** What rides in a push/pull with a capable peer. */
  summary(): Uint8Array {
    return this.#o.catalog.summary();
  }

  /** A peer's summary; with `dialed`, it is for us to ask about what differs. Throws `WireError`. */
  compare(summary: Uint8Array, from: Address, dialed: boolean, now: Millis): void {
    const buckets = this.#o.catalog.differing(decodeSummary(summary));
    if (buckets !== undefined && dialed) this.ask(from, buckets, now);
    this.#touch();
  }

  /** A member is up, perhaps again: its services count at once. */
  memberUp(name: string, now: Millis): void {
    this.#reunions.up(name, now);
    this.#o.index.ownerState(name, true, this.#topics);
    const early = this.#early.get(name);
    this.#early.delete(name);
    if (early !== undefined && this.#o.catalog.hear(early.progress, now) === 'ask')
      this.#pulls.want(name, early.from, true, now);
    if (this.urgent.size + this.rumors.size > 0) this.#arm(now);
    this.#touch();
  }

  /** A member failed: what it published stays, and stops passing. */
  memberDown(name: string): void {
    this.#reunions.failed(name);
    this.#o.index.ownerState(name, false, this.#topics);
    this.#touch();
  }

  /** A member left or was reaped: all it published goes with it. */
  memberGone(name: string): void {
    this.#reunions.gone(name);
    this.#o.index.dropped(name, this.#o.catalog.drop(name), this.#topics);
    this.#touch();
  }

  tick(now: Millis): void {
    const { catalog, host } = this.#o;
    if (now >= this.#reunions.deadline) this.#reunite(now);
    if (now >= this.#gossipAt) this.#gossip(now);
    for (const { from, owners, tellOn } of this.#pulls.take(now))
      host.dial(from, encodeSyncRequest(catalog.requestOf(owners)), { owners, tellOn }, now);
    if (now >= this.#sweepAt) {
      this.#sweepAt = now + SWEEP_INTERVAL;
      catalog.sweep(now);
    }
  }

  /** Both sides of a partition would else wait for the next push/pull. */
  #reunite(now: Millis): void {
    const { capable, self } = this.#o;
    const back = this.#reunions.over(capable.count, now);
    if (back.length > 0) this.#tellOn(self, now);
    for (const name of back) {
      const address = capable.addressOf(name);
      if (address !== undefined) this.ask(address, undefined, now);
    }
  }

  #heardDelta(delta: Delta, body: Uint8Array, from: Address, now: Millis): void {
    const { outcome, changes } = this.#apply(delta, now);
    switch (outcome) {
      case 'applied':
        return this.#queue(body, changes.some(isUrgent), now);
      case 'ahead':
        this.#queue(body, changes.some(isUrgent), now);
        return this.#pulls.want(delta.owner, from, false, now);
      case 'behind':
        return this.#pulls.want(delta.owner, from, true, now);
      case 'stranger':
        return this.#remember(progressOf(delta), from);
      case 'outbid':
        return this.#speakUp(now);
      case 'known':
      case 'refused':
    }
  }

  #announced(progress: Progress, from: Address, now: Millis): void {
    switch (this.#o.catalog.hear(progress, now)) {
      case 'ask':
        return this.#pulls.want(progress.owner, from, true, now);
      case 'outbid':
        return this.#speakUp(now);
      case 'known':
        if (!this.#o.capable.isMember(progress.owner)) this.#remember(progress, from);
    }
  }

  #apply(delta: Delta, now: Millis): Applied {
    const applied = this.#o.catalog.apply(delta, now);
    this.#show(applied, now);
    return applied;
  }

  #show(applied: Applied, now: Millis): void {
    this.#o.index.changed(applied.owner, applied.changes, this.#topics, now);
  }

  /** Somebody spoke for us from a time we do not remember: our ledger begins anew, and all must hear it. */
  #speakUp(now: Millis): void {
    const delta = this.#o.catalog.deltaFor(this.#o.self);
    if (delta !== undefined) this.#spread(delta, false, now);
  }

  #spread(delta: Rumor['delta'], urgent: boolean, now: Millis): void {
    const rumor = encodeDelta(delta);
    if (rumor.length <= this.#o.rumorBytes) this.#queue(copyOf(rumor), urgent, now);
    else this.#queue(copyOf(encodeAnnounce(progressOf(delta))), urgent, now, delta.owner);
  }

  #tellOn(owner: string, now: Millis): void {
    const progress = this.#o.catalog.progressOf(owner);
    if (progress !== undefined && progress.version > 0)
      this.#queue(copyOf(encodeAnnounce(progress)), false, now, owner);
  }

  #queue(message: Uint8Array, urgent: boolean, now: Millis, name?: string): void {
    (urgent ? this.urgent : this.rumors).queue(message, name);
    this.#arm(now);
  }

  #arm(now: Millis): void {
    if (this.#gossipAt === NEVER) this.#gossipAt = now + this.#o.gossipInterval * this.#o.rng.next() * 0.5;
  }

  /** Our lanes go to capable peers only, so their rounds are counted over those. */
  #gossip(now: Millis): void {
    const { capable, gossipInterval, gossipNodes, host } = this.#o;
    this.#gossipAt = NEVER;
    if (this.urgent.size + this.rumors.size === 0) return;
    const peers = capable.pick(gossipNodes);
    for (const peer of peers) host.gossip(peer);
    // With nobody to tell, what waits goes on waiting; whoever comes up wakes it.
    if (peers.length > 0 && this.urgent.size + this.rumors.size > 0) this.#gossipAt = now + gossipInterval;
  }

  #remember(progress: Progress, from: Address): void {
    if (this.#early.size >= MAX_EARLY) this.#early.delete(this.#early.keys().next().value as string);
    this.#early.set(progress.owner, { progress, from });
  }

  #touch(): void {
    for (const owner of this.#o.catalog.takeConfirmed()) this.#o.index.confirmed(owner, this.#topics);
    if (this.#topics.size === 0) return;
    this.#o.host.touch(this.#topics);
    this.#topics.clear();
  }
}

const progressOf = ({ owner, epoch, to }: Delta): Progress => ({ owner, epoch, version: to });
