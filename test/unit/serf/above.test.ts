/** Queries between hearsay agents: answered by the layers above, and sent directly to a few members. */
import { expect, test } from 'vitest';
import { decodeUtf8, encodeUtf8, NO_BYTES } from '../../../src/base/bytes.ts';
import type { QueryDefinition, SerfEffect } from '../../../src/serf/types.ts';
import { decodeSerf, Query } from '../../../src/wire/serf.ts';
import { member, one } from './one.ts';

const question = (changes: Partial<QueryDefinition> = {}): QueryDefinition => ({
  ...{ name: '_serf_hearsay-why', payload: NO_BYTES, nodes: [], tags: new Map(), ack: false, relayFactor: 0 },
  ...changes,
});
const sends = (out: readonly SerfEffect[]) =>
  out.flatMap((effect) => (effect.kind === 'send' ? [effect] : []));

test('members in directTo receive a query at once, if they are alive; the others by gossip', () => {
  const ann = one({ members: ['bob', 'cat', 'dan'] });
  ann.down('cat');
  ann.out.length = 0;

  ann.serf.query(question({ directTo: ['bob', 'cat', 'ann', 'nobody'] }), ann.now, ann.out);

  expect(sends(ann.out).map(({ to }) => to.key)).toEqual([member('bob').identity.address.key]);
  expect(decodeSerf(sends(ann.out)[0]?.body ?? NO_BYTES)).toMatchObject({ kind: 'query', sourceNode: 'ann' });
  expect(ann.lanes.queries.size).toBe(1);
});

test('an internal query that is not Serf’s is answered by the layers above, if known, and never reaches programs', () => {
  const asked: string[] = [];
  const ann = one({
    members: ['bob'],
    answer: ({ name, payload, reply }, now, out) => {
      asked.push(`${name} ${decodeUtf8(payload)}`);
      if (name !== '_serf_hearsay-why') return false;
      reply(encodeUtf8('seen'), now, out);
      return true;
    },
  });
  const { ip: addr, port } = member('bob').identity.address;
  const ask = (name: string, id: number): void => {
    const query = {
      ltime: 1,
      id,
      addr,
      port,
      sourceNode: 'bob',
      timeout: 5e9,
      name,
      payload: encodeUtf8('cat'),
    };
    ann.receive(Query.encode(Query.create(query)));
  };
  ann.out.length = 0;
  ask('_serf_hearsay-why', 1);
  ask('_serf_other', 2);

  expect(asked).toEqual(['_serf_hearsay-why cat', '_serf_other cat']);
  const [answer, ...more] = sends(ann.out);
  expect([answer?.to.key, more]).toEqual([member('bob').identity.address.key, []]);
  const response = decodeSerf(answer?.body ?? NO_BYTES);
  expect(response.kind === 'queryResponse' ? decodeUtf8(response.payload) : response.kind).toBe('seen');
  expect(ann.serf.pendingQueries).toEqual([]);
  expect(ann.facts()).toMatchObject([{ kind: 'queryRefused', reason: 'an unknown internal query' }]);
});
