/**
 * LZW as memberlist speaks it: least significant bit first, literals of 8 bits, codes of 9 to 12. Both ways are
 * byte for byte what Go's encoder writes. Which messages are compressed is packet.ts's and stream.ts's business.
 *
 * Source: Go compress/lzw, Order LSB; P7 (docs/protocol.md).
 */
import { WireError } from '../base/errors.ts';

const CLEAR = 256;
const END = 257;
const MIN_WIDTH = 9;
const MAX_WIDTH = 12;
const MAX_CODE = (1 << MAX_WIDTH) - 1;

// Open addressing over (prefix, octet): `KEYS` holds the pair plus one, so that 0 is a free slot.
const HASH_BITS = 14;
const HASH_MASK = (1 << HASH_BITS) - 1;
const KEYS = new Uint32Array(1 << HASH_BITS);
const CODES = new Uint16Array(1 << HASH_BITS);

/** Compresses all of `bytes`; the result is fresh memory. It may be larger than its input. */
export function compressLzw(bytes: Uint8Array): Uint8Array {
  // One code of at most 12 bits per octet, one clear per 3838 of them, and clear, end and padding.
  const out = new Uint8Array(Math.ceil((bytes.length + bytes.length / 3000 + 4) * 1.5) + 2);
  let at = 0;
  let bits = CLEAR; // every stream begins with a clear
  let held = MIN_WIDTH;
  let width = MIN_WIDTH;
  let overflow = 1 << MIN_WIDTH;
  let high = END;
  let prefix = -1;
  KEYS.fill(0);

  for (let i = 0; i < bytes.length; i++) {
    const octet = bytes[i] as number;
    if (prefix < 0) {
      prefix = octet;
      continue;
    }
    const key = (prefix << 8) | octet;
    let slot = ((key >>> 6) ^ key) & HASH_MASK;
    while (KEYS[slot] !== 0 && KEYS[slot] !== key + 1) slot = (slot + 1) & HASH_MASK;
    if (KEYS[slot] !== 0) {
      prefix = CODES[slot] as number;
      continue;
    }
    bits |= prefix << held;
    held += width;
    while (held >= 8) {
      out[at++] = bits & 0xff;
      bits >>>= 8;
      held -= 8;
    }
    prefix = octet;
    high++;
    if (high === overflow) {
      width++;
      overflow <<= 1;
    }
    if (high === MAX_CODE) {
      bits |= CLEAR << held;
      held += width;
      while (held >= 8) {
        out[at++] = bits & 0xff;
        bits >>>= 8;
        held -= 8;
      }
      width = MIN_WIDTH;
      overflow = 1 << MIN_WIDTH;
      high = END;
      KEYS.fill(0);
    } else {
      KEYS[slot] = key + 1;
      CODES[slot] = high;
    }
  }

  if (prefix >= 0) {
    bits |= prefix << held;
    held += width;
    high++;
    if (high === overflow) width++;
  }
  while (held >= 8) {
    out[at++] = bits & 0xff;
    bits >>>= 8;
    held -= 8;
  }
  bits |= END << held;
  held += width;
  for (; held > 0; held -= 8) {
    out[at++] = bits & 0xff;
    bits >>>= 8;
  }
  return out.slice(0, at);
}

// What a code stands for is a stretch of the output so far: where it begins, and how long it is.
const FROM = new Int32Array(MAX_CODE + 1);
const LENGTH = new Int32Array(MAX_CODE + 1);

/**
 * Expands until the end code; octets behind it are ignored, as Go does. Fresh memory, which grows with what comes
 * out, never with what is claimed. Throws `WireError`: 'badCompression' for a code that cannot be or a missing
 * end, 'tooLarge' as soon as more than `maxBytes` would come out.
 */
export function decompressLzw(bytes: Uint8Array, maxBytes: number): Uint8Array {
  let out = new Uint8Array(Math.min(maxBytes, Math.max(64, 4 * bytes.length)));
  let size = 0;
  let at = 0;
  let bits = 0;
  let held = 0;
  let width = MIN_WIDTH;
  let overflow = 1 << MIN_WIDTH;
  let high = END;
  let lastFrom = -1; // -1: no previous code to build on
  let lastLength = 0;

  for (;;) {
    while (held < width) {
      if (at === bytes.length) throw new WireError('badCompression', 'compressed data without an end');
      bits |= (bytes[at++] as number) << held;
      held += 8;
    }
    const code = bits & ((1 << width) - 1);
    bits >>>= width;
    held -= width;

    if (code === CLEAR) {
      width = MIN_WIDTH;
      overflow = 1 << MIN_WIDTH;
      high = END;
      lastFrom = -1;
      continue;
    }
    if (code === END) return size === out.length ? out : out.slice(0, size);
    if (code > high) throw new WireError('badCompression', 'a code that is not assigned yet');

    // The newest code is the previous expansion and the octet after it, which is this expansion's first.
    if (lastFrom >= 0) {
      FROM[high] = lastFrom;
      LENGTH[high] = lastLength + 1;
    }
    const length = code < CLEAR ? 1 : (LENGTH[code] as number);
    if (size + length > maxBytes) throw new WireError('tooLarge', `expands to more than ${maxBytes} octets`);
    if (size + length > out.length) {
      const grown = new Uint8Array(Math.min(maxBytes, Math.max(2 * out.length, size + length)));
      grown.set(out.subarray(0, size));
      out = grown;
    }
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
