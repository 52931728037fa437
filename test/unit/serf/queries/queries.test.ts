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
  test('P53 a query that is news moves the query clock and goes on as it came', () => {
    const ann = one();

    ann.query(77, 5);

    expect(ann.serf.clocks).toEqual({ member: 1, event: 1, query: 6 });
    expect(ann.toldMessages('queries')).toMatchObject([{ kind: 'query', id: 77, ltime: 5 }]);
    expect(ann.told('events')).toEqual([]);
  });

  test('P53 the same id at the same time is not news; another id, or time, is', () => {
    const ann = one();

    ann.query(77, 5);
    ann.query(77, 5, { name: 'other' });
    expect(ann.told('queries')).toHaveLength(1);
    ann.query(78, 5);
    ann.query(77, 6);

    expect(ann.told('queries')).toHaveLength(2);
  });

  test('P53 a query flagged for us alone is remembered, but not passed on', () => {
    const ann = one();

    ann.query(77, 5, { flags: 2 });
    ann.query(77, 5);

    expect(ann.told('queries')).toEqual([]);
    expect(ann.serf.clocks.query).toBe(6);
  });

  test('P41 a query whose filters do not match us still goes on', () => {
    const ann = one();

    ann.query(77, 5, { filters: [Uint8Array.of(0, 0x91, 0xa3, 0x7a, 0x7a, 0x7a)] });

    expect(ann.told('queries')).toHaveLength(1);
  });

  test('P53 a query more than a buffer behind is too old', () => {
    const ann = one({ config: { eventBuffer: 16 } });
    ann.query(1, 100);
    ann.told('queries');

    ann.query(2, 84);
    expect(ann.told('queries')).toEqual([]);
    ann.query(3, 85);

    expect(ann.told('queries')).toHaveLength(1);
  });

  test('P42 a query from the far future is refused, not witnessed and not passed on', () => {
    const ann = one();

    ann.query(1, 2 + 2 ** 32);

    expect(ann.serf.clocks.query).toBe(1);
    expect(ann.told('queries')).toEqual([]);
    expect(ann.facts()).toEqual([
      { kind: 'lamportTimeRefused', clock: 'query', ltime: 2 + 2 ** 32, local: 1 },
    ]);
  });

  test('P18 what kills real agents is thrown out before it is remembered or passed on', () => {
    const ann = one();
    const addr = Uint8Array.of(127, 0, 0, 9);

    expect(() => ann.query(1, 5, { filters: [new Uint8Array()] })).toThrowError(
      expect.objectContaining({ code: 'badValue' }),
    );
    expect(() =>
      ann.receive(Query.encode(Query.create({ ltime: 5, addr, name: '_serf_use-key' }))),
    ).toThrowError(expect.objectContaining({ code: 'badValue' }));

    expect(ann.serf.clocks.query).toBe(1);
    expect(ann.told('queries')).toEqual([]);
  });

  test('S29 a flood of ids at one Lamport time is passed on only up to a limit', () => {
    const ann = one();

    for (let id = 0; id < 2000; id++) ann.query(id, 5);

    expect(ann.told('queries')).toHaveLength(512);
  });

  test('P55 an answer to no query of ours changes nothing and goes nowhere', () => {
    const ann = one();

    ann.receive(QueryResponse.encode(QueryResponse.create({ ltime: 9, id: 1, from: 'bob' })));

    expect(ann.serf.clocks.query).toBe(1);
    expect(ann.facts()).toEqual([{ kind: 'responseRefused', from: 'bob', reason: 'not from a member' }]);
    expect(ann.out).toEqual([]);
    expect(ann.told('queries')).toEqual([]);
  });
});

test.each(golden.defaultQueryTimeout)('P53 among $n members a query waits $lanMs ms', ({ n, lanMs }) => {
  expect(defaultQueryTimeout(200, n)).toBe(lanMs);
});
