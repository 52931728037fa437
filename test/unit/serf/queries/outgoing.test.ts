import { describe, expect, test } from 'vitest';
import { decodeUtf8, encodeUtf8, NO_BYTES } from '../../../../src/base/bytes.ts';
import type { QueryDefinition, QueryReport, SerfEffect } from '../../../../src/serf/types.ts';
import { encodeFilter } from '../../../../src/wire/filter.ts';
import {
  ConflictResponse,
  decodeSerf,
  KeyRequest,
  KeyResponse,
  Query,
  QueryResponse,
  RelayHeader,
} from '../../../../src/wire/serf.ts';
import { decodeStruct } from '../../../../src/wire/struct.ts';
import { member, type One, one, SELF } from '../one.ts';

const question = (changes: Partial<QueryDefinition> = {}): QueryDefinition => ({
  ...{ name: 'load', payload: NO_BYTES, nodes: [], tags: new Map(), ack: true, relayFactor: 0 },
  ...changes,
});
const atBob = member('bob').identity.address;
const ofBob = { addr: atBob.ip, port: atBob.port, sourceNode: 'bob', timeout: 5e9 };

/** Takes what is to be sent to one address at once. */
function sent(ann: One): { to: string; message: ReturnType<typeof decodeSerf> }[] {
  const isSend = (effect: SerfEffect): boolean => effect.kind === 'send';
  const some = ann.out.flatMap((effect) =>
    effect.kind === 'send' ? [{ to: effect.to.host, message: decodeSerf(effect.body) }] : [],
  );
  ann.out.splice(0, ann.out.length, ...ann.out.filter((effect) => !isSend(effect)));
  return some;
}

const answer = (ann: One, asked: QueryReport, from: string, words: string, flags = 0): void => {
  const ltime = ann.serf.clocks.query - 1;
  ann.receive(QueryResponse.encode({ ltime, id: asked.id, from, flags, payload: encodeUtf8(words) }));
};

describe('P53 a query of ours', () => {
  test('P53 is sent to all members with our address, and answered by this agent too', () => {
    const ann = one({ members: ['bob'] });

    const asked = ann.serf.query(question({ payload: encodeUtf8('now') }), ann.now, ann.out);

    expect(ann.takeMessages('queries')).toMatchObject([
      {
        kind: 'query',
        id: asked.id,
        ltime: 1,
        flags: 1,
        sourceNode: SELF,
        name: 'load',
        port: 7946,
        filters: [],
      },
    ]);
    expect(asked).toMatchObject({ expected: 2, acks: [SELF], responses: [], finished: false, timeout: 3200 });
    expect(sent(ann)).toEqual([]);
    expect(ann.serf.clocks.query).toBe(2);
  });

  test('P55 the first ack and the first response of each member count, and only those of members', () => {
    const ann = one({ members: ['bob', 'cat'] });
    const asked = ann.serf.query(question({ ack: false }), ann.now, ann.out);

    answer(ann, asked, 'bob', '', 1);
    answer(ann, asked, 'bob', '', 1);
    answer(ann, asked, 'bob', 'one');
    answer(ann, asked, 'bob', 'two');
    answer(ann, asked, 'eve', 'forged');

    const now = ann.serf.queryReport(asked.id);
    expect(now?.acks).toEqual(['bob']);
    expect(now?.responses.map(({ from, payload }) => [from, decodeUtf8(payload)])).toEqual([['bob', 'one']]);
    expect(ann.facts()).toContainEqual({ kind: 'responseRefused', from: 'eve', reason: 'not from a member' });
  });

  test('P53 ends at its timeout; its report is deleted a minute later', () => {
    const ann = one({ members: ['bob'] });
    const asked = ann.serf.query(question({ timeout: 1000 }), ann.now, ann.out);

    ann.pass(999);
    expect(ann.serf.queryReport(asked.id)?.finished).toBe(false);
    ann.pass(1);
    expect(ann.serf.queryReport(asked.id)?.finished).toBe(true);
    answer(ann, asked, 'bob', 'late');
    expect(ann.serf.queryReport(asked.id)?.responses).toEqual([]);
    ann.pass(60_000);
    expect(ann.serf.queryReport(asked.id)).toBeUndefined();
  });

  test('P53 is refused if it is too large, has unsupported filters, or is one too many, and nothing is sent', () => {
    const ann = one();
    const refused = (changes: Partial<QueryDefinition>, code: string): void =>
      expect(() => ann.serf.query(question(changes), ann.now, ann.out)).toThrowError(
        expect.objectContaining({ code }),
      );

    refused({ payload: new Uint8Array(1000) }, 'tooLarge');
    refused({ tags: new Map([['role', '(']]) }, 'badRequest');
    refused({ name: '' }, 'badRequest');
    refused({ relayFactor: 256 }, 'badRequest');
    for (let i = 0; i < 64; i++) ann.serf.query(question(), ann.now, ann.out);
    ann.takeBroadcasts('queries');
    refused({}, 'conflict');
    expect(ann.takeBroadcasts('queries')).toEqual([]);
  });
});

describe('P55 a query of another member', () => {
  test('P55 is acked on request, and waits for a response, which is sent to its sender', () => {
    const ann = one({ members: ['bob'] });

    ann.query(7, 3, { ...ofBob, flags: 1, payload: encodeUtf8('?') });

    expect(sent(ann)).toEqual([
      {
        to: atBob.host,
        message: { kind: 'queryResponse', ltime: 3, id: 7, from: SELF, flags: 1, payload: NO_BYTES },
      },
    ]);
    expect(ann.serf.pendingQueries).toMatchObject([{ id: 7, name: 'q', from: 'bob', deadline: 5000 }]);

    ann.serf.respond(7, encodeUtf8('fine'), ann.now, ann.out);
    expect(sent(ann)).toMatchObject([{ message: { flags: 0, payload: encodeUtf8('fine') } }]);
    expect(() => ann.serf.respond(7, encodeUtf8('again'), ann.now, ann.out)).toThrowError(
      expect.objectContaining({ code: 'notFound' }),
    );
  });

  test('P55 a response above 1024 bytes, header included, is refused, and a shorter one accepted', () => {
    const ann = one({ members: ['bob'] });
    ann.query(7, 3, ofBob);

    expect(() => ann.serf.respond(7, new Uint8Array(1000), ann.now, ann.out)).toThrowError(
      expect.objectContaining({ code: 'tooLarge' }),
    );
    ann.serf.respond(7, new Uint8Array(900), ann.now, ann.out);
    expect(sent(ann)).toHaveLength(1);
  });

  test('P55 is not pending any more after its timeout', () => {
    const ann = one({ members: ['bob'] });
    ann.query(7, 3, ofBob);
    ann.pass(5000);
    expect(ann.serf.pendingQueries).toEqual([]);
  });

  test('P54 filters of node and tag must all match; otherwise not even an ack is sent', () => {
    const ann = one({ members: ['bob'] });
    ann.up(SELF, { role: 'web-1' });
    const nodes = (...names: string[]) => encodeFilter({ kind: 'nodes', nodes: names });
    const tag = (expr: string) => encodeFilter({ kind: 'tag', tag: 'role', expr });
    const isAcked = (id: number, ...filters: Uint8Array[]): boolean => {
      ann.query(id, 3, { ...ofBob, flags: 1, filters });
      return sent(ann).length === 1;
    };

    expect(isAcked(1, nodes(SELF, 'bob'), tag('^web'))).toBe(true);
    expect(isAcked(2, nodes('bob'))).toBe(false);
    expect(isAcked(3, tag('^db'))).toBe(false);
    expect(isAcked(4, encodeFilter({ kind: 'tag', tag: 'none', expr: '^$' }))).toBe(true);
    expect(ann.facts().filter(({ kind }) => kind === 'queryRefused')).toEqual([]);
    expect(isAcked(5, tag('('))).toBe(false);
    expect(isAcked(6, Uint8Array.of(9, 0xc0))).toBe(false);
    expect(isAcked(7, ...Array.from({ length: 33 }, () => nodes(SELF)))).toBe(false);
    expect(ann.facts().filter(({ kind }) => kind === 'queryRefused')).toHaveLength(3);
    expect(ann.takeBroadcasts('queries')).toHaveLength(7);
  });

  test("P55 S7 no response is sent to an address that is not a member's: no reflection attacks", () => {
    const ann = one({ members: ['bob'] });

    ann.query(7, 3, { ...ofBob, addr: Uint8Array.of(8, 8, 8, 8), flags: 1 });

    expect(sent(ann)).toEqual([]);
    expect(ann.facts()).toMatchObject([{ kind: 'queryRefused', reason: 'its sender is not a member' }]);
  });

  test('P56 with a relay factor the response goes through other members too, and they relay it', () => {
    const ann = one({ members: ['bob', 'cat', 'dan'] });
    const cat = one({ members: ['bob'] });

    ann.query(7, 3, { ...ofBob, flags: 1, relayFactor: 2 });

    const [direct, ...relayed] = sent(ann);
    expect(direct?.to).toBe(atBob.host);
    expect(relayed).toHaveLength(2);
    for (const { message } of relayed) {
      if (message.kind !== 'relay') throw new Error('no relay');
      const head = RelayHeader.encode(message.header);
      const body = new Uint8Array([...head, ...message.message]);
      cat.receive(body);
      expect(sent(cat)).toEqual([direct]);
    }
  });

  test('P56 only responses to members are relayed', () => {
    const cat = one({ members: ['bob'] });
    const relay = (ip: Uint8Array, body: Uint8Array): void => {
      const dest = { kind: 'relayAddress', ip, port: 7946, zone: '' } as const;
      cat.receive(new Uint8Array([...RelayHeader.encode({ dest, destName: 'bob' }), ...body]));
    };
    relay(Uint8Array.of(8, 8, 8, 8), QueryResponse.encode(QueryResponse.create({ from: 'ann' })));
    relay(atBob.ip, Query.encode(Query.create({ name: 'q', addr: atBob.ip })));

    expect(sent(cat)).toEqual([]);
    expect(cat.facts().map(({ kind }) => kind)).toEqual(['relayRefused', 'relayRefused']);
  });
});

describe('P59 keys', () => {
  const key = (octet: number): Uint8Array => new Uint8Array(32).fill(octet);
  const base64 = (octet: number): string => Buffer.from(key(octet)).toString('base64');
  let id = 0;
  const said = (ann: One, name: string, octet?: number) => {
    const payload = KeyRequest.encode({ key: octet === undefined ? NO_BYTES : key(octet) });
    ann.query(++id, ann.serf.clocks.query, { ...ofBob, name, payload });
    return said.last(ann);
  };
  said.last = (ann: One) => {
    const [last] = sent(ann);
    return last?.message.kind === 'queryResponse'
      ? decodeStruct(KeyResponse, last.message.payload)
      : undefined;
  };

  test('P59 are installed, used, listed and removed; the primary never is', () => {
    const ann = one({ members: ['bob'], keys: [key(1)] });

    expect(said(ann, '_serf_install-key', 2)).toMatchObject({ result: true });
    expect(said(ann, '_serf_list-keys')).toMatchObject({
      keys: [base64(1), base64(2)],
      primaryKey: base64(1),
    });
    expect(said(ann, '_serf_remove-key', 1)).toMatchObject({ result: false });
    expect(said(ann, '_serf_use-key', 2)).toMatchObject({ result: true });
    expect(said(ann, '_serf_remove-key', 1)).toMatchObject({ result: true });
    expect(said(ann, '_serf_remove-key', 2)).toMatchObject({ result: false });
    expect(said(ann, '_serf_use-key', 3)).toMatchObject({ result: false });
    expect(said(ann, '_serf_list-keys')).toMatchObject({ keys: [base64(2)], primaryKey: base64(2) });
    expect(ann.facts().filter(({ kind }) => kind === 'keysChanged')).toMatchObject([
      { change: 'install', by: 'bob' },
      { change: 'use', by: 'bob' },
      { change: 'remove', by: 'bob' },
    ]);
  });

  test('P59 G16 a change is answered only when it is stored, and a disk failure is reported', () => {
    const ann = one({ members: ['bob'], keys: [key(1)], persistsKeys: true });

    expect(said(ann, '_serf_install-key', 2)).toBeUndefined();
    const first = ann.out.find((effect) => effect.kind === 'storeKeys');
    ann.serf.onKeysStored(first?.ticket ?? 0, undefined, ann.now, ann.out);
    expect(said.last(ann)).toMatchObject({ result: true, message: '' });

    ann.out.length = 0;
    expect(said(ann, '_serf_use-key', 2)).toBeUndefined();
    const second = ann.out.find((effect) => effect.kind === 'storeKeys');
    ann.serf.onKeysStored(second?.ticket ?? 0, 'ENOSPC', ann.now, ann.out);
    expect(said.last(ann)).toMatchObject({ result: false, message: expect.stringContaining('ENOSPC') });
  });

  test("P59 without encryption there is no keyring, and the response says so as Serf's does", () => {
    const ann = one({ members: ['bob'] });
    for (const name of ['_serf_install-key', '_serf_list-keys', '_serf_remove-key'])
      expect(said(ann, name, name === '_serf_list-keys' ? undefined : 2)).toMatchObject({
        result: false,
        message: 'No keyring to modify (encryption not enabled)',
      });
  });

  test('P59 a list too long for one response is truncated, and says so', () => {
    const ann = one({ members: ['bob'], keys: Array.from({ length: 40 }, (_, i) => key(i)) });
    const list = said(ann, '_serf_list-keys');
    expect(list?.keys.length).toBeGreaterThan(10);
    expect(list?.message).toMatch(/^Only the first \d+ of 40 keys/);
  });
});

describe('P60 two nodes with our name', () => {
  const contest = (ann: One): QueryReport['id'] => {
    const other = member('eve').identity.address;
    ann.serf.handleMemberEvent({ kind: 'nameConflict', member: member(SELF), other }, ann.now, ann.out);
    const [query] = ann.takeMessages('queries');
    return query?.kind === 'query' ? query.id : -1;
  };
  const claim = (ann: One, id: number, from: string, whose: string): void => {
    const { ip, port } = member(whose).identity.address;
    const payload = ConflictResponse.encode(
      ConflictResponse.create({ name: SELF, addr: ip, port, status: 1 }),
    );
    ann.receive(
      QueryResponse.encode(QueryResponse.create({ ltime: ann.serf.clocks.query - 1, id, from, payload })),
    );
  };
  const lost = (ann: One): boolean => ann.out.some((effect) => effect.kind === 'nameVoteLost');

  test('P60 the members vote; the node with fewer votes leaves', () => {
    const ann = one({ members: ['bob', 'cat', 'dan'] });
    const id = contest(ann);
    claim(ann, id, 'bob', 'eve');
    claim(ann, id, 'cat', SELF);
    claim(ann, id, 'dan', 'eve');
    ann.pass(5000);
    expect(lost(ann)).toBe(false); // one lost vote may be caused by a recent move
    ann.pass(30_000);
    const again = contest(ann);
    claim(ann, again, 'bob', 'eve');
    claim(ann, again, 'dan', 'eve');
    ann.pass(5000);
    expect(lost(ann)).toBe(true);
    expect(ann.facts()).toContainEqual({
      kind: 'nameConflictVote',
      node: SELF,
      votesForUs: 1,
      votesAgainst: 2,
    });
  });

  test('P60 the node with more votes stays', () => {
    const ann = one({ members: ['bob', 'cat', 'dan'] });
    const id = contest(ann);
    claim(ann, id, 'bob', SELF);
    claim(ann, id, 'cat', SELF);
    claim(ann, id, 'dan', 'eve');
    ann.pass(5000);
    expect(lost(ann)).toBe(false);
  });

  test('P60 without votes the agent stays, and votes are rate-limited', () => {
    const ann = one();
    expect(contest(ann)).not.toBe(-1);
    expect(contest(ann)).toBe(-1);
    ann.pass(5000);
    expect(lost(ann)).toBe(false);
    ann.pass(30_000);
    expect(contest(ann)).not.toBe(-1);
  });

  test('P60 the vote can be switched off', () => {
    const ann = one({ members: ['bob'], config: { nameVote: false } });
    expect(contest(ann)).toBe(-1);
  });

  test('P60 a query about another name is answered with the member held; one about our own is not answered', () => {
    const ann = one({ members: ['bob', 'cat'] });
    ann.query(1, 3, { ...ofBob, name: '_serf_conflict', payload: encodeUtf8('cat') });
    const [about] = sent(ann);
    if (about?.message.kind !== 'queryResponse') throw new Error('no answer');
    expect(decodeStruct(ConflictResponse, about.message.payload)).toMatchObject({
      name: 'cat',
      addr: member('cat').identity.address.ip,
      status: 1,
    });
    ann.query(2, 3, { ...ofBob, name: '_serf_conflict', payload: encodeUtf8(SELF) });
    expect(sent(ann)).toEqual([]);
    ann.query(3, 3, { ...ofBob, name: '_serf_conflict', payload: encodeUtf8('nobody') });
    expect(sent(ann)).toMatchObject([{ message: { payload: Uint8Array.of(6, 0xc0) } }]);
  });
});

describe('reminders', () => {
  test('P53 a member whose ack is missing receives the query directly, once', () => {
    const ann = one({ members: ['bob', 'cat', 'dan'] });
    const nodes = ['ann', 'bob', 'cat'];
    const asked = ann.serf.query(question({ nodes, timeout: 1000 }), ann.now, ann.out);
    const [body] = ann.takeBroadcasts('queries');
    answer(ann, asked, 'bob', '', 1);

    ann.pass(1000);

    const sends = ann.out.flatMap((effect) => (effect.kind === 'send' ? [effect] : []));
    expect(sends).toEqual([{ kind: 'send', to: member('cat').identity.address, body }]);
  });
});
