/** How outcomes are computed, and one small cluster; the table itself is written by `npm run goals`. */
import { describe, expect, test } from 'vitest';
import { createCluster, runRejoinPolicy, seedsByLabel } from './cluster.ts';
import {
  evaluateGoal,
  formatGoals,
  type GoalLimits,
  type GoalSample,
  quantile,
  type Scenario,
} from './goal.ts';

const scenario = (limits: GoalLimits): Scenario => ({
  goal: 'G0',
  description: 'nothing much',
  target: 'little',
  limits,
  seeds: 1,
  run: () => sample({}),
});
const sample = (values: Partial<GoalSample>): GoalSample => ({
  seed: 1,
  times: [],
  violations: 0,
  hours: 1,
  notes: [],
  ...values,
});
const outcome = (limits: GoalLimits, ...samples: Partial<GoalSample>[]): string =>
  evaluateGoal(scenario(limits), samples.map(sample)).outcome;

describe('the outcome', () => {
  test('by times: each limit counts by itself, and an event that never happened is above all limits', () => {
    const times = [1, 2, 3, 10];
    expect(outcome({ max: 10 }, { times })).toBe('met');
    expect(outcome({ p50: 1 }, { times })).toBe('missed');
    expect(outcome({ p99: 9 }, { times })).toBe('missed');
    expect(outcome({ max: 9 }, { times })).toBe('missed');
    expect(outcome({ max: 1e9 }, { times: [Number.POSITIVE_INFINITY] })).toBe('missed');
    expect(outcome({ max: 9 }, { times: [] })).toBe('missed');
  });

  test('by times: a percentile is met when so many values are below that it is 95 % sure', () => {
    const below = (count: number): number[] => Array.from({ length: count }, () => 1);
    expect(outcome({ p99: 9 }, { times: below(298) })).toBe('open');
    expect(outcome({ p99: 9 }, { times: below(299) })).toBe('met');
    expect(outcome({ p99: 9 }, { times: [...below(299), 10] })).toBe('open');
    expect(outcome({ p99: 9 }, { times: [...below(473), 10] })).toBe('met');
    expect(outcome({ p99: 9 }, { times: [...below(98), 10, 10] })).toBe('missed');
    expect(outcome({ p50: 9 }, { times: below(4) })).toBe('open');
    expect(outcome({ p50: 9 }, { times: below(5) })).toBe('met');
    expect(outcome({ p50: 9, p99: 9 }, { times: below(5) })).toBe('open');
  });

  test('by violations: open before the hours that the goal is claimed for', () => {
    expect(outcome({ violationsPerHour: 0 }, { violations: 0 })).toBe('met');
    expect(outcome({ violationsPerHour: 0 }, { violations: 1 })).toBe('missed');
    expect(outcome({ violationsPerHour: 0, hours: 3 }, { hours: 1 }, { hours: 1 })).toBe('open');
    expect(outcome({ violationsPerHour: 0, hours: 3 }, { hours: 2 }, { hours: 1 })).toBe('met');
  });

  test('by a rate: one violation in too few hours decides nothing, two do', () => {
    expect(outcome({ violationsPerHour: 0.01 }, { hours: 10 })).toBe('open');
    expect(outcome({ violationsPerHour: 0.01 }, { hours: 10, violations: 1 })).toBe('open');
    expect(outcome({ violationsPerHour: 0.01 }, { hours: 10, violations: 2 })).toBe('missed');
    expect(outcome({ violationsPerHour: 0.01 }, { hours: 200, violations: 2 })).toBe('open');
    expect(outcome({ violationsPerHour: 0.01 }, { hours: 299 })).toBe('open');
    expect(outcome({ violationsPerHour: 0.01 }, { hours: 300 })).toBe('met');
    expect(outcome({ violationsPerHour: 0.01 }, { hours: 630, violations: 2 })).toBe('met');
  });

  test('by seeds, and against a control', () => {
    const limits = { violatingSeeds: 0.5, timesRarer: 10 };
    expect(outcome(limits, { violations: 1, control: 10 }, {})).toBe('open');
    expect(outcome(limits, { violations: 1, control: 10 }, ...Array.from({ length: 7 }, () => ({})))).toBe(
      'met',
    );
    expect(outcome(limits, { violations: 1, control: 9 }, {})).toBe('missed');
    expect(outcome(limits, { violations: 1, control: 30 }, { violations: 1 })).toBe('missed');
    expect(outcome({ violatingSeeds: 0.01 }, {})).toBe('open');
  });

  test('without a sample no goal is met', () => {
    expect(outcome({ violationsPerHour: 0 })).toBe('missed');
  });
});

test('percentiles are values of the list', () => {
  const hundred = Array.from({ length: 100 }, (_, i) => i + 1);
  expect([quantile(hundred, 0.5), quantile(hundred, 0.99), quantile(hundred, 1), quantile([], 0.5)]).toEqual([
    50,
    99,
    100,
    Number.NaN,
  ]);
});

test('a claim says how sure the samples make it', () => {
  const { measured } = evaluateGoal(scenario({ p99: 9000 }), [sample({ times: [2500, 2600] })]);
  expect(measured).toBe('p50 2.50 s, p99 2.60 s (1 % sure), max 2.60 s of 2');
});

test('a table has one line for each scenario, and a head', () => {
  const rows = [evaluateGoal(scenario({ max: 9 }), [sample({ times: [2500] })])];
  expect(formatGoals(rows, true).split('\n')).toEqual([
    '| Goal | Target | Measured | Seeds | Hours of one agent | Result |',
    '| --- | --- | --- | --- | --- | --- |',
    '| G0: nothing much | little | p50 2.50 s, p99 2.50 s, max 2.50 s of 1 | 1 | 1.0 | missed |',
  ]);
});

describe('a cluster', () => {
  test('bootstraps, counts each false death once, and agrees again after a partition', () => {
    const cluster = createCluster({ seed: 1, members: 4, all: { disk: true } });
    const { world, labels, falseDeaths, timeUntilAgreed, toSample } = cluster;
    runRejoinPolicy(cluster, seedsByLabel(world, labels.slice(0, 1)));
    expect(cluster.isAgreed()).toBe(true);

    world.network.addRule({ from: ['n0', 'n1'], to: ['n2', 'n3'] });
    world.network.addRule({ from: ['n2', 'n3'], to: ['n0', 'n1'] });
    world.run(60_000);

    expect(new Set(falseDeaths().map(({ node }) => node))).toEqual(new Set(labels));
    expect(falseDeaths()).toHaveLength(4);
    expect(falseDeaths(({ node }) => node === 'n0')).toHaveLength(1);
    world.network.heal();
    expect(timeUntilAgreed(90_000)).toBeLessThan(90_000);
    expect(toSample({}).hours).toBeGreaterThan((4 * 60) / 3600);
  });

  test('does not count the death of a member that is dead as false', () => {
    const { world, deaths, falseDeaths, timeUntil } = createCluster({ seed: 2, members: 4 });
    world.stop('n1');
    expect(timeUntil(() => deaths.length === 3, 60_000)).toBeLessThan(30_000);
    expect(falseDeaths()).toEqual([]);
  });
});
