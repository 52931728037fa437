import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AttributedEntry, EvidenceEntry, EvidenceFact } from '../../src/agent/contract/evidence.ts';
import { diagnose } from '../../src/agent/evidence/diagnosis.ts';
import { buildWitnessReport, readWitnessReport } from '../../src/agent/evidence/witness-report.ts';
import { formatEntry } from '../../src/agent/evidence/wording.ts';
import { MAX_RESPONSE_BYTES } from '../../src/serf/queries/incoming.ts';
import { encodeWitnessReport } from '../../src/wire/witness-report.ts';

const SELF = 'ann';
const NODE = 'bob';
const NOW = 10_000_000;

const name = fc.string({ minLength: 1, maxLength: 12, unit: 'binary' });
const count = fc.nat({ max: 1 << 20 });
const helpers = fc.array(name, { maxLength: 3 });
const probe = fc.record({
  ...{ kind: fc.constant('probe' as const), seqNo: count, durationMs: count, helpers },
  ...{ nacks: fc.constant(0), stream: fc.boolean(), awareness: fc.nat({ max: 8 }), latenessMs: count },
});
const table = fc.record({
  kind: fc.constant('pushPull' as const),
  state: fc.constantFrom('suspect' as const, 'dead' as const),
  source: name,
});
const suspected = (
  by: string,
  reason: fc.Arbitrary<Extract<EvidenceFact, { kind: 'memberSuspected' }>['reason']>,
) =>
  fc.record({
    ...{ kind: fc.constant('memberSuspected' as const), node: fc.constant(NODE), by: fc.constant(by) },
    ...{ incarnation: count, deadline: fc.constant(NOW), reason },
  });
/** What its teller saw itself, and must arrive as it was. */
const firstHand: fc.Arbitrary<EvidenceFact> = fc.oneof(
  suspected(SELF, fc.oneof(probe, table)),
  fc.record({ kind: fc.constant('stalled' as const), latenessMs: count }),
  fc.record({
    kind: fc.constant('nameConflict' as const),
    node: fc.constant(NODE),
    current: name,
    claimed: name,
  }),
  fc.record({
    ...{ kind: fc.constant('linkOneWay' as const), node: fc.constant(NODE), rounds: count },
    by: fc.constantFrom('relay' as const, 'stream' as const),
  }),
);
/** Others' word, which is theirs to tell. */
const secondHand: fc.Arbitrary<EvidenceFact> = suspected(
  'cat',
  fc.record({ kind: fc.constant('message' as const), by: fc.constant('cat'), source: name }),
);
const exhibit = (fact: fc.Arbitrary<EvidenceFact>): fc.Arbitrary<EvidenceEntry> =>
  fc
    .record({
      at: fc.integer({ min: 1, max: NOW / 2 }),
      more: count,
      count: fc.integer({ min: 1, max: 99 }),
      fact,
    })
    .map(({ at, more, ...rest }) => ({ ...rest, at, lastAt: at + more }));
const told = (exhibits: readonly EvidenceEntry[], from = SELF): readonly AttributedEntry[] | undefined =>
  readWitnessReport(
    buildWitnessReport({ node: NODE, entries: exhibits, dropped: 0 }, undefined, SELF, NOW),
    from,
    NODE,
    NOW,
  );

describe('a testimony', () => {
  test('says what its teller saw itself, as it was; others’ word it leaves out', () => {
    fc.assert(
      fc.property(exhibit(suspected(SELF, probe)), exhibit(firstHand), exhibit(secondHand), (a, b, c) => {
        const arrived = told([a, b, c]) ?? [];
        expect(arrived).toHaveLength(2);
        for (const one of [a, b]) expect(arrived).toContainEqual({ ...one, by: SELF });
      }),
    );
  });

  test('P67: fits an answer, however much there is to say, and holds the accusation', () => {
    const much = fc.array(exhibit(firstHand), { minLength: 0, maxLength: 100 });
    fc.assert(
      fc.property(much, exhibit(suspected(SELF, probe)), (many, own) => {
        const exhibits = [...many, own];
        const payload = buildWitnessReport(
          { node: NODE, entries: exhibits, dropped: 0 },
          undefined,
          SELF,
          NOW,
        );
        expect(payload.length).toBeLessThanOrEqual(MAX_RESPONSE_BYTES - 200);
        const kinds = readWitnessReport(payload, SELF, NODE, NOW)?.map(({ fact }) => fact.kind);
        expect(kinds).toContain('memberSuspected');
      }),
      { numRuns: 50 },
    );
  });

  test('puts no words into the mouth of another: who answers is who says so', () => {
    fc.assert(
      fc.property(exhibit(suspected(SELF, probe)), name, (own, from) => {
        for (const { by, fact } of told([own], from) ?? [])
          expect([by, 'by' in fact ? fact.by : from]).toEqual([from, from]);
      }),
    );
  });

  test('that one was accused and refuted it is told by nobody but itself', () => {
    const refuted: EvidenceEntry = {
      ...{ at: 1, lastAt: 1, count: 1 },
      fact: { kind: 'suspicionRefuted', incarnation: 2, by: 'cat', source: '10.0.0.3:7946' },
    };
    const dossier = { node: NODE, entries: [refuted], dropped: 0 };
    const payload = buildWitnessReport(dossier, undefined, NODE, NOW);
    expect(readWitnessReport(payload, NODE, NODE, NOW)).toHaveLength(1);
    expect(readWitnessReport(payload, 'cat', NODE, NOW)).toEqual([]);
  });
});

const row = fc.record({
  ...{
    kind: fc.nat({ max: 20 }),
    age: fc.nat(),
    lastAge: fc.constant(0),
    count: fc.integer({ min: 1, max: 1e9 }),
  },
  numbers: fc.array(fc.maxSafeNat(), { maxLength: 12 }),
  texts: fc.array(fc.string({ maxLength: 40, unit: 'binary' }), { maxLength: 16 }),
});

describe('S1: a hostile answer', () => {
  test('of any bytes is read or refused, never more', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1024 }), (payload) => {
        const statements = readWitnessReport(payload, 'mallory', NODE, NOW);
        expect(statements === undefined || Array.isArray(statements)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  test('of well-formed nonsense has words and a verdict, is bounded, and speaks for nobody else', () => {
    fc.assert(
      fc.property(fc.array(row, { maxLength: 64 }), (rows) => {
        const statements = readWitnessReport(encodeWitnessReport(rows), 'mallory', NODE, NOW);
        if (statements === undefined) return; // an age out of range
        expect(statements.length).toBeLessThanOrEqual(64);
        for (const one of statements) {
          expect(one.by).toBe('mallory');
          expect(one.at).toBeLessThanOrEqual(one.lastAt);
          expect(formatEntry(one, NODE).length).toBeLessThan(3000);
        }
        const { sentence } = diagnose({
          ...{ node: NODE, self: SELF, status: 'alive', since: 0, entries: statements, members: [] },
          ...{ witnesses: new Set(['mallory']), formatTime: (at: number) => `${at}` },
        });
        expect(sentence.length).toBeLessThan(4000);
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    ['a long text', { texts: ['x'.repeat(129)] }],
    ['an age of years', { age: 1e12 }],
    ['one that ends before it begins', { age: 1, lastAge: 2 }],
    ['one that never happened', { count: 0 }],
  ])('%s is refused whole', (_, change) => {
    const good = { kind: 10, age: 5, lastAge: 5, count: 1, numbers: [], texts: [] };
    const read = (one: typeof good) => readWitnessReport(encodeWitnessReport([one]), 'mallory', NODE, NOW);
    expect(read(good)).toHaveLength(1);
    expect(read({ ...good, ...change } as typeof good)).toBeUndefined();
  });

  test('more rows than may stand are refused before they are read', () => {
    const good = { kind: 10, age: 5, lastAge: 5, count: 1, numbers: [], texts: [] };
    expect(
      readWitnessReport(encodeWitnessReport(new Array(65).fill(good)), 'mallory', NODE, NOW),
    ).toBeUndefined();
  });
});
