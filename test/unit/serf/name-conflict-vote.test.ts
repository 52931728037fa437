import { describe, expect, test } from 'vitest';
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
    ann.pass(3000);
    const [query] = ann.takeMessages('queries');
    const again = query?.kind === 'query' ? query.id : -1;
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

  test('P60 a vote that is won ends the conflict, and lost ones count together only within one', () => {
    const ann = one({ members: ['bob', 'cat', 'dan'] });
    claim(ann, contest(ann), 'bob', 'eve');
    ann.pass(8000);
    const [query] = ann.takeMessages('queries');
    if (query?.kind !== 'query') throw new Error('no second vote');
    claim(ann, query.id, 'bob', SELF);
    ann.pass(30_000);
    expect(ann.takeMessages('queries')).toEqual([]);
    claim(ann, contest(ann), 'bob', 'eve');
    ann.pass(5000);
    expect(lost(ann)).toBe(false);
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
