import { describe, expect, test } from 'vitest';
import type { Address } from '../../../src/base/address.ts';
import { encodeUtf8 } from '../../../src/base/bytes.ts';
import type { QueryReport, SerfEffect } from '../../../src/serf/types.ts';
import { ConflictResponse, decodeSerf, QueryResponse } from '../../../src/wire/serf.ts';
import { decodeStruct } from '../../../src/wire/struct.ts';
import { member, type One, one, SELF } from './one.ts';

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

describe('P60 two nodes with our name', () => {
  const contest = (ann: One, whose = 'eve'): QueryReport['id'] => {
    const other = member(whose).identity.address;
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

  const lostQuery = (names: string[]): One => {
    const ann = one({ members: names });
    claim(ann, contest(ann), 'bob', 'eve');
    ann.pass(5000);
    expect([lost(ann), asked(ann)]).toEqual([false, []]);
    ann.pass(4000);
    return ann;
  };
  const asked = (ann: One): string[] =>
    ann.out.flatMap((effect) => (effect.kind === 'pushPull' ? [effect.to.key] : []));
  const addressOf = (name: string): Address => member(name).identity.address;
  const holds = (ann: One, from: Address, whose: string): void =>
    ann.serf.nameConflictVote.onHolder(from, member(whose).identity.address);

  test('P60 a vote lost by query ends nobody: the members are asked directly', () => {
    const ann = lostQuery(['bob', 'cat', 'gil']);
    expect(asked(ann)).toEqual(['bob', 'cat', 'gil', 'eve'].map((name) => addressOf(name).key));
    expect(ann.serf.nameConflictVote.isAsking).toBe(true);
    ann.pass(3000);
    expect([lost(ann), ann.serf.nameConflictVote.isAsking]).toEqual([false, false]); // nobody answered
  });

  test('P60 the node that most members do not hold leaves', () => {
    const ann = lostQuery(['bob', 'cat', 'gil']);
    holds(ann, addressOf('eve'), 'eve');
    holds(ann, addressOf('bob'), 'eve');
    holds(ann, addressOf('cat'), SELF);
    holds(ann, addressOf('gil'), 'eve');
    expect(lost(ann)).toBe(false);
    ann.pass(3000);
    expect(lost(ann)).toBe(true);
    expect(ann.facts()).toContainEqual({
      kind: 'nameConflictVote',
      node: SELF,
      votesForUs: 1,
      votesAgainst: 2,
    });
  });

  test('P60 it stays when the other one does not answer: members only remember that one', () => {
    const ann = lostQuery(['bob', 'cat', 'gil']);
    for (const name of ['bob', 'cat', 'gil']) holds(ann, addressOf(name), 'eve');
    ann.pass(3000);
    expect(lost(ann)).toBe(false);
    expect(ann.facts()).toContainEqual({
      ...{ kind: 'nameConflictVote', node: SELF, votesForUs: 0, votesAgainst: 3 },
    });
  });

  test.each(['eve', 'abc'])(
    'P60 of two that are held by as many, the address that sorts first stays (%s)',
    (other) => {
      const ann = one({ members: ['bob', 'cat'] });
      claim(ann, contest(ann, other), 'bob', other);
      ann.pass(9000);
      holds(ann, addressOf(other), other);
      holds(ann, addressOf('bob'), other);
      holds(ann, addressOf('cat'), SELF);
      ann.pass(3000);
      expect(lost(ann)).toBe(addressOf(other).key < addressOf(SELF).key);
    },
  );

  test('P60 an address has one vote, and none that was not asked', () => {
    const ann = lostQuery(['bob', 'cat', 'gil']);
    for (let i = 0; i < 5; i++) holds(ann, addressOf('bob'), 'eve');
    for (const stranger of ['new1', 'new2', 'new3', 'eve']) holds(ann, addressOf(stranger), 'eve');
    holds(ann, addressOf('cat'), SELF);
    holds(ann, addressOf('gil'), SELF);
    ann.pass(3000);
    expect(lost(ann)).toBe(false);
  });

  test('P60 seven members are asked, those that are held alive for the longest', () => {
    const ann = one({ members: ['bob', 'cat', 'kim', 'jon', 'gil', 'hal'] });
    for (const late of ['new1', 'new2', 'new3']) {
      const { identity } = member(late);
      const row = { identity, state: 'alive', incarnation: 1, since: 500 } as const;
      ann.serf.handleMemberEvent({ kind: 'memberJoined', member: row }, ann.now, ann.out);
    }
    claim(ann, contest(ann), 'bob', 'eve');
    ann.pass(15_000);
    expect(asked(ann)).toHaveLength(8); // and the other one
    expect(asked(ann).slice(0, 6)).toEqual(
      ['bob', 'cat', 'kim', 'jon', 'gil', 'hal'].map((name) => addressOf(name).key),
    );
  });

  test('P60 whoever loses its name knows it within twelve seconds of the conflict (Serf 15)', () => {
    const ann = one({ members: ['bob', 'cat', 'gil'] });
    const from = ann.now;
    claim(ann, contest(ann), 'bob', 'eve');
    while (!lost(ann) && ann.now - from < 60_000) {
      ann.pass(500);
      for (const name of ['bob', 'cat', 'gil', 'eve']) holds(ann, addressOf(name), 'eve');
    }
    expect(lost(ann)).toBe(true);
    expect(ann.now - from).toBeLessThanOrEqual(12_000); // 5 s for the query, 4 s to know who moved, 3 s for the members
  });

  test('P60 the node with more votes stays', () => {
    const ann = one({ members: ['bob', 'cat', 'gil'] });
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
