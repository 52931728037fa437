/**
 * Seals messages into datagrams and opens datagrams: label, encryption, CRC, compression and compound. The messages are
 * in memberlist.ts and serf.ts.
 *
 * Source: memberlist net.go, util.go, label.go; P3 to P11 (docs/protocol.md).
 */
import { assert } from '../base/assert.ts';
import { sameBytes } from '../base/bytes.ts';
import { WireError } from '../base/errors.ts';
import { crc32 } from './crc.ts';
import { decryptPayload, encryptedLength, encryptOverhead, encryptPayload } from './crypt.ts';
import {
  bufferToUint8Array,
  compressMessage,
  decompressBuffer,
  type Envelope,
  isCompressible,
  writeU32,
} from './envelope.ts';
import { Compress, MESSAGE_TYPE } from './memberlist.ts';
import { decodeStruct } from './struct.ts';

export { BARE_ENVELOPE, type Envelope } from './envelope.ts';

/** Bytes that each message takes in a datagram besides its own: its entry in the length table. */
export const COMPOUND_OVERHEAD = 2;
/** Old agents misread datagrams of more messages, so the caller splits there. */
export const SAFE_COMPOUND_PARTS = 127;

const MAX_PACKET_BYTES = 65_536;
/** Of all compressed parts of one datagram, expanded. */
const MAX_EXPANDED_BYTES = 65_536;
const MAX_EXPANSION = 64;
const MAX_COMPOUND_PARTS = 255;
const COMPOUND_HEADER_OVERHEAD = 2;
const CRC_HEADER_BYTES = 5;

/**
 * Bare messages (type byte and body), in order: views on `bytes`, or on what was decrypted or expanded from it.
 * `truncated`: parts of the datagram are missing or unreadable, and were left out. Throws `WireError` if all are.
 */
export function openPacket(
  bytes: Uint8Array,
  envelope: Envelope,
): { messages: Uint8Array[]; truncated: boolean } {
  if (bytes.length > MAX_PACKET_BYTES) throw new WireError('tooLarge', `a datagram of ${bytes.length} bytes`);
  let inner = removeLabel(bufferToUint8Array(bytes), envelope.label);
  if (envelope.keys.length > 0) inner = decryptPacket(inner, envelope);
  else if (looksEncrypted(inner)) throw new WireError('encrypted', 'encrypted, but this agent has no key');
  if (inner[0] === MESSAGE_TYPE.crc && inner.length >= CRC_HEADER_BYTES) {
    if (crc32(inner, CRC_HEADER_BYTES) !== readU32(inner, 1))
      throw new WireError('badChecksum', 'the CRC does not match');
    inner = inner.subarray(CRC_HEADER_BYTES);
  }
  const state: OpenState = { messages: [], truncated: false, decompressBudget: MAX_EXPANDED_BYTES };
  splitMessage(inner, state, false, false);
  return { messages: state.messages, truncated: state.truncated };
}

interface OpenState {
  readonly messages: Uint8Array[];
  truncated: boolean;
  /** Bytes that compressed parts may still expand to. */
  decompressBudget: number;
}

/**
 * Splits a message until bare ones are left. Differs: agents recurse without a limit, and none has ever sent what needs
 * it; here a compound holds no compound, so a datagram has 255 messages at most, and nothing is compressed twice.
 */
function splitMessage(message: Uint8Array, state: OpenState, nested: boolean, expanded: boolean): void {
  const type = message[0];
  if (type === undefined) throw new WireError('short', 'an empty message');
  if (type === MESSAGE_TYPE.compress) {
    if (expanded) throw new WireError('tooLarge', 'compressed twice');
    splitMessage(decompressMessage(message, state), state, nested, true);
  } else if (type === MESSAGE_TYPE.compound) {
    if (nested) throw new WireError('tooLarge', 'a compound within a compound');
    splitCompound(message, state, expanded);
  } else state.messages.push(message);
}

function splitCompound(message: Uint8Array, state: OpenState, expanded: boolean): void {
  const count = message[1];
  if (count === undefined || message.length < COMPOUND_HEADER_OVERHEAD + COMPOUND_OVERHEAD * count)
    throw new WireError('short', 'a compound with a truncated length table');
  const before = state.messages.length;
  let at = COMPOUND_HEADER_OVERHEAD + COMPOUND_OVERHEAD * count;
  let failed: WireError | undefined;
  for (let i = 0; i < count; i++) {
    const row = COMPOUND_HEADER_OVERHEAD + COMPOUND_OVERHEAD * i;
    const end = at + (((message[row] as number) << 8) | (message[row + 1] as number));
    if (end > message.length) {
      failed = new WireError('short', 'a truncated compound');
      break;
    }
    try {
      splitMessage(message.subarray(at, end), state, true, expanded);
    } catch (error) {
      // An invalid part is left out; a part that passes a limit refuses the datagram.
      if (!(error instanceof WireError) || error.code === 'tooLarge') throw error;
      failed = error;
    }
    at = end;
  }
  if (failed === undefined) return;
  if (state.messages.length === before) throw failed;
  state.truncated = true;
}

function decompressMessage(message: Uint8Array, state: OpenState): Uint8Array {
  const { algo, buf } = decodeStruct(Compress, message);
  const limit = Math.min(state.decompressBudget, MAX_EXPANSION * buf.length);
  const out = decompressBuffer(algo, buf, limit);
  state.decompressBudget -= out.length;
  return out;
}

/** Returns what follows the label, which must be ours. */
function removeLabel(bytes: Uint8Array, label: Uint8Array): Uint8Array {
  if (bytes[0] !== MESSAGE_TYPE.label) {
    if (label.length > 0) throw new WireError('badLabel', 'no label');
    return bytes;
  }
  const length = bytes[1] ?? 0;
  if (length === 0 || bytes.length < 2 + length) throw new WireError('badLabel', 'a truncated label');
  if (!sameBytes(bytes.subarray(2, 2 + length), label)) throw new WireError('badLabel', 'a foreign label');
  return bytes.subarray(2 + length);
}

function decryptPacket(bytes: Uint8Array, envelope: Envelope): Uint8Array {
  try {
    return decryptPayload(bytes, envelope.keys, envelope.label);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    if (!envelope.verifyIncoming) return bytes;
    throw looksEncrypted(bytes)
      ? error
      : new WireError('plaintext', 'not encrypted, but this agent has a key');
  }
}

/** An encrypted datagram begins with byte 0 or 1, as do a ping and an indirect ping, which continue with a map of fields. */
function looksEncrypted(bytes: Uint8Array): boolean {
  const type = bytes[0];
  return type !== undefined && type <= 1 && bytes.length >= 29 && !beginsWithField(bytes, 1);
}

/** Whether there is a msgpack map whose first key can be the name of a field. About one nonce in 75,000 looks so, too. */
function beginsWithField(bytes: Uint8Array, at: number): boolean {
  const head = bytes[at] ?? 0;
  const keyAt = at + ((head & 0xf0) === 0x80 ? 1 : head === 0xde ? 3 : head === 0xdf ? 5 : Number.NaN);
  const key = bytes[keyAt] ?? 0; // nothing at NaN: it is no map
  const length = key & 0x1f;
  if ((key & 0xe0) !== 0xa0 || length < MIN_FIELD_NAME) return false;
  return bytes.subarray(keyAt + 1, keyAt + 1 + MIN_FIELD_NAME).every(isLetter);
}

/** `Node` and `Port` are the shortest names of fields in a ping. */
const MIN_FIELD_NAME = 4;
const isLetter = (byte: number): boolean => (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a;

const readU32 = (bytes: Uint8Array, at: number): number =>
  (bytes[at] as number) * 0x100_0000 +
  (((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number));

/**
 * Seals 1 to 255 bare messages into one datagram; the caller splits at `SAFE_COMPOUND_PARTS`. Several messages make a
 * compound, which is compressed only if that is shorter; then follow the CRC, encryption with the primary key, and the
 * label. `nonce` is called once if there are keys, and must return 12 bytes that were never used before. The memory of
 * the result follows the rule of `MsgpackWriter`.
 */
export function sealPacket(
  messages: readonly Uint8Array[],
  envelope: Envelope,
  options: { readonly crc: boolean; readonly nonce: () => Uint8Array },
): Uint8Array {
  const { label } = envelope;
  const key = envelope.keys[0];
  assert(
    messages.length >= 1 && messages.length <= MAX_COMPOUND_PARTS,
    `a datagram of ${messages.length} messages`,
  );
  const body = compressIfShorter(messages, envelope);
  const labelHead = label.length === 0 ? 0 : 2 + label.length;
  const crcHead = options.crc ? CRC_HEADER_BYTES : 0;
  const plainLength = crcHead + bodyLength(body);

  const out = allocate(
    labelHead + (key === undefined ? plainLength : encryptedLength(plainLength, envelope.encryptionVersion)),
  );
  if (labelHead > 0) {
    out[0] = MESSAGE_TYPE.label;
    out[1] = label.length;
    out.set(label, 2);
  }
  const plain = key === undefined ? out.subarray(labelHead) : scratch(plainLength);
  writeBody(plain, crcHead, body);
  if (options.crc) {
    plain[0] = MESSAGE_TYPE.crc;
    writeU32(plain, 1, crc32(plain, CRC_HEADER_BYTES));
  }
  if (key !== undefined) {
    const version = envelope.encryptionVersion;
    encryptPayload(out, labelHead, plain, { key, version, nonce: options.nonce(), aad: label });
  }
  return out;
}

/** About 23 datagrams share an allocation, which costs more than all else here. */
const SLAB_BYTES = 32_768;
let slab = new Uint8Array(SLAB_BYTES);
let slabUsed = 0;

/** Memory for a result: never given out twice. */
function allocate(length: number): Uint8Array {
  if (length > SLAB_BYTES / 4) return new Uint8Array(length);
  if (slabUsed + length > SLAB_BYTES) {
    slab = new Uint8Array(SLAB_BYTES);
    slabUsed = 0;
  }
  slabUsed += length;
  return slab.subarray(slabUsed - length, slabUsed);
}

let scratched = new Uint8Array(2048);

/** Memory for an intermediate step: the next call gives the same bytes out again. */
function scratch(length: number): Uint8Array {
  if (length > scratched.length) scratched = new Uint8Array(length);
  return scratched.subarray(0, length);
}

/** The messages, or a single compress message that holds them all in fewer bytes. */
function compressIfShorter(messages: readonly Uint8Array[], envelope: Envelope): readonly Uint8Array[] {
  const length = bodyLength(messages);
  if (!isCompressible(envelope, length)) return messages;
  const whole = scratch(length);
  writeBody(whole, 0, messages);
  const compressed = compressMessage(whole);
  return compressed === undefined ? messages : [compressed];
}

function bodyLength(messages: readonly Uint8Array[]): number {
  let length = messages.length > 1 ? COMPOUND_HEADER_OVERHEAD : 0;
  for (const message of messages) length += message.length + (messages.length > 1 ? COMPOUND_OVERHEAD : 0);
  return length;
}

function writeBody(out: Uint8Array, from: number, messages: readonly Uint8Array[]): void {
  let at = from;
  if (messages.length > 1) {
    out[at++] = MESSAGE_TYPE.compound;
    out[at++] = messages.length;
    for (const message of messages) {
      assert(message.length <= 0xffff, `a part of ${message.length} bytes`);
      out[at++] = message.length >>> 8;
      out[at++] = message.length & 0xff;
    }
  }
  for (const message of messages) {
    out.set(message, at);
    at += message.length;
  }
}

/**
 * Bytes for messages in one datagram of `packetBytes`; each takes `COMPOUND_OVERHEAD` besides its own. The CRC and the
 * longest padding are counted, so that a full packet never exceeds `packetBytes`.
 *
 * Differs: agents do not count the CRC, and exceed their own limit; P11 (docs/protocol.md).
 */
export function availableBytes(packetBytes: number, envelope: Envelope): number {
  const label = envelope.label.length === 0 ? 0 : 2 + envelope.label.length;
  const encryption = envelope.keys.length === 0 ? 0 : encryptOverhead(envelope.encryptionVersion);
  return Math.max(0, packetBytes - COMPOUND_HEADER_OVERHEAD - CRC_HEADER_BYTES - label - encryption);
}
