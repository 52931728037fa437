/**
 * Push/pulls that nothing in particular calls for: the periodic ones, and those soon after a join. A catalog peer is first asked by a
 * datagram whether it holds the same. If it says so there is nothing to exchange, and no stream is opened. If only the catalogs differ,
 * as mostly where services come and go, these are synced, which costs what the difference does. If members differ, those of the buckets
 * that differ are exchanged. If no answer comes in time, the whole push/pull follows.
 *
 * Differs: memberlist exchanges whole tables each time. Its agents, and those of earlier versions of hearsay, do not answer.
 *
 * Source: P85 (docs/protocol.md).
 */

import type { Address } from '../../base/address.ts';
import { NO_BYTES, sameBytes } from '../../base/bytes.ts';
import { oncePer, RateLimiter } from '../../base/rate-limiter.ts';
import type { Rng } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import { Timers } from '../../base/timers.ts';
import type { SwimConfig } from '../../config/protocol.ts';
import type { Swim } from '../../swim/swim.ts';
import type { Member, MembersView } from '../../swim/types.ts';
import {
  decodeTable,
  differingBuckets,
  encodeTableAnswer,
  encodeTableQuestion,
  type TableAnswer,
} from '../../wire/table.ts';
import type { Effect } from '../contract/machine.ts';
import type { ServiceLayer } from '../replication/services.ts';
import { EarlySync } from './early-sync.ts';
import type { Packets } from './packets.ts';
import type { PushPullRequest } from './stream-host.ts';
import type { Streams } from './streams.ts';
import { digestTable, sumBuckets, type TableParts } from './table-digest.ts';

/** After so many push/pulls in a row that were not needed, or only in part, a whole one follows: a digest does not say everything. */
const MAX_SPARED = 15;
/** In a smaller table a bucket has a row or two, and all of them together cost little. */
const MIN_ROWS = 16;
/** Questions that wait for an answer. */
const MAX_PENDING = 64;
/** A longer summary does not fit beside the rest of an answer. */
const MAX_SUMMARY_BYTES = 1024;
/** Between two summaries for one member: anybody can ask in its name. */
const SUMMARY_INTERVAL: Millis = 1000;

export interface TableHost extends TableParts {
  readonly members: MembersView;
  readonly packets: Pick<Packets, 'sendUserMessage'>;
  readonly streams: Pick<Streams, 'dialPushPull'>;
  /** Whether this agent neither leaves nor pauses. */
  isHere(): boolean;
  isCatalogPeer(peer: Member): boolean;
  /** The peer's summary of its catalog. With `asked` we have asked, and sync what differs. Throws `WireError`. */
  compareSummary(summary: Uint8Array, peer: Address, asked: boolean, now: Millis): void;
  /** The push/pull with this peer that was wanted is not needed. */
  onSpared(peer: Address): void;
}

export function createTableHost(
  parts: Pick<TableHost, 'packets' | 'streams' | 'isHere' | 'serf'> & { readonly swim: Swim },
  { catalogPeers, replication }: Pick<ServiceLayer, 'catalogPeers' | 'replication'>,
  onSpared: TableHost['onSpared'],
): TableHost {
  const { swim, ...others } = parts;
  return {
    ...others,
    members: swim.members,
    isHere: () => !swim.pausing && parts.isHere(),
    isCatalogPeer: (peer) => catalogPeers.isCatalogPeer(peer),
    summary: () => replication.summary(),
    compareSummary: (summary, peer, asked, now) => replication.compareSummary(summary, peer, asked, now),
    onSpared,
  };
}

export class TableSync {
  readonly #host: TableHost;
  readonly #rng: Rng;
  readonly #earlySync: EarlySync;
  /** How long an answer may take. */
  readonly #timeout: Millis;
  readonly #pending = new Map<number, PushPullRequest>();
  readonly #timers = new Timers<number>();
  readonly #summaryLimiter = new RateLimiter(oncePer(SUMMARY_INTERVAL));
  /** Push/pulls in a row that were not needed, or only in part. */
  #spared = 0;

  constructor({ probeTimeout, gossipInterval }: SwimConfig, rng: Rng, host: TableHost) {
    this.#timeout = probeTimeout;
    this.#rng = rng;
    this.#host = host;
    this.#earlySync = new EarlySync(gossipInterval, rng.fork());
  }

  get deadline(): Millis {
    return Math.min(this.#timers.deadline, this.#earlySync.deadline);
  }

  /** A push/pull with this peer, unless it holds the same. */
  sync(peer: Member, now: Millis, out: Effect[], early?: true): void {
    const to = peer.identity.address;
    const sync: PushPullRequest = { to, join: false, ...(early === undefined ? {} : { early }) };
    if (this.#spared >= MAX_SPARED || this.#pending.size >= MAX_PENDING || !this.#host.isCatalogPeer(peer))
      return this.#dial(sync, now, out);
    const id = 1 + this.#rng.int(0xffff_ffff);
    this.#pending.set(id, sync);
    this.#timers.set(id, now + this.#timeout);
    const floor = this.#floor;
    const { all: digest, rest } = digestTable(this.#host, floor);
    this.#host.packets.sendUserMessage(to, encodeTableQuestion({ id, floor, digest, rest }), out);
  }

  /** The body of a user message of which `isTableType` is true. Throws `WireError`. */
  receive(body: Uint8Array, from: Address, now: Millis, out: Effect[]): void {
    const message = decodeTable(body);
    if (!this.#host.isHere() || !this.#host.members.isAddressOfMember(from)) return;
    const floor = Math.max(this.#floor, message.floor);
    const ours = digestTable(this.#host, floor);
    if (message.kind === 'tableAnswer')
      return this.#handleAnswer(message, from, sameBytes(message.digest, ours.all), now, out);
    // The asker's digest counts events from its own floor on.
    const { all, rest } = floor === message.floor ? ours : digestTable(this.#host, message.floor);
    const isEqual = sameBytes(message.digest, all);
    const isRestEqual = !isEqual && sameBytes(message.rest, rest);
    const summary = isRestEqual ? this.#summaryFor(from, now) : NO_BYTES;
    const sums = isEqual || isRestEqual ? NO_BYTES : this.#sums;
    const answer = encodeTableAnswer({ id: message.id, floor, digest: ours.all, summary, sums });
    this.#host.packets.sendUserMessage(from, answer, out);
    // Whom all others join dials nobody, and would wait in vain for its first catalog.
    if (isEqual) this.#host.compareSummary(this.#host.summary(), from, false, now);
  }

  #handleAnswer(
    { id, summary, sums }: TableAnswer,
    from: Address,
    isEqual: boolean,
    now: Millis,
    out: Effect[],
  ): void {
    const sync = this.#pending.get(id);
    if (sync === undefined || sync.to.key !== from.key) return;
    this.#forget(id);
    if (!isEqual && summary.length === 0) return this.#dial(sync, now, out, sums);
    this.#spared += 1;
    this.onPushPullFinished(sync, 0, now);
    this.#host.compareSummary(isEqual ? this.#host.summary() : summary, from, true, now);
    this.#host.onSpared(from);
  }

  #summaryFor(peer: Address, now: Millis): Uint8Array {
    const summary = this.#host.summary();
    const isTold = summary.length <= MAX_SUMMARY_BYTES && this.#summaryLimiter.tryAcquire(peer.key, now);
    return isTold ? summary : NO_BYTES;
  }

  /** A push/pull has succeeded and brought `news` members, or was not needed. */
  onPushPullFinished({ join, early }: PushPullRequest, news: number, now: Millis): void {
    if (join || early === true) this.#earlySync.onPushPullFinished(news, now);
  }

  tick(now: Millis, out: Effect[]): void {
    for (let id = this.#timers.pop(now); id !== undefined; id = this.#timers.pop(now)) {
      const sync = this.#pending.get(id);
      this.#forget(id);
      if (sync !== undefined && this.#host.isHere()) this.#dial(sync, now, out);
    }
    const peer = this.#earlySync.consumeDeadline(now, this.#host.members);
    if (peer !== undefined) this.sync(peer, now, out, true);
  }

  get #floor(): number {
    return this.#host.serf.exchangedParts.events.floor;
  }

  #forget(id: number): void {
    this.#pending.delete(id);
    this.#timers.clear(id);
  }

  /** `sums`: those of the peer's buckets, or empty. Rows of equal buckets are not exchanged. */
  #dial(sync: PushPullRequest, now: Millis, out: Effect[], sums = NO_BYTES): void {
    const ours = sums.length === 0 ? NO_BYTES : this.#sums;
    const isPart = ours.length > 0;
    this.#spared = isPart ? this.#spared + 1 : 0;
    const buckets = isPart ? { buckets: differingBuckets(ours, sums) } : {};
    this.#host.streams.dialPushPull({ ...sync, ...buckets }, now, out);
  }

  get #sums(): Uint8Array {
    return this.#host.members.size < MIN_ROWS ? NO_BYTES : sumBuckets(this.#host);
  }
}
