/**
 * LZW as memberlist uses it: least significant bit first, literals of 8 bits, codes of 9 to 12. The output is byte for
 * byte that of Go's encoder. Callers decide which messages are compressed.
 *
 * Source: Go compress/lzw, Order LSB; P7 (docs/protocol.md).
 */
import { WireError } from '../base/errors.ts';
import { finish, type InTurns } from '../base/time.ts';

const CLEAR = 256;
const END = 257;
const MIN_WIDTH = 9;
const MAX_WIDTH = 12;
const MAX_CODE = (1 << MAX_WIDTH) - 1;

// The table is a hash map with open addressing from (prefix, byte) to code. `KEYS` holds the pair plus one; 0 is free. Of
// a datagram, which has few pairs, only the first slots are used, since the table is emptied each time.
const HASH_SLOTS = 1 << 14;
const FEW_HASH_SLOTS = 1 << 12;
const FEW_BYTES = 1500;
const KEYS = new Uint32Array(HASH_SLOTS);
const CODES = new Uint16Array(HASH_SLOTS);
/** The codes up to the next clear or the end, which is the last of them. Overwritten by each call of `encodeChunk`. */
const CHUNK = new Uint16Array(MAX_CODE);

/** Compresses all of `bytes` into fresh memory. The result may be larger than its input. */
export function compressLzw(bytes: Uint8Array): Uint8Array {
  // One code of at most 12 bits per byte, one clear per 3,838 of them; the first clear, the end and padding.
  const out = new Uint8Array(Math.ceil((bytes.length + bytes.length / 3000 + 4) * 1.5) + 2);
  let size = 0;
  let bits = CLEAR; // every stream begins with a clear
  let bitCount = MIN_WIDTH;
  let from = 0;
  let code = CLEAR;
  while (code !== END) {
    from = encodeChunk(bytes, from);
    let width = MIN_WIDTH;
    let overflow = 1 << MIN_WIDTH;
    let high = END;
    let i = 0;
    do {
      code = CHUNK[i++] as number;
      bits |= code << bitCount;
      bitCount += width;
      while (bitCount >= 8) {
        out[size++] = bits & 0xff;
        bits >>>= 8;
        bitCount -= 8;
      }
      high++;
      if (high === overflow) {
        width++;
        overflow <<= 1;
      }
    } while (code !== CLEAR && code !== END);
  }
  if (bitCount > 0) out[size++] = bits;
  return out.slice(0, size);
}

/** Fills `CHUNK` with codes for `bytes` from `from` until the table is full; returns where the next chunk begins. */
function encodeChunk(bytes: Uint8Array, from: number): number {
  const slots = bytes.length - from > FEW_BYTES ? HASH_SLOTS : FEW_HASH_SLOTS;
  const mask = slots - 1;
  KEYS.fill(0, 0, slots);
  let high = END;
  let count = 0;
  let at = from + 1;
  let prefix = bytes[from];
  for (; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    const key = ((prefix as number) << 8) | byte;
    let slot = ((key >>> 6) ^ key) & mask;
    while (KEYS[slot] !== 0 && KEYS[slot] !== key + 1) slot = (slot + 1) & mask;
    if (KEYS[slot] !== 0) {
      prefix = CODES[slot] as number;
      continue;
    }
    CHUNK[count++] = prefix as number;
    prefix = byte;
    high++;
    if (high === MAX_CODE) {
      CHUNK[count] = CLEAR;
      return at;
    }
    KEYS[slot] = key + 1;
    CODES[slot] = high;
  }
  if (prefix !== undefined) CHUNK[count++] = prefix;
  CHUNK[count] = END;
  return at;
}

/** A code stands for a range of the output so far: where it begins, and how long it is. */
interface CodeTable {
  readonly from: Int32Array;
  readonly length: Int32Array;
}
const createTable = (): CodeTable => ({
  from: new Int32Array(MAX_CODE + 1),
  length: new Int32Array(MAX_CODE + 1),
});
/** For what is expanded at once. */
const SHARED_TABLE = createTable();

/** Bytes of output between two yields: a millisecond or two. */
const BYTES_PER_YIELD = 128 * 1024;

/**
 * Expands into fresh memory until the end code; bytes behind it are ignored, as in Go. Memory grows with the output,
 * whatever the input claims. Throws `WireError`: 'badCompression' for an impossible code or a missing end, 'tooLarge'
 * as soon as the output would pass `maxBytes`.
 */
export const decompressLzw = (bytes: Uint8Array, maxBytes: number): Uint8Array =>
  finish(expand(bytes, maxBytes, SHARED_TABLE));

/** The same, with a pause after every part of the output. */
export const decompressLzwInTurns = (bytes: Uint8Array, maxBytes: number): InTurns<Uint8Array> =>
  expand(bytes, maxBytes, createTable());

function* expand(
  bytes: Uint8Array,
  maxBytes: number,
  { from: FROM, length: LENGTH }: CodeTable,
): InTurns<Uint8Array> {
  let yieldAt = BYTES_PER_YIELD;
  let out = new Uint8Array(Math.min(maxBytes, Math.max(64, 4 * bytes.length)));
  let size = 0;
  let at = 0;
  let bits = 0;
  let bitCount = 0;
  let width = MIN_WIDTH;
  let overflow = 1 << MIN_WIDTH;
  let high = END;
  let lastFrom = -1; // -1: no previous code to build on
  let lastLength = 0;

  for (;;) {
    while (bitCount < width) {
      if (at === bytes.length) throw new WireError('badCompression', 'compressed data without an end');
      bits |= (bytes[at++] as number) << bitCount;
      bitCount += 8;
    }
    const code = bits & ((1 << width) - 1);
    bits >>>= width;
    bitCount -= width;

    if (code === CLEAR) {
      width = MIN_WIDTH;
      overflow = 1 << MIN_WIDTH;
      high = END;
      lastFrom = -1;
      continue;
    }
    if (code === END) return 2 * size > out.length ? out.subarray(0, size) : out.slice(0, size);
    if (size >= yieldAt) {
      yieldAt = size + BYTES_PER_YIELD;
      yield;
    }
    if (code > high) throw new WireError('badCompression', 'a code that is not assigned yet');

    // The newest code is the previous expansion and the byte after it, which is the first of this expansion.
    if (lastFrom >= 0) {
      FROM[high] = lastFrom;
      LENGTH[high] = lastLength + 1;
    }
    const length = code < CLEAR ? 1 : (LENGTH[code] as number);
    if (size + length > out.length) out = grow(out, size + length, maxBytes);
    lastFrom = size;
    lastLength = length;
    if (code < CLEAR) out[size++] = code;
    else
      for (let from = FROM[code] as number, to = size + length; size < to; )
        out[size++] = out[from++] as number;

    high++;
    if (high < overflow) continue;
    if (width < MAX_WIDTH) {
      width++;
      overflow <<= 1;
    } else {
      high--;
      lastFrom = -1;
    }
  }
}

function grow(out: Uint8Array, needed: number, maxBytes: number): Uint8Array<ArrayBuffer> {
  if (needed > maxBytes) throw new WireError('tooLarge', `expands to more than ${maxBytes} bytes`);
  const grown = new Uint8Array(Math.min(maxBytes, Math.max(2 * out.length, needed)));
  grown.set(out);
  return grown;
}
