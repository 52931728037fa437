/**
 * Anti-entropy: two agents make their catalogs equal. The requester sends its progress; the response holds the
 * deltas it lacks, and what the responder lacks itself. The amount sent grows with the difference. Streams are the
 * agent's (docs/replication.md, A27 to A29).
 */
import type { InTurns, Millis, Turn } from '../base/time.ts';
import { isOtherCopy } from './contents.ts';
import type { BucketSet } from './digest.ts';
import { isOutOfReach } from './doubts.ts';
import type { ApplyResult, Delta, Progress } from './types.ts';
import { estimateBytes } from './values.ts';

/** `CatalogSyncRequest` of wire/ without its kind. With `bucketCount` 0 it is about the owners in `rows` only. */
export interface SyncRequestBody extends BucketSet {
  readonly rows: readonly Progress[];
}

/** `CatalogSyncResponse` of wire/ without its kind. */
export interface SyncResponseBody {
  readonly deltas: readonly Delta[];
  readonly wants: readonly Progress[];
  readonly more: boolean;
}

/** The response to send. If our epoch was raised meanwhile, the whole own ledger must be broadcast. */
export interface PreparedResponse extends SyncResponseBody {
  readonly epochRaised: boolean;
}

/** What to do after a response: send `deltas` back, and request again if there is `more`. */
export interface AcceptedResponse {
  /** The sender lacks a part of some ledger, and so does this agent; or something was passed over. */
  readonly isPartial: boolean;
  /** Those that were not kept, since their owner is no member yet. */
  readonly passedOver: readonly Delta[];
  readonly deltas: readonly Delta[];
  /** Never if nothing was kept: the next response would be the same again. */
  readonly more: boolean;
  readonly epochRaised: boolean;
}

/** The part of `Catalog` that anti-entropy needs. */
interface AntiEntropyStore {
  knownProgress(owner: string): Progress | undefined;
  /** Are later entries of the owner held, and earlier ones not? */
  hasGap(owner: string): boolean;
  progressInBuckets(buckets: BucketSet): readonly Progress[];
  deltaFor(owner: string, progress?: Progress): Delta | undefined;
  receiveProgress(progress: Progress, now: Millis): 'pull' | 'stale' | 'epochRaised';
  hasOtherCopy(row: Progress): boolean;
  confirm(owner: string): void;
  toldOf(owner: string, now: Millis): Progress | undefined;
}

/** Estimated bytes of the deltas in one message. An owner is never cut, so the last one may exceed it. */
const MAX_MESSAGE_BYTES = 512 * 1024;
/** Work of one row of progress, in units of a `Turn`. */
const UNITS_PER_ROW = 3;

/** A peer's copy of this ledger goes as far as ours, and says something else: one of the two was forged (A48). */
type OnOtherCopy = (owner: string) => void;

/** A request about single owners, and of which lies its answer decides (`Catalog.toldOf`). */
export interface OwnersRequest extends SyncRequestBody {
  readonly told: ReadonlyMap<string, Progress>;
}

/**
 * Requests single owners: after `gap`, `needsWhole` or an announcement. With `isAsked` an owner itself is asked: if it is in
 * doubt what it has, for all of it.
 */
export function createOwnersRequest(
  store: Pick<AntiEntropyStore, 'knownProgress' | 'toldOf'>,
  owners: Iterable<string>,
  now: Millis,
  isAsked: (owner: string) => boolean,
): OwnersRequest {
  const told = new Map<string, Progress>();
  const rows = [...owners].map((owner) => {
    const held = store.knownProgress(owner);
    const decided = isAsked(owner) ? store.toldOf(owner, now) : undefined;
    if (decided !== undefined) told.set(owner, decided);
    return held === undefined || decided !== undefined || isOutOfReach(held)
      ? { owner, epoch: 0, version: 0 }
      : held;
  });
  return { bucketCount: 0, buckets: [], rows, told };
}

export function* answerSyncRequest(
  store: AntiEntropyStore,
  { bucketCount, buckets, rows }: SyncRequestBody,
  turn: Turn,
  onOtherCopy: OnOtherCopy,
): InTurns<PreparedResponse> {
  const theirs = new Map(rows.map((row) => [row.owner, row]));
  const ours =
    bucketCount === 0
      ? [...theirs.keys()].flatMap((owner) => store.knownProgress(owner) ?? [])
      : store.progressInBuckets({ bucketCount, buckets });
  const deltas: Delta[] = [];
  const wants: Progress[] = [];
  let epochRaised = false;
  let bytesLeft = MAX_MESSAGE_BYTES;
  for (const mine of ours) {
    const row = theirs.get(mine.owner);
    theirs.delete(mine.owner);
    if (row === undefined && store.hasGap(mine.owner)) wants.push(mine); // the requester must know that this answer is not all
    if (row === undefined && mine.version === 0) continue; // an empty ledger replaces nothing
    if (turn.spend(UNITS_PER_ROW)) yield;
    const received = row === undefined ? 'stale' : compareRow(store, row, mine, turn.now);
    if (received === 'epochRaised') epochRaised = true;
    const isOther = row !== undefined && isOtherCopy(row, mine);
    if (isOther) onOtherCopy(mine.owner);
    const delta = bytesLeft > 0 ? store.deltaFor(mine.owner, row) : undefined;
    const isBelow = delta === undefined && row !== undefined && isWatermarkAbove(mine, row);
    if (received === 'pull' || isOther || isBelow) wants.push(mine);
    if (delta === undefined) continue;
    deltas.push(delta);
    bytesLeft -= estimateDeltaBytes(delta);
    if (turn.spend(unitsOf(delta))) yield;
  }
  for (const row of theirs.values()) {
    if (store.receiveProgress(row, turn.now) === 'pull')
      wants.push({ owner: row.owner, epoch: 0, version: 0 });
    if (turn.spend(UNITS_PER_ROW)) yield;
  }
  return { deltas, wants, more: bytesLeft <= 0, epochRaised };
}

/** Takes in the requester's progress of an owner that we know, too. */
function compareRow(
  store: AntiEntropyStore,
  row: Progress,
  mine: Progress,
  now: Millis,
): 'pull' | 'stale' | 'epochRaised' {
  const received = store.receiveProgress(row, now);
  const isSame = row.epoch === mine.epoch && row.version === mine.version && !isOtherCopy(row, mine);
  if (isSame) store.confirm(mine.owner);
  return received;
}

/**
 * We dropped this ledger and kept only a watermark, of a later epoch than the requester's. The requester may be the
 * owner itself, restarted: it has to know that epoch to choose one above it.
 */
const isWatermarkAbove = (mine: Progress, row: Progress): boolean =>
  mine.version === 0 && mine.epoch > row.epoch;

export function* acceptSyncResponse(
  store: AntiEntropyStore,
  { deltas, wants, more }: SyncResponseBody,
  turn: Turn,
  apply: (delta: Delta) => ApplyResult,
  onOtherCopy: OnOtherCopy,
): InTurns<AcceptedResponse> {
  const passedOver: Delta[] = [];
  const wanted: Delta[] = [];
  let epochRaised = false;
  let progressed = false;
  let isPartial = false;
  for (const delta of deltas) {
    const { outcome } = apply(delta);
    if (outcome === 'notMember') passedOver.push(delta);
    if (outcome === 'epochRaised') epochRaised = true;
    if (outcome === 'applied' || outcome === 'gap') progressed = true;
    if (turn.spend(unitsOf(delta))) yield;
  }
  for (const row of wants) {
    if (store.hasOtherCopy(row)) onOtherCopy(row.owner);
    if (store.receiveProgress(row, turn.now) === 'epochRaised') epochRaised = true;
    if (!isAhead(store.knownProgress(row.owner), row)) isPartial = true;
    const delta = store.deltaFor(row.owner, row);
    if (delta !== undefined) wanted.push(delta);
    if (turn.spend(UNITS_PER_ROW + (delta === undefined ? 0 : unitsOf(delta)))) yield;
  }
  return {
    isPartial: isPartial || passedOver.length > 0,
    passedOver,
    deltas: wanted,
    more: more && progressed,
    epochRaised,
  };
}

/** Do we hold more than the sender of this row, or a later ledger of the owner? */
const isAhead = (held: Progress | undefined, row: Progress): boolean =>
  held !== undefined && (held.epoch !== row.epoch ? held.version > 0 : held.version > row.version);

/** Work of applying or finding a delta, in units of a `Turn`. */
export const unitsOf = ({ entries }: Delta): number => 5 + 5 * entries.length;

/** Splits deltas into batches, each for one message. */
export function batchDeltas(deltas: readonly Delta[]): readonly (readonly Delta[])[] {
  const batches: Delta[][] = [];
  let bytesLeft = 0;
  for (const delta of deltas) {
    if (bytesLeft <= 0) {
      batches.push([]);
      bytesLeft = MAX_MESSAGE_BYTES;
    }
    batches.at(-1)?.push(delta);
    bytesLeft -= estimateDeltaBytes(delta);
  }
  return batches;
}

function estimateDeltaBytes(delta: Delta): number {
  let total = 64;
  for (const { value } of delta.entries) total += 32 + estimateBytes(value);
  return total;
}
