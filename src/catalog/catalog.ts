/**
 * All ledgers of one agent: its own, which it alone writes, and its copies of the others'. It decides what to publish,
 * pull and drop, and sends nothing itself. How entries merge is in ledger.ts; what readers see is in view.ts.
 */

import { assert } from '../base/assert.ts';
import type { Millis } from '../base/time.ts';
import type { Entry, EntryKey, EntryWrite } from '../model/service.ts';
import type { CatalogSummary } from '../wire/catalog.ts';
import type { SyncRequestBody } from './anti-entropy.ts';
import { isOtherCopy } from './contents.ts';
import { contradicts, isSameButOutput } from './contradiction.ts';
import { ALL_BUCKETS, type BucketSet, Digest, hasBucket, isInBuckets } from './digest.ts';
import { Doubts, firstEpoch, isDisproved, isOutOfReach, OUTBID_LIMIT, reachOf } from './doubts.ts';
import { applyDelta, deltaSince, replaceUpTo, startEpoch, writeEntries } from './ledger.ts';
import type { CatalogOptions, Intern } from './options.ts';
import { exceedsLimits, validateWrites } from './publish-limits.ts';
import {
  clearTombstones,
  isAhead,
  isContiguous,
  MAX_TOMBSTONES,
  newReplica,
  progressRow,
  type Replica,
  reapExpiredTombstones,
  reapOlderTombstones,
  recordTombstones,
  removalOfAll,
  replicaReach,
  TOMBSTONE_TTL,
  tombstoneReapInterval,
  updateReplicaTotals,
  versionsAhead,
} from './replica.ts';
import { groupIntoRumors, isUrgent } from './rumor-batches.ts';
import { encodeLedgers } from './snapshot.ts';
import type { ApplyResult, Delta, DeltaRumor, EntryChange, Progress } from './types.ts';
import { Watermarks } from './watermarks.ts';

/** Limits how often forged deltas of our own ledger can make us begin an epoch (A15 in docs/replication.md). */
const EPOCH_RAISE_INTERVAL: Millis = 1000;
/** Epochs are raised by a stride that differs from start to start (A4 in docs/replication.md). A prime. */
const EPOCH_STRIDES = 1021;

export class Catalog {
  readonly #own: Replica;
  readonly #replicas = new Map<string, Replica>();
  readonly #watermarks = new Watermarks();
  readonly digest = new Digest();
  readonly doubts: Doubts;
  readonly #canOwn: (name: string) => boolean;
  readonly #intern: Intern | undefined;
  readonly #stride: number;
  readonly #tombstoneTtl: Millis;
  #estimatedBytes = 0;
  #unconfirmedCount = 0;
  #epochRaisedAt: Millis = Number.NEGATIVE_INFINITY;
  #confirmed: string[] = [];

  constructor({ owner, epoch, snapshot, canOwn, ...options }: CatalogOptions) {
    const { latestEpoch = OUTBID_LIMIT, tombstoneTtl = TOMBSTONE_TTL, intern } = options;
    this.doubts = new Doubts(latestEpoch, options.canAnswer);
    this.#canOwn = canOwn;
    this.#tombstoneTtl = tombstoneTtl;
    this.#intern = intern;
    this.#stride = 1 + (epoch % EPOCH_STRIDES);
    const saved = snapshot?.owner === owner ? snapshot.epoch : 0;
    this.#own = this.#createReplica(owner, firstEpoch(epoch, saved, this.#stride));
    for (const ledger of snapshot?.ledgers ?? []) {
      if (this.#replicas.has(ledger.owner) || ledger.from !== 0) continue;
      if (this.doubts.isImplausible(reachOf(ledger))) continue;
      if (exceedsLimits(undefined, ledger, this.#estimatedBytes)) continue;
      const replica = this.#createReplica(ledger.owner, 0);
      this.#applyDelta(replica, ledger, 0);
      replica.unconfirmed = true;
      this.#unconfirmedCount += 1;
    }
  }

  /** The epoch of our own ledger. */
  get epoch(): number {
    return this.#own.epoch;
  }

  /** The version of our own ledger. */
  get version(): number {
    return this.#own.version;
  }

  /** Estimated bytes of all values. */
  get estimatedBytes(): number {
    return this.#estimatedBytes;
  }

  owners(): Iterable<string> {
    return this.#replicas.keys();
  }

  /** Includes tombstones. */
  entries(owner: string): ReadonlyMap<EntryKey, Entry> | undefined {
    return this.#replicas.get(owner)?.entries;
  }

  isUnconfirmed(owner: string): boolean {
    return this.#replicas.get(owner)?.unconfirmed ?? false;
  }

  readonly hasGap = (owner: string): boolean => (this.#replicas.get(owner)?.rangesAhead.length ?? 0) > 0;

  replicaProgress(owner: string): Progress | undefined {
    const replica = this.#replicas.get(owner);
    return replica === undefined ? undefined : { owner, epoch: replica.epoch, version: replica.version };
  }

  /** What a copy at `progress` lacks of ours; `undefined` if nothing, or if we have no such ledger. */
  deltaFor(owner: string, progress?: Progress): Delta | undefined {
    const replica = this.#replicas.get(owner);
    return replica === undefined ? undefined : deltaSince(replica, progress);
  }

  /**
   * Writes to our own ledger: all of `writes`, or an `AgentError` and none. A write that changes nothing is passed
   * over. A service is sent together with its checks, so that nobody sees it without them.
   */
  publish(
    writes: readonly EntryWrite[],
    now: Millis,
  ): { readonly rumors: readonly DeltaRumor[]; readonly changes: readonly EntryChange[] } {
    const own = this.#own;
    validateWrites(own, writes);
    const rumors: DeltaRumor[] = [];
    const changes: EntryChange[] = [];
    for (const group of groupIntoRumors(writes, (key) => own.entries.get(key)?.value)) {
      const groupChanges: EntryChange[] = [];
      const delta = writeEntries(own, group, groupChanges);
      if (delta === undefined) continue;
      recordTombstones(own, delta.entries, now);
      rumors.push({ delta, urgent: groupChanges.some(isUrgent) });
      changes.push(...groupChanges);
    }
    if (rumors.length > 0) this.#updateTotals(own, changes);
    return { rumors, changes };
  }

  /**
   * A delta from another agent, of any owner's ledger; with `isFromOwner`, the owner itself has answered us at its member address, and
   * `told` is what `toldOf` said when it was asked. A delta that is too far ahead is stale of anybody else (`consumeDoubtful`).
   */
  apply(delta: Delta, now: Millis, isFromOwner = false, told?: Progress): ApplyResult {
    const { owner } = delta;
    if (owner === this.#own.owner) return this.#receiveOwnDelta(delta, now);
    if (!this.#canOwn(owner)) return { owner, outcome: 'notMember', changes: [] };
    const held = this.knownProgress(owner);
    if (!isFromOwner && this.doubts.doubt(reachOf(delta), held, now))
      return { owner, outcome: 'stale', changes: [] };
    const known = this.#replicas.get(owner);
    const isWord = isFromOwner && delta.from === 0 && told !== undefined;
    if (!isWord && known !== undefined && contradicts(known, delta)) this.doubts.demand(owner);
    const isLie = isWord && known !== undefined && isDisproved(replicaReach(known), reachOf(delta), told);
    const isReset = isFromOwner && delta.from === 0 && isOutOfReach(held) && delta.epoch < held.epoch;
    if (isReset || isLie) this.#watermarks.delete(owner);
    if (isWord && (isReset || isLie || delta.epoch >= (held?.epoch ?? 0)))
      this.doubts.onWord(reachOf(delta), told, now);
    if (known === undefined && this.#watermarks.isStale(delta))
      return { owner, outcome: 'stale', changes: [] };
    if (known === undefined && delta.from !== 0) return { owner, outcome: 'needsWhole', changes: [] };
    if (exceedsLimits(known, delta, this.#estimatedBytes)) return { owner, outcome: 'refused', changes: [] };
    const replica = known ?? this.#createReplica(owner, 0);
    if (isReset || isLie) replica.epoch = 0; // the owner's word stands, even below an epoch that it cannot exceed
    const epochBefore = replica.epoch;
    const result = this.#applyDelta(replica, delta, now, isWord);
    this.doubts.recordEpoch(owner, epochBefore, now, replica.epoch);
    this.#watermarks.delete(owner);
    if (delta.epoch === replica.epoch && delta.to >= replica.version) this.#confirm(replica);
    return result;
  }

  /** Entries of our own ledger are never taken from others; only how far others believe that it goes, and what it never had. */
  #receiveOwnDelta(delta: Delta, now: Millis): ApplyResult {
    const isForged = contradicts(this.#own, delta, isSameButOutput);
    const isRaised =
      this.receiveProgress(reachOf(delta), now) === 'epochRaised' ||
      (isForged && this.#raiseEpoch(delta.epoch, now));
    return { owner: delta.owner, outcome: isRaised ? 'epochRaised' : 'stale', changes: [] };
  }

  /**
   * Another agent holds an owner's ledger up to `progress`. `pull`: farther than ours. `epochRaised`: farther than our
   * own ledger, as after a restart without a snapshot, so we began an epoch above it and must broadcast
   * `deltaFor(us)` (A15 in docs/replication.md).
   */
  receiveProgress(progress: Progress, now: Millis): 'pull' | 'stale' | 'epochRaised' {
    const { owner, epoch } = progress;
    const ours = this.knownProgress(owner);
    if (owner !== this.#own.owner && (!this.#canOwn(owner) || this.doubts.doubt(progress, ours, now)))
      return 'stale';
    if (!isAhead(progress, ours)) return 'stale';
    if (owner !== this.#own.owner) return 'pull';
    return this.#raiseEpoch(epoch, now) ? 'epochRaised' : 'stale';
  }

  /** Begins an epoch of our own ledger above this one; false: not so soon again, or there is none. */
  #raiseEpoch(epoch: number, now: Millis): boolean {
    const isTooHigh = epoch >= OUTBID_LIMIT && epoch !== this.#own.epoch;
    if (isTooHigh || now < this.#epochRaisedAt + EPOCH_RAISE_INTERVAL) return false;
    this.#epochRaisedAt = now;
    startEpoch(this.#own, epoch + this.#stride);
    clearTombstones(this.#own);
    this.#updateTotals(this.#own, []);
    return true;
  }

  /** Drops the ledger of an owner that is no member any more; returns what readers lose (A16, A18). */
  deleteOwner(owner: string): readonly EntryChange[] {
    const replica = this.#replicas.get(owner);
    if (replica === undefined || replica === this.#own) return [];
    this.#watermarks.set(replicaReach(replica));
    this.#replicas.delete(owner);
    this.#estimatedBytes -= replica.estimatedBytes;
    if (replica.unconfirmed) this.#unconfirmedCount -= 1;
    this.digest.update(replica.ledgerHash, owner, 0, 0);
    return removalOfAll(replica);
  }

  get reapInterval(): Millis {
    return tombstoneReapInterval(this.#tombstoneTtl);
  }

  /** Reaps expired tombstones. */
  reapTombstones(now: Millis): void {
    for (const replica of this.#replicas.values())
      if (replica.tombstones.length > 0) reapExpiredTombstones(replica, this.#tombstoneTtl, now);
  }

  /**
   * Where a member's summary differs from ours; `undefined`: nowhere. Restored ledgers in buckets that do not differ
   * are confirmed.
   */
  differingBuckets(theirs: CatalogSummary): BucketSet | undefined {
    const differing = this.digest.differingBuckets(theirs);
    if (this.#unconfirmedCount === 0) return differing;
    for (const replica of this.#replicas.values())
      if (differing === undefined || !hasBucket(differing, replica.ledgerHash)) this.#confirm(replica);
    return differing;
  }

  /** Requests what we lack in some buckets. */
  createSyncRequest(buckets: BucketSet = ALL_BUCKETS): SyncRequestBody {
    return { ...buckets, rows: this.progressInBuckets(buckets) };
  }

  /** The farthest that was told of an owner, of which its answer is to decide; `undefined`: it is asked for what is new. */
  toldOf(owner: string, now: Millis): Progress | undefined {
    const replica = this.#replicas.get(owner);
    const held = replica === undefined ? this.knownProgress(owner) : replicaReach(replica);
    return this.doubts.toldOf(held ?? { owner, epoch: 0, version: 0 }, now);
  }

  /** Owners since the last call whose ledgers go too far to be believed of others: they are to be asked themselves. */
  consumeDoubtful(): readonly string[] {
    return this.doubts.consume();
  }

  /** Owners whose restored ledger was confirmed since the last call. */
  consumeConfirmed(): readonly string[] {
    const confirmed = this.#confirmed;
    if (confirmed.length > 0) this.#confirmed = [];
    return confirmed;
  }

  /** For the disk: the progress of our own ledger, and all others' ledgers. `decodeCatalogSnapshot` reads it. */
  snapshot(): Uint8Array {
    return encodeLedgers(this.#own, this.#replicas.values());
  }

  /** Our progress of an owner's ledger; for one that we dropped, the epoch of its watermark at version 0. */
  knownProgress(owner: string): Progress | undefined {
    return this.replicaProgress(owner) ?? this.#watermarks.emptyProgress(owner);
  }

  /** The known progress of each owner in some buckets. */
  progressInBuckets(wanted: BucketSet): Progress[] {
    const rows: Progress[] = [];
    for (const replica of this.#replicas.values())
      if (hasBucket(wanted, replica.ledgerHash)) rows.push(progressRow(replica));
    for (const watermark of this.#watermarks.all())
      if (this.#canOwn(watermark.owner) && isInBuckets(watermark.owner, wanted))
        rows.push({ ...watermark, version: 0 });
    return rows;
  }

  /** The row says other contents of the very progress that is held. */
  hasOtherCopy(row: Progress): boolean {
    const replica = this.#replicas.get(row.owner);
    return replica !== undefined && isOtherCopy(row, progressRow(replica));
  }

  /** A member holds the same as we do. */
  confirm(owner: string): void {
    const replica = this.#replicas.get(owner);
    if (replica !== undefined) this.#confirm(replica);
  }

  #createReplica(owner: string, epoch: number): Replica {
    const replica = newReplica(owner, epoch);
    this.#replicas.set(owner, replica);
    return replica;
  }

  /** Invariant: our own ledger takes no deltas, so it is never behind any copy of its present epoch. */
  #applyDelta(replica: Replica, delta: Delta, now: Millis, isWord = false): ApplyResult {
    assert(replica !== this.#own, 'a delta is applied to our own ledger');
    const { owner, epoch } = replica;
    const changes: EntryChange[] = [];
    const apply = isWord && delta.epoch === epoch ? replaceUpTo : applyDelta;
    const outcome = apply(replica, delta, changes);
    if (replica.epoch !== epoch) clearTombstones(replica);
    if (outcome === 'applied' || outcome === 'gap') {
      recordTombstones(replica, delta.entries, now);
      this.#updateTotals(replica, changes);
    }
    return { owner, outcome, changes };
  }

  #updateTotals(replica: Replica, changes: readonly EntryChange[]): void {
    const { estimatedBytes } = replica;
    updateReplicaTotals(replica, changes);
    this.#estimatedBytes += replica.estimatedBytes - estimatedBytes;
    if (replica.entries.size - replica.live > MAX_TOMBSTONES) reapOlderTombstones(replica);
    const { ledgerHash, owner, epoch, version } = replica;
    this.digest.update(ledgerHash, owner, epoch, version, versionsAhead(replica), replica.contents);
    if (this.#intern !== undefined && isContiguous(replica)) {
      replica.entries = this.#intern(replica, replica.entries);
      replica.shared = true;
    }
  }

  #confirm(replica: Replica): void {
    if (!replica.unconfirmed) return;
    replica.unconfirmed = false;
    this.#unconfirmedCount -= 1;
    assert(this.#unconfirmedCount >= 0, 'more ledgers were confirmed than restored');
    this.#confirmed.push(replica.owner);
  }
}
