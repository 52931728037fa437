/**
 * The catalog's messages: user messages to catalog peers only (types 200 and up, which Serf does not use), the
 * summary in a push/pull, and the snapshot on disk.
 *
 * A format byte follows the type. Fields may be added within a format, since readers skip unknown ones; other formats
 * are refused. Source: P64 to P66 (docs/protocol.md).
 */
import { WireError } from '../base/errors.ts';
import { finish, type InTurns, type Turn, unlimitedTurn } from '../base/time.ts';
import type { Entry } from '../model/service.ts';
import { ENTRY_CODEC, readTuple } from './entry.ts';
import { MAX_VERSION } from './entry-limits.ts';
import { FAILED_MEMBER, MAX_FAILED_MEMBERS } from './failed-member.ts';
import { checkMemberName } from './memberlist.ts';
import { MsgpackReader, MsgpackWriter } from './msgpack.ts';
import {
  arrayField,
  bool,
  bytes,
  encodeWithFormat,
  type MessageOf,
  omitEmpty,
  str,
  struct,
  u16,
  u32,
  u64,
} from './struct.ts';

export const CATALOG_TYPE = {
  delta: 200,
  deltaAnnounce: 201,
  catalogSyncRequest: 202,
  catalogSyncResponse: 203,
  deltas: 204,
} as const;

const FORMAT = 1;
/** Entries of one owner: as many as it may publish, and as many tombstones. */
const MAX_DELTA_ENTRIES = 16_384;
/** Owners in one message: four times as many as there are members by default. */
const MAX_OWNERS = 1 << 16;
/** Buckets of a summary or a request. A power of two. */
export const MAX_SUMMARY_BUCKETS = 64;

/** Encoded as an array, since there are many of them. */
export const PROGRESS = {
  read: (reader: MsgpackReader): LedgerProgress =>
    readTuple(reader, 3, (length) => readProgress(reader, length > 3), 4),
  write: (writer: MsgpackWriter, value: LedgerProgress): void => {
    writer.arrayHeader(value.contents === undefined ? 3 : 4);
    writer.str(value.owner);
    writer.uint(value.epoch);
    writer.uint(value.version);
    if (value.contents !== undefined) writer.uint(value.contents);
  },
};

function readProgress(reader: MsgpackReader, hasContents: boolean): LedgerProgress {
  const owner = reader.str();
  checkMemberName(owner);
  const epoch = checkVersion(reader.uint());
  const version = checkVersion(reader.uint());
  if (!hasContents) return { owner, epoch, version };
  const contents = reader.uint();
  if (contents > 0xffff_ffff) throw new WireError('badValue', 'a hash of more than 32 bits');
  return { owner, epoch, version, contents };
}

/** How far a copy of one owner's ledger goes, and in a sync about buckets what it says (A48). */
export interface LedgerProgress {
  readonly owner: string;
  readonly epoch: number;
  readonly version: number;
  readonly contents?: number | undefined;
}

/** The changes of one owner's ledger after version `from`, up to `to`; from 0, the whole ledger. */
const Delta = struct('delta', CATALOG_TYPE.delta, {
  owner: str('o'),
  epoch: u64('e'),
  from: omitEmpty(u64('f')),
  to: u64('t'),
  swept: omitEmpty(u64('s')),
  entries: omitEmpty(arrayField('n', MAX_DELTA_ENTRIES, ENTRY_CODEC)),
});

const DELTA = {
  read: (reader: MsgpackReader): DeltaMessage => checkDelta(Delta.read(reader)),
  *inTurns(reader: MsgpackReader, turn: Turn): InTurns<DeltaMessage> {
    return checkDelta(yield* Delta.readInTurns(reader, turn));
  },
  write: (writer: MsgpackWriter, delta: DeltaBody): void => Delta.write(writer, delta),
};

/** There is a delta that is too large for a packet; it can be requested from the sender. */
const DeltaAnnounce = struct('deltaAnnounce', CATALOG_TYPE.deltaAnnounce, {
  owner: str('o'),
  epoch: u64('e'),
  version: u64('v'),
});

/**
 * What the requester has. With `bucketCount` 0 it is about the owners in `rows` only, with epoch 0 for unknown ones.
 * Otherwise it is about all owners in `buckets`, out of `bucketCount`, and the requester does not know those that are
 * not in `rows`.
 */
const CatalogSyncRequest = struct('catalogSyncRequest', CATALOG_TYPE.catalogSyncRequest, {
  bucketCount: omitEmpty(u16('b')),
  buckets: omitEmpty(
    arrayField('k', MAX_SUMMARY_BUCKETS, {
      read: (r: MsgpackReader) => r.uint(),
      write: (w: MsgpackWriter, v: number) => w.uint(v),
    }),
  ),
  rows: omitEmpty(arrayField('r', MAX_OWNERS, PROGRESS)),
  /** The requester's failed members in these buckets. */
  failed: omitEmpty(arrayField('f', MAX_FAILED_MEMBERS, FAILED_MEMBER)),
});

/** What the requester lacks, and the progress of the ledgers that the responder lacks more of. */
const CatalogSyncResponse = struct('catalogSyncResponse', CATALOG_TYPE.catalogSyncResponse, {
  deltas: omitEmpty(arrayField('d', MAX_OWNERS, DELTA)),
  wants: omitEmpty(arrayField('w', MAX_OWNERS, PROGRESS)),
  /** Failed members that the request does not name: those in its buckets, or of its owners. */
  failed: omitEmpty(arrayField('f', MAX_FAILED_MEMBERS, FAILED_MEMBER)),
  /** The size limit was reached: request again. */
  more: omitEmpty(bool('m')),
});

const Deltas = struct('deltas', CATALOG_TYPE.deltas, {
  deltas: omitEmpty(arrayField('d', MAX_OWNERS, DELTA)),
});

export type DeltaMessage = MessageOf<typeof Delta>;
export type DeltaAnnounce = MessageOf<typeof DeltaAnnounce>;
export type CatalogSyncRequest = MessageOf<typeof CatalogSyncRequest>;
export type CatalogSyncResponse = MessageOf<typeof CatalogSyncResponse>;
export type Deltas = MessageOf<typeof Deltas>;
export type CatalogMessage = DeltaMessage | DeltaAnnounce | CatalogSyncRequest | CatalogSyncResponse | Deltas;
type ToEncode<M extends { readonly failed: unknown }> = Omit<M, 'kind' | 'failed'> &
  Partial<Pick<M, 'failed'>>;
type DeltaBody = Omit<DeltaMessage, 'kind'>;

export const isCatalogType = (type: number): boolean =>
  type >= CATALOG_TYPE.delta && type <= CATALOG_TYPE.deltas;

/**
 * Decodes the body of a user message, type byte first. Its values are validated and may be stored. Throws `WireError`.
 */
export const decodeCatalog = (encoded: Uint8Array): CatalogMessage =>
  finish(decodeCatalogInTurns(encoded, unlimitedTurn(0)));

/** The same in turns. */
export function* decodeCatalogInTurns(encoded: Uint8Array, turn: Turn): InTurns<CatalogMessage> {
  const reader = new MsgpackReader(encoded);
  const type = reader.byte();
  checkFormat(reader);
  switch (type) {
    case CATALOG_TYPE.delta:
      return DELTA.read(reader);
    case CATALOG_TYPE.deltaAnnounce:
      return checkAnnounce(DeltaAnnounce.read(reader));
    case CATALOG_TYPE.catalogSyncRequest:
      return checkSyncRequest(yield* CatalogSyncRequest.readInTurns(reader, turn));
    case CATALOG_TYPE.catalogSyncResponse:
      return yield* CatalogSyncResponse.readInTurns(reader, turn);
    case CATALOG_TYPE.deltas:
      return yield* Deltas.readInTurns(reader, turn);
    default:
      throw new WireError('unknownType', `type ${type} is no message of the catalog`);
  }
}

function checkFormat(reader: MsgpackReader): void {
  const format = reader.byte();
  if (format !== FORMAT) throw new WireError('unknownType', `format ${format} of the catalog's messages`);
}

function checkDelta(delta: DeltaMessage): DeltaMessage {
  checkMemberName(delta.owner);
  if (checkVersion(delta.epoch) === 0) throw new WireError('badValue', 'a delta without an epoch');
  checkVersion(delta.to);
  if (delta.from > delta.to) throw new WireError('badValue', 'a delta that ends before it starts');
  if (delta.swept > delta.to) throw new WireError('badValue', 'a delta that is swept beyond its end');
  for (const entry of delta.entries)
    if (entry.version <= delta.from)
      throw new WireError('badValue', 'an entry from before the start of its delta');
  return delta;
}

function checkAnnounce(announce: DeltaAnnounce): DeltaAnnounce {
  checkMemberName(announce.owner);
  checkVersion(announce.epoch);
  checkVersion(announce.version);
  return announce;
}

function checkSyncRequest(request: CatalogSyncRequest): CatalogSyncRequest {
  if (request.bucketCount !== 0 && !isBucketCount(request.bucketCount))
    throw new WireError('badValue', `a bucket count of ${request.bucketCount}`);
  for (const bucket of request.buckets)
    if (bucket >= request.bucketCount)
      throw new WireError('badValue', `bucket ${bucket} of ${request.bucketCount}`);
  return request;
}

const isBucketCount = (value: number): boolean =>
  value >= 1 && value <= MAX_SUMMARY_BUCKETS && (value & (value - 1)) === 0;

function checkVersion(value: number): number {
  if (value >= MAX_VERSION) throw new WireError('badValue', 'an epoch or version above its limit');
  return value;
}

const sharedWriter = new MsgpackWriter(2048);

/** A single delta; in a packet, a rumor. */
export const encodeDelta = (delta: DeltaBody): Uint8Array =>
  encodeWithFormat(Delta, FORMAT, delta, sharedWriter);
export const encodeDeltaAnnounce = (progress: LedgerProgress): Uint8Array =>
  encodeWithFormat(DeltaAnnounce, FORMAT, progress, sharedWriter);
export const encodeCatalogSyncRequest = (request: ToEncode<CatalogSyncRequest>): Uint8Array =>
  encodeWithFormat(CatalogSyncRequest, FORMAT, { failed: [], ...request }, new MsgpackWriter());
export const encodeCatalogSyncResponse = (response: ToEncode<CatalogSyncResponse>): Uint8Array =>
  encodeWithFormat(CatalogSyncResponse, FORMAT, { failed: [], ...response }, new MsgpackWriter());
export const encodeDeltas = (deltas: readonly DeltaBody[]): Uint8Array =>
  encodeWithFormat(Deltas, FORMAT, { deltas: deltas as Deltas['deltas'] }, new MsgpackWriter());

/** Bytes of one entry within a delta. */
export function entrySize(entry: Entry): number {
  ENTRY_CODEC.write(sharedWriter.reset(), entry);
  return sharedWriter.finish().length;
}

/** Hashes over (owner, epoch, version): of all ledgers, and of each bucket of owners; and of what the ledgers of each bucket say. */
const SummaryBody = struct('catalogSummary', 0, {
  high: u32('h'),
  low: u32('l'),
  buckets: bytes('b'), // four bytes each
  contents: omitEmpty(bytes('c')), // the same; agents up to 0.2.0 send and read none
});

export interface CatalogSummary {
  readonly high: number;
  readonly low: number;
  /** A power of two of them; bucket i of n holds the owners whose hash is i modulo n. */
  readonly buckets: readonly number[];
  /** As many, or none: the peer does not say what its ledgers say. */
  readonly contents: readonly number[];
}

export function encodeCatalogSummary({ high, low, buckets, contents }: CatalogSummary): Uint8Array {
  sharedWriter.reset().byte(FORMAT);
  SummaryBody.write(sharedWriter, {
    ...{ high, low },
    ...{ buckets: encodeWords(buckets), contents: encodeWords(contents) },
  });
  return sharedWriter.finish();
}

function encodeWords(words: readonly number[]): Uint8Array {
  const encoded = new Uint8Array(4 * words.length);
  const view = new DataView(encoded.buffer);
  words.forEach((word, i) => {
    view.setUint32(4 * i, word);
  });
  return encoded;
}

function decodeWords(encoded: Uint8Array): readonly number[] {
  const view = new DataView(encoded.buffer, encoded.byteOffset, encoded.length);
  return Array.from({ length: encoded.length / 4 }, (_, i) => view.getUint32(4 * i));
}

/** Throws `WireError`. */
export function decodeCatalogSummary(encoded: Uint8Array): CatalogSummary {
  const reader = new MsgpackReader(encoded);
  checkFormat(reader);
  const { high, low, buckets, contents } = SummaryBody.read(reader);
  if (buckets.length % 4 !== 0 || !isBucketCount(buckets.length / 4))
    throw new WireError('badValue', 'a summary whose bucket count is no power of two');
  if (contents.length !== 0 && contents.length !== buckets.length)
    throw new WireError('badValue', 'a summary with contents of other buckets');
  return { high, low, buckets: decodeWords(buckets), contents: decodeWords(contents) };
}

/** For the disk: the progress of the agent's own ledger, and its copies of others. */
const CatalogSnapshotBody = struct('catalogSnapshot', 0, {
  owner: str('o'),
  epoch: u64('e'),
  version: u64('v'),
  ledgers: omitEmpty(arrayField('d', MAX_OWNERS, DELTA)),
});
export type CatalogSnapshot = MessageOf<typeof CatalogSnapshotBody>;

export function encodeCatalogSnapshot(snapshot: Omit<CatalogSnapshot, 'kind'>): Uint8Array {
  const writer = new MsgpackWriter(1 << 16);
  writer.byte(FORMAT);
  CatalogSnapshotBody.write(writer, snapshot);
  return writer.finish();
}

/** Throws `WireError`. */
export function decodeCatalogSnapshot(encoded: Uint8Array): CatalogSnapshot {
  const reader = new MsgpackReader(encoded);
  checkFormat(reader);
  const snapshot = CatalogSnapshotBody.read(reader);
  checkMemberName(snapshot.owner);
  checkVersion(snapshot.epoch);
  return snapshot;
}
