/**
 * The envelope of packets and streams, and the steps that both take to seal and open it.
 *
 * Source: memberlist util.go, compressPayload, decompressPayload; P7 (docs/protocol.md).
 */
import { NO_BYTES } from '../base/bytes.ts';
import { WireError } from '../base/errors.ts';
import type { InTurns } from '../base/time.ts';
import { compressLzw, decompressLzw, decompressLzwInTurns } from './lzw.ts';
import { Compress } from './memberlist.ts';

/** What this agent wraps around everything it sends, and expects around everything it receives. */
export interface Envelope {
  /** At most 255 bytes; empty: none. */
  readonly label: Uint8Array;
  /** Primary first; empty: plaintext. */
  readonly keys: readonly Uint8Array[];
  /** With keys: refuse plaintext. */
  readonly verifyIncoming: boolean;
  readonly encryptionVersion: 0 | 1;
  /** Compress what we send, where that is shorter. Compressed messages of others are always read. */
  readonly compress: boolean;
  /** The shortest message that is compressed, in bytes; absent: 256. The golden vectors need 0: agents of Serf compress shorter ones, too. */
  readonly minCompressedBytes?: number;
}

/** No label, no key, no compression. */
export const BARE_ENVELOPE: Envelope = {
  label: NO_BYTES,
  keys: [],
  verifyIncoming: true,
  encryptionVersion: 1,
  compress: false,
};

/** Shorter messages repeat too little to become shorter, so pings and acks cost no time. */
const MIN_COMPRESSED_BYTES = 256;

/** Is a message of `bytes` to be compressed, if that makes it shorter? */
export const isCompressible = (
  { compress, minCompressedBytes = MIN_COMPRESSED_BYTES }: Envelope,
  bytes: number,
): boolean => compress && bytes >= minCompressedBytes;

/** A compress message around a whole message; `undefined`: it would not be shorter. */
export function compressMessage(message: Uint8Array): Uint8Array | undefined {
  const compressed = Compress.encode({ algo: 0, buf: compressLzw(message) });
  return compressed.length < message.length ? compressed : undefined;
}

/** Expands the body of a compress message. */
export function decompressBuffer(algo: number, buf: Uint8Array, maxBytes: number): Uint8Array {
  checkAlgorithm(algo);
  return checkExpanded(decompressLzw(buf, maxBytes));
}

/** The same, with a pause after every part of the output. */
export function* decompressBufferInTurns(
  algo: number,
  buf: Uint8Array,
  maxBytes: number,
): InTurns<Uint8Array> {
  checkAlgorithm(algo);
  return checkExpanded(yield* decompressLzwInTurns(buf, maxBytes));
}

function checkAlgorithm(algo: number): void {
  if (algo !== 0) throw new WireError('badCompression', `compression algorithm ${algo}`);
}

function checkExpanded(out: Uint8Array): Uint8Array {
  if (out.length === 0) throw new WireError('badCompression', 'an empty message, compressed');
  return out;
}

/** A Buffer as the Uint8Array it also is: `slice` then copies, and readers meet one kind of array only. */
export const bufferToUint8Array = (bytes: Uint8Array): Uint8Array =>
  bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);

/** Big-endian, 4 bytes. */
export function writeU32(out: Uint8Array, at: number, value: number): void {
  out[at] = value >>> 24;
  out[at + 1] = (value >>> 16) & 0xff;
  out[at + 2] = (value >>> 8) & 0xff;
  out[at + 3] = value & 0xff;
}
