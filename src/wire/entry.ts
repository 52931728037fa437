/**
 * One row of the catalogue as it travels: a service, a check or a tombstone, and what each may hold. Limits of
 * what an agent may publish and of what it believes are the same, so that whatever is accepted here spreads.
 */
import { WireError } from '../base/errors.ts';
import {
  type Check,
  type CheckStatus,
  type Entry,
  type Published,
  type Service,
  type ServiceAddress,
  toEntryKey,
} from '../model/service.ts';
import type { MsgpackReader, MsgpackWriter } from './msgpack.ts';
import { arrayField, bool, type Field, omitEmpty, STR, str, stringKeyMap, struct, u64 } from './struct.ts';

/** One row, encoded. Larger than a datagram: such rows are announced, and fetched over a stream. */
export const MAX_ENTRY_BYTES = 16_384;
const MAX_ID_BYTES = 512;
const MAX_TAGS = 128;
const MAX_TAG_BYTES = 512;
const MAX_META = 64;
const MAX_META_BYTES = 512;
const MAX_TAGGED_ADDRESSES = 16;
const MAX_TEXT_BYTES = 1024;
const MAX_WEIGHT = 65_535;
const MAX_PORT = 65_535;
/** Epochs and versions: far above wall-clock milliseconds, also with ten bits of chance behind them. */
export const MAX_VERSION = 2 ** 52;

const STATUSES: readonly CheckStatus[] = ['passing', 'warning', 'critical'];

/** Never left out: a check of a status that was lost on the way must not pass. */
const status = (name: string): Field<CheckStatus> => ({
  name,
  omitZero: false,
  zero: 'critical',
  isZero: () => false,
  read: (reader) => {
    const found = STATUSES[reader.uint()];
    if (found === undefined) throw new WireError('badValue', 'a check with an unknown status');
    return found;
  },
  write: (writer, value) => writer.uint(STATUSES.indexOf(value)),
});

const readPort = (reader: MsgpackReader): number => reader.int();
/** -1, a unix socket, is msgpack's negative fixint. */
const writePort = (writer: MsgpackWriter, value: number): void =>
  value < 0 ? writer.octet(0xff) : writer.uint(value);

const port = (name: string): Field<number> => ({
  name,
  omitZero: true,
  zero: 0,
  isZero: (value) => value === 0,
  read: readPort,
  write: writePort,
});

const TAGGED_ADDRESS = {
  read: (reader: MsgpackReader): ServiceAddress =>
    readTuple(reader, 2, () => {
      const address = reader.str();
      return { address, port: readPort(reader) };
    }),
  write: (writer: MsgpackWriter, value: ServiceAddress): void => {
    writer.arrayHeader(2);
    writer.str(value.address);
    writePort(writer, value.port);
  },
};

/** Parts that an array may have, those of later versions included. */
const MAX_TUPLE_ELEMENTS = 16;

/** A small record as an array: `read` takes the first `parts`, what a later version put behind them is passed over. */
export function readTuple<T>(reader: MsgpackReader, parts: number, read: () => T): T {
  const length = reader.arrayLength(MAX_TUPLE_ELEMENTS);
  if (length < parts) throw new WireError('malformed', `a row of ${length} parts where ${parts} must stand`);
  const value = read();
  for (let i = parts; i < length; i++) reader.skip();
  return value;
}

/** One object for all that did not choose. */
const DEFAULT_WEIGHTS = { passing: 1, warning: 1 } as const;

const weights = (name: string): Field<{ readonly passing: number; readonly warning: number }> => ({
  name,
  omitZero: true,
  zero: DEFAULT_WEIGHTS,
  isZero: (value) => value.passing === 1 && value.warning === 1,
  read: (reader) =>
    readTuple(reader, 2, () => {
      const passing = reader.uint();
      return { passing, warning: reader.uint() };
    }),
  write: (writer, value) => {
    writer.arrayHeader(2);
    writer.uint(value.passing);
    writer.uint(value.warning);
  },
});

/** Names on the wire are single letters: they are most of a small service, and a thousand of them travel at a join. */
const ServiceBody = struct('service', 0, {
  id: str('i'),
  name: str('n'),
  tags: omitEmpty(arrayField('t', MAX_TAGS, STR)),
  address: omitEmpty(str('a')),
  port: port('p'),
  taggedAddresses: omitEmpty(stringKeyMap('g', MAX_TAGGED_ADDRESSES, TAGGED_ADDRESS)),
  meta: omitEmpty(stringKeyMap('m', MAX_META, STR)),
  weights: weights('w'),
  enableTagOverride: omitEmpty(bool('o')),
  draining: omitEmpty(bool('d')),
});

const CheckBody = struct('check', 0, {
  id: str('i'),
  name: omitEmpty(str('n')),
  status: status('s'),
  notes: omitEmpty(str('o')),
  output: omitEmpty(str('u')),
  serviceId: omitEmpty(str('v')),
  type: omitEmpty(str('t')),
  interval: omitEmpty(str('e')),
  timeout: omitEmpty(str('m')),
});

const nested = <R extends W, W>(
  name: string,
  inner: { read(reader: MsgpackReader): R; write(writer: MsgpackWriter, value: W): void },
): Field<R | undefined> => ({
  name,
  omitZero: true,
  zero: undefined,
  isZero: (value) => value === undefined,
  read: (reader) => inner.read(reader),
  write: (writer, value) => {
    if (value !== undefined) inner.write(writer, value);
  },
});

const EntryBody = struct('entry', 0, {
  version: u64('v'),
  service: nested('s', ServiceBody),
  check: nested('c', CheckBody),
  gone: omitEmpty(str('x')), // the key of a tombstone
});

/** Element codec of a list of rows. What it reads is fit to be stored and told on. */
export const ENTRY_CODEC = {
  read: (reader: MsgpackReader): Entry => {
    const from = reader.at;
    const { version, service, check, gone } = EntryBody.read(reader);
    if (reader.at - from > MAX_ENTRY_BYTES) throw new WireError('tooLarge', 'an entry above its limit');
    if (version < 1 || version > MAX_VERSION) throw new WireError('badValue', 'an entry of no version');
    const value = service ?? check;
    if (value === undefined) return { key: parseTombstoneKey(gone), version, value };
    const wrong = validateValue(value);
    if (wrong !== undefined) throw new WireError('badValue', `${value.kind}: ${wrong}`);
    return { key: toEntryKey(value), version, value };
  },
  write: (writer: MsgpackWriter, { key, version, value }: Entry): void =>
    EntryBody.write(writer, {
      version,
      service: value?.kind === 'service' ? value : undefined,
      check: value?.kind === 'check' ? value : undefined,
      gone: value === undefined ? key : '',
    }),
};

function parseTombstoneKey(gone: string): Entry['key'] {
  const wrong = validateId(gone.slice(2));
  if (wrong !== undefined) throw new WireError('badValue', `a tombstone whose id ${wrong}`);
  if (gone.startsWith('s:')) return `s:${gone.slice(2)}`;
  if (gone.startsWith('c:')) return `c:${gone.slice(2)}`;
  throw new WireError('badValue', 'a tombstone of neither service nor check');
}

/** What forbids a value to be published or believed, as a clause (`name must be …`); `undefined`: nothing. */
export const validateValue = (value: Published): string | undefined =>
  value.kind === 'service' ? validateService(value) : validateCheck(value);

function validateService(service: Service): string | undefined {
  const id = validateId(service.id);
  if (id !== undefined) return `id ${id}`;
  if (!NAME.test(service.name)) return 'name must be 1 to 128 letters, digits, ".", "_" or "-"';
  if (service.tags.length > MAX_TAGS) return `tags must be at most ${MAX_TAGS}`;
  for (const tag of service.tags)
    if (!fitsBytes(tag, MAX_TAG_BYTES) || !isPrintable(tag))
      return `tags must each be at most ${MAX_TAG_BYTES} bytes, without control characters`;
  return (
    validateAddress(service) ??
    validateTaggedAddresses(service.taggedAddresses) ??
    validateMeta(service.meta) ??
    validateWeights(service.weights)
  );
}

function validateAddress({ address, port: at }: ServiceAddress): string | undefined {
  if (!ADDRESS.test(address)) return 'address must be an IP address, a host name or empty';
  if (!isInteger(at, -1, MAX_PORT)) return `port must be an integer from -1 to ${MAX_PORT}`;
  return undefined;
}

function validateTaggedAddresses(tagged: ReadonlyMap<string, ServiceAddress>): string | undefined {
  if (tagged.size > MAX_TAGGED_ADDRESSES) return `tagged addresses must be at most ${MAX_TAGGED_ADDRESSES}`;
  for (const [name, place] of tagged) {
    if (!NAME.test(name)) return 'tagged address names must be letters, digits, ".", "_" or "-"';
    const wrong = validateAddress(place);
    if (wrong !== undefined) return `tagged ${wrong}`;
  }
  return undefined;
}

function validateMeta(meta: ReadonlyMap<string, string>): string | undefined {
  if (meta.size > MAX_META) return `meta must be at most ${MAX_META} pairs`;
  for (const [key, value] of meta) {
    if (!META_KEY.test(key)) return 'meta keys must be 1 to 128 letters, digits, "_" or "-"';
    if (!fitsBytes(value, MAX_META_BYTES) || SURROGATE.test(value))
      return `meta values must be at most ${MAX_META_BYTES} bytes of text`;
  }
  return undefined;
}

function validateWeights(of: { readonly passing: number; readonly warning: number }): string | undefined {
  if (!isInteger(of.passing, 1, MAX_WEIGHT)) return `weight when passing must be 1 to ${MAX_WEIGHT}`;
  if (!isInteger(of.warning, 0, MAX_WEIGHT)) return `weight when warning must be 0 to ${MAX_WEIGHT}`;
  return undefined;
}

function validateCheck(check: Check): string | undefined {
  const id = validateId(check.id);
  if (id !== undefined) return `id ${id}`;
  if (!fitsBytes(check.name, MAX_ID_BYTES) || !isPrintable(check.name))
    return `name must be at most ${MAX_ID_BYTES} bytes, without control characters`;
  if (check.serviceId !== '') {
    const of = validateId(check.serviceId);
    if (of !== undefined) return `service id ${of}`;
  }
  if (!STATUSES.includes(check.status)) return 'status must be passing, warning or critical';
  if (!fitsBytes(check.notes, MAX_TEXT_BYTES) || SURROGATE.test(check.notes))
    return `notes must be at most ${MAX_TEXT_BYTES} bytes of text`;
  if (!fitsBytes(check.output, MAX_TEXT_BYTES) || SURROGATE.test(check.output))
    return `output must be at most ${MAX_TEXT_BYTES} bytes of text`;
  if (!WORD.test(check.type)) return 'type must be at most 32 letters, digits, "_" or "-"';
  if (!SPAN.test(check.interval) || !SPAN.test(check.timeout))
    return 'interval and timeout must be spans such as 10s';
  return undefined;
}

function validateId(id: string): string | undefined {
  if (id === '') return 'must not be empty';
  if (!fitsBytes(id, MAX_ID_BYTES)) return `must be at most ${MAX_ID_BYTES} bytes`;
  return isPrintable(id) ? undefined : 'must not contain control characters';
}

const NAME = /^[A-Za-z0-9._-]{1,128}$/;
const META_KEY = /^[A-Za-z0-9_-]{1,128}$/;
const ADDRESS = /^[A-Za-z0-9._:%/-]{0,255}$/;
const WORD = /^[A-Za-z0-9_-]{0,32}$/;
const SPAN = /^[0-9a-zµ.+-]{0,32}$/;
const ASCII = /^[\x20-\x7e]*$/;
/** Control characters, line separators, halves of a surrogate pair, and marks that turn the direction of text. */
const UNPRINTABLE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/u;
const SURROGATE = /\p{Cs}/u;

const isPrintable = (value: string): boolean => ASCII.test(value) || !UNPRINTABLE.test(value);

const isInteger = (value: number, min: number, max: number): boolean =>
  Number.isInteger(value) && value >= min && value <= max;

const encoder = new TextEncoder();
/** A UTF-16 unit is at most 3 bytes of UTF-8, so most need no second look. */
const fitsBytes = (value: string, limit: number): boolean =>
  3 * value.length <= limit || (value.length <= limit && encoder.encode(value).length <= limit);
