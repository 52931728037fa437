import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { defaultQueryTimeout } from '../../../../src/serf/queries/queries.ts';
import { Query, QueryResponse } from '../../../../src/wire/serf.ts';
import { one } from '../one.ts';

const golden = JSON.parse(
  readFileSync(new URL('../../../golden/algorithms.json', import.meta.url), 'utf8'),
) as {
  readonly defaultQueryTimeout: readonly { readonly n: number; readonly lanMs: number }[];
};

describe('P53 queries', () => {
  test('P53 a new query moves the query clock and is broadcast as received', () => {
    const ann = one();

    ann.query(77, 5);

    expect(ann.serf.clocks).toEqual({ member: 1, event: 1, query: 6 });
    expect(ann.takeMessages('queries')).toMatchObject([{ kind: 'query', id: 77, ltime: 5 }]);
    expect(ann.takeBroadcasts('events')).toEqual([]);
  });

  test('P53 the same id at the same time is a duplicate; another id or time is new', () => {
    const ann = one();

    ann.query(77, 5);
    ann.query(77, 5, { name: 'other' });
    expect(ann.takeBroadcasts('queries')).toHaveLength(1);
    ann.query(78, 5);
    ann.query(77, 6);

    expect(ann.takeBroadcasts('queries')).toHaveLength(2);
  });

  test('P53 a query with the no-broadcast flag is recorded as seen, but not broadcast', () => {
    const ann = one();

    ann.query(77, 5, { flags: 2 });
    ann.query(77, 5);

    expect(ann.takeBroadcasts('queries')).toEqual([]);
    expect(ann.serf.clocks.query).toBe(6);
  });

  test('P41 a query whose filters do not match is still broadcast', () => {
    const ann = one();

    ann.query(77, 5, { filters: [Uint8Array.of(0, 0x91, 0xa3, 0x7a, 0x7a, 0x7a)] });

    expect(ann.takeBroadcasts('queries')).toHaveLength(1);
  });

  test('P53 a query more than a buffer behind is too old', () => {
    const ann = one({ config: { eventBuffer: 16 } });
    ann.query(1, 100);
    ann.takeBroadcasts('queries');

    ann.query(2, 84);
    expect(ann.takeBroadcasts('queries')).toEqual([]);
    ann.query(3, 85);

    expect(ann.takeBroadcasts('queries')).toHaveLength(1);
  });

  test('P42 a query with a time far ahead is refused, not witnessed and not broadcast', () => {
    const ann = one();

    ann.query(1, 2 + 2 ** 32);

    expect(ann.serf.clocks.query).toBe(1);
    expect(ann.takeBroadcasts('queries')).toEqual([]);
    expect(ann.facts()).toEqual([
      { kind: 'lamportTimeRefused', clock: 'query', ltime: 2 + 2 ** 32, local: 1 },
    ]);
  });

  test('P18 queries that crash Serf agents are refused before they are recorded or broadcast', () => {
    const ann = one();
    const addr = Uint8Array.of(127, 0, 0, 9);

    expect(() => ann.query(1, 5, { filters: [new Uint8Array()] })).toThrowError(
      expect.objectContaining({ code: 'badValue' }),
    );
    expect(() =>
      ann.receive(Query.encode(Query.create({ ltime: 5, addr, name: '_serf_use-key' }))),
    ).toThrowError(expect.objectContaining({ code: 'badValue' }));

    expect(ann.serf.clocks.query).toBe(1);
    expect(ann.takeBroadcasts('queries')).toEqual([]);
  });

  test('S29 a flood of ids at one Lamport time is broadcast only up to a limit', () => {
    const ann = one();

    for (let id = 0; id < 2000; id++) ann.query(id, 5);

    expect(ann.takeBroadcasts('queries')).toHaveLength(512);
  });

  test('P55 a response to no query of ours changes nothing', () => {
    const ann = one();

    ann.receive(QueryResponse.encode(QueryResponse.create({ ltime: 9, id: 1, from: 'bob' })));

    expect(ann.serf.clocks.query).toBe(1);
    expect(ann.facts()).toEqual([{ kind: 'responseRefused', from: 'bob', reason: 'not from a member' }]);
    expect(ann.out).toEqual([]);
    expect(ann.takeBroadcasts('queries')).toEqual([]);
  });
});

test.each(golden.defaultQueryTimeout)('P53 among $n members a query waits $lanMs ms', ({ n, lanMs }) => {
  expect(defaultQueryTimeout(200, n)).toBe(lanMs);
});
