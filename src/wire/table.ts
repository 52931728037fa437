/**
 * Table messages: user messages by which an agent asks a catalog peer, before a push/pull, whether the two hold the same. Serf
 * uses neither type, and is sent none. A format byte follows the type, as in the catalog's messages.
 *
 * Source: P85 (docs/protocol.md).
 */
import { WireError } from '../base/errors.ts';
import { MsgpackReader } from './msgpack.ts';
import { bytes, encodeWithFormat, type MessageOf, omitEmpty, struct, u32, u64 } from './struct.ts';

export const TABLE_TYPE = { question: 219, answer: 220 } as const;

const FORMAT = 1;
export const TABLE_DIGEST_BYTES = 8;

/** The rows of a table are in so many buckets, by a hash of the name. */
export const ROW_BUCKETS = 32;
const SUM_BYTES = 4;
/** One bit for each bucket, as in `encodeBuckets`. */
export const BUCKET_SET_BYTES = ROW_BUCKETS / 8;

/**
 * `floor`: the asker ignores user events before this time. `digest`: of what it holds, of user events those from then on. `rest`: of
 * the same without the catalog; empty from older agents.
 */
const TableQuestion = struct('tableQuestion', TABLE_TYPE.question, {
  ...{ id: u32('i'), floor: u64('f'), digest: bytes('d'), rest: omitEmpty(bytes('r')) },
});

/**
 * Of the one that was asked; `floor` is the later of the two. `summary`: of its catalog, if that is all that differs; empty if it is
 * not, or would be too long. `sums`: if more differs, the sum of the rows of each bucket; empty for small tables.
 */
export const TableAnswer = struct('tableAnswer', TABLE_TYPE.answer, {
  ...{
    id: u32('i'),
    floor: u64('f'),
    digest: bytes('d'),
    summary: omitEmpty(bytes('s')),
    sums: omitEmpty(bytes('b')),
  },
});

export type TableAnswer = MessageOf<typeof TableAnswer>;
export type TableMessage = MessageOf<typeof TableQuestion> | TableAnswer;

export const isTableType = (type: number): boolean =>
  type === TABLE_TYPE.question || type === TABLE_TYPE.answer;

/** Decodes the body of a user message, type byte first. Throws `WireError`. */
export function decodeTable(encoded: Uint8Array): TableMessage {
  const reader = new MsgpackReader(encoded);
  const type = reader.byte();
  const format = reader.byte();
  if (format !== FORMAT) throw new WireError('unknownType', `format ${format} of a table message`);
  if (!isTableType(type)) throw new WireError('unknownType', `type ${type} is no table message`);
  const message = type === TABLE_TYPE.question ? TableQuestion.read(reader) : TableAnswer.read(reader);
  if (message.digest.length !== TABLE_DIGEST_BYTES)
    throw new WireError('badValue', `a digest of ${message.digest.length} bytes`);
  if (message.kind === 'tableAnswer' && ![0, ROW_BUCKETS * SUM_BYTES].includes(message.sums.length))
    throw new WireError('badValue', `sums of ${message.sums.length} bytes`);
  return message;
}

/** The sums of the buckets, 32 bits each, as in an answer. */
export function encodeSums(sums: readonly number[]): Uint8Array {
  const encoded = new Uint8Array(ROW_BUCKETS * SUM_BYTES);
  const view = new DataView(encoded.buffer);
  for (const [bucket, sum] of sums.entries()) view.setUint32(bucket * SUM_BYTES, sum);
  return encoded;
}

/** The set of the buckets whose sums differ; both have sums. */
export function differingBuckets(sums: Uint8Array, others: Uint8Array): Uint8Array {
  const set = new Uint8Array(BUCKET_SET_BYTES);
  for (let at = 0; at < sums.length; at++) {
    const bucket = Math.floor(at / SUM_BYTES);
    if (sums[at] !== others[at]) set[bucket >> 3] = (set[bucket >> 3] as number) | (1 << (bucket & 7));
  }
  return set;
}

export const includesBucket = (set: Uint8Array, bucket: number): boolean =>
  ((set[bucket >> 3] as number) & (1 << (bucket & 7))) !== 0;

export const encodeTableQuestion = (message: Omit<MessageOf<typeof TableQuestion>, 'kind'>): Uint8Array =>
  encodeWithFormat(TableQuestion, FORMAT, message);
export const encodeTableAnswer = (message: Omit<MessageOf<typeof TableAnswer>, 'kind'>): Uint8Array =>
  encodeWithFormat(TableAnswer, FORMAT, message);
