/** Validation after decoding: messages that would crash or mislead agents are refused. */
import { describe, expect, test } from 'vitest';
import { decodeFilter, encodeFilter } from '../../../src/wire/filter.ts';
import { Alive, Dead, decodeMessage, IndirectPing, Ping, Suspect } from '../../../src/wire/memberlist.ts';
import {
  decodeConflictResponse,
  decodeSerf,
  decodeSerfState,
  decodeTags,
  encodeTags,
  JoinIntent,
  LeaveIntent,
  Query,
  QueryResponse,
  RelayHeader,
  SerfState,
} from '../../../src/wire/serf.ts';
import { codeOf, hex } from './support.ts';

const IP = Uint8Array.of(127, 0, 0, 1);
const VSN = Uint8Array.of(1, 5, 2, 2, 5, 5);
const alive = Alive.create({ node: 'ann', addr: IP, port: 7946, incarnation: 1, vsn: VSN });
const check = (bytes: Uint8Array): string => codeOf(() => decodeMessage(bytes));
const TOO_LONG = 'x'.repeat(256);

describe('alive', () => {
  test('is accepted when it is valid', () => {
    expect(decodeMessage(Alive.encode(alive))).toEqual(alive);
    expect(check(Alive.encode({ ...alive, addr: new Uint8Array(16), meta: new Uint8Array(512) }))).toBe(
      'fine',
    );
  });

  test.each([0, 1, 3, 5, 7])('with a Vsn of %d bytes, which crashes agents, is refused', (length) => {
    expect(check(Alive.encode({ ...alive, vsn: new Uint8Array(length).fill(1) }))).toBe('badValue');
  });

  test.each([0, 3, 5, 15, 17])('with an IP address of %d bytes is refused', (length) => {
    expect(check(Alive.encode({ ...alive, addr: new Uint8Array(length) }))).toBe('badValue');
  });

  test('with too much meta, or a name that is empty, too long, or not UTF-8, is refused', () => {
    expect(check(Alive.encode({ ...alive, meta: new Uint8Array(513) }))).toBe('tooLarge');
    expect(check(Alive.encode({ ...alive, node: '' }))).toBe('badValue');
    expect(check(Alive.encode({ ...alive, node: TOO_LONG }))).toBe('badValue');
    expect(check(Alive.encode({ ...alive, node: 'é'.repeat(128) }))).toBe('badValue');
    expect(check(Alive.encode({ ...alive, node: 'é'.repeat(127) }))).toBe('fine');
    const broken = Alive.encode(alive);
    broken[Buffer.from(broken).indexOf('ann')] = 0xff;
    expect(check(broken)).toBe('malformed');
  });

  test('with a port or an incarnation beyond its width is refused', () => {
    expect(check(Alive.encode({ ...alive, port: 65_536 }))).toBe('badValue');
    expect(check(Alive.encode({ ...alive, incarnation: 2 ** 32 }))).toBe('badValue');
  });
});

test('suspect and dead name the accused and the accuser', () => {
  for (const declared of [Suspect, Dead]) {
    const good = { incarnation: 1, node: 'bob', from: 'ann' };
    expect(check(declared.encode(good))).toBe('fine');
    expect(check(declared.encode({ ...good, node: '' }))).toBe('badValue');
    expect(check(declared.encode({ ...good, from: '' }))).toBe('badValue');
    expect(check(declared.encode({ ...good, from: TOO_LONG }))).toBe('badValue');
  }
});

test('pings may omit their source, but an invalid one is refused', () => {
  expect(check(Ping.encode(Ping.create({ seqNo: 1 })))).toBe('fine');
  expect(check(Ping.encode(Ping.create({ seqNo: 1, sourceAddr: hex('7f00') })))).toBe('badValue');
  const indirect = IndirectPing.create({ seqNo: 1, target: IP, port: 1 });
  expect(check(IndirectPing.encode(indirect))).toBe('fine');
  expect(check(IndirectPing.encode({ ...indirect, target: hex('') }))).toBe('badValue');
  expect(check(IndirectPing.encode({ ...indirect, sourceAddr: hex('01') }))).toBe('badValue');
});

test('an unknown type and an empty message are refused', () => {
  expect(check(hex('32'))).toBe('unknownType');
  expect(check(hex('0680'))).toBe('unknownType'); // a push/pull, in a datagram
  expect(check(hex(''))).toBe('short');
});

const serf = (bytes: Uint8Array): string => codeOf(() => decodeSerf(bytes));

describe('serf messages', () => {
  test('intents have a valid name', () => {
    for (const declared of [LeaveIntent, JoinIntent]) {
      expect(serf(declared.encode(declared.create({ ltime: 1, node: 'ann' }) as never))).toBe('fine');
      expect(serf(declared.encode(declared.create({ ltime: 1 }) as never))).toBe('badValue');
      expect(serf(declared.encode(declared.create({ ltime: 1, node: TOO_LONG }) as never))).toBe('badValue');
    }
  });

  test('a response names the member that responds', () => {
    expect(serf(QueryResponse.encode(QueryResponse.create({ from: 'ann' })))).toBe('fine');
    expect(serf(QueryResponse.encode(QueryResponse.create()))).toBe('badValue');
  });

  const query = Query.create({ addr: IP, port: 1, name: 'uptime', sourceNode: 'ann' });

  test('a query with an empty filter, which crashes agents, is refused', () => {
    expect(serf(Query.encode({ ...query, filters: [hex('00')] }))).toBe('fine');
    expect(serf(Query.encode({ ...query, filters: [hex('00'), hex('')] }))).toBe('badValue');
  });

  test.each(['install-key', 'use-key', 'remove-key', 'list-keys'])(
    'a %s query without payload, which kills agents, is refused',
    (what) => {
      expect(serf(Query.encode({ ...query, name: `_serf_${what}`, payload: hex('0780') }))).toBe('fine');
      expect(serf(Query.encode({ ...query, name: `_serf_${what}` }))).toBe('badValue');
    },
  );

  test('a query has an address for responses', () => {
    expect(serf(Query.encode({ ...query, addr: hex('7f0001') }))).toBe('badValue');
    expect(serf(Query.encode({ ...query, sourceNode: '' }))).toBe('fine'); // old agents leave it empty
    expect(serf(Query.encode({ ...query, sourceNode: TOO_LONG }))).toBe('badValue');
  });

  test('a relay has one address and a message', () => {
    const to = (ip: Uint8Array, port: number, destName = 'bob'): Uint8Array =>
      Uint8Array.of(
        ...RelayHeader.encode({ dest: { kind: 'relayAddress', ip, port, zone: '' }, destName }),
        ...QueryResponse.encode(QueryResponse.create({ from: 'ann' })),
      );
    expect(serf(to(IP, 7946))).toBe('fine');
    expect(serf(to(hex('01'), 7946))).toBe('badValue');
    expect(serf(to(IP, 0))).toBe('badValue');
    expect(serf(to(IP, 65_536))).toBe('badValue');
    expect(serf(to(IP, 7946, TOO_LONG))).toBe('badValue');
    const header = RelayHeader.encode({
      dest: { kind: 'relayAddress', ip: IP, port: 1, zone: '' },
      destName: '',
    });
    expect(serf(header)).toBe('badValue');
  });

  test('unknown types are reported, not read', () => {
    expect(decodeSerf(hex('c8 c1c1'))).toEqual({ kind: 'unknown', type: 200 });
    expect(serf(hex(''))).toBe('short');
  });

  test('a state loses entries with invalid names, and no others', () => {
    const state = SerfState.create({
      ltime: 5,
      statusLTimes: new Map([
        ['ann', 1],
        ['', 2],
        ['__proto__', 3],
        [TOO_LONG, 4],
      ]),
      leftMembers: ['', 'bob'],
      events: [undefined, undefined],
    });
    expect(decodeSerfState(SerfState.encode(state))).toEqual({
      ...state,
      statusLTimes: new Map([
        ['ann', 1],
        ['__proto__', 3],
      ]),
      leftMembers: ['bob'],
    });
    expect(codeOf(() => decodeSerfState(hex('0180')))).toBe('unknownType');
  });

  test('a state tells of all buckets or of those in a set of four bytes (P85)', () => {
    for (const bytes of [0, 4]) {
      const buckets = new Uint8Array(bytes).fill(5);
      expect(decodeSerfState(SerfState.encode(SerfState.create({ buckets })))).toMatchObject({ buckets });
    }
    const state = SerfState.create({ buckets: new Uint8Array(3) });
    expect(codeOf(() => decodeSerfState(SerfState.encode(state)))).toBe('badValue');
  });

  test('a member that does not know the name votes nil', () => {
    expect(decodeConflictResponse(hex('06c0'))).toBeUndefined();
    expect(codeOf(() => decodeConflictResponse(hex('08c0')))).toBe('unknownType');
    expect(codeOf(() => decodeConflictResponse(hex('')))).toBe('short');
  });
});

describe('filters', () => {
  test('by name and by tag read back equal', () => {
    for (const filter of [
      { kind: 'nodes', nodes: ['ann', 'bob'] },
      { kind: 'tag', tag: 'role', expr: '^w.b$' },
    ] as const)
      expect(decodeFilter(encodeFilter(filter))).toEqual(filter);
  });

  test('of an unknown type are reported as unknown', () => {
    expect(decodeFilter(hex('07c1'))).toEqual({ kind: 'unknown', type: 7 });
    expect(codeOf(() => decodeFilter(hex('')))).toBe('short');
  });
});

describe('tags', () => {
  test('none are ff80, and equal tags are equal bytes', () => {
    expect(encodeTags(new Map())).toEqual(hex('ff80'));
    const entries = [
      ['b', '2'],
      ['a', '1'],
    ] as const;
    expect(encodeTags(new Map(entries))).toEqual(encodeTags(new Map([...entries].reverse())));
  });

  test('meta of protocol 2 is a role; so is no meta at all', () => {
    expect(decodeTags(hex('776562'))).toEqual(new Map([['role', 'web']]));
    expect(decodeTags(hex(''))).toEqual(new Map([['role', '']]));
  });

  test('unreadable meta has no tags', () => {
    expect(decodeTags(hex('ff'))).toEqual(new Map());
    expect(decodeTags(hex('ff81a161'))).toEqual(new Map());
    expect(decodeTags(hex('ff93010203'))).toEqual(new Map());
  });
});
