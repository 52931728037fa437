/**
 * Serf's messages inside memberlist's: user messages, node meta (tags), ack payload (coordinate) and the user state of
 * a push/pull. What can be validated without context is validated here; clocks and names are checked in serf/.
 *
 * Source: serf messages.go, delegate.go, coordinate; P39, P40, P49, P63 (docs/protocol.md).
 */
import { WireError } from '../base/errors.ts';
import { finish, type InTurns, type Turn, unlimitedTurn } from '../base/time.ts';
import { checkIp, checkMemberName, isMemberName } from './memberlist.ts';
import { MsgpackReader, MsgpackWriter } from './msgpack.ts';
import {
  arrayField,
  BYTES,
  bool,
  bytes,
  decodeStruct,
  decodeStructInTurns,
  float,
  goInt,
  type MessageOf,
  omitEmpty,
  STR,
  str,
  stringKeyMap,
  struct,
  U64,
  u8,
  u16,
  u32,
  u64,
} from './struct.ts';
import { BUCKET_SET_BYTES } from './table.ts';

/** The first byte of a user message. */
export const SERF_TYPE = {
  leave: 0,
  join: 1,
  pushPull: 2,
  userEvent: 3,
  query: 4,
  queryResponse: 5,
  conflictResponse: 6,
  keyRequest: 7,
  keyResponse: 8,
  relay: 9,
} as const;

/** Entries of any list or map in a datagram. */
const MAX_ENTRIES = 4096;
/** Recent events in a push/pull: agents send as many as their buffer holds, 512 by default. */
const MAX_EVENT_BUCKETS = 1 << 16;
/** Events in them together. */
const MAX_EVENTS = 1 << 16;
/** Entries in the maps of a push/pull: one for each member. */
const MAX_MEMBERS = 1 << 16;

/** A member leaves, or an operator removes one (force-leave). */
export const LeaveIntent = struct('leaveIntent', SERF_TYPE.leave, {
  ltime: u64('LTime'),
  node: str('Node'),
  prune: bool('Prune'),
});

export const JoinIntent = struct('joinIntent', SERF_TYPE.join, { ltime: u64('LTime'), node: str('Node') });

export const UserEvent = struct('userEvent', SERF_TYPE.userEvent, {
  ltime: u64('LTime'),
  name: str('Name'),
  payload: bytes('Payload'),
  cc: bool('CC'), // receivers may coalesce it
});

export const Query = struct('query', SERF_TYPE.query, {
  ltime: u64('LTime'),
  id: u32('ID'),
  addr: bytes('Addr'),
  port: u16('Port'),
  sourceNode: str('SourceNode'),
  filters: arrayField('Filters', MAX_ENTRIES, BYTES),
  flags: u32('Flags'), // 1: ack wanted, 2: do not rebroadcast
  relayFactor: u8('RelayFactor'),
  timeout: goInt('Timeout'), // nanoseconds
  name: str('Name'),
  payload: bytes('Payload'),
});

export const QueryResponse = struct('queryResponse', SERF_TYPE.queryResponse, {
  ltime: u64('LTime'),
  id: u32('ID'),
  from: str('From'),
  flags: u32('Flags'), // 1: ack, 0: data
  payload: bytes('Payload'),
});

export const KeyRequest = struct('keyRequest', SERF_TYPE.keyRequest, { key: bytes('Key') });

export const KeyResponse = struct('keyResponse', SERF_TYPE.keyResponse, {
  result: bool('Result'),
  message: str('Message'),
  keys: arrayField('Keys', MAX_ENTRIES, STR), // base64
  primaryKey: str('PrimaryKey'), // base64; since serf 0.9.4
});

/** A member's vote when two nodes claim one name. `status`: 0 none, 1 alive, 2 leaving, 3 left, 4 failed. */
export const ConflictResponse = struct('conflictResponse', SERF_TYPE.conflictResponse, {
  name: str('Name'),
  addr: bytes('Addr'),
  port: u16('Port'),
  tags: stringKeyMap('Tags', MAX_ENTRIES, STR),
  status: goInt('Status'),
  protocolMin: u8('ProtocolMin'),
  protocolMax: u8('ProtocolMax'),
  protocolCur: u8('ProtocolCur'),
  delegateMin: u8('DelegateMin'),
  delegateMax: u8('DelegateMax'),
  delegateCur: u8('DelegateCur'),
});

const RelayAddress = struct('relayAddress', SERF_TYPE.relay, {
  ip: bytes('IP'),
  port: goInt('Port'),
  zone: str('Zone'),
});

/** The head of a relayed message: what follows it is forwarded to `dest`. */
export const RelayHeader = struct('relayHeader', SERF_TYPE.relay, {
  dest: {
    name: 'DestAddr',
    omitZero: false,
    zero: RelayAddress.create(),
    isZero: () => false,
    read: (reader: MsgpackReader) => RelayAddress.read(reader),
    write: (writer: MsgpackWriter, value: MessageOf<typeof RelayAddress>) =>
      RelayAddress.write(writer, value),
  },
  destName: str('DestName'),
});

const EventBody = struct('eventBody', SERF_TYPE.userEvent, { name: str('Name'), payload: bytes('Payload') });

const EventBucket = struct('eventBucket', SERF_TYPE.userEvent, {
  ltime: u64('LTime'),
  events: arrayField('Events', MAX_ENTRIES, EventBody),
});
export type EventBucket = MessageOf<typeof EventBucket>;

/** A struct, or nil: agents send a sparse array of 512. */
const bucketOrNil = {
  read: (reader: MsgpackReader): EventBucket | undefined => {
    if (reader.peek() !== 0xc0) return EventBucket.read(reader);
    reader.at++;
    return undefined;
  },
  write: (writer: MsgpackWriter, value: EventBucket | undefined): void => {
    if (value === undefined) writer.nil();
    else EventBucket.write(writer, value);
  },
};

const BUCKETS = arrayField('Events', MAX_EVENT_BUCKETS, bucketOrNil);

function* bucketsInTurns(reader: MsgpackReader, turn: Turn): InTurns<readonly (EventBucket | undefined)[]> {
  const buckets: (EventBucket | undefined)[] = [];
  let events = 0;
  for (let left = reader.arrayLength(MAX_EVENT_BUCKETS); left > 0; left--) {
    const bucket = bucketOrNil.read(reader);
    buckets.push(bucket);
    events += bucket?.events.length ?? 0;
    if (events > MAX_EVENTS) throw new WireError('tooLarge', `a state of more than ${MAX_EVENTS} events`);
    if (turn.spend(1 + (bucket?.events.length ?? 0))) yield;
  }
  return buckets;
}

/** Serf's part of a push/pull. */
export const SerfState = struct('serfState', SERF_TYPE.pushPull, {
  ltime: u64('LTime'),
  statusLTimes: stringKeyMap('StatusLTimes', MAX_MEMBERS, U64),
  leftMembers: arrayField('LeftMembers', MAX_MEMBERS, STR),
  eventLTime: u64('EventLTime'),
  events: { ...BUCKETS, inTurns: bucketsInTurns },
  queryLTime: u64('QueryLTime'),
  /** An extension for catalog peers: the summary of the catalog. Agents of Serf ignore it (P66). */
  summary: omitEmpty(bytes('Hearsay')),
  /** An extension for catalog peers: both sides tell of the members in these buckets only; empty: of all (P85). Agents of Serf ignore it. */
  buckets: omitEmpty(bytes('HearsayBuckets')),
});

/** A Vivaldi coordinate in an ack, in seconds; `error` has no unit. */
export const CoordinateBody = struct('coordinate', 1, {
  vec: arrayField('Vec', 64, {
    read: (reader: MsgpackReader) => reader.float(),
    write: (writer: MsgpackWriter, value: number) => writer.float(value),
  }),
  error: float('Error'),
  adjustment: float('Adjustment'),
  height: float('Height'),
});

export type LeaveIntent = MessageOf<typeof LeaveIntent>;
export type JoinIntent = MessageOf<typeof JoinIntent>;
export type UserEvent = MessageOf<typeof UserEvent>;
export type Query = MessageOf<typeof Query>;
export type QueryResponse = MessageOf<typeof QueryResponse>;
export type SerfState = MessageOf<typeof SerfState>;
export type ConflictResponse = MessageOf<typeof ConflictResponse>;
export type KeyResponse = MessageOf<typeof KeyResponse>;
export type RelayHeader = MessageOf<typeof RelayHeader>;

/** A relayed message: the header, and the whole Serf message that follows it. */
export interface Relay {
  readonly kind: 'relay';
  readonly header: RelayHeader;
  readonly message: Uint8Array;
}
/** A user message of a type that Serf does not define; the catalog's begin at 200. */
export interface UnknownMessage {
  readonly kind: 'unknown';
  readonly type: number;
}
export type SerfMessage =
  | LeaveIntent
  | JoinIntent
  | UserEvent
  | Query
  | QueryResponse
  | Relay
  | UnknownMessage;

/**
 * Decodes the body of a user message, type byte first. Byte fields are views on `body`. Throws `WireError`, also for
 * well-formed messages that must be neither stored nor forwarded. Lamport times are checked in serf/.
 */
export function decodeSerf(body: Uint8Array): SerfMessage {
  const reader = new MsgpackReader(body);
  const type = reader.byte();
  switch (type) {
    case SERF_TYPE.leave:
      return checkIntent(LeaveIntent.read(reader));
    case SERF_TYPE.join:
      return checkIntent(JoinIntent.read(reader));
    case SERF_TYPE.userEvent:
      return UserEvent.read(reader);
    case SERF_TYPE.query:
      return checkQuery(Query.read(reader));
    case SERF_TYPE.queryResponse: {
      const response = QueryResponse.read(reader);
      checkMemberName(response.from);
      return response;
    }
    case SERF_TYPE.relay:
      return checkRelay({
        kind: 'relay',
        header: RelayHeader.read(reader),
        message: body.subarray(reader.at),
      });
    default:
      return { kind: 'unknown', type };
  }
}

function checkIntent<T extends { readonly node: string }>(intent: T): T {
  checkMemberName(intent.node);
  return intent;
}

/** Queries of these names crash Serf's agents if they have no payload. */
const KEY_QUERY_NAMES = new Set([
  '_serf_install-key',
  '_serf_use-key',
  '_serf_remove-key',
  '_serf_list-keys',
]);

function checkQuery(query: Query): Query {
  for (const filter of query.filters)
    if (filter.length === 0) throw new WireError('badValue', 'a query with an empty filter');
  if (query.payload.length === 0 && KEY_QUERY_NAMES.has(query.name))
    throw new WireError('badValue', 'a key query without a payload');
  if (query.sourceNode !== '') checkMemberName(query.sourceNode); // old agents leave it empty
  checkIp(query.addr);
  return query;
}

/** The sender chooses where a relay is forwarded to, so the destination must be a valid address. */
function checkRelay(relay: Relay): Relay {
  const { dest, destName } = relay.header;
  checkIp(dest.ip);
  if (dest.port < 1 || dest.port > 0xffff) throw new WireError('badValue', `a relay to port ${dest.port}`);
  if (destName !== '') checkMemberName(destName);
  if (relay.message.length === 0) throw new WireError('badValue', 'a relay without a message');
  return relay;
}

/** Serf's part of a push/pull, type byte first. Entries with invalid names are left out. Throws `WireError`. */
export const decodeSerfState = (encoded: Uint8Array): SerfState =>
  finish(decodeSerfStateInTurns(encoded, unlimitedTurn(0)));

/** The same in turns. */
export function* decodeSerfStateInTurns(encoded: Uint8Array, turn: Turn): InTurns<SerfState> {
  const state = yield* decodeStructInTurns(SerfState, encoded, turn);
  if (![0, BUCKET_SET_BYTES].includes(state.buckets.length))
    throw new WireError('badValue', `a set of buckets of ${state.buckets.length} bytes`);
  const statusLTimes = new Map<string, number>();
  for (const [node, ltime] of state.statusLTimes) if (isMemberName(node)) statusLTimes.set(node, ltime);
  return { ...state, statusLTimes, leftMembers: state.leftMembers.filter(isMemberName) };
}

/** The vote in a name conflict, type byte first; `undefined` if the voter does not know the name. */
export function decodeConflictResponse(encoded: Uint8Array): ConflictResponse | undefined {
  return encoded[1] === 0xc0 && encoded[0] === SERF_TYPE.conflictResponse
    ? undefined
    : decodeStruct(ConflictResponse, encoded);
}

const TAGS_MAGIC = 0xff;

/** Node meta as of Serf protocol 3. Keys are sorted, so equal tags are equal bytes. */
export function encodeTags(tags: ReadonlyMap<string, string>): Uint8Array {
  const writer = new MsgpackWriter(128);
  writer.byte(TAGS_MAGIC);
  writer.mapHeader(tags.size);
  for (const [key, value] of [...tags].sort(([a], [b]) => (a < b ? -1 : 1))) {
    writer.str(key);
    writer.str(value);
  }
  return writer.finish();
}

/**
 * The tags in a node's meta. Never throws: unreadable meta has no tags, and meta of the old style is the tag `role`.
 */
export function decodeTags(meta: Uint8Array): ReadonlyMap<string, string> {
  if (meta[0] !== TAGS_MAGIC) return new Map([['role', lossyText(meta)]]);
  try {
    const reader = new MsgpackReader(meta, 1);
    const tags = new Map<string, string>();
    for (let left = reader.mapLength(MAX_ENTRIES); left > 0; left--) {
      const key = reader.str();
      tags.set(key, reader.str());
    }
    return tags;
  } catch (error) {
    if (error instanceof WireError) return new Map();
    throw error;
  }
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const lossyText = (encoded: Uint8Array): string => decoder.decode(encoded);
