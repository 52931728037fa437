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
/** Facts that the observer saw itself, which must arrive unchanged. */
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
/** Accusations by others. */
const secondHand: fc.Arbitrary<EvidenceFact> = suspected(
  'cat',
  fc.record({ kind: fc.constant('message' as const), by: fc.constant('cat'), source: name }),
);
const entry = (fact: fc.Arbitrary<EvidenceFact>): fc.Arbitrary<EvidenceEntry> =>
  fc
    .record({
      at: fc.integer({ min: 1, max: NOW / 2 }),
      more: count,
      count: fc.integer({ min: 1, max: 99 }),
      fact,
    })
    .map(({ at, more, ...rest }) => ({ ...rest, at, lastAt: at + more }));
const report = (entries: readonly EvidenceEntry[], from = SELF): readonly AttributedEntry[] | undefined =>
  readWitnessReport(
    buildWitnessReport({ node: NODE, entries: entries, dropped: 0, isComplete: true }, undefined, SELF, NOW),
    from,
    NODE,
    NOW,
  );

describe('a witness report', () => {
  test('has what its observer saw itself, unchanged, and of what others reported the last alone', () => {
    fc.assert(
      fc.property(
        entry(suspected(SELF, probe)),
        entry(firstHand),
        fc.array(entry(secondHand), { minLength: 1, maxLength: 4 }),
        (a, b, heard) => {
          const arrived = report([a, b, ...heard]) ?? [];
          expect(arrived).toHaveLength(3);
          for (const one of [a, b]) expect(arrived).toContainEqual({ ...one, by: SELF });
          const [only] = arrived.filter(({ fact }) => 'by' in fact && fact.by === 'cat');
          expect(only?.lastAt).toBe(Math.max(...heard.map(({ lastAt }) => lastAt)));
        },
      ),
    );
  });

  test('of what others reported alone is the last accusation, and how it ended', () => {
    const pause = fc.oneof(fc.constant(0), fc.nat({ max: 1000 })); // both are often of one instant
    fc.assert(
      fc.property(entry(secondHand), pause, fc.boolean(), (heard, after, before) => {
        const at = before ? heard.at - 1 - after : heard.at + after;
        const end: EvidenceEntry = {
          ...{ at, lastAt: at, count: 1 },
          fact: { kind: 'suspicionCleared', node: NODE, incarnation: 2, source: '10.0.0.2:7946' },
        };
        const kinds = (report([heard, end]) ?? []).map(({ fact }) => fact.kind);
        expect(kinds).toEqual(before ? ['memberSuspected'] : ['memberSuspected', 'suspicionCleared']);
      }),
    );
  });

  test('that had to leave out accusations does not say since when its observer runs', () => {
    const boot: EvidenceEntry = {
      ...{ at: 1, lastAt: 1, count: 1 },
      fact: { kind: 'agentStarted', node: SELF, address: '10.0.0.1:7946', encrypted: false },
    };
    const accused = (count: number): EvidenceEntry[] =>
      Array.from({ length: count }, (_, i) => ({
        ...{ at: i, lastAt: i, count: 1 },
        fact: {
          ...{ kind: 'memberSuspected', node: NODE, by: SELF, incarnation: 1, deadline: NOW },
          reason: { kind: 'pushPull', state: 'dead', source: '10.0.0.3:7946' },
        },
      }));
    const starts = (entries: readonly EvidenceEntry[], isComplete = true) =>
      readWitnessReport(
        buildWitnessReport({ node: NODE, entries, dropped: 0, isComplete }, boot, SELF, NOW),
        ...([SELF, NODE, NOW] as const),
      )?.filter(({ fact }) => fact.kind === 'agentStarted').length;
    expect([starts(accused(3)), starts(accused(40)), starts(accused(3), false)]).toEqual([1, 0, 0]);
  });

  test('P67: fits a response, however much evidence there is, and has the accusation', () => {
    const much = fc.array(entry(firstHand), { minLength: 0, maxLength: 100 });
    fc.assert(
      fc.property(much, entry(suspected(SELF, probe)), (many, own) => {
        const entries = [...many, own];
        const payload = buildWitnessReport(
          { node: NODE, entries: entries, dropped: 0, isComplete: true },
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

  test('speaks for its sender alone', () => {
    fc.assert(
      fc.property(entry(suspected(SELF, probe)), name, (own, from) => {
        for (const { by, fact } of report([own], from) ?? [])
          expect([by, 'by' in fact ? fact.by : from]).toEqual([from, from]);
      }),
    );
  });

  test('a refutation is reported by the accused only', () => {
    const refuted: EvidenceEntry = {
      ...{ at: 1, lastAt: 1, count: 1 },
      fact: { kind: 'suspicionRefuted', incarnation: 2, by: 'cat', source: '10.0.0.3:7946' },
    };
    const evidence = { node: NODE, entries: [refuted], dropped: 0, isComplete: true };
    const payload = buildWitnessReport(evidence, undefined, NODE, NOW);
    expect(readWitnessReport(payload, NODE, NODE, NOW)).toHaveLength(1);
    expect(readWitnessReport(payload, 'cat', NODE, NOW)).toEqual([]);
  });
});

const row = fc.record({
  ...{
    kind: fc.nat({ max: 24 }),
    age: fc.nat(),
    lastAge: fc.constant(0),
    count: fc.integer({ min: 1, max: 1e9 }),
  },
  numbers: fc.array(fc.maxSafeNat(), { maxLength: 12 }),
  texts: fc.array(fc.string({ maxLength: 40, unit: 'binary' }), { maxLength: 16 }),
});

describe('S1: a hostile report', () => {
  test('of any bytes is decoded or rejected', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1024 }), (payload) => {
        const entries = readWitnessReport(payload, 'mallory', NODE, NOW);
        expect(entries === undefined || Array.isArray(entries)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  test('of well-formed nonsense can be formatted and diagnosed, is bounded, and speaks for its sender alone', () => {
    fc.assert(
      fc.property(fc.array(row, { maxLength: 64 }), (rows) => {
        const entries = readWitnessReport(encodeWitnessReport(rows), 'mallory', NODE, NOW);
        if (entries === undefined) return; // an age out of range
        expect(entries.length).toBeLessThanOrEqual(64);
        for (const one of entries) {
          expect(one.by).toBe('mallory');
          expect(one.at).toBeLessThanOrEqual(one.lastAt);
          expect(formatEntry(one, NODE).length).toBeLessThan(3000);
        }
        const { sentence } = diagnose({
          ...{ node: NODE, self: SELF, status: 'alive', since: 0, entries: entries, members: [] },
          ...{ witnesses: new Set(['mallory']), formatTime: (at: number) => `${at}` },
        });
        expect(sentence.length).toBeLessThan(4000);
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    ['a long text', { texts: ['x'.repeat(256)] }],
    ['an age of years', { age: 1e12 }],
    ['one that ends before it begins', { age: 1, lastAge: 2 }],
    ['one that never happened', { count: 0 }],
  ])('with %s is rejected as a whole', (_, change) => {
    const good = { kind: 10, age: 5, lastAge: 5, count: 1, numbers: [], texts: [] };
    const read = (one: typeof good) => readWitnessReport(encodeWitnessReport([one]), 'mallory', NODE, NOW);
    expect(read(good)).toHaveLength(1);
    expect(read({ ...good, ...change } as typeof good)).toBeUndefined();
  });

  test('with too many rows is rejected before they are decoded', () => {
    const good = { kind: 10, age: 5, lastAge: 5, count: 1, numbers: [], texts: [] };
    expect(
      readWitnessReport(encodeWitnessReport(new Array(65).fill(good)), 'mallory', NODE, NOW),
    ).toBeUndefined();
  });
});
