/** Arbitrary messages, envelopes and mutations, for the properties of wire/. */
import * as fc from 'fast-check';
import type { Alive, PushNodeState, SwimMessage } from '../../src/wire/memberlist.ts';
import type { Envelope } from '../../src/wire/packet.ts';
import type { QueryResponse, SerfState } from '../../src/wire/serf.ts';

const u8 = fc.integer({ min: 0, max: 0xff });
export const u16 = fc.integer({ min: 0, max: 0xffff });
export const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
export const u64 = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
export const octets = (maxLength = 40): fc.Arbitrary<Uint8Array> => fc.uint8Array({ maxLength });
export const ip = fc.oneof(
  fc.uint8Array({ minLength: 4, maxLength: 4 }),
  fc.uint8Array({ minLength: 16, maxLength: 16 }),
);
const optionalIp = fc.oneof(fc.constant(new Uint8Array(0)), ip);

/** Code points of every plane, short enough for a name; property names of Object are frequent. */
export const name = fc.oneof(
  fc.string({ minLength: 1, maxLength: 30, unit: 'binary' }),
  fc.constantFrom('__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty'),
);
export const text = fc.oneof(
  fc.string({ maxLength: 300, unit: 'binary' }),
  fc.string({ maxLength: 40 }),
  name,
);

const source = { sourceAddr: optionalIp, sourcePort: u16, sourceNode: text };
const node = {
  addr: ip,
  port: u16,
  meta: octets(512),
  incarnation: u32,
  vsn: fc.uint8Array({ minLength: 6, maxLength: 6 }),
};

export const alive: fc.Arbitrary<Alive> = fc.record({ kind: fc.constant('alive'), node: name, ...node });
export const nodeState: fc.Arbitrary<PushNodeState> = fc.record({
  kind: fc.constant('nodeState'),
  name,
  state: fc.integer({ min: 0, max: 3 }),
  ...node,
});
export const swimMessage: fc.Arbitrary<SwimMessage> = fc.oneof(
  alive,
  fc.record({ kind: fc.constant('ping' as const), seqNo: u32, node: text, ...source, held: u16 }),
  fc.record({
    kind: fc.constant('indirectPing' as const),
    seqNo: u32,
    target: ip,
    port: u16,
    node: text,
    nack: fc.boolean(),
    ...source,
  }),
  fc.record({ kind: fc.constant('ack' as const), seqNo: u32, payload: octets(300) }),
  fc.record({ kind: fc.constant('nack' as const), seqNo: u32 }),
  fc.record({
    kind: fc.constantFrom('suspect' as const, 'dead' as const),
    incarnation: u32,
    node: name,
    from: name,
  }),
);

const leaveIntent = fc.record({
  kind: fc.constant('leaveIntent' as const),
  ltime: u64,
  node: name,
  prune: fc.boolean(),
});
const joinIntent = fc.record({ kind: fc.constant('joinIntent' as const), ltime: u64, node: name });
const userEvent = fc.record({
  kind: fc.constant('userEvent' as const),
  ltime: u64,
  name: text,
  payload: octets(600),
  cc: fc.boolean(),
});
export const query = fc.record({
  kind: fc.constant('query' as const),
  ltime: u64,
  id: u32,
  addr: ip,
  port: u16,
  sourceNode: text,
  filters: fc.array(fc.uint8Array({ minLength: 1, maxLength: 50 }), { maxLength: 20 }),
  flags: u32,
  relayFactor: u8,
  timeout: u64,
  name: text,
  payload: octets(600),
});
export const queryResponse: fc.Arbitrary<QueryResponse> = fc.record({
  kind: fc.constant('queryResponse' as const),
  ltime: u64,
  id: u32,
  from: name,
  flags: u32,
  payload: octets(600),
});
export const serfStruct = fc.oneof(leaveIntent, joinIntent, userEvent, query, queryResponse);

export const serfState: fc.Arbitrary<SerfState> = fc.record({
  kind: fc.constant('serfState' as const),
  ltime: u64,
  statusLTimes: fc.array(fc.tuple(name, u64), { maxLength: 40 }).map((rows) => new Map(rows)),
  leftMembers: fc.array(name, { maxLength: 20 }),
  eventLTime: u64,
  events: fc.array(
    fc.oneof(
      fc.constant(undefined),
      fc.record({
        kind: fc.constant('eventBucket' as const),
        ltime: u64,
        events: fc.array(
          fc.record({ kind: fc.constant('eventBody' as const), name: text, payload: octets() }),
          {
            maxLength: 4,
          },
        ),
      }),
    ),
    { maxLength: 40 },
  ),
  queryLTime: u64,
  summary: octets(40),
  buckets: fc.oneof(fc.constant(new Uint8Array(0)), fc.uint8Array({ minLength: 4, maxLength: 4 })),
});
export const conflictResponse = fc.record({
  kind: fc.constant('conflictResponse' as const),
  name: text,
  addr: octets(16),
  port: u16,
  tags: fc.array(fc.tuple(text, text), { maxLength: 20 }).map((rows) => new Map(rows)),
  status: u16,
  protocolMin: u8,
  protocolMax: u8,
  protocolCur: u8,
  delegateMin: u8,
  delegateMax: u8,
  delegateCur: u8,
});
export const keyResponse = fc.record({
  kind: fc.constant('keyResponse' as const),
  result: fc.boolean(),
  message: text,
  keys: fc.array(text, { maxLength: 20 }),
  primaryKey: text,
});
export const relayHeader = fc.record({
  kind: fc.constant('relayHeader' as const),
  dest: fc.record({
    kind: fc.constant('relayAddress' as const),
    ip,
    port: fc.integer({ min: 1, max: 0xffff }),
    zone: text,
  }),
  destName: text,
});
export const coordinate = fc.record({
  kind: fc.constant('coordinate' as const),
  vec: fc.array(fc.double(), { maxLength: 16 }),
  error: fc.double(),
  adjustment: fc.double(),
  height: fc.double(),
});

const key = fc
  .constantFrom(16, 24, 32)
  .chain((length) => fc.uint8Array({ minLength: length, maxLength: length }));

/** Label × key size × number of keys × version × compression. */
export const envelope: fc.Arbitrary<Envelope> = fc.record({
  label: fc.oneof(fc.constant(new Uint8Array(0)), fc.uint8Array({ minLength: 1, maxLength: 255 })),
  keys: fc.array(key, { maxLength: 3 }),
  verifyIncoming: fc.boolean(),
  encryptionVersion: fc.constantFrom(0 as const, 1 as const),
  compress: fc.boolean(),
});

export const nonce = fc.uint8Array({ minLength: 12, maxLength: 12 });
