/** The fast set of `npm run swarm`: a few seeds that together see every kind of fault, catalog action and state. */
import { afterAll, describe, expect, test } from 'vitest';
import { BYZANTINE_KINDS, FAULT_KINDS, type FaultKind } from '../../src/sim/faults/index.ts';
import {
  CATALOG_LAWS,
  JOB_LAWS,
  MEMBERSHIP_LAWS,
  PARTITION_LAWS,
  QUIET_LAWS,
  READER_LAWS,
} from '../../src/sim/laws/law.ts';
import { COUNTED_STATES } from '../../src/sim/scenarios/run-stats.ts';
import type { SwarmOptions } from '../../src/sim/scenarios/swarm.ts';
import { CATALOG_LOAD_KINDS } from '../../src/sim/workload/catalog-load.ts';
import { EXTERNAL_LOAD_KINDS } from '../../src/sim/workload/external-load.ts';
import { LEASE_LOAD_KINDS } from '../../src/sim/workload/lease-load.ts';
import { PARTITION_LOAD_KINDS } from '../../src/sim/workload/partition-load.ts';
import { runWithReaders } from './answers.ts';
import { shrink } from './shrink.ts';

const SHOWN_LINES = 60;
const came = new Set<string>();

/** Runs a seed, notes what it saw, and returns what failed. */
function failuresOf(options: SwarmOptions): readonly string[] {
  const { failures, faults, lines, ...counts } = runWithReaders(options);
  for (const count of [counts.faultCounts, counts.actionCounts, counts.stateCounts, counts.judgments])
    for (const kind of Object.keys(count)) came.add(kind);
  if (failures.length > 0)
    console.error([...faults.map((fault) => JSON.stringify(fault)), ...lines.slice(-SHOWN_LINES)].join('\n'));
  return failures;
}

/** Every fourth kind: each run has a quarter of them, so that few seeds see all, whatever else changes. */
const quarter = (n: number): readonly FaultKind[] => FAULT_KINDS.filter((_, i) => i % 4 === n);

describe('every law holds while there are faults, and all agree in a quiet period after them', () => {
  test.each([
    [2, quarter(0)],
    [2, quarter(1)],
    [4, quarter(2)],
    [3, quarter(3)],
  ])('five hosts in three minutes of a quarter of all kinds (seed %i: %j)', (seed, kinds) => {
    expect(failuresOf({ seed, members: 5, minutes: 3, kinds })).toEqual([]);
  });

  test('five hosts of which one lies (seed 2)', () => {
    expect(failuresOf({ seed: 2, members: 5, minutes: 2, kinds: BYZANTINE_KINDS })).toEqual([]);
  });

  test('ten hosts, with kinds of fault as they are drawn (seed 11)', () => {
    expect(failuresOf({ seed: 11, members: 10, minutes: 2 })).toEqual([]);
  });

  /** Ordered leaves that nothing disturbs, and checks that are critical for long enough, are rare beside other faults. */
  test.each([
    [23, ['leave']],
    [34, []],
    [42, ['pause', 'lossyLink', 'clockJump']],
  ] as const)('five hosts with few faults (seed %i, %j)', (seed, kinds) => {
    expect(failuresOf({ seed, members: 5, minutes: 3, kinds, loss: 0 })).toEqual([]);
  });

  afterAll(() => {
    const actions = [
      ...CATALOG_LOAD_KINDS,
      ...EXTERNAL_LOAD_KINDS,
      ...LEASE_LOAD_KINDS,
      ...PARTITION_LOAD_KINDS,
    ];
    const all = [...FAULT_KINDS, ...BYZANTINE_KINDS, ...actions, ...COUNTED_STATES];
    const laws = [
      ...MEMBERSHIP_LAWS,
      ...CATALOG_LAWS,
      ...READER_LAWS,
      ...JOB_LAWS,
      ...PARTITION_LAWS,
      ...QUIET_LAWS,
    ];
    expect([...all, ...laws].filter((kind) => !came.has(kind))).toEqual([]);
  });
});

test('the same seed gives the same run to the last octet, and another does not', () => {
  const options = { members: 3, minutes: 0.3 };
  const { hash } = runWithReaders({ seed: 8, ...options });
  expect(runWithReaders({ seed: 8, ...options }).hash).toBe(hash);
  expect(runWithReaders({ seed: 9, ...options }).hash).not.toBe(hash);
});

test('kinds of fault and loss can be given for a seed', () => {
  const report = runWithReaders({ seed: 8, members: 5, minutes: 0.5, kinds: [], loss: 0.3 });
  expect(report.failures).toEqual([]);
  expect(report.faults).toEqual([]);
  expect(report.parameters).toMatchObject({ kinds: [], loss: 0.3 });
  expect(report.healthyMillis).toBeGreaterThan(0);
});

test('without a failure there is nothing to shrink', () => {
  const report = shrink({ seed: 5, members: 3, minutes: 1 });
  expect(report.failures).toEqual([]);
  expect(report.faults).toHaveLength(8);
});
