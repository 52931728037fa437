/**
 * The kinds of field a message is declared of, and how each travels. What a message does with them is struct.ts's.
 *
 * Source: go-msgpack; P15, P16 (docs/protocol.md).
 */
import { NO_BYTES } from '../base/bytes.ts';
import { WireError } from '../base/errors.ts';
import type { InTurns, Turn } from '../base/time.ts';
import type { MsgpackReader, MsgpackWriter } from './msgpack.ts';

/** The encodings of most fields. Readers and writers of structs handle them inline, which is faster than a call. */
export type ScalarType = 'unsigned' | 'str' | 'raw' | 'bool';

/** One field: its Go name, and how its value is encoded. */
export interface Field<T> {
  readonly name: string;
  readonly scalar?: ScalarType;
  /** For `unsigned`. */
  readonly max?: number;
  /** Left out when zero. All other fields are always written. */
  readonly omitZero: boolean;
  readonly zero: T;
  isZero(value: T): boolean;
  read(reader: MsgpackReader): T;
  /** The same in turns, for fields that may be long. */
  inTurns?(reader: MsgpackReader, turn: Turn): InTurns<T>;
  write(writer: MsgpackWriter, value: T): void;
}

/** How one element of a list or map travels. */
interface Element<T> {
  read(reader: MsgpackReader): T;
  inTurns?(reader: MsgpackReader, turn: Turn): InTurns<T>;
  write(writer: MsgpackWriter, value: T): void;
}

/** What it costs to have read from `from` up to here. */
const unitsSince = (from: number, { at }: MsgpackReader): number => 1 + ((at - from) >> 4);

function* elementInTurns<T>(element: Element<T>, reader: MsgpackReader, turn: Turn): InTurns<T> {
  if (element.inTurns !== undefined) return yield* element.inTurns(reader, turn);
  const from = reader.at;
  const value = element.read(reader);
  if (turn.spend(unitsSince(from, reader))) yield;
  return value;
}

const field = <T>(
  name: string,
  zero: T,
  read: (reader: MsgpackReader) => T,
  write: (writer: MsgpackWriter, value: T) => void,
): Field<T> => ({ name, omitZero: false, zero, isZero: (value) => value === zero, read, write });

const unsigned =
  (max: number) =>
  (name: string): Field<number> => ({
    ...field(
      name,
      0,
      (reader) => checkMax(reader.uint(), max, name),
      (writer, value) => writer.uint(value),
    ),
    scalar: 'unsigned',
    max,
  });

/** Throws `WireError` if the value is above `max`. */
export function checkMax(value: number, max: number, name: string): number {
  if (value > max) throw new WireError('badValue', `${name} is above ${max}`);
  return value;
}

export const u8 = unsigned(0xff);
export const u16 = unsigned(0xffff);
export const u32 = unsigned(0xffff_ffff);
/** Lamport times. Above 2^53 - 1 they saturate; serf/ refuses those as implausible. */
export const u64 = unsigned(Number.MAX_SAFE_INTEGER);

/** A Go `int` that may not be negative; signed and unsigned encodings are read. */
export const goInt = (name: string): Field<number> =>
  field(
    name,
    0,
    (reader) => {
      const value = reader.int();
      if (value < 0) throw new WireError('badValue', `${name} is negative`);
      return value;
    },
    (writer, value) => writer.uint(value),
  );

export const bool = (name: string): Field<boolean> => ({
  ...field<boolean>(
    name,
    false,
    (reader) => reader.bool(),
    (writer, value) => writer.bool(value),
  ),
  scalar: 'bool',
});

/** True, or left out. */
export const flag = (name: string): Field<true | undefined> => ({
  ...field<true | undefined>(
    name,
    undefined,
    (reader) => reader.bool() || undefined,
    (writer, value) => writer.bool(value === true),
  ),
  omitZero: true,
});

export const str = (name: string): Field<string> => ({
  ...field(
    name,
    '',
    (reader) => reader.str(),
    (writer, value) => writer.str(value),
  ),
  scalar: 'str',
});

export const float = (name: string): Field<number> =>
  field(
    name,
    0,
    (reader) => reader.float(),
    (writer, value) => writer.float(value),
  );

/** What the reader returns is a view on the packet: copy what is stored. */
export const bytes = (name: string): Field<Uint8Array> => ({
  ...field(
    name,
    NO_BYTES,
    (reader) => reader.raw(),
    (writer, value) => writer.raw(value),
  ),
  isZero: (value) => value.length === 0,
  scalar: 'raw',
});

/** An array of elements. nil reads as empty; empty is written as nil. */
export const arrayField = <T>(name: string, limit: number, element: Element<T>): Field<readonly T[]> => ({
  name,
  omitZero: false,
  zero: [],
  isZero: (value) => value.length === 0,
  read: (reader) => {
    const length = reader.arrayLength(limit);
    const out: T[] = [];
    for (let i = 0; i < length; i++) out.push(element.read(reader));
    return out;
  },
  *inTurns(reader, turn) {
    const length = reader.arrayLength(limit);
    const out: T[] = [];
    for (let i = 0; i < length; i++) out.push(yield* elementInTurns(element, reader, turn));
    return out;
  },
  write: (writer, value) => {
    if (value.length === 0) return writer.nil();
    writer.arrayHeader(value.length);
    for (const item of value) element.write(writer, item);
  },
});

/** A map with string keys. Read into a `Map`, so that no received key becomes a property name. */
export const stringKeyMap = <T>(
  name: string,
  limit: number,
  value: Element<T>,
): Field<ReadonlyMap<string, T>> => ({
  name,
  omitZero: false,
  zero: new Map<string, T>(),
  isZero: (map) => map.size === 0,
  read: (reader) => {
    if (reader.peek() === 0xc0) {
      reader.at++;
      return new Map();
    }
    const out = new Map<string, T>();
    for (let left = reader.mapLength(limit); left > 0; left--) {
      const key = reader.str();
      out.set(key, value.read(reader));
    }
    return out;
  },
  *inTurns(reader, turn) {
    const out = new Map<string, T>();
    if (reader.peek() === 0xc0) reader.at++;
    else
      for (let left = reader.mapLength(limit); left > 0; left--) {
        const from = reader.at;
        const key = reader.str();
        out.set(key, yield* elementInTurns(value, reader, turn));
        if (turn.spend(unitsSince(from, reader))) yield;
      }
    return out;
  },
  write: (writer, map) => {
    writer.mapHeader(map.size);
    for (const [key, item] of map) {
      writer.str(key);
      value.write(writer, item);
    }
  },
});

/** Element codecs for `arrayField` and `stringKeyMap`. */
export const STR = { read: (r: MsgpackReader) => r.str(), write: (w: MsgpackWriter, v: string) => w.str(v) };
export const BYTES = {
  read: (r: MsgpackReader) => r.raw(),
  write: (w: MsgpackWriter, v: Uint8Array) => w.raw(v),
};
export const U64 = {
  read: (r: MsgpackReader) => r.uint(),
  write: (w: MsgpackWriter, v: number) => w.uint(v),
};

/** Leaves the field out when it is zero, as Go's `omitempty`. */
export const omitEmpty = <T>(inner: Field<T>): Field<T> => ({ ...inner, omitZero: true });
