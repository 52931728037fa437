/**
 * Writes msgpack as go-msgpack 0.5.x does: raw for text and bytes, integers in their smallest unsigned form, no str8,
 * no bin. Agents of every version read these forms.
 *
 * Source: msgpack "old spec"; go-msgpack 0.5.5; P15 (docs/protocol.md).
 */

const SLAB_BYTES = 8192;
const SCRATCH = new DataView(new ArrayBuffer(8));
const encoder = new TextEncoder();

/**
 * Appends to growing memory.
 *
 * Results (of `finish`, of the `encode…` functions of wire/, and of `sealPacket`) are views on memory that is never
 * written again, so they may be sent and stored without a copy. But small results share a slab, since an allocation
 * costs more than the encoding: a stored view keeps the whole slab (8 or 32 KiB) in memory, so copy what is stored for
 * long.
 */
export class MsgpackWriter {
  bytes: Uint8Array;
  at = 0;
  /** Start of the unfinished result. */
  #from = 0;

  constructor(capacity = 512) {
    this.bytes = new Uint8Array(capacity);
  }

  /** What was written since the last `finish`. The next result begins after it. */
  finish(): Uint8Array {
    const result = this.bytes.subarray(this.#from, this.at);
    this.#from = this.at;
    return result;
  }

  /** Discards what was written since the last `finish`. */
  reset(): this {
    this.at = this.#from;
    return this;
  }

  reserve(byteCount: number): void {
    if (this.at + byteCount > this.bytes.length) this.#grow(byteCount);
  }

  #grow(byteCount: number): void {
    const written = this.at - this.#from;
    const grown = new Uint8Array(Math.max(SLAB_BYTES, 2 * (written + byteCount)));
    grown.set(this.bytes.subarray(this.#from, this.at));
    this.bytes = grown;
    this.#from = 0;
    this.at = written;
  }

  byte(value: number): void {
    this.reserve(1);
    this.bytes[this.at++] = value;
  }

  /** Bytes as they are, without a header. */
  append(bytes: Uint8Array): void {
    const length = bytes.length;
    this.reserve(length);
    // For a few bytes a loop is faster than `set`.
    if (length > 32) this.bytes.set(bytes, this.at);
    else for (let i = 0, at = this.at; i < length; i++) this.bytes[at + i] = bytes[i] as number;
    this.at += length;
  }

  /** A byte field: raw; `nil` when empty, as agents write a nil slice. */
  raw(bytes: Uint8Array): void {
    if (bytes.length === 0) return this.nil();
    this.#rawHeader(bytes.length);
    this.append(bytes);
  }

  str(value: string): void {
    const length = value.length;
    this.reserve(3 * length + 5);
    if (length < 32) {
      const start = this.at;
      let at = start + 1;
      let i = 0;
      for (; i < length; i++) {
        const code = value.charCodeAt(i);
        if (code >= 0x80) break;
        this.bytes[at++] = code;
      }
      if (i === length) {
        this.bytes[start] = 0xa0 | length;
        this.at = at;
        return;
      }
    }
    const bytes = encoder.encode(value);
    this.#rawHeader(bytes.length);
    this.append(bytes);
  }

  nil(): void {
    this.byte(0xc0);
  }

  bool(value: boolean): void {
    this.byte(value ? 0xc3 : 0xc2);
  }

  /** A non-negative integer up to 2^53 - 1 in its smallest unsigned form. */
  uint(value: number): void {
    this.reserve(9);
    if (value < 0x80) this.bytes[this.at++] = value;
    else if (value < 0x100) {
      this.bytes[this.at++] = 0xcc;
      this.bytes[this.at++] = value;
    } else if (value < 0x1_0000) {
      this.bytes[this.at++] = 0xcd;
      this.#two(value);
    } else if (value < 0x1_0000_0000) {
      this.bytes[this.at++] = 0xce;
      this.#four(value);
    } else {
      this.bytes[this.at++] = 0xcf;
      this.#four(Math.floor(value / 0x1_0000_0000));
      this.#four(value % 0x1_0000_0000);
    }
  }

  float(value: number): void {
    this.reserve(9);
    this.bytes[this.at++] = 0xcb;
    SCRATCH.setFloat64(0, value);
    for (let i = 0; i < 8; i++) this.bytes[this.at++] = SCRATCH.getUint8(i);
  }

  mapHeader(entries: number): void {
    this.#header(entries, 0x80, 0xde);
  }

  arrayHeader(elements: number): void {
    this.#header(elements, 0x90, 0xdc);
  }

  #header(count: number, fix: number, wide: number): void {
    this.reserve(5);
    if (count < 16) this.bytes[this.at++] = fix | count;
    else if (count < 0x1_0000) {
      this.bytes[this.at++] = wide;
      this.#two(count);
    } else {
      this.bytes[this.at++] = wide + 1;
      this.#four(count);
    }
  }

  #rawHeader(length: number): void {
    this.reserve(5);
    if (length < 32) this.bytes[this.at++] = 0xa0 | length;
    else if (length < 0x1_0000) {
      this.bytes[this.at++] = 0xda;
      this.#two(length);
    } else {
      this.bytes[this.at++] = 0xdb;
      this.#four(length);
    }
  }

  #two(value: number): void {
    this.bytes[this.at++] = value >>> 8;
    this.bytes[this.at++] = value;
  }

  #four(value: number): void {
    this.bytes[this.at++] = value >>> 24;
    this.bytes[this.at++] = value >>> 16;
    this.bytes[this.at++] = value >>> 8;
    this.bytes[this.at++] = value;
  }
}
