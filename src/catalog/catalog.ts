/**
 * All ledgers of one agent: its own, which it alone writes, and its copies of the others'. Says what to tell whom,
 * never tells: lanes and streams are the landing's. How entries merge is ledger.ts's, what readers see view.ts's.
 */

import { AgentError } from '../base/errors.ts';
import type { Millis } from '../base/time.ts';
import { type Entry, type EntryKey, type EntryWrite, toEntryKey } from '../model/service.ts';
import {
  type CatalogSnapshot,
  type CatalogSummary,
  decodeCatalogSnapshot,
  encodeCatalogSnapshot,
} from '../wire/catalog.ts';
import { MAX_VERSION } from '../wire/entry.ts';
import {
  type AcceptedResponse,
  acceptSyncResponse,
  answerSyncRequest,
  type PreparedResponse,
  type SyncRequestBody,
  type SyncResponseBody,
} from './anti-entropy.ts';
import { ALL_BUCKETS, type BucketSet, Digest, newLedgerHash } from './digest.ts';
import { applyDelta, deltaSince, startEpoch, writeEntries } from './ledger.ts';
import {
  MAX_CATALOG_BYTES,
  MAX_LEDGER_BYTES,
  MAX_LEDGER_ENTRIES,
  validatePublishable,
} from './publish-limits.ts';
import {
  clearTombstones,
  isContiguous,
  MAX_TOMBSTONES,
  newReplica,
  type Replica,
  reapExpiredTombstones,
  reapOlderTombstones,
  recordTombstones,
} from './replica.ts';
import { groupIntoRumors, isUrgent } from './rumor-batches.ts';
import type { ApplyResult, Delta, DeltaRumor, EntryChange, Progress } from './types.ts';
import { estimateBytes } from './values.ts';
import { Watermarks } from './watermarks.ts';

export interface CatalogOptions {
  /** Our own name. */
  readonly owner: string;
  /** Wall-clock milliseconds at birth; raised above the remembered one if the clock went back. */
  readonly epoch: number;
  readonly snapshot?: CatalogSnapshot;
  /** Is this a member? No member, no ledger. */
  readonly isMember: (owner: string) => boolean;
  /** Lets the agents of one process share equal maps: gives the map known for this state, or keeps this one. */
  readonly intern?: Intern;
}
export type Intern = (
  state: { readonly owner: string; readonly epoch: number; readonly version: number; readonly swept: number },
  entries: ReadonlyMap<EntryKey, Entry>,
) => ReadonlyMap<EntryKey, Entry>;

/** We do not begin epochs more often than this, whatever strangers say of us. */
const EPOCH_RAISE_INTERVAL: Millis = 1000;
/**
 * Epochs above a known one lie by another stride at each birth: two births that outbid the same epoch, neither knowing
 * of the other, would else share one, and copies of the first would pass for copies of the second.
 */
const EPOCH_STRIDES = 1021;

/** Reads what `remember` gave. Throws `WireError`. */
export const parseCatalogSnapshot = (octets: Uint8Array): CatalogSnapshot => decodeCatalogSnapshot(octets);

export class Catalog {
  readonly #own: Replica;
  readonly #replicas = new Map<string, Replica>();
  readonly #watermarks = new Watermarks();
  readonly #digest = new Digest();
  readonly #isMember: (owner: string) => boolean;
  readonly #intern: Intern | undefined;
  readonly #stride: number;
  #estimatedBytes = 0;
  /** Copies from the disk that no member has confirmed yet. */
  #unconfirmedCount = 0;
  #epochRaisedAt: Millis = Number.NEGATIVE_INFINITY;
  #confirmed: string[] = [];

  constructor({ owner, epoch, snapshot: memory, isMember: admits, intern }: CatalogOptions) {
    this.#isMember = admits;
    this.#intern = intern;
    this.#stride = 1 + (epoch % EPOCH_STRIDES);
    const above = memory?.owner === owner ? memory.epoch + this.#stride : 1;
    this.#own = this.#createReplica(owner, Math.min(MAX_VERSION, Math.max(epoch, above)));
    for (const ledger of memory?.ledgers ?? []) {
      if (ledger.owner === owner || ledger.from !== 0) continue;
      const held = this.#createReplica(ledger.owner, 0);
      this.#applyDelta(held, ledger, 0, []);
      held.unconfirmed = true;
      this.#unconfirmedCount += 1;
    }
  }

  /** Our own ledger's. */
  get epoch(): number {
    return this.#own.epoch;
  }

  /** Bytes of all values, roughly. */
  get estimatedBytes(): number {
    return this.#estimatedBytes;
  }

  owners(): Iterable<string> {
    return this.#replicas.keys();
  }

  /** Tombstones are among them. */
  entries(owner: string): ReadonlyMap<EntryKey, Entry> | undefined {
    return this.#replicas.get(owner)?.entries;
  }

  isUnconfirmed(owner: string): boolean {
    return this.#replicas.get(owner)?.unconfirmed ?? false;
  }

  /** Do we hold something of it from beyond a gap? */
  hasGap(owner: string): boolean {
    return (this.#replicas.get(owner)?.rangesAhead.length ?? 0) > 0;
  }

  replicaProgress(owner: string): Progress | undefined {
    const held = this.#replicas.get(owner);
    return held === undefined ? undefined : { owner, epoch: held.epoch, version: held.version };
  }

  /** What a copy at `progress` lacks of ours; `undefined` if nothing, or if we have no such ledger. */
  deltaFor(owner: string, progress?: Progress): Delta | undefined {
    const held = this.#replicas.get(owner);
    return held === undefined ? undefined : deltaSince(held, progress);
  }

  /**
   * Our own services and checks: all of the changes, or none and an `AgentError`. What says nothing new is no change.
   * A service travels with its checks, so that nobody sees it without them.
   */
  publish(
    intended: readonly EntryWrite[],
    now: Millis,
  ): { readonly rumors: readonly DeltaRumor[]; readonly changes: readonly EntryChange[] } {
    const own = this.#own;
    this.#validateLimits(intended);
    const rumors: DeltaRumor[] = [];
    const changes: EntryChange[] = [];
    for (const group of groupIntoRumors(intended, (key) => own.entries.get(key)?.value)) {
      const noted: EntryChange[] = [];
      const delta = writeEntries(own, group, noted);
      if (delta === undefined) continue;
      recordTombstones(own, delta.entries, now);
      rumors.push({ delta, urgent: noted.some(isUrgent) });
      changes.push(...noted);
    }
    if (rumors.length > 0) this.#updateTotals(own, changes);
    return { rumors, changes };
  }

  #validateLimits(intended: readonly EntryWrite[]): void {
    let { live, estimatedBytes: weight } = this.#own;
    for (const change of intended) {
      if (!('put' in change)) continue;
      validatePublishable(change.put);
      const before = this.#own.entries.get(toEntryKey(change.put))?.value;
      if (before === undefined) live += 1;
      weight += estimateBytes(change.put) - estimateBytes(before);
    }
    if (live > MAX_LEDGER_ENTRIES || weight > MAX_LEDGER_BYTES)
      throw new AgentError(
        'tooLarge',
        `An agent publishes at most ${MAX_LEDGER_ENTRIES} services and checks, and ${MAX_LEDGER_BYTES} bytes of them. ` +
          'Nothing was changed.',
      );
  }

  /** What another says of any owner, us included. */
  apply(delta: Delta, now: Millis): ApplyResult {
    const { owner } = delta;
    if (owner === this.#own.owner) {
      const to = delta.entries.reduce((max, entry) => Math.max(max, entry.version), delta.to);
      const heard = this.receiveProgress({ owner, epoch: delta.epoch, version: to }, now);
      return { owner, outcome: heard === 'outbid' ? 'outbid' : 'known', changes: [] };
    }
    if (!this.#isMember(owner)) return { owner, outcome: 'stranger', changes: [] };
    const held = this.#replicas.get(owner);
    if (held === undefined && this.#watermarks.isStale(delta))
      return { owner, outcome: 'known', changes: [] };
    if (held === undefined && delta.from !== 0) return { owner, outcome: 'behind', changes: [] };
    if (this.#exceedsLimits(held, delta)) return { owner, outcome: 'refused', changes: [] };
    const ledger = held ?? this.#createReplica(owner, 0);
    const changes: EntryChange[] = [];
    const outcome = this.#applyDelta(ledger, delta, now, changes);
    this.#watermarks.delete(owner);
    if (delta.epoch === ledger.epoch && delta.to >= ledger.version) this.#confirm(ledger);
    return { owner, outcome, changes };
  }

  /**
   * That an owner's ledger goes so far somewhere. `ask`: farther than ours. `outbid`: farther than our own, of which
   * we know nothing any more, so we began an epoch above it: spread `deltaFor(us)`. Source: A15 (docs/replication.md).
   */
  receiveProgress({ owner, epoch, version }: Progress, now: Millis): 'ask' | 'known' | 'outbid' {
    const ours = this.knownProgress(owner);
    const isNews =
      ours === undefined
        ? version > 0
        : epoch > ours.epoch || (epoch === ours.epoch && version > ours.version);
    if (!isNews) return 'known';
    if (owner !== this.#own.owner) return this.#isMember(owner) ? 'ask' : 'known';
    if (now < this.#epochRaisedAt + EPOCH_RAISE_INTERVAL || epoch >= MAX_VERSION) return 'known';
    this.#epochRaisedAt = now;
    startEpoch(this.#own, Math.min(MAX_VERSION, epoch + this.#stride));
    clearTombstones(this.#own);
    this.#updateTotals(this.#own, []);
    return 'outbid';
  }

  /** Forgets an owner that is no member any more, and says what readers lose. Source: A16, A18 (docs/replication.md). */
  deleteOwner(owner: string): readonly EntryChange[] {
    const held = this.#replicas.get(owner);
    if (held === undefined || held === this.#own) return [];
    // Readers have seen what was ahead of a gap, too: a copy that ends before it would take them back.
    const version = held.rangesAhead.at(-1)?.to ?? held.version;
    this.#watermarks.set({ owner, epoch: held.epoch, version });
    this.#replicas.delete(owner);
    this.#estimatedBytes -= held.estimatedBytes;
    if (held.unconfirmed) this.#unconfirmedCount -= 1;
    this.#digest.update(held.ledgerHash, owner, 0, 0);
    const changes: EntryChange[] = [];
    for (const { key, value } of held.entries.values())
      if (value !== undefined) changes.push({ key, before: value, after: undefined });
    return changes;
  }

  /** Forgets old tombstones. Once a minute or so is enough. */
  reapTombstones(now: Millis): void {
    for (const held of this.#replicas.values())
      if (held.tombstones.length > 0) reapExpiredTombstones(held, now);
  }

  /** Everything we know in a few octets: `encodeSummary`'s. The same array until something changes. */
  encodedSummary(): Uint8Array {
    return this.#digest.encodedSummary();
  }

  /** Where a member's summary differs from ours; `undefined`: nowhere. Copies of which both say the same are confirmed. */
  differingBuckets(theirs: CatalogSummary): BucketSet | undefined {
    const found = this.#digest.differingBuckets(theirs);
    if (this.#unconfirmedCount === 0) return found;
    const { of, buckets } = found ?? { of: 1, buckets: [] };
    const differ = new Set(buckets);
    for (const held of this.#replicas.values())
      if (held.unconfirmed && !differ.has(held.ledgerHash.bucket % of)) this.#confirm(held);
    return found;
  }

  /** Asks for all we lack in some buckets; in `ALL`, for everything. */
  createSyncRequest(buckets: BucketSet = ALL_BUCKETS): SyncRequestBody {
    return { ...buckets, rows: this.progressInBuckets(buckets) };
  }

  /** Asks for single owners: after `ahead`, `behind` or an announcement. */
  createOwnersRequest(owners: Iterable<string>): SyncRequestBody {
    const rows = [...owners].map((owner) => this.knownProgress(owner) ?? { owner, epoch: 0, version: 0 });
    return { of: 0, buckets: [], rows };
  }

  /** What whoever asks lacks, and what we lack of it. */
  answerSyncRequest(request: SyncRequestBody, now: Millis): PreparedResponse {
    return answerSyncRequest(this, request, now);
  }

  /** Takes an answer in. */
  acceptSyncResponse(given: SyncResponseBody, now: Millis): AcceptedResponse {
    return acceptSyncResponse(this, given, now);
  }

  /** Owners whose remembered copy was confirmed since the last call. */
  consumeConfirmed(): readonly string[] {
    const confirmed = this.#confirmed;
    if (confirmed.length > 0) this.#confirmed = [];
    return confirmed;
  }

  /** For the disk: how far our epochs went, and all we know of others. `recall` reads it. */
  snapshot(): Uint8Array {
    const { owner, epoch, version } = this.#own;
    const ledgers: Delta[] = [];
    for (const held of this.#replicas.values()) {
      const delta = held === this.#own || held.version === 0 ? undefined : deltaSince(held, undefined);
      if (delta !== undefined) ledgers.push(delta);
    }
    return encodeCatalogSnapshot({ owner, epoch, version, ledgers });
  }

  /** How far we hold an owner's ledger; of one that was dropped, nothing of its last epoch. */
  knownProgress(owner: string): Progress | undefined {
    const floor = this.#watermarks.get(owner);
    return this.replicaProgress(owner) ?? (floor === undefined ? undefined : { ...floor, version: 0 });
  }

  /** How far we hold each owner in some buckets. */
  progressInBuckets({ of, buckets }: BucketSet): Progress[] {
    const wanted = new Set(buckets);
    const rows: Progress[] = [];
    for (const { owner, epoch, version, ledgerHash: mark } of this.#replicas.values())
      if (wanted.has(mark.bucket % of)) rows.push({ owner, epoch, version });
    for (const floor of this.#watermarks.all())
      if (this.#isMember(floor.owner) && wanted.has(newLedgerHash(floor.owner).bucket % of))
        rows.push({ ...floor, version: 0 });
    return rows;
  }

  /** A member holds the same. */
  confirm(owner: string): void {
    const held = this.#replicas.get(owner);
    if (held !== undefined) this.#confirm(held);
  }

  #createReplica(owner: string, epoch: number): Replica {
    const held = newReplica(owner, epoch);
    this.#replicas.set(owner, held);
    return held;
  }

  #applyDelta(held: Replica, delta: Delta, now: Millis, changes: EntryChange[]): ApplyResult['outcome'] {
    const { epoch } = held;
    const outcome = applyDelta(held, delta, changes);
    if (held.epoch !== epoch) clearTombstones(held);
    if (outcome !== 'applied' && outcome !== 'ahead') return outcome;
    recordTombstones(held, delta.entries, now);
    this.#updateTotals(held, changes);
    return outcome;
  }

  /** Counts and marks what changed. */
  #updateTotals(held: Replica, changes: readonly EntryChange[]): void {
    const { owner, epoch, version } = held;
    const before = held.estimatedBytes;
    for (const change of changes) {
      held.live += (change.after === undefined ? 0 : 1) - (change.before === undefined ? 0 : 1);
      held.estimatedBytes += estimateBytes(change.after) - estimateBytes(change.before);
    }
    this.#estimatedBytes += held.estimatedBytes - before;
    if (held.entries.size - held.live > MAX_TOMBSTONES) reapOlderTombstones(held);
    this.#digest.update(held.ledgerHash, owner, epoch, version);
    if (this.#intern !== undefined && isContiguous(held)) {
      held.entries = this.#intern(held, held.entries);
      held.shared = true;
    }
  }

  #exceedsLimits(held: Replica | undefined, delta: Delta): boolean {
    const isWhole = held === undefined || delta.from === 0;
    let count = isWhole ? 0 : held.entries.size;
    let weight = isWhole ? 0 : held.estimatedBytes;
    for (const { key, value } of delta.entries) {
      const before = isWhole ? undefined : held.entries.get(key);
      if (before === undefined) count += 1;
      weight += estimateBytes(value) - estimateBytes(before?.value);
    }
    const added = weight - (held?.estimatedBytes ?? 0);
    return (
      count > MAX_LEDGER_ENTRIES + 2 * MAX_TOMBSTONES ||
      weight > MAX_LEDGER_BYTES ||
      (added > 0 && this.#estimatedBytes + added > MAX_CATALOG_BYTES)
    );
  }

  #confirm(held: Replica): void {
    if (!held.unconfirmed) return;
    held.unconfirmed = false;
    this.#unconfirmedCount -= 1;
    this.#confirmed.push(held.owner);
  }
}
