/** Replies of Serf's RPC as bytes. */
import { Packr } from 'msgpackr/pack';

const packr = new Packr({ useRecords: false, variableMapSize: true, encodeUndefinedAsNil: true });
const MAX_UINT32 = 2 ** 32 - 1;

/**
 * Packs the header of a reply, and the body if there is one. Keys are Go's field names; maps with names of members or tags
 * must be `Map`s.
 */
export function packReply(seq: number, error: string, body?: unknown): Uint8Array {
  const header = packr.pack({ Error: error, Seq: toInteger(seq) });
  return body === undefined ? header : Buffer.concat([header, packr.pack(body)]);
}

/** A whole number for `packReply`. Those from 2^32 on would become floats, which Go does not take for integers. */
export const toInteger = (value: number): number | bigint => (value > MAX_UINT32 ? BigInt(value) : value);

/** Bytes for `packReply`; Go writes none as nil. */
export const toBytes = (bytes: Uint8Array): Buffer | null =>
  bytes.length === 0 ? null : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
