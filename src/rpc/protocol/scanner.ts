/**
 * Finds where a msgpack value ends. Each byte is looked at once, however small the pieces are in which it arrives, and what
 * is too large or too deep is refused before it is buffered.
 */
import { WireError } from '../../base/errors.ts';

/** Bytes of one value, and of one request. Its longest parts are the payload of an event and a list of seeds. */
export const MAX_VALUE_BYTES = 128 * 1024;
const MAX_DEPTH = 8;
/** Values inside one value, keys included. */
const MAX_VALUES = 16_384;

/** Bytes after the type octet, of values whose length is fixed. */
const FIXED_SIZES: ReadonlyMap<number, number> = new Map([
  ...[0xc0, 0xc2, 0xc3].map((type) => [type, 0] as const),
  ...[0xcc, 0xd0].map((type) => [type, 1] as const),
  ...[0xcd, 0xd1].map((type) => [type, 2] as const),
  ...[0xca, 0xce, 0xd2].map((type) => [type, 4] as const),
  ...[0xcb, 0xcf, 0xd3].map((type) => [type, 8] as const),
  ...[0xd4, 0xd5, 0xd6, 0xd7, 0xd8].map((type, i) => [type, 1 + 2 ** i] as const), // fixext: a kind, then data
]);
type Width = 1 | 2 | 4;
/** Octets that hold the length of a value, and what is behind them besides that length. */
const SIZED: ReadonlyMap<number, readonly [width: Width, more: number]> = new Map<
  number,
  readonly [Width, number]
>([
  ...[0xc4, 0xd9].map((type) => [type, [1, 0]] as const),
  ...[0xc5, 0xda].map((type) => [type, [2, 0]] as const),
  ...[0xc6, 0xdb].map((type) => [type, [4, 0]] as const),
  // ext: a kind, then data
  ...([1, 2, 4] as const).map((width, i) => [0xc7 + i, [width, 1]] as const),
]);
/** Octets that hold a count, and how many values one of it is. */
const COUNTED: ReadonlyMap<number, readonly [width: Width, each: number]> = new Map([
  [0xdc, [2, 1]],
  [0xdd, [4, 1]],
  [0xde, [2, 2]],
  [0xdf, [4, 2]],
]);

/** The head of a value: the bytes it has before its inner values, and how many of those follow. */
interface Head {
  readonly bytes: number;
  readonly values: number;
}

export class ValueScanner {
  #at = 0;
  #values = 0;
  /** Values that are missing, by level. */
  #open: number[] = [1];

  /**
   * The length of the first value of `bytes`, and `undefined` while it is incomplete: then the same bytes and more must
   * follow. Throws `WireError` for what is no msgpack, or too large.
   */
  scan(bytes: Uint8Array): number | undefined {
    for (;;) {
      const level = this.#open.length - 1;
      const missing = this.#open[level] as number;
      if (missing === 0) {
        this.#open.pop();
        if (level === 0) return this.#reset();
        continue;
      }
      const head = readHead(bytes, this.#at);
      if (head === undefined) return undefined;
      if (this.#at + head.bytes > MAX_VALUE_BYTES)
        throw new WireError('tooLarge', `a value of more than ${MAX_VALUE_BYTES} bytes`);
      if (this.#at + head.bytes > bytes.length) return undefined;
      this.#at += head.bytes;
      this.#values += head.values;
      if (this.#values > MAX_VALUES) throw new WireError('tooLarge', `more than ${MAX_VALUES} values in one`);
      this.#open[level] = missing - 1;
      if (head.values === 0) continue;
      if (level >= MAX_DEPTH) throw new WireError('tooLarge', 'nested too deeply');
      this.#open.push(head.values);
    }
  }

  #reset(): number {
    const length = this.#at;
    this.#at = 0;
    this.#values = 0;
    this.#open = [1];
    return length;
  }
}

function readHead(bytes: Uint8Array, at: number): Head | undefined {
  const type = bytes[at];
  if (type === undefined) return undefined;
  if (type < 0x80 || type >= 0xe0) return { bytes: 1, values: 0 };
  if (type < 0x90) return { bytes: 1, values: 2 * (type & 15) };
  if (type < 0xa0) return { bytes: 1, values: type & 15 };
  if (type < 0xc0) return { bytes: 1 + (type & 31), values: 0 };
  const fixed = FIXED_SIZES.get(type);
  if (fixed !== undefined) return { bytes: 1 + fixed, values: 0 };
  const sized = SIZED.get(type);
  if (sized !== undefined) {
    const length = readUnsigned(bytes, at + 1, sized[0]);
    return length === undefined ? undefined : { bytes: 1 + sized[0] + length + sized[1], values: 0 };
  }
  const counted = COUNTED.get(type);
  if (counted === undefined) throw new WireError('malformed', '0xc1 is no msgpack type');
  const count = readUnsigned(bytes, at + 1, counted[0]);
  return count === undefined ? undefined : { bytes: 1 + counted[0], values: count * counted[1] };
}

function readUnsigned(bytes: Uint8Array, at: number, width: Width): number | undefined {
  if (at + width > bytes.length) return undefined;
  let value = 0;
  for (let i = 0; i < width; i++) value = value * 256 + (bytes[at + i] as number);
  return value;
}
