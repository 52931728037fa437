/** Properties of messages: written messages read back equal, msgpackr agrees, and no key is special. */
import * as fc from 'fast-check';
import { Packr, Unpackr } from 'msgpackr';
import { describe, expect, test } from 'vitest';
import { decodeMessage, encodeMessage, PushNodeState } from '../../src/wire/memberlist.ts';
import { MsgpackReader, MsgpackWriter } from '../../src/wire/msgpack.ts';
import {
  ConflictResponse,
  CoordinateBody,
  decodeConflictResponse,
  decodeSerf,
  decodeSerfState,
  decodeTags,
  encodeTags,
  JoinIntent,
  KeyResponse,
  LeaveIntent,
  Query,
  QueryResponse,
  RelayHeader,
  SerfState,
  UserEvent,
} from '../../src/wire/serf.ts';
import { decodeStruct, goInt, STR, str, stringKeyMap, struct, U64 } from '../../src/wire/struct.ts';
import * as arbitrary from './wire.arbitrary.ts';

// Plain maps, no records, integers as numbers.
const packr = new Packr({ useRecords: false, variableMapSize: true, encodeUndefinedAsNil: true });
const unpackr = new Unpackr({
  useRecords: false,
  structuredClone: false,
  mapsAsObjects: true,
  int64AsType: 'number',
});

describe('written messages read back equal', () => {
  test('swim messages', () => {
    fc.assert(
      fc.property(arbitrary.swimMessage, (message) => {
        expect(decodeMessage(encodeMessage(message))).toEqual(message);
      }),
      { numRuns: 1000 },
    );
  });

  test('node states', () => {
    fc.assert(
      fc.property(arbitrary.nodeState, (node) => {
        const writer = new MsgpackWriter(4);
        PushNodeState.write(writer, node);
        const reader = new MsgpackReader(writer.finish());
        expect(PushNodeState.read(reader)).toEqual(node);
        expect(reader.at).toBe(writer.at);
      }),
      { numRuns: 500 },
    );
  });

  test('serf messages', () => {
    const STRUCTS = {
      leaveIntent: LeaveIntent,
      joinIntent: JoinIntent,
      userEvent: UserEvent,
      query: Query,
      queryResponse: QueryResponse,
    };
    fc.assert(
      fc.property(arbitrary.serfStruct, (message) => {
        const declared = STRUCTS[message.kind] as typeof Query;
        expect(decodeStruct(declared, declared.encode(message as Query))).toEqual(message);
      }),
      { numRuns: 1000 },
    );
  });

  test('serf state, conflict and key responses, coordinates', () => {
    fc.assert(
      fc.property(
        arbitrary.serfState,
        arbitrary.conflictResponse,
        arbitrary.keyResponse,
        arbitrary.coordinate,
        (state, conflict, key, coordinate) => {
          expect(decodeSerfState(SerfState.encode(state))).toEqual(state);
          expect(decodeConflictResponse(ConflictResponse.encode(conflict))).toEqual(conflict);
          expect(decodeStruct(KeyResponse, KeyResponse.encode(key))).toEqual(key);
          expect(decodeStruct(CoordinateBody, CoordinateBody.encode(coordinate))).toEqual(coordinate);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('a relay, and the whole message after its header', () => {
    fc.assert(
      fc.property(arbitrary.relayHeader, arbitrary.queryResponse, (header, response) => {
        const message = QueryResponse.encode(response);
        const bytes = Uint8Array.of(...RelayHeader.encode(header), ...message);
        if (new TextEncoder().encode(header.destName).length > 128) return;
        expect(decodeSerf(bytes)).toEqual({ kind: 'relay', header, message });
      }),
      { numRuns: 200 },
    );
  });

  test('tags, whatever their keys', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(arbitrary.text, arbitrary.text), { maxLength: 20 }), (rows) => {
        const tags = new Map(rows);
        expect(decodeTags(encodeTags(tags))).toEqual(tags);
      }),
    );
  });
});

const json = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', maxDepth: 4 },
    fc.constant(null),
    fc.boolean(),
    fc.integer({ min: -(2 ** 31), max: 2 ** 31 }),
    fc.double(),
    fc.string({ maxLength: 40 }),
    fc.uint8Array({ maxLength: 300 }),
    fc.array(tie('value'), { maxLength: 20 }),
    fc.dictionary(fc.string({ maxLength: 10 }), tie('value'), { maxKeys: 20 }),
  ),
})).value;

describe('msgpackr agrees', () => {
  const Plain = struct('plain', 0, {
    count: goInt('Count'),
    name: str('Name'),
    map: stringKeyMap('Map', 100, U64),
  });
  const ascii = fc.string({ maxLength: 400, unit: 'grapheme-ascii' });
  const plain = fc.record({
    kind: fc.constant('plain' as const),
    count: arbitrary.u64,
    name: ascii,
    map: fc
      .array(fc.tuple(ascii, arbitrary.u64), { maxLength: 20 })
      .map((rows) => new Map(rows.filter(([key]) => key !== '__proto__'))),
  });

  test('it reads what our writer writes', () => {
    fc.assert(
      fc.property(plain, (message) => {
        const writer = new MsgpackWriter(16);
        Plain.write(writer, message);
        const { count, name } = message;
        // `toEqual` on entries, since the order of keys in msgpackr's objects differs.
        expect(unpackr.unpack(writer.finish())).toEqual({
          Count: count,
          Map: Object.fromEntries(message.map),
          Name: name,
        });
      }),
      { numRuns: 500 },
    );
  });

  test('our reader reads what it writes', () => {
    fc.assert(
      fc.property(plain, (message) => {
        const big = (value: number): number | bigint => (value > 0xffff_ffff ? BigInt(value) : value);
        const entries = [...message.map].map(([key, value]) => [key, big(value)] as const);
        const bytes = packr.pack({
          Map: Object.fromEntries(entries),
          Name: message.name,
          Count: big(message.count),
        });
        expect(Plain.read(new MsgpackReader(new Uint8Array(bytes)))).toEqual(message);
      }),
      { numRuns: 500 },
    );
  });

  test('our reader skips whatever it writes, and stops exactly after it', () => {
    fc.assert(
      fc.property(json, (value) => {
        const bytes = new Uint8Array(packr.pack(value));
        const reader = new MsgpackReader(bytes);
        reader.skip();
        expect(reader.at).toBe(bytes.length);
      }),
      { numRuns: 500 },
    );
  });

  test('an unknown field of any shape, anywhere, changes nothing', () => {
    fc.assert(
      fc.property(plain, json, fc.constantFrom('A', 'Extra', 'Z'), (message, value, key) => {
        const { count, name } = message;
        const fields: Record<string, unknown> = { Count: BigInt(count), Name: name };
        const bytes = packr.pack({ [key]: value, ...fields, [`${key}2`]: value });
        expect(Plain.read(new MsgpackReader(new Uint8Array(bytes)))).toEqual({ ...message, map: new Map() });
      }),
      { numRuns: 300 },
    );
  });
});

test('keys that are property names of Object are plain data', () => {
  const Held = struct('held', 0, { name: str('Name'), map: stringKeyMap('Map', 100, STR) });
  const writer = new MsgpackWriter(64);
  writer.mapHeader(4);
  for (const key of ['__proto__', 'constructor', 'prototype']) {
    writer.str(key);
    writer.mapHeader(1);
    writer.str('polluted');
    writer.str('yes');
  }
  writer.str('Map');
  writer.mapHeader(1);
  writer.str('__proto__');
  writer.str('x');
  const held = Held.read(new MsgpackReader(writer.finish()));
  expect(held).toEqual({ kind: 'held', name: '', map: new Map([['__proto__', 'x']]) });
  expect(Object.keys(held)).toEqual(['kind', 'map', 'name']);
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  expect(Object.getPrototypeOf(held)).toBe(Object.prototype);
});
