/**
 * Anti-entropy: two agents make their catalogs equal. The requester sends its progress; the response holds the
 * deltas it lacks, and what the responder lacks itself. The amount sent grows with the difference. Streams are the
 * agent's (docs/replication.md, A27 to A29).
 */
import type { Millis } from '../base/time.ts';
import type { BucketSet } from './digest.ts';
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

/** What to do after a response: index `applied`, send `deltas` back, and request again if there is `more`. */
export interface AcceptedResponse {
  readonly applied: readonly ApplyResult[];
  /** Those that were not kept, since their owner is no member yet. */
  readonly passedOver: readonly Delta[];
  readonly deltas: readonly Delta[];
  readonly more: boolean;
  readonly epochRaised: boolean;
}

/** The part of `Catalog` that anti-entropy needs. */
interface AntiEntropyStore {
  knownProgress(owner: string): Progress | undefined;
  progressInBuckets(buckets: BucketSet): readonly Progress[];
  deltaFor(owner: string, progress?: Progress): Delta | undefined;
  receiveProgress(progress: Progress, now: Millis): 'pull' | 'stale' | 'epochRaised';
  confirm(owner: string): void;
  apply(delta: Delta, now: Millis, isFromOwner?: boolean): ApplyResult;
}

/** Estimated bytes of the deltas in one message. An owner is never cut, so the last one may exceed it. */
const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;

export function answerSyncRequest(
  store: AntiEntropyStore,
  { bucketCount, buckets, rows }: SyncRequestBody,
  now: Millis,
): PreparedResponse {
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
    if (row === undefined && mine.version === 0) continue; // an empty ledger replaces nothing
    const received = row === undefined ? 'stale' : compareRow(store, row, mine, now);
    if (received === 'epochRaised') epochRaised = true;
    const delta = bytesLeft > 0 ? store.deltaFor(mine.owner, row) : undefined;
    if (received === 'pull' || (delta === undefined && row !== undefined && isWatermarkAbove(mine, row)))
      wants.push(mine);
    if (delta === undefined) continue;
    deltas.push(delta);
    bytesLeft -= estimateDeltaBytes(delta);
  }
  for (const row of theirs.values())
    if (store.receiveProgress(row, now) === 'pull') wants.push({ owner: row.owner, epoch: 0, version: 0 });
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
  if (row.epoch === mine.epoch && row.version === mine.version) store.confirm(mine.owner);
  return received;
}

/**
 * We dropped this ledger and kept only a watermark, of a later epoch than the requester's. The requester may be the
 * owner itself, restarted: it has to know that epoch to choose one above it.
 */
const isWatermarkAbove = (mine: Progress, row: Progress): boolean =>
  mine.version === 0 && mine.epoch > row.epoch;

export function acceptSyncResponse(
  store: AntiEntropyStore,
  { deltas, wants, more }: SyncResponseBody,
  now: Millis,
  isSender: (owner: string) => boolean,
): AcceptedResponse {
  const applied = deltas.map((delta) => store.apply(delta, now, isSender(delta.owner)));
  const passedOver = deltas.filter((_, i) => applied[i]?.outcome === 'notMember');
  const wanted: Delta[] = [];
  let epochRaised = applied.some(({ outcome }) => outcome === 'epochRaised');
  for (const row of wants) {
    if (store.receiveProgress(row, now) === 'epochRaised') epochRaised = true;
    const delta = store.deltaFor(row.owner, row);
    if (delta !== undefined) wanted.push(delta);
  }
  return { applied, passedOver, deltas: wanted, more, epochRaised };
}

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
