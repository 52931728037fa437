/**
 * Two agents make their catalogues equal: one asks with what it has, the other answers with what that lacks and with
 * what it wants itself. What is sent grows with the difference. Streams are the landing's.
 */
import type { Millis } from '../base/time.ts';
import type { BucketSet } from './digest.ts';
import type { ApplyResult, Delta, Progress } from './types.ts';
import { estimateBytes } from './values.ts';

/** `SyncRequest` and `SyncAnswer` of wire/, but for their kind. With `of` 0 it is about the owners in `rows` only. */
export interface SyncRequestBody extends BucketSet {
  readonly rows: readonly Progress[];
}
export interface SyncResponseBody {
  readonly deltas: readonly Delta[];
  readonly wants: readonly Progress[];
  readonly more: boolean;
}

/** The answer to send, and whether we began a new epoch meanwhile (then tell of ourselves). */
export interface PreparedResponse extends SyncResponseBody {
  readonly epochRaised: boolean;
}

/** What an answer came to: show `applied` to the views, send `deltas` back, and if there is `more` ask again. */
export interface AcceptedResponse {
  readonly applied: readonly ApplyResult[];
  readonly deltas: readonly Delta[];
  readonly more: boolean;
  readonly epochRaised: boolean;
}

/** What an exchange needs of a catalogue. */
interface AntiEntropyStore {
  knownProgress(owner: string): Progress | undefined;
  progressInBuckets(buckets: BucketSet): readonly Progress[];
  deltaFor(owner: string, progress?: Progress): Delta | undefined;
  receiveProgress(progress: Progress, now: Millis): 'ask' | 'known' | 'outbid';
  confirm(owner: string): void;
  apply(delta: Delta, now: Millis): ApplyResult;
}

/** Octets of deltas in one message, roughly. An owner is never cut, so the last one may pass it. */
const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;

export function answerSyncRequest(
  books: AntiEntropyStore,
  { of, buckets, rows }: SyncRequestBody,
  now: Millis,
): PreparedResponse {
  const theirs = new Map(rows.map((row) => [row.owner, row]));
  const ours =
    of === 0
      ? [...theirs.keys()].flatMap((owner) => books.knownProgress(owner) ?? [])
      : books.progressInBuckets({ of, buckets });
  const deltas: Delta[] = [];
  const wants: Progress[] = [];
  let outbid = false;
  let room = MAX_MESSAGE_BYTES;
  for (const mine of ours) {
    const row = theirs.get(mine.owner);
    theirs.delete(mine.owner);
    if (row === undefined && mine.version === 0) continue; // it says nothing, and replaces nothing
    if (row !== undefined) {
      const heard = books.receiveProgress(row, now);
      if (heard === 'ask') wants.push(mine);
      if (heard === 'outbid') outbid = true;
      if (row.epoch === mine.epoch && row.version === mine.version) books.confirm(mine.owner);
    }
    const delta = room > 0 ? books.deltaFor(mine.owner, row) : undefined;
    if (delta === undefined) {
      // Of one that left we know only how far it had come. If that is it who asks, it must hear so to outbid it.
      if (row !== undefined && mine.version === 0 && mine.epoch > row.epoch) wants.push(mine);
      continue;
    }
    deltas.push(delta);
    room -= estimateDeltaBytes(delta);
  }
  for (const row of theirs.values())
    if (books.receiveProgress(row, now) === 'ask') wants.push({ owner: row.owner, epoch: 0, version: 0 });
  return { deltas, wants, more: room <= 0, epochRaised: outbid };
}

export function acceptSyncResponse(
  books: AntiEntropyStore,
  { deltas, wants, more }: SyncResponseBody,
  now: Millis,
): AcceptedResponse {
  const applied = deltas.map((delta) => books.apply(delta, now));
  const back: Delta[] = [];
  let outbid = applied.some((one) => one.outcome === 'outbid');
  for (const row of wants) {
    if (books.receiveProgress(row, now) === 'outbid') outbid = true;
    const delta = books.deltaFor(row.owner, row);
    if (delta !== undefined) back.push(delta);
  }
  return { applied, deltas: back, more, epochRaised: outbid };
}

/** Deltas in portions, each for one message. */
export function batchDeltas(deltas: readonly Delta[]): readonly (readonly Delta[])[] {
  const out: Delta[][] = [];
  let room = 0;
  for (const delta of deltas) {
    if (room <= 0) {
      out.push([]);
      room = MAX_MESSAGE_BYTES;
    }
    out.at(-1)?.push(delta);
    room -= estimateDeltaBytes(delta);
  }
  return out;
}

function estimateDeltaBytes(delta: Delta): number {
  let total = 64;
  for (const { value } of delta.entries) total += 32 + estimateBytes(value);
  return total;
}
