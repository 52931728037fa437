/**
 * The rumor lanes: deltas and announcements that wait to be gossiped. They are bounded by what there is to say: a newer
 * rumor about an entry replaces the older one, and many rumors of one owner become one announcement (A39, A40 in
 * docs/replication.md).
 */
import { copyBytes } from '../../base/bytes.ts';
import type { Catalog } from '../../catalog/catalog.ts';
import { MAX_RUMOR_BYTES } from '../../catalog/rumor-batches.ts';
import type { Delta, Progress } from '../../catalog/types.ts';
import type { SwimConfig } from '../../config/protocol.ts';
import { type Broadcast, BroadcastQueue, retransmitLimit } from '../../swim/broadcasts.ts';
import type { Member } from '../../swim/types.ts';
import { decodeCatalog, encodeDelta, encodeDeltaAnnounce } from '../../wire/catalog.ts';
import type { Lane } from '../contract/lane.ts';
import type { CatalogPeers } from './catalog-peers.ts';

/** Rumors of one owner that wait at once; then one announcement takes the place of all of them. */
const MAX_PER_OWNER = 64;

interface Rumor {
  readonly urgent: boolean;
  readonly broadcast: Broadcast;
  /** `undefined`: an announcement. */
  readonly delta: Delta | undefined;
}

export interface RumorLanesOptions {
  readonly catalog: Catalog;
  /** The bytes that a rumor may take in a packet; a longer one is announced instead. */
  readonly rumorBytes: number;
  /** Is there anybody to tell? */
  readonly hasPeer: () => boolean;
}

export class RumorLanes {
  /** Rumors about removals and instances that no longer pass, which go first. */
  readonly urgent = new BroadcastQueue();
  readonly rumors = new BroadcastQueue();
  /** Announcements of what was sent as often as it should, for whom no copy has reached (A42). */
  readonly reminders = new BroadcastQueue();
  readonly #options: RumorLanesOptions;
  readonly #waiting = new Map<string, Rumor[]>();
  #isUnannounced = false;

  constructor(options: RumorLanesOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.urgent.size + this.rumors.size;
  }

  /** Is there a rumor that this peer was not told yet? */
  hasFor(peer: string): boolean {
    return this.urgent.hasFor(peer) || this.rumors.hasFor(peer);
  }

  /**
   * Queues changes that the catalog has taken in. `octets`: the delta as it was received, not copied yet; absent: it is
   * encoded. If older rumors say nothing any more, the new one begins where they began, so that no receiver has a gap.
   */
  enqueueDelta(delta: Delta, urgent: boolean, octets?: Uint8Array): void {
    if (!this.#canTell()) return;
    const { owner, epoch } = delta;
    const waiting = this.#waitingOf(owner);
    const superseded = [...waiting.flatMap((rumor) => rumor.delta ?? []), delta].filter(
      (one) => !this.#isCurrent(one),
    );
    const starts = superseded.filter((one) => one.epoch === epoch).map(({ from }) => from);
    const merged = this.#mergedDelta(delta, Math.min(...starts));
    const told = merged ?? delta;
    for (const rumor of waiting) {
      if (rumor.delta === undefined) continue;
      const isPart = merged !== undefined && isPartOf(rumor.delta, merged);
      if (superseded.includes(rumor.delta) || isPart) this.#cancel(rumor);
      urgent ||= isPart && rumor.urgent && !superseded.includes(rumor.delta);
    }
    if (merged === undefined && superseded.includes(delta)) return;
    const encoded = merged === undefined ? (octets ?? encodeDelta(delta)) : encodeDelta(merged);
    if (encoded.length > this.#options.rumorBytes) this.announce({ owner, epoch, version: told.to }, urgent);
    else if (this.#waitingOf(owner).length >= MAX_PER_OWNER) this.#collapse(owner, urgent);
    else this.#add(owner, copyBytes(encoded), told, urgent);
  }

  /** Queues how far a ledger goes. It replaces an older announcement of its owner. */
  announce(progress: Progress, urgent: boolean): void {
    if (!this.#canTell()) return;
    for (const rumor of this.#waitingOf(progress.owner)) if (rumor.delta === undefined) this.#cancel(rumor);
    this.#add(progress.owner, copyBytes(encodeDeltaAnnounce(progress)), undefined, urgent);
  }

  /**
   * `peer` has sent us this delta, so it needs no copy of it. Deltas are compared by what they cover and not by their
   * bytes: a recording masks the texts of what was received, and must lead to the same decisions.
   */
  recordDeltaHolder({ owner, epoch, from, to }: Delta, peer: string, audience: number): void {
    for (const { delta, urgent, broadcast } of this.#waitingOf(owner))
      if (delta?.epoch === epoch && delta.from === from && delta.to === to)
        this.#queue(urgent).recordHolderOf(broadcast, peer, audience);
  }

  /** `peer` has sent us this announcement. */
  recordAnnouncementHolder(message: Uint8Array, peer: string, audience: number): void {
    for (const queue of [this.urgent, this.rumors, this.reminders])
      queue.recordHolder(message, peer, audience);
  }

  /** In place of a rumor, for a peer that no long datagram reaches: how far the ledger of its owner goes. */
  shorten(rumor: Uint8Array): Uint8Array | undefined {
    const message = decodeCatalog(rumor);
    if (message.kind !== 'delta') return rumor;
    const progress = this.#options.catalog.replicaProgress(message.owner);
    return progress === undefined ? undefined : copyBytes(encodeDeltaAnnounce(progress));
  }

  /** Drops what waits about one owner: it is a member no more. */
  dropOwner(owner: string): void {
    this.reminders.cancelNamed(owner);
    for (const rumor of this.#waitingOf(owner)) this.#cancel(rumor);
    this.#waiting.delete(owner);
  }

  /** Drops everything if there is nobody to tell any more. */
  dropUntellable(): void {
    if (this.size + this.reminders.size === 0 || this.#canTell()) return;
    this.reminders.prune(0);
    for (const owner of [...this.#waiting.keys()]) this.dropOwner(owner);
  }

  /**
   * Is there somebody to tell, and something that nobody was told for want of a peer? To be asked once, when a member has
   * changed: it may also be a peer no more, and then what waits is dropped.
   */
  consumeUnannounced(): boolean {
    this.dropUntellable();
    if (!this.#isUnannounced || !this.#options.hasPeer()) return false;
    this.#isUnannounced = false;
    return true;
  }

  /** To be called now and then: of owners whose rumors were all sent as often as they should, others are reminded. */
  remindOfSent(): void {
    const hasPeer = this.#options.hasPeer();
    for (const [owner, rumors] of this.#waiting) {
      if (rumors.some(({ broadcast }) => !broadcast.finished)) continue;
      this.#waiting.delete(owner);
      const progress = this.#options.catalog.replicaProgress(owner);
      if (hasPeer && progress !== undefined && progress.version > 0)
        this.reminders.enqueue(copyBytes(encodeDeltaAnnounce(progress)), owner);
    }
  }

  /** Without a peer nothing is queued: push/pulls tell all of it (A41). */
  #canTell(): boolean {
    const canTell = this.#options.hasPeer();
    this.#isUnannounced ||= !canTell;
    return canTell;
  }

  #add(owner: string, message: Uint8Array, delta: Delta | undefined, urgent: boolean): void {
    const broadcast = this.#queue(urgent).enqueue(message);
    this.#waiting.set(owner, [...this.#waitingOf(owner), { urgent, broadcast, delta }]);
  }

  #cancel({ urgent, broadcast }: Rumor): void {
    this.#queue(urgent).cancel(broadcast);
  }

  #queue(urgent: boolean): BroadcastQueue {
    return urgent ? this.urgent : this.rumors;
  }

  #waitingOf(owner: string): readonly Rumor[] {
    return this.#waiting.get(owner)?.filter(({ broadcast }) => !broadcast.finished) ?? [];
  }

  /** All that waits about an owner becomes one announcement: its changes come faster than they can be sent. */
  #collapse(owner: string, urgent: boolean): void {
    const isUrgent = urgent || this.#waitingOf(owner).some((rumor) => rumor.urgent);
    const progress = this.#options.catalog.replicaProgress(owner);
    this.dropOwner(owner);
    if (progress !== undefined) this.announce(progress, isUrgent);
  }

  /** Does it say anything that is still so? An empty ledger does until the next change. */
  #isCurrent({ owner, epoch, entries }: Delta): boolean {
    const progress = this.#options.catalog.replicaProgress(owner);
    if (progress?.epoch !== epoch) return false;
    if (entries.length === 0) return progress.version === 0;
    const held = this.#options.catalog.entries(owner);
    return entries.some(({ key, version }) => held?.get(key)?.version === version);
  }

  /** One delta from `from` on that says all of `delta`, and fits; else `undefined`. */
  #mergedDelta({ owner, epoch, to }: Delta, from: number): Delta | undefined {
    if (!Number.isFinite(from)) return undefined;
    const merged = this.#options.catalog.deltaFor(owner, { owner, epoch, version: from });
    if (merged === undefined || merged.to < to || merged.epoch !== epoch) return undefined;
    return encodeDelta(merged).length <= Math.min(MAX_RUMOR_BYTES, this.#options.rumorBytes)
      ? merged
      : undefined;
  }
}

const isPartOf = ({ epoch, from, to }: Delta, whole: Delta): boolean =>
  epoch === whole.epoch && from >= whole.from && to <= whole.to;

/** The lanes of a catalog in packets, the most urgent first; only catalog peers get what is in them. */
export function createCatalogLanes(
  lanes: RumorLanes,
  catalogPeers: CatalogPeers,
  config: Pick<SwimConfig, 'retransmitMult'>,
): readonly Lane[] {
  const limit = (): number => retransmitLimit(config.retransmitMult, catalogPeers.count);
  const audience = (): number => catalogPeers.presentCount;
  const canReceive = (peer: Member): boolean => catalogPeers.isCatalogPeer(peer);
  const { urgent, rumors, reminders } = lanes;
  const shorten = (message: Uint8Array): Uint8Array | undefined => lanes.shorten(message);
  const common = { audience, user: true, canReceive, shorten };
  return [
    { name: 'urgent', queue: urgent, limit, ...common },
    { name: 'catalog', queue: rumors, limit, ...common },
    {
      name: 'reminders',
      queue: reminders,
      limit: () => config.retransmitMult,
      withProbesOnly: true,
      ...common,
    },
  ];
}
