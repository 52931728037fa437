/**
 * A strict msgpack reader with limits. Schemas (struct.ts) decide which type is expected where.
 *
 * Source: msgpack "old spec" and what go-msgpack accepts of the new; P16, P17 (docs/protocol.md).
 */
import { NO_BYTES } from '../base/bytes.ts';
import { WireError } from '../base/errors.ts';
import { decodeText } from './text.ts';

/** Nesting below one field of a message. Serf's agents nest up to 4. */
const MAX_DEPTH = 8;

const SCRATCH = new DataView(new ArrayBuffer(8));

const shortError = (): WireError => new WireError('short', 'fewer bytes than declared');
const malformedError = (detail: string): WireError => new WireError('malformed', detail);

/** Reads one buffer from front to back. Methods throw `WireError`; `at` has no meaning after that. */
export class MsgpackReader {
  readonly bytes: Uint8Array;
  at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  /** The next byte, not consumed. */
  peek(): number {
    const byte = this.bytes[this.at];
    if (byte === undefined) throw shortError();
    return byte;
  }

  byte(): number {
    const byte = this.bytes[this.at];
    if (byte === undefined) throw shortError();
    this.at++;
    return byte;
  }

  /** Big-endian unsigned integer of 1, 2 or 4 bytes. */
  fixed(width: 1 | 2 | 4): number {
    const at = this.at;
    const bytes = this.bytes;
    if (at + width > bytes.length) throw shortError();
    this.at = at + width;
    if (width === 1) return bytes[at] as number;
    const high = ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
    if (width === 2) return high;
    return high * 0x1_0000 + (((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number));
  }

  /** The next `length` bytes as a view. */
  view(length: number): Uint8Array {
    const at = this.at;
    if (at + length > this.bytes.length) throw shortError();
    this.at = at + length;
    return this.bytes.subarray(at, at + length);
  }

  skipBytes(length: number): void {
    if (this.at + length > this.bytes.length) throw shortError();
    this.at += length;
  }

  /** A raw, str or bin value as a view; nil is empty, as for agents. */
  raw(): Uint8Array {
    const type = this.peek();
    if (type >= 0xa0 && type < 0xc0) {
      this.at++;
      return this.view(type & 31);
    }
    if (type === 0xc0) {
      this.at++;
      return NO_BYTES;
    }
    return this.view(this.rawLength());
  }

  str(): string {
    if (this.peek() === 0xc0) {
      this.at++;
      return '';
    }
    const length = this.rawLength();
    const from = this.at;
    this.skipBytes(length);
    return decodeText(this.bytes, from, this.at);
  }

  /** An unsigned integer in any form agents accept; above 2^53 - 1 it reads as 2^53 - 1. nil is 0. */
  uint(): number {
    const type = this.byte();
    if (type < 0x80) return type;
    const value = this.#integer(type);
    if (value < 0) throw malformedError('a negative integer instead of an unsigned one');
    return value;
  }

  /** A signed integer, saturating at +-(2^53 - 1). nil is 0. */
  int(): number {
    const type = this.byte();
    return type < 0x80 ? type : type >= 0xe0 ? type - 0x100 : this.#integer(type);
  }

  bool(): boolean {
    const type = this.byte();
    if (type === 0xc3 || type === 1) return true;
    if (type === 0xc2 || type === 0 || type === 0xc0) return false;
    throw malformedError('not a boolean');
  }

  /** A float or an integer. NaN and infinities are returned: the caller validates values. */
  float(): number {
    const type = this.peek();
    if (type !== 0xcb && type !== 0xca) return this.int();
    this.at++;
    const width = type === 0xcb ? 8 : 4;
    const from = this.at;
    this.skipBytes(width);
    for (let i = 0; i < width; i++) SCRATCH.setUint8(i, this.bytes[from + i] as number);
    return width === 8 ? SCRATCH.getFloat64(0) : SCRATCH.getFloat32(0);
  }

  /** The number of entries of a map: at most `limit`, and at most as many as the remaining bytes can hold. */
  mapLength(limit: number): number {
    const type = this.byte();
    if (type >= 0x80 && type < 0x90) return this.#checkCount(type & 15, 2, limit);
    if (type === 0xde) return this.#checkCount(this.fixed(2), 2, limit);
    if (type === 0xdf) return this.#checkCount(this.fixed(4), 2, limit);
    throw malformedError('not a map');
  }

  /** The number of elements of an array; nil is an empty one. */
  arrayLength(limit: number): number {
    const type = this.byte();
    if (type === 0xc0) return 0;
    if (type >= 0x90 && type < 0xa0) return this.#checkCount(type & 15, 1, limit);
    if (type === 0xdc) return this.#checkCount(this.fixed(2), 1, limit);
    if (type === 0xdd) return this.#checkCount(this.fixed(4), 1, limit);
    throw malformedError('not an array');
  }

  /** Skips one value of any type. */
  skip(depth = 0): void {
    if (depth > MAX_DEPTH) throw new WireError('tooLarge', 'nested too deeply');
    const type = this.byte();
    if (type < 0x80 || type >= 0xe0 || type === 0xc0 || type === 0xc2 || type === 0xc3) return;
    if (type < 0x90) return this.#skipMany(2 * (type & 15), depth);
    if (type < 0xa0) return this.#skipMany(type & 15, depth);
    if (type < 0xc0) return this.skipBytes(type & 31);
    switch (type) {
      case 0xc4:
      case 0xd9:
        return this.skipBytes(this.fixed(1));
      case 0xc5:
      case 0xda:
        return this.skipBytes(this.fixed(2));
      case 0xc6:
      case 0xdb:
        return this.skipBytes(this.fixed(4));
      case 0xcc:
      case 0xd0:
        return this.skipBytes(1);
      case 0xcd:
      case 0xd1:
        return this.skipBytes(2);
      case 0xca:
      case 0xce:
      case 0xd2:
        return this.skipBytes(4);
      case 0xcb:
      case 0xcf:
      case 0xd3:
        return this.skipBytes(8);
      case 0xdc:
        return this.#skipMany(this.fixed(2), depth);
      case 0xdd:
        return this.#skipMany(this.fixed(4), depth);
      case 0xde:
        return this.#skipMany(2 * this.fixed(2), depth);
      case 0xdf:
        return this.#skipMany(2 * this.fixed(4), depth);
      case 0xc7:
        return this.skipBytes(1 + this.fixed(1));
      case 0xc8:
        return this.skipBytes(1 + this.fixed(2));
      case 0xc9:
        return this.skipBytes(1 + this.fixed(4));
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.skipBytes(1 + (1 << (type - 0xd4)));
    }
    throw malformedError('0xc1 is no msgpack type');
  }

  #skipMany(count: number, depth: number): void {
    if (count > this.bytes.length - this.at) throw shortError();
    for (let i = 0; i < count; i++) this.skip(depth + 1);
  }

  #checkCount(declared: number, bytesEach: number, limit: number): number {
    if (declared > limit) throw new WireError('tooLarge', `${declared} entries, of at most ${limit}`);
    if (declared * bytesEach > this.bytes.length - this.at) throw shortError();
    return declared;
  }

  /** The header of a raw, str or bin value: the number of bytes that follow. */
  rawLength(): number {
    const type = this.byte();
    if (type >= 0xa0 && type < 0xc0) return type & 31;
    if (type === 0xda || type === 0xc5) return this.fixed(2);
    if (type === 0xd9 || type === 0xc4) return this.fixed(1);
    if (type === 0xdb || type === 0xc6) return this.fixed(4);
    throw malformedError('neither text nor bytes');
  }

  #integer(type: number): number {
    switch (type) {
      case 0xc0:
        return 0;
      case 0xcc:
        return this.fixed(1);
      case 0xcd:
        return this.fixed(2);
      case 0xce:
        return this.fixed(4);
      case 0xcf:
        return Math.min(this.fixed(4) * 0x1_0000_0000 + this.fixed(4), Number.MAX_SAFE_INTEGER);
      case 0xd0:
        return (this.fixed(1) << 24) >> 24;
      case 0xd1:
        return (this.fixed(2) << 16) >> 16;
      case 0xd2:
        return this.fixed(4) | 0;
      case 0xd3: {
        const value = (this.fixed(4) | 0) * 0x1_0000_0000 + this.fixed(4);
        return Math.max(-Number.MAX_SAFE_INTEGER, Math.min(value, Number.MAX_SAFE_INTEGER));
      }
    }
    throw malformedError('not an integer');
  }
}
