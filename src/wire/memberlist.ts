/**
 * memberlist's messages, and the validation of what is decoded. Envelopes (label, encryption, CRC, compression,
 * compound) are in packet.ts, stream-writer.ts and stream-reader.ts.
 *
 * Source: memberlist net.go, state.go; P2, P18, P19 (docs/protocol.md).
 */
import { WireError } from '../base/errors.ts';
import { MsgpackReader } from './msgpack.ts';
import { bool, bytes, flag, goInt, type MessageOf, omitEmpty, str, struct, u16, u32 } from './struct.ts';

/** The first byte of a message. Not all of these are structs. */
export const MESSAGE_TYPE = {
  ping: 0,
  indirectPing: 1,
  ack: 2,
  suspect: 3,
  alive: 4,
  dead: 5,
  pushPull: 6,
  compound: 7,
  user: 8,
  compress: 9,
  encrypt: 10,
  nack: 11,
  crc: 12,
  err: 13,
  label: 244,
} as const;

/** Of `meta` in an alive message. Source: memberlist MetaMaxSize. */
export const MAX_META_BYTES = 512;
/** Bytes of a name. Differs: memberlist has no limit, and Serf one of 128 where it validates names. */
export const MAX_NAME_BYTES = 255;

/** A probe, answered with `ack`. */
export const Ping = struct('ping', MESSAGE_TYPE.ping, {
  seqNo: u32('SeqNo'),
  node: str('Node'), // who is meant: another member may have the address by now
  sourceAddr: omitEmpty(bytes('SourceAddr')), // 4 or 16 bytes
  sourcePort: omitEmpty(u16('SourcePort')),
  sourceNode: omitEmpty(str('SourceNode')),
  // Among catalog peers, the hash of the last ack's payload (P88). The first name of all must be a long one: see packet.ts.
  held: omitEmpty(u16('T')),
});

/** Asks the receiver to ping `target`. Answered with `ack` or, if `nack` is set, with `nack`. */
export const IndirectPing = struct('indirectPing', MESSAGE_TYPE.indirectPing, {
  seqNo: u32('SeqNo'),
  target: bytes('Target'),
  port: u16('Port'),
  node: str('Node'),
  nack: bool('Nack'),
  sourceAddr: omitEmpty(bytes('SourceAddr')),
  sourcePort: omitEmpty(u16('SourcePort')),
  sourceNode: omitEmpty(str('SourceNode')),
});

export const Ack = struct('ack', MESSAGE_TYPE.ack, { seqNo: u32('SeqNo'), payload: bytes('Payload') });

/** The target of an indirect ping did not answer. Shows that the relay itself is healthy (Lifeguard). */
export const Nack = struct('nack', MESSAGE_TYPE.nack, { seqNo: u32('SeqNo') });

const SuspectFields = struct('suspect', MESSAGE_TYPE.suspect, {
  incarnation: u32('Incarnation'),
  node: str('Node'), // the accused
  from: str('From'), // the accuser
  refused: flag('Refused'), // its host refuses connections, and the accuser's to it has closed; Serf skips it
});

/** As written by those who were not refused, too. */
export const Suspect = SuspectFields as Omit<typeof SuspectFields, 'encode'> & {
  encode(message: Omit<Suspect, 'kind'>): Uint8Array;
};

/** `node === from` is a voluntary leave. */
export const Dead = struct('dead', MESSAGE_TYPE.dead, {
  incarnation: u32('Incarnation'),
  node: str('Node'),
  from: str('From'),
});

export const Alive = struct('alive', MESSAGE_TYPE.alive, {
  incarnation: u32('Incarnation'),
  node: str('Node'),
  addr: bytes('Addr'),
  port: u16('Port'),
  meta: bytes('Meta'),
  vsn: bytes('Vsn'), // protocol min, max, current, then the delegate's (Serf's)
});

/** The response of a listener to a request that it refuses: a sentence. */
export const Err = struct('err', MESSAGE_TYPE.err, { error: str('Error') });

/** The head of a push/pull: `nodes` node states follow, then `userStateLen` bytes. */
export const PushPullHeader = struct('pushPullHeader', MESSAGE_TYPE.pushPull, {
  nodes: goInt('Nodes'),
  userStateLen: goInt('UserStateLen'),
  join: bool('Join'),
});

/** One row of a push/pull. `state`: 0 alive, 1 suspect, 2 dead, 3 left. */
export const PushNodeState = struct('nodeState', MESSAGE_TYPE.pushPull, {
  name: str('Name'),
  addr: bytes('Addr'),
  port: u16('Port'),
  meta: bytes('Meta'),
  incarnation: u32('Incarnation'),
  state: goInt('State'),
  vsn: bytes('Vsn'),
});

/** The head of a user message on a stream. */
export const UserMsgHeader = struct('userHeader', MESSAGE_TYPE.user, { userMsgLen: goInt('UserMsgLen') });

/** `algo` 0 is LZW, the only one; `buf` expands to a whole message. */
export const Compress = struct('compress', MESSAGE_TYPE.compress, { algo: goInt('Algo'), buf: bytes('Buf') });

export type Ping = MessageOf<typeof Ping>;
export type IndirectPing = MessageOf<typeof IndirectPing>;
export type Ack = MessageOf<typeof Ack>;
export type Nack = MessageOf<typeof Nack>;
export type Suspect = Omit<MessageOf<typeof SuspectFields>, 'refused'> & {
  readonly refused?: true | undefined;
};
export type Dead = MessageOf<typeof Dead>;
export type Alive = MessageOf<typeof Alive>;
export type Err = MessageOf<typeof Err>;
export type PushNodeState = MessageOf<typeof PushNodeState>;

/** The messages of SWIM itself, over UDP. */
export type SwimMessage = Ping | IndirectPing | Ack | Nack | Suspect | Dead | Alive;
/** Bytes for the layer above (Serf or the catalog): everything after the type byte 8. */
export interface UserMessage {
  readonly kind: 'user';
  readonly body: Uint8Array;
}
export type PacketMessage = SwimMessage | UserMessage;

const PACKET_STRUCTS = [Ping, IndirectPing, Ack, Nack, Suspect, Dead, Alive] as const;
const byType: (((reader: MsgpackReader) => SwimMessage) | undefined)[] = [];
for (const one of PACKET_STRUCTS) byType[one.type] = one.read as (reader: MsgpackReader) => SwimMessage;

/** One bare message of a datagram. Views on `encoded`. Throws `WireError`; what it returns may be stored. */
export function decodeMessage(encoded: Uint8Array): PacketMessage {
  const type = encoded[0];
  if (type === undefined) throw new WireError('short', 'an empty message');
  if (type === MESSAGE_TYPE.user) return { kind: 'user', body: encoded.subarray(1) };
  const read = byType[type];
  if (read === undefined) throw new WireError('unknownType', `message type ${type}`);
  const message = read(new MsgpackReader(encoded, 1));
  checkMessage(message);
  return message;
}

/** Type byte and body. */
export function encodeMessage(message: SwimMessage): Uint8Array {
  switch (message.kind) {
    case 'ping':
      return Ping.encode(message);
    case 'indirectPing':
      return IndirectPing.encode(message);
    case 'ack':
      return Ack.encode(message);
    case 'nack':
      return Nack.encode(message);
    case 'suspect':
      return Suspect.encode(message);
    case 'dead':
      return Dead.encode(message);
    case 'alive':
      return Alive.encode(message);
  }
}

/**
 * Validation after decoding: values that would crash or mislead Serf's agents are refused, so they are not gossiped on.
 */
function checkMessage(message: SwimMessage): void {
  switch (message.kind) {
    case 'alive':
      return checkNode(message.node, message.addr, message.meta, message.vsn);
    case 'suspect':
    case 'dead':
      checkMemberName(message.node);
      checkMemberName(message.from);
      return;
    case 'ping':
      if (message.sourceAddr.length !== 0) checkIp(message.sourceAddr);
      return;
    case 'indirectPing':
      checkIp(message.target);
      if (message.sourceAddr.length !== 0) checkIp(message.sourceAddr);
      return;
    case 'ack':
    case 'nack':
      return;
  }
}

const LAST_STATE = 3;

/** One row of a push/pull; `undefined` for one that must be neither stored nor forwarded. Throws only 'short'. */
export function readPushNodeState(reader: MsgpackReader): PushNodeState | undefined {
  const start = reader.at;
  try {
    const row = PushNodeState.read(reader);
    checkNode(row.name, row.addr, row.meta, row.vsn);
    return row.state <= LAST_STATE ? row : undefined;
  } catch (error) {
    if (!(error instanceof WireError) || error.code === 'short') throw error;
    reader.at = start;
    reader.skip();
    return undefined;
  }
}

/** Shared by `alive` and the rows of a push/pull. */
export function checkNode(name: string, addr: Uint8Array, meta: Uint8Array, vsn: Uint8Array): void {
  checkMemberName(name);
  checkIp(addr);
  if (meta.length > MAX_META_BYTES) throw new WireError('tooLarge', `meta of ${meta.length} bytes`);
  if (vsn.length !== 6) throw new WireError('badValue', `Vsn of ${vsn.length} bytes`);
}

/** 1 to 255 bytes. */
export function isMemberName(name: string): boolean {
  // A UTF-16 unit takes at most 3 bytes of UTF-8, so most names need not be encoded.
  if (3 * name.length <= MAX_NAME_BYTES) return name.length > 0;
  return name.length <= MAX_NAME_BYTES && encoder.encode(name).length <= MAX_NAME_BYTES;
}

const encoder = new TextEncoder();

export function checkMemberName(name: string): void {
  if (!isMemberName(name)) throw new WireError('badValue', 'a name that is empty or longer than 255 bytes');
}

export function checkIp(ip: Uint8Array): void {
  if (ip.length !== 4 && ip.length !== 16) throw new WireError('badValue', `an IP of ${ip.length} bytes`);
}

/** The full state of a peer. */
export interface PushPull {
  readonly kind: 'pushPull';
  readonly join: boolean;
  readonly nodes: readonly PushNodeState[];
  /** The part of the layer above (Serf); may be empty. */
  readonly userState: Uint8Array;
  /** Number of rows that were left out since they are invalid; 0 in what we send. */
  readonly dropped: number;
}
export type StreamMessage = PushPull | Ping | Ack | UserMessage | Err;
