/**
 * The catalogue's messages: user messages that only agents with a catalogue get (types 200 and up, in the space that
 * Serf leaves to its users), the summary that rides in a push/pull, and what is remembered on disk.
 *
 * Behind the type stands a format octet. Within a format, fields may be added: readers pass over what they do not
 * know. A reader refuses other formats.
 */
import { WireError } from '../base/errors.ts';
import type { Entry } from '../model/service.ts';
import { ENTRY_CODEC, MAX_VERSION, readTuple } from './entry.ts';
import { checkMemberName } from './memberlist.ts';
import { MsgpackReader, MsgpackWriter } from './msgpack.ts';
import { arrayField, bool, bytes, type MessageOf, omitEmpty, str, struct, u16, u32, u64 } from './struct.ts';

export const CATALOG_TYPE = {
  delta: 200,
  deltaAnnounce: 201,
  catalogSyncRequest: 202,
  catalogSyncResponse: 203,
  deltas: 204,
} as const;

const FORMAT = 1;
/** Rows of one owner: as many as it may publish, and the tombstones of as many. */
const MAX_DELTA_ENTRIES = 16_384;
/** Owners in one message. */
const MAX_OWNERS = 1 << 20;
/** Parts of the catalogue that a summary or a request tells apart. A power of two. */
export const MAX_SUMMARY_BUCKETS = 64;

/** How far one owner's ledger goes, as an array: there are many of them. */
const PROGRESS = {
  read: (reader: MsgpackReader): LedgerProgress =>
    readTuple(reader, 3, () => {
      const owner = reader.str();
      checkMemberName(owner);
      const epoch = checkVersion(reader.uint());
      return { owner, epoch, version: checkVersion(reader.uint()) };
    }),
  write: (writer: MsgpackWriter, value: LedgerProgress): void => {
    writer.arrayHeader(3);
    writer.str(value.owner);
    writer.uint(value.epoch);
    writer.uint(value.version);
  },
};

export interface LedgerProgress {
  readonly owner: string;
  readonly epoch: number;
  readonly version: number;
}

/** What changed in one owner's ledger: a rumor if it is short, a whole ledger if it starts at 0. */
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
  write: (writer: MsgpackWriter, delta: DeltaBody): void => Delta.write(writer, delta),
};

/** "There is more than a packet holds: ask me, or whoever has it." */
const DeltaAnnounce = struct('deltaAnnounce', CATALOG_TYPE.deltaAnnounce, {
  owner: str('o'),
  epoch: u64('e'),
  version: u64('v'),
});

/**
 * What the asker has. With `bucketCount` 0 it asks for the owners in `rows` only (unknown ones stand there at epoch 0); else
 * for all owners in `buckets` of that many, and those that are not in `rows` are unknown to it.
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
});

/** What the asker lacks, and from where on the answerer would like what it lacks itself. */
const CatalogSyncResponse = struct('catalogSyncResponse', CATALOG_TYPE.catalogSyncResponse, {
  deltas: omitEmpty(arrayField('d', MAX_OWNERS, DELTA)),
  wants: omitEmpty(arrayField('w', MAX_OWNERS, PROGRESS)),
  /** The limit of an answer was reached: ask again. */
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
type DeltaBody = Omit<DeltaMessage, 'kind'>;

/** Is this the body of a message of ours? */
export const isCatalogType = (type: number): boolean =>
  type >= CATALOG_TYPE.delta && type <= CATALOG_TYPE.deltas;

/** Decodes the body of a user message, type octet first. What it gives is fit to be stored. Throws `WireError`. */
export function decodeCatalog(octets: Uint8Array): CatalogMessage {
  const reader = new MsgpackReader(octets);
  const type = reader.octet();
  checkFormat(reader);
  switch (type) {
    case CATALOG_TYPE.delta:
      return DELTA.read(reader);
    case CATALOG_TYPE.deltaAnnounce:
      return checkAnnounce(DeltaAnnounce.read(reader));
    case CATALOG_TYPE.catalogSyncRequest:
      return checkSyncRequest(CatalogSyncRequest.read(reader));
    case CATALOG_TYPE.catalogSyncResponse:
      return CatalogSyncResponse.read(reader);
    case CATALOG_TYPE.deltas:
      return Deltas.read(reader);
    default:
      throw new WireError('unknownType', `no message of the catalogue: ${type}`);
  }
}

function checkFormat(reader: MsgpackReader): void {
  const format = reader.octet();
  if (format !== FORMAT) throw new WireError('unknownType', `format ${format} of the catalogue's messages`);
}

function checkDelta(delta: DeltaMessage): DeltaMessage {
  checkMemberName(delta.owner);
  if (checkVersion(delta.epoch) === 0) throw new WireError('badValue', 'a delta of no epoch');
  checkVersion(delta.to);
  if (delta.from > delta.to) throw new WireError('badValue', 'a delta that ends before it starts');
  if (delta.swept > delta.to) throw new WireError('badValue', 'a delta swept beyond its end');
  for (const entry of delta.entries)
    if (entry.version <= delta.from) throw new WireError('badValue', 'an entry from before its delta');
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
    throw new WireError('badValue', `${request.bucketCount} buckets where a small power of two must stand`);
  for (const bucket of request.buckets)
    if (bucket >= request.bucketCount)
      throw new WireError('badValue', `bucket ${bucket} of ${request.bucketCount}`);
  return request;
}

const isBucketCount = (value: number): boolean =>
  value >= 1 && value <= MAX_SUMMARY_BUCKETS && (value & (value - 1)) === 0;

function checkVersion(value: number): number {
  if (value > MAX_VERSION) throw new WireError('badValue', 'an epoch or version that cannot be');
  return value;
}

const sharedWriter = new MsgpackWriter(2048);

/** A rumor, or any delta alone. */
export const encodeDelta = (delta: DeltaBody): Uint8Array => encodeWithFormat(sharedWriter, Delta, delta);
export const encodeDeltaAnnounce = (progress: LedgerProgress): Uint8Array =>
  encodeWithFormat(sharedWriter, DeltaAnnounce, progress);
export const encodeCatalogSyncRequest = (request: Omit<CatalogSyncRequest, 'kind'>): Uint8Array =>
  encodeWithFormat(new MsgpackWriter(), CatalogSyncRequest, request);
export const encodeCatalogSyncResponse = (answer: Omit<CatalogSyncResponse, 'kind'>): Uint8Array =>
  encodeWithFormat(new MsgpackWriter(), CatalogSyncResponse, answer);
export const encodeDeltas = (deltas: readonly DeltaBody[]): Uint8Array =>
  encodeWithFormat(new MsgpackWriter(), Deltas, { deltas: deltas as Deltas['deltas'] });

function encodeWithFormat<M>(
  writer: MsgpackWriter,
  declared: { readonly type: number; write(writer: MsgpackWriter, message: M): void },
  message: M,
): Uint8Array {
  writer.reset().octet(declared.type);
  writer.octet(FORMAT);
  declared.write(writer, message);
  return writer.finish();
}

/** Octets one row takes within a delta. */
export function entrySize(entry: Entry): number {
  ENTRY_CODEC.write(sharedWriter.reset(), entry);
  return sharedWriter.finish().length;
}

/** All of a catalogue in a few octets: hashes over (owner, epoch, version), of all and of each bucket of owners. */
const SummaryBody = struct('catalogSummary', 0, {
  high: u32('h'),
  low: u32('l'),
  buckets: bytes('b'), // four octets each
});

export interface CatalogSummary {
  readonly high: number;
  readonly low: number;
  /** As many as a power of two; bucket i of n is that of owners whose hash is i modulo n. */
  readonly buckets: readonly number[];
}

export function encodeCatalogSummary({ high, low, buckets }: CatalogSummary): Uint8Array {
  const octets = new Uint8Array(4 * buckets.length);
  const view = new DataView(octets.buffer);
  buckets.forEach((bucket, i) => {
    view.setUint32(4 * i, bucket);
  });
  sharedWriter.reset().octet(FORMAT);
  SummaryBody.write(sharedWriter, { high, low, buckets: octets });
  return sharedWriter.finish();
}

/** Throws `WireError`. */
export function decodeCatalogSummary(octets: Uint8Array): CatalogSummary {
  const reader = new MsgpackReader(octets);
  checkFormat(reader);
  const { high, low, buckets } = SummaryBody.read(reader);
  if (buckets.length % 4 !== 0 || !isBucketCount(buckets.length / 4))
    throw new WireError('badValue', 'a summary of an odd number of buckets');
  const view = new DataView(buckets.buffer, buckets.byteOffset, buckets.length);
  return { high, low, buckets: Array.from({ length: buckets.length / 4 }, (_, i) => view.getUint32(4 * i)) };
}

/** What an agent keeps on disk: how far its own ledger went, and its copies of the others'. */
const CatalogSnapshotBody = struct('catalogSnapshot', 0, {
  owner: str('o'),
  epoch: u64('e'),
  version: u64('v'),
  ledgers: omitEmpty(arrayField('d', MAX_OWNERS, DELTA)),
});
export type CatalogSnapshot = MessageOf<typeof CatalogSnapshotBody>;

export function encodeCatalogSnapshot(memory: Omit<CatalogSnapshot, 'kind'>): Uint8Array {
  const writer = new MsgpackWriter(1 << 16);
  writer.octet(FORMAT);
  CatalogSnapshotBody.write(writer, memory);
  return writer.finish();
}

/** Throws `WireError`. */
export function decodeCatalogSnapshot(octets: Uint8Array): CatalogSnapshot {
  const reader = new MsgpackReader(octets);
  checkFormat(reader);
  const memory = CatalogSnapshotBody.read(reader);
  checkMemberName(memory.owner);
  checkVersion(memory.epoch);
  return memory;
}
