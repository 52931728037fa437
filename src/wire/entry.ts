/**
 * An entry of a ledger on the wire: a service, a check, something of an external node, or a tombstone. The limits of each
 * are in entry-limits.ts.
 */
import { WireError } from '../base/errors.ts';
import {
  type CheckStatus,
  type Entry,
  type EntryKey,
  type Published,
  parseExternalKey,
  type ServiceAddress,
  type ServicePort,
  toEntryKey,
} from '../model/service.ts';
import {
  MAX_META,
  MAX_PORTS,
  MAX_TAGGED_ADDRESSES,
  MAX_TAGS,
  MAX_VERSION,
  STATUSES,
  validateExternalName,
  validateId,
  validateValue,
} from './entry-limits.ts';
import type { MsgpackReader, MsgpackWriter } from './msgpack.ts';
import { arrayField, bool, type Field, omitEmpty, STR, str, stringKeyMap, struct, u64 } from './struct.ts';

/** One entry, encoded. One that is larger than a datagram is announced, and pulled over a stream. */
export const MAX_ENTRY_BYTES = 16_384;

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

/**
 * Reads a record encoded as an array: `read` takes the first `size` elements, or as many as there are up to `most`, and later ones
 * are skipped.
 */
export function readTuple<T>(
  reader: MsgpackReader,
  size: number,
  read: (length: number) => T,
  most = size,
): T {
  const length = reader.arrayLength(MAX_TUPLE_ELEMENTS);
  if (length < size) throw new WireError('malformed', `an array of ${length} elements instead of ${size}`);
  const value = read(length);
  for (let i = Math.min(length, most); i < length; i++) reader.skip();
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

/** An external node. The id is written as it was given. */
const NodeBody = struct('node', 0, {
  name: str('n'),
  address: str('a'),
  taggedAddresses: omitEmpty(stringKeyMap('g', MAX_TAGGED_ADDRESSES, STR)),
  meta: omitEmpty(stringKeyMap('m', MAX_META, STR)),
  id: omitEmpty(str('i')),
  registeredAt: u64('t'),
  removed: omitEmpty(bool('x')),
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
  node: nested('n', NodeBody),
  external: omitEmpty(str('e')), // the external node that the service or check is on
  tombstone: omitEmpty(str('x')), // its key
});

/** Codec of entries in a list. What it reads is validated, and may be stored and forwarded. */
export const ENTRY_CODEC = {
  read: (reader: MsgpackReader): Entry => {
    const from = reader.at;
    const { version, service, check, node, external, tombstone } = EntryBody.read(reader);
    if (reader.at - from > MAX_ENTRY_BYTES) throw new WireError('tooLarge', 'an entry above the size limit');
    if (version < 1 || version >= MAX_VERSION)
      throw new WireError('badValue', 'an entry with an invalid version');
    const own = service ?? check;
    const value: Published | undefined =
      node !== undefined
        ? { kind: 'external', node: node.name, value: node }
        : own !== undefined && external !== ''
          ? { kind: 'external', node: external, value: own }
          : own;
    if (value === undefined) return { key: parseTombstoneKey(tombstone), version, value };
    const problem = validateValue(value);
    if (problem !== undefined) throw new WireError('badValue', `${value.kind}: ${problem}`);
    return { key: toEntryKey(value), version, value };
  },
  write: (writer: MsgpackWriter, { key, version, value: published }: Entry): void => {
    const isExternal = published?.kind === 'external';
    const value = isExternal ? published.value : published;
    EntryBody.write(writer, {
      version,
      service: value?.kind === 'service' ? value : undefined,
      check: value?.kind === 'check' ? value : undefined,
      node: value?.kind === 'node' ? value : undefined,
      external: isExternal && value?.kind !== 'node' ? published.node : '',
      tombstone: published === undefined ? key : '',
    });
  },
};

function parseTombstoneKey(key: string): EntryKey {
  const external = parseExternalKey(key);
  if (external !== undefined) {
    const problem = validateExternalName(external.node);
    if (problem !== undefined) throw new WireError('badValue', `a tombstone whose node ${problem}`);
    return `x:${external.node}\n${external.key === 'n' ? 'n' : parseOwnKey(external.key)}`;
  }
  return parseOwnKey(key);
}

function parseOwnKey(key: string): `s:${string}` | `c:${string}` {
  const id = key.slice(2);
  const problem = validateId(id);
  if (problem !== undefined) throw new WireError('badValue', `a tombstone whose id ${problem}`);
  if (key.startsWith('s:')) return `s:${id}`;
  if (key.startsWith('c:')) return `c:${id}`;
  throw new WireError('badValue', 'a tombstone of neither service nor check');
}
