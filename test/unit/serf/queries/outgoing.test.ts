import { describe, expect, test } from 'vitest';
import { decodeUtf8, encodeUtf8, NO_BYTES } from '../../../../src/base/bytes.ts';
import type { QueryDefinition, QueryReport, SerfEffect } from '../../../../src/serf/types.ts';
import { decodeSerf, QueryResponse } from '../../../../src/wire/serf.ts';
import { member, type One, one, SELF } from '../one.ts';

const question = (changes: Partial<QueryDefinition> = {}): QueryDefinition => ({
  ...{ name: 'load', payload: NO_BYTES, nodes: [], tags: new Map(), ack: true, relayFactor: 0 },
  ...changes,
});

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

  test('P84 a direct query goes to those it names alone, is passed on by nobody, and is answered from their own addresses', () => {
    const ann = one({ members: ['bob', 'cat'] });
    const direct = question({ directTo: ['bob'], direct: true });
    const asked = ann.serf.query(direct, ann.now, ann.out);
    expect(ann.takeMessages('queries')).toEqual([]);
    expect(sent(ann)).toMatchObject([{ to: member('bob').identity.address.host, message: { flags: 3 } }]);

    const ltime = ann.serf.clocks.query - 1;
    const body = QueryResponse.encode({ ltime, id: asked.id, from: 'bob', flags: 1, payload: NO_BYTES });
    const arrive = (from: string): void =>
      ann.serf.receive(body, ann.now, ann.out, member(from).identity.address.key);
    arrive('cat');
    expect(ann.serf.queryReport(asked.id)?.acks).toEqual([SELF]);
    expect(ann.facts()).toContainEqual({
      ...{ kind: 'responseRefused', from: 'bob', reason: 'not from its own address' },
    });
    arrive('bob');
    expect(ann.serf.queryReport(asked.id)?.acks).toEqual([SELF, 'bob']);
  });

  test('P55 a response with the id of a running query and another Lamport time changes nothing', () => {
    const ann = one({ members: ['bob'] });
    const asked = ann.serf.query(question(), ann.now, ann.out);
    const before = ann.serf.queryReport(asked.id);
    for (const ltime of [0, ann.serf.clocks.query, ann.serf.clocks.query + 7])
      for (const flags of [0, 1])
        ann.receive(
          QueryResponse.encode({ ltime, id: asked.id, from: 'bob', flags, payload: encodeUtf8('late') }),
        );

    expect(ann.serf.queryReport(asked.id)).toEqual(before);
    expect(ann.facts().filter(({ kind }) => kind === 'responseRefused')).toHaveLength(6);
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
