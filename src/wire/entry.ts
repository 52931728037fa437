/**
 * An entry of a ledger on the wire: a service, a check or a tombstone, with the limits of each. The limits are the same
 * for what an agent may publish and for what it accepts, so every entry that is published spreads.
 */
import { WireError } from '../base/errors.ts';
import {
  type Check,
  type CheckStatus,
  type Entry,
  type EntryKey,
  type Published,
  type Service,
  type ServiceAddress,
  type ServicePort,
  toEntryKey,
} from '../model/service.ts';
import type { MsgpackReader, MsgpackWriter } from './msgpack.ts';
import { arrayField, bool, type Field, omitEmpty, STR, str, stringKeyMap, struct, u64 } from './struct.ts';

/** One entry, encoded. One that is larger than a datagram is announced, and pulled over a stream. */
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
const MAX_PORTS = 16;
/** Epochs and versions are below this: above wall-clock milliseconds times 1,024 for the next 100 years. */
export const MAX_VERSION = 2 ** 52;

const STATUSES: readonly CheckStatus[] = ['passing', 'warning', 'critical'];

/** Always written, and 'critical' if it is missing: a check must not pass because its status was lost. */
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
/** -1 stands for a unix socket, and is written as msgpack's negative fixint. */
const writePort = (writer: MsgpackWriter, value: number): void =>
  value < 0 ? writer.byte(0xff) : writer.uint(value);

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

/** The default of the named ports has a third element. */
const SERVICE_PORT = {
  read: (reader: MsgpackReader): ServicePort => {
    const length = reader.arrayLength(MAX_TUPLE_ELEMENTS);
    if (length < 2) throw new WireError('malformed', `an array of ${length} elements instead of 2`);
    const name = reader.str();
    const port = readPort(reader);
    const isDefault = length > 2 && reader.bool();
    for (let i = 3; i < length; i++) reader.skip();
    return { name, port, isDefault };
  },
  write: (writer: MsgpackWriter, { name, port, isDefault }: ServicePort): void => {
    writer.arrayHeader(isDefault ? 3 : 2);
    writer.str(name);
    writePort(writer, port);
    if (isDefault) writer.bool(true);
  },
};

/** Elements of a tuple, including those that later versions may append. */
const MAX_TUPLE_ELEMENTS = 16;

/** Reads a record encoded as an array: `read` takes the first `size` elements, and later ones are skipped. */
export function readTuple<T>(reader: MsgpackReader, size: number, read: () => T): T {
  const length = reader.arrayLength(MAX_TUPLE_ELEMENTS);
  if (length < size) throw new WireError('malformed', `an array of ${length} elements instead of ${size}`);
  const value = read();
  for (let i = size; i < length; i++) reader.skip();
  return value;
}

/** One object for all services with these weights. */
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

/** Field names are single letters: they are most of a small service, and a join transfers thousands of those. */
const ServiceBody = struct('service', 0, {
  id: str('i'),
  name: str('n'),
  tags: omitEmpty(arrayField('t', MAX_TAGS, STR)),
  address: omitEmpty(str('a')),
  port: port('p'),
  ports: omitEmpty(arrayField('r', MAX_PORTS, SERVICE_PORT)),
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
  tombstone: omitEmpty(str('x')), // its key
});

/** Codec of entries in a list. What it reads is validated, and may be stored and forwarded. */
export const ENTRY_CODEC = {
  read: (reader: MsgpackReader): Entry => {
    const from = reader.at;
    const { version, service, check, tombstone } = EntryBody.read(reader);
    if (reader.at - from > MAX_ENTRY_BYTES) throw new WireError('tooLarge', 'an entry above the size limit');
    if (version < 1 || version >= MAX_VERSION)
      throw new WireError('badValue', 'an entry with an invalid version');
    const value = service ?? check;
    if (value === undefined) return { key: parseTombstoneKey(tombstone), version, value };
    const problem = validateValue(value);
    if (problem !== undefined) throw new WireError('badValue', `${value.kind}: ${problem}`);
    return { key: toEntryKey(value), version, value };
  },
  write: (writer: MsgpackWriter, { key, version, value }: Entry): void =>
    EntryBody.write(writer, {
      version,
      service: value?.kind === 'service' ? value : undefined,
      check: value?.kind === 'check' ? value : undefined,
      tombstone: value === undefined ? key : '',
    }),
};

function parseTombstoneKey(key: string): EntryKey {
  const id = key.slice(2);
  const problem = validateId(id);
  if (problem !== undefined) throw new WireError('badValue', `a tombstone whose id ${problem}`);
  if (key.startsWith('s:')) return `s:${id}`;
  if (key.startsWith('c:')) return `c:${id}`;
  throw new WireError('badValue', 'a tombstone of neither service nor check');
}

/** Why a value may not be published or accepted, as a clause (`name must be …`); `undefined` if it may. */
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
    validatePorts(service.ports) ??
    validateTaggedAddresses(service.taggedAddresses) ??
    validateMeta(service.meta) ??
    validateWeights(service.weights)
  );
}

function validateAddress({ address, port }: ServiceAddress): string | undefined {
  if (!ADDRESS.test(address)) return 'address must be an IP address, a host name or empty';
  if (!isInteger(port, -1, MAX_PORT)) return `port must be an integer from -1 to ${MAX_PORT}`;
  return undefined;
}

function validatePorts(ports: readonly ServicePort[]): string | undefined {
  if (ports.length > MAX_PORTS) return `ports must be at most ${MAX_PORTS}`;
  return ports.every(({ name, port }) => PORT_NAME.test(name) && isInteger(port, 1, MAX_PORT))
    ? undefined
    : 'ports must each have a name of 1 to 63 letters, digits or "-", and a number from 1 on';
}

function validateTaggedAddresses(tagged: ReadonlyMap<string, ServiceAddress>): string | undefined {
  if (tagged.size > MAX_TAGGED_ADDRESSES) return `tagged addresses must be at most ${MAX_TAGGED_ADDRESSES}`;
  for (const [name, address] of tagged) {
    if (!NAME.test(name)) return 'tagged address names must be letters, digits, ".", "_" or "-"';
    const problem = validateAddress(address);
    if (problem !== undefined) return `tagged ${problem}`;
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

function validateWeights({ passing, warning }: Service['weights']): string | undefined {
  if (!isInteger(passing, 1, MAX_WEIGHT)) return `weight when passing must be 1 to ${MAX_WEIGHT}`;
  if (!isInteger(warning, 0, MAX_WEIGHT)) return `weight when warning must be 0 to ${MAX_WEIGHT}`;
  return undefined;
}

function validateCheck(check: Check): string | undefined {
  const id = validateId(check.id);
  if (id !== undefined) return `id ${id}`;
  if (!fitsBytes(check.name, MAX_ID_BYTES) || !isPrintable(check.name))
    return `name must be at most ${MAX_ID_BYTES} bytes, without control characters`;
  if (check.serviceId !== '') {
    const problem = validateId(check.serviceId);
    if (problem !== undefined) return `service id ${problem}`;
  }
  if (!STATUSES.includes(check.status)) return 'status must be passing, warning or critical';
  if (!fitsBytes(check.notes, MAX_TEXT_BYTES) || SURROGATE.test(check.notes))
    return `notes must be at most ${MAX_TEXT_BYTES} bytes of text`;
  if (!fitsBytes(check.output, MAX_TEXT_BYTES) || SURROGATE.test(check.output))
    return `output must be at most ${MAX_TEXT_BYTES} bytes of text`;
  if (!TYPE.test(check.type)) return 'type must be at most 32 letters, digits, "_" or "-"';
  if (!DURATION.test(check.interval) || !DURATION.test(check.timeout))
    return 'interval and timeout must be durations such as 10s';
  return undefined;
}

function validateId(id: string): string | undefined {
  if (id === '') return 'must not be empty';
  if (!fitsBytes(id, MAX_ID_BYTES)) return `must be at most ${MAX_ID_BYTES} bytes`;
  return isPrintable(id) ? undefined : 'must not contain control characters';
}

const NAME = /^[A-Za-z0-9._-]{1,128}$/;
const PORT_NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const META_KEY = /^[A-Za-z0-9_-]{1,128}$/;
const ADDRESS = /^[A-Za-z0-9._:%/-]{0,255}$/;
const TYPE = /^[A-Za-z0-9_-]{0,32}$/;
const DURATION = /^[0-9a-zµ.+-]{0,32}$/;
const ASCII = /^[\x20-\x7e]*$/;
/** Control characters, line separators, lone surrogates, and marks that change the direction of text. */
const UNPRINTABLE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/u;
const SURROGATE = /\p{Cs}/u;

const isPrintable = (value: string): boolean => ASCII.test(value) || !UNPRINTABLE.test(value);

const isInteger = (value: number, min: number, max: number): boolean =>
  Number.isInteger(value) && value >= min && value <= max;

const encoder = new TextEncoder();
/** A UTF-16 unit takes at most 3 bytes of UTF-8, so most values need not be encoded. */
const fitsBytes = (value: string, limit: number): boolean =>
  3 * value.length <= limit || (value.length <= limit && encoder.encode(value).length <= limit);
