/**
 * Declares messages: one declaration gives the type, the reader and the writer. A struct is a msgpack map whose keys
 * are Go field names in byte order; unknown keys are skipped, missing ones are zero.
 *
 * Source: go-msgpack struct encoding; P15, P17 (docs/protocol.md).
 */
import { WireError } from '../base/errors.ts';
import type { InTurns, Turn } from '../base/time.ts';
import { checkMax, type Field, type ScalarType } from './fields.ts';
import { MsgpackReader, MsgpackWriter } from './msgpack.ts';

export {
  arrayField,
  BYTES,
  bool,
  bytes,
  type Field,
  flag,
  float,
  goInt,
  omitEmpty,
  STR,
  str,
  stringKeyMap,
  U64,
  u8,
  u16,
  u32,
  u64,
} from './fields.ts';

type Fields = Readonly<Record<string, Field<unknown>>>;
type ValueOf<F> = F extends Field<infer T> ? T : never;

/** The object a struct reads and writes: `kind` first, then its fields. */
export type MessageOf<S> =
  S extends Struct<infer K, infer F>
    ? { readonly kind: K } & { readonly [P in keyof F]: ValueOf<F[P]> }
    : never;

export interface Struct<K extends string, F> {
  readonly kind: K;
  /** The byte before the body. */
  readonly type: number;
  read(reader: MsgpackReader): { readonly kind: K } & { readonly [P in keyof F]: ValueOf<F[P]> };
  /** The same in turns, for messages that may be long. */
  readInTurns(reader: MsgpackReader, turn: Turn): InTurns<ReturnType<Struct<K, F>['read']>>;
  /** Appends the body; the caller writes the type byte. */
  write(writer: MsgpackWriter, message: { readonly [P in keyof F]: ValueOf<F[P]> }): void;
  /** Type byte and body. */
  encode(message: { readonly [P in keyof F]: ValueOf<F[P]> }): Uint8Array;
  /** A message whose fields are zero unless given. */
  create(
    values?: Partial<{ readonly [P in keyof F]: ValueOf<F[P]> }>,
  ): { readonly kind: K } & { readonly [P in keyof F]: ValueOf<F[P]> };
}

/** A field, flattened into one hidden class for the loops of the reader and the writer. */
interface FieldSlot {
  readonly property: string;
  readonly name: string;
  /** Raw header and name, as canonical writers encode them. */
  readonly key: Uint8Array;
  readonly omitZero: boolean;
  readonly scalar: ScalarType | undefined;
  readonly max: number;
  readonly field: Field<unknown>;
}

const MAX_KEYS = 64;
const sharedWriter = new MsgpackWriter(2048);

/** Properties may be declared in any order; on the wire fields are sorted by their Go names. */
export function struct<const K extends string, const F extends Fields>(
  kind: K,
  type: number,
  fields: F,
): Struct<K, F> {
  type Message = { readonly kind: K } & { readonly [P in keyof F]: ValueOf<F[P]> };
  const slots: FieldSlot[] = Object.entries(fields)
    .map(([property, one]) => createSlot(property, one))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const alwaysWritten = slots.filter((slot) => !slot.omitZero).length;
  const mayOmit = alwaysWritten < slots.length;
  const blank: Record<string, unknown> = { kind };
  for (const slot of slots) blank[slot.property] = slot.field.zero;

  // Properties are added in one order, whatever the order of the keys, so that all messages have one hidden class.
  const read = (reader: MsgpackReader): Message => {
    const message: Record<string, unknown> = { kind };
    let next = 0;
    for (let left = reader.mapLength(MAX_KEYS); left > 0; left--) {
      const found = nextSlot(slots, next, reader);
      if (found < 0) {
        reader.skip();
        continue;
      }
      while (next < found) next = setZero(message, slots, next);
      const slot = slots[found] as FieldSlot;
      message[slot.property] = readValue(reader, slot);
      if (found === next) next++;
    }
    while (next < slots.length) next = setZero(message, slots, next);
    return message as Message;
  };

  function* readInTurns(reader: MsgpackReader, turn: Turn): InTurns<Message> {
    const message: Record<string, unknown> = { kind };
    for (let i = 0; i < slots.length; i++) setZero(message, slots, i);
    for (let left = reader.mapLength(MAX_KEYS); left > 0; left--) {
      const found = nextSlot(slots, 0, reader);
      if (found < 0) {
        reader.skip();
        continue;
      }
      const slot = slots[found] as FieldSlot;
      message[slot.property] =
        slot.field.inTurns === undefined ? readValue(reader, slot) : yield* slot.field.inTurns(reader, turn);
    }
    return message as Message;
  }

  const write = (writer: MsgpackWriter, message: { readonly [P in keyof F]: ValueOf<F[P]> }): void => {
    const values = message as Readonly<Record<string, unknown>>;
    let entries = alwaysWritten;
    if (mayOmit)
      for (const slot of slots) if (slot.omitZero && !slot.field.isZero(values[slot.property])) entries++;
    writer.mapHeader(entries);
    for (const slot of slots) {
      const value = values[slot.property];
      if (slot.omitZero && slot.field.isZero(value)) continue;
      writer.append(slot.key);
      writeValue(writer, slot, value);
    }
  };

  return {
    kind,
    type,
    read,
    readInTurns,
    write,
    encode: (message) => {
      sharedWriter.reset().byte(type);
      write(sharedWriter, message);
      return sharedWriter.finish();
    },
    create: (values) => ({ ...blank, ...values }) as Message,
  };
}

function createSlot(property: string, field: Field<unknown>): FieldSlot {
  const { name, omitZero, scalar, max = 0 } = field;
  const writer = new MsgpackWriter(64);
  writer.str(name);
  return { property, name, key: writer.finish(), omitZero, scalar, max, field };
}

/**
 * Consumes a key and returns the index of its slot, or -1. Canonical writers sort keys, so it is usually `expected`.
 */
function nextSlot(slots: readonly FieldSlot[], expected: number, reader: MsgpackReader): number {
  for (let i = expected; i < slots.length; i++) {
    const { key } = slots[i] as FieldSlot;
    if (startsWith(reader.bytes, reader.at, key)) {
      reader.at += key.length;
      return i;
    }
  }
  const name = reader.str();
  return slots.findIndex((slot) => slot.name === name);
}

function setZero(message: Record<string, unknown>, slots: readonly FieldSlot[], next: number): number {
  const slot = slots[next] as FieldSlot;
  message[slot.property] = slot.field.zero;
  return next + 1;
}

function startsWith(bytes: Uint8Array, at: number, prefix: Uint8Array): boolean {
  if (at + prefix.length > bytes.length) return false;
  for (let i = 0; i < prefix.length; i++) if (bytes[at + i] !== prefix[i]) return false;
  return true;
}

function readValue(reader: MsgpackReader, slot: FieldSlot): unknown {
  switch (slot.scalar) {
    case 'unsigned':
      return checkMax(reader.uint(), slot.max, slot.name);
    case 'str':
      return reader.str();
    case 'raw':
      return reader.raw();
    case 'bool':
      return reader.bool();
    default:
      return slot.field.read(reader);
  }
}

function writeValue(writer: MsgpackWriter, slot: FieldSlot, value: unknown): void {
  switch (slot.scalar) {
    case 'unsigned':
      return writer.uint(value as number);
    case 'str':
      return writer.str(value as string);
    case 'raw':
      return writer.raw(value as Uint8Array);
    case 'bool':
      return writer.bool(value as boolean);
    default:
      return slot.field.write(writer, value);
  }
}

/** The same as `decodeStruct`, in turns. */
export function* decodeStructInTurns<K extends string, F>(
  declared: Struct<K, F>,
  encoded: Uint8Array,
  turn: Turn,
): InTurns<ReturnType<Struct<K, F>['read']>> {
  const reader = new MsgpackReader(encoded);
  if (reader.byte() !== declared.type) throw new WireError('unknownType', `not a ${declared.kind}`);
  return yield* declared.readInTurns(reader, turn);
}

/** Reads one message of this type, type byte first. Bytes after the body are ignored, as agents do. */
export function decodeStruct<K extends string, F>(
  declared: Struct<K, F>,
  encoded: Uint8Array,
): ReturnType<Struct<K, F>['read']> {
  const reader = new MsgpackReader(encoded);
  if (reader.byte() !== declared.type) throw new WireError('unknownType', `not a ${declared.kind}`);
  return declared.read(reader) as ReturnType<Struct<K, F>['read']>;
}

/** A whole message of one of our own types: type byte, format byte, body. Many small ones may share a writer. */
export function encodeWithFormat<M>(
  declared: { readonly type: number; write(writer: MsgpackWriter, message: M): void },
  format: number,
  message: M,
  writer: MsgpackWriter = new MsgpackWriter(64),
): Uint8Array {
  writer.reset().byte(declared.type);
  writer.byte(format);
  declared.write(writer, message);
  return writer.finish();
}
