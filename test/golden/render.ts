/** Renders decoded messages in the shape of the `decoded` field of the golden vectors. */

import { decodeFilter } from '../../src/wire/filter.ts';
import type { StreamMessage } from '../../src/wire/memberlist.ts';
import { decodeMessage, type PacketMessage, type PushNodeState } from '../../src/wire/memberlist.ts';
import {
  type ConflictResponse,
  CoordinateBody,
  decodeConflictResponse,
  decodeSerf,
  decodeSerfState,
  decodeTags,
  KeyRequest,
  KeyResponse,
  type Query,
  type QueryResponse,
  type SerfMessage,
} from '../../src/wire/serf.ts';
import { decodeStruct } from '../../src/wire/struct.ts';
import type { Json } from './vectors.ts';

const b64 = (bytes: Uint8Array): Json => ({ b64: Buffer.from(bytes).toString('base64') });
const opaque = (bytes: Uint8Array): Json => ({
  ...b64(bytes),
  ascii: Buffer.from(bytes)
    .toString('latin1')
    .replace(/[^ -~]/g, '.'),
});

const meta = (bytes: Uint8Array): Json => {
  const tags = Object.fromEntries(decodeTags(bytes));
  return bytes[0] === 0xff ? { ...b64(bytes), tags } : { ...b64(bytes), role: tags['role'] };
};

/** Byte 1 and a coordinate, or nothing. */
const ackPayload = (bytes: Uint8Array): Json => {
  if (bytes.length === 0) return {};
  const { vec, error, adjustment, height } = decodeStruct(CoordinateBody, bytes);
  return { ...b64(bytes), coordinate: { Vec: vec, Error: error, Adjustment: adjustment, Height: height } };
};

/** One message of a datagram. `serf`: user messages are Serf's, not those of another application. */
export function renderPacketMessage(bytes: Uint8Array, serf: boolean): Json {
  const message: PacketMessage = decodeMessage(bytes);
  switch (message.kind) {
    case 'user':
      return serf
        ? { type: 'user', ...renderSerf(decodeSerf(message.body)) }
        : { type: 'user', applicationPayload: opaque(message.body) };
    case 'ack':
      return { type: 'ackResp', SeqNo: message.seqNo, Payload: ackPayload(message.payload) };
    case 'nack':
      return { type: 'nackResp', body: { SeqNo: message.seqNo } };
    case 'suspect':
    case 'dead': {
      const { incarnation, node, from } = message;
      return { type: message.kind, body: { Incarnation: incarnation, Node: node, From: from } };
    }
    case 'alive': {
      const { incarnation, node, addr, port, vsn } = message;
      const rest = { Addr: b64(addr), Port: port, Meta: meta(message.meta), Vsn: b64(vsn) };
      return { type: 'alive', body: { Incarnation: incarnation, Node: node, ...rest } };
    }
    case 'ping':
      return { type: 'ping', body: { SeqNo: message.seqNo, Node: message.node, ...source(message) } };
    case 'indirectPing': {
      const { seqNo, target, port, node, nack } = message;
      const body = { SeqNo: seqNo, Target: b64(target), Port: port, Node: node, Nack: nack };
      return { type: 'indirectPing', body: { ...body, ...source(message) } };
    }
  }
}

const source = (of: { sourceAddr: Uint8Array; sourcePort: number; sourceNode: string }): Json => ({
  SourceAddr: b64(of.sourceAddr),
  SourcePort: of.sourcePort,
  SourceNode: of.sourceNode,
});

function renderSerf(message: SerfMessage): Json {
  switch (message.kind) {
    case 'joinIntent':
      return { serf: 'join', body: { LTime: message.ltime, Node: message.node } };
    case 'leaveIntent':
      return { serf: 'leave', body: { LTime: message.ltime, Node: message.node, Prune: message.prune } };
    case 'userEvent': {
      const { ltime, name, payload, cc } = message;
      return { serf: 'userEvent', body: { LTime: ltime, Name: name, Payload: b64(payload), CC: cc } };
    }
    case 'query':
      return { serf: 'query', body: renderQuery(message) };
    case 'queryResponse':
      return { serf: 'queryResponse', body: renderResponse(message) };
    case 'relay': {
      const { dest, destName } = message.header;
      const address = { IP: b64(dest.ip), Port: dest.port, Zone: dest.zone };
      const inner = renderSerf(decodeSerf(message.message));
      return { serf: 'relay', header: { DestAddr: address, DestName: destName }, inner };
    }
    case 'unknown':
      return { serf: `unknown ${message.type}` };
  }
}

function renderQuery(query: Query): Json {
  const filters = query.filters.map((bytes) => {
    const filter = decodeFilter(bytes);
    if (filter.kind === 'nodes') return { ...b64(bytes), type: 'node', body: filter.nodes };
    if (filter.kind === 'tag')
      return { ...b64(bytes), type: 'tag', body: { Tag: filter.tag, Expr: filter.expr } };
    return { ...b64(bytes), type: filter.type };
  });
  const isKey = /^_serf_.*-keys?$/.test(query.name);
  const payload = isKey
    ? { ...b64(query.payload), keyRequest: { Key: b64(decodeStruct(KeyRequest, query.payload).key) } }
    : b64(query.payload);
  return {
    LTime: query.ltime,
    ID: query.id,
    Addr: b64(query.addr),
    Port: query.port,
    SourceNode: query.sourceNode,
    Filters: filters,
    Flags: query.flags,
    RelayFactor: query.relayFactor,
    Timeout: query.timeout,
    Name: query.name,
    Payload: payload,
  };
}

function renderResponse({ ltime, id, from, flags, payload }: QueryResponse): Json {
  const extra: { key?: Json; conflict?: Json | null } = {};
  if (payload[0] === 8) {
    const { result, message, keys, primaryKey } = decodeStruct(KeyResponse, payload);
    extra.key = { Result: result, Message: message, Keys: keys, PrimaryKey: primaryKey };
  }
  if (payload[0] === 6) extra.conflict = renderConflict(decodeConflictResponse(payload));
  const body = { LTime: ltime, ID: id, From: from, Flags: flags };
  return { ...body, Payload: { ...b64(payload), ...extra } };
}

const renderConflict = (member: ConflictResponse | undefined): Json | null =>
  member === undefined
    ? null
    : {
        Name: member.name,
        Addr: b64(member.addr),
        Port: member.port,
        Tags: Object.fromEntries(member.tags),
        Status: member.status,
        ProtocolMin: member.protocolMin,
        ProtocolMax: member.protocolMax,
        ProtocolCur: member.protocolCur,
        DelegateMin: member.delegateMin,
        DelegateMax: member.delegateMax,
        DelegateCur: member.delegateCur,
      };

const renderNode = (node: PushNodeState): Json => ({
  Name: node.name,
  Addr: b64(node.addr),
  Port: node.port,
  Meta: meta(node.meta),
  Incarnation: node.incarnation,
  State: node.state,
  Vsn: b64(node.vsn),
});

/** One stream; `serf` as in `renderPacketMessage`. */
export function renderStream(message: StreamMessage, serf: boolean): Json {
  switch (message.kind) {
    case 'pushPull':
      return {
        type: 'pushPull',
        header: { Join: message.join, Nodes: message.nodes.length, UserStateLen: message.userState.length },
        nodes: message.nodes.map(renderNode),
        userState: serf
          ? renderSerfState(message.userState)
          : { applicationPayload: opaque(message.userState) },
      };
    case 'user':
      return {
        type: 'user',
        header: { UserMsgLen: message.body.length },
        user: { applicationPayload: opaque(message.body) },
      };
    case 'err':
      return { type: 'err', body: { Error: message.error } };
    case 'ping':
      return { type: 'ping', body: { SeqNo: message.seqNo, Node: message.node, ...source(message) } };
    case 'ack':
      return { type: 'ackResp', SeqNo: message.seqNo, Payload: ackPayload(message.payload) };
  }
}

function renderSerfState(bytes: Uint8Array): Json {
  const state = decodeSerfState(bytes);
  const nonNil = state.events.flatMap((bucket, index) => {
    if (bucket === undefined) return [];
    const events = bucket.events.map((one) => ({ Name: one.name, Payload: b64(one.payload) }));
    return [{ index, LTime: bucket.ltime, Events: events }];
  });
  const body = {
    LTime: state.ltime,
    StatusLTimes: Object.fromEntries(state.statusLTimes),
    LeftMembers: state.leftMembers,
    EventLTime: state.eventLTime,
    Events: { arrayLength: state.events.length, nonNil },
    QueryLTime: state.queryLTime,
  };
  return { serf: 'pushPull', body };
}
