/**
 * How a message is declared: once, and from it come its type, its reader and its writer. A struct is a msgpack
 * map whose keys are Go field names in byte order; unknown keys are passed over, missing ones are zero.
 *
 * Source: go-msgpack struct encoding (protocol reference 2.1, 2.2).
 */
import { WireError } from '../base/errors.ts';
import { bounded, type Field, type Shape } from './fields.ts';
import { Reader, Writer } from './msgpack.ts';

export {
  BYTES,
  bool,
  bytes,
  type Field,
  float,
  int,
  list,
  map,
  optional,
  TEXT,
  text,
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
  /** The octet in front of the body. */
  readonly type: number;
  read(reader: Reader): { readonly kind: K } & { readonly [P in keyof F]: ValueOf<F[P]> };
  /** Appends the body; the type octet is the caller's. */
  write(writer: Writer, message: { readonly [P in keyof F]: ValueOf<F[P]> }): void;
  /** Type octet and body in fresh memory. */
  encode(message: { readonly [P in keyof F]: ValueOf<F[P]> }): Uint8Array;
  /** A message with every field zero but those given. */
  make(
    values?: Partial<{ readonly [P in keyof F]: ValueOf<F[P]> }>,
  ): { readonly kind: K } & { readonly [P in keyof F]: ValueOf<F[P]> };
}

/** A field as the loops below want it: flat, and of one hidden class. */
interface Slot {
  readonly property: string;
  readonly name: string;
  /** The raw header and name, as canonical writers put it. */
  readonly key: Uint8Array;
  readonly omitZero: boolean;
  readonly shape: Shape | undefined;
  readonly max: number;
  readonly field: Field<unknown>;
}

const MAX_KEYS = 64;
const shared = new Writer(2048);

/** Declares a struct. Property order is free; on the wire fields are sorted by their Go name. */
export function struct<const K extends string, const F extends Fields>(
  kind: K,
  type: number,
  fields: F,
): Struct<K, F> {
  type Message = { readonly kind: K } & { readonly [P in keyof F]: ValueOf<F[P]> };
  const slots: Slot[] = Object.entries(fields)
    .map(([property, one]) => slotOf(property, one))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const alwaysWritten = slots.filter((slot) => !slot.omitZero).length;
  const mayOmit = alwaysWritten < slots.length;
  const blank: Record<string, unknown> = { kind };
  for (const slot of slots) blank[slot.property] = slot.field.zero;

  // Properties are added in one order whatever the order of keys: one hidden class, and no blank to copy first.
  const read = (reader: Reader): Message => {
    const message: Record<string, unknown> = { kind };
    let next = 0;
    for (let left = reader.mapLength(MAX_KEYS); left > 0; left--) {
      const found = nextSlot(slots, next, reader);
      if (found < 0) {
        reader.skip();
        continue;
      }
      while (next < found) next = zeroed(message, slots, next);
      const slot = slots[found] as Slot;
      message[slot.property] = readValue(reader, slot);
      if (found === next) next++;
    }
    while (next < slots.length) next = zeroed(message, slots, next);
    return message as Message;
  };

  const write = (writer: Writer, message: { readonly [P in keyof F]: ValueOf<F[P]> }): void => {
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
    write,
    encode: (message) => {
      shared.reset().octet(type);
      write(shared, message);
      return shared.finish();
    },
    make: (values) => ({ ...blank, ...values }) as Message,
  };
}

function slotOf(property: string, field: Field<unknown>): Slot {
  const { name, omitZero, shape, max = 0 } = field;
  const writer = new Writer(64);
  writer.text(name);
  return { property, name, key: writer.finish(), omitZero, shape, max, field };
}

/** Consumes a key: which slot it is, or -1. Canonical writers sort, so it is mostly the one after the last. */
function nextSlot(slots: readonly Slot[], expected: number, reader: Reader): number {
  for (let i = expected; i < slots.length; i++) {
    const { key } = slots[i] as Slot;
    if (startsWith(reader.bytes, reader.at, key)) {
      reader.at += key.length;
      return i;
    }
  }
  const name = reader.text();
  return slots.findIndex((slot) => slot.name === name);
}

function zeroed(message: Record<string, unknown>, slots: readonly Slot[], next: number): number {
  const slot = slots[next] as Slot;
  message[slot.property] = slot.field.zero;
  return next + 1;
}

function startsWith(bytes: Uint8Array, at: number, prefix: Uint8Array): boolean {
  if (at + prefix.length > bytes.length) return false;
  for (let i = 0; i < prefix.length; i++) if (bytes[at + i] !== prefix[i]) return false;
  return true;
}

function readValue(reader: Reader, slot: Slot): unknown {
  switch (slot.shape) {
    case 'unsigned':
      return bounded(reader.uint(), slot.max, slot.name);
    case 'text':
      return reader.text();
    case 'raw':
      return reader.raw();
    case 'bool':
      return reader.bool();
    default:
      return slot.field.read(reader);
  }
}

function writeValue(writer: Writer, slot: Slot, value: unknown): void {
  switch (slot.shape) {
    case 'unsigned':
      return writer.uint(value as number);
    case 'text':
      return writer.text(value as string);
    case 'raw':
      return writer.raw(value as Uint8Array);
    case 'bool':
      return writer.bool(value as boolean);
    default:
      return slot.field.write(writer, value);
  }
}

/** Reads one body that must start with `expected`; what follows the body is ignored, as agents do. */
export function decode<K extends string, F>(
  declared: Struct<K, F>,
  octets: Uint8Array,
): ReturnType<Struct<K, F>['read']> {
  const reader = new Reader(octets);
  if (reader.octet() !== declared.type) throw new WireError('unknownType', `not a ${declared.kind}`);
  return declared.read(reader) as ReturnType<Struct<K, F>['read']>;
}
