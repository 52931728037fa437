/** The arithmetic of verdicts, and one small seed of what the table is made of: the table itself is `npm run goals`. */
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
const sample = (over: Partial<GoalSample>): GoalSample => ({
  seed: 1,
  times: [],
  wrong: 0,
  hours: 1,
  notes: [],
  ...over,
});
const verdict = (limits: GoalLimits, ...samples: Partial<GoalSample>[]): string =>
  evaluateGoal(scenario(limits), samples.map(sample)).outcome;

describe('a verdict', () => {
  test('by times: each limit for itself, and what never came is above all', () => {
    const times = [1, 2, 3, 10];
    expect(verdict({ p50: 2, p99: 10, max: 10 }, { times })).toBe('met');
    expect(verdict({ p50: 1 }, { times })).toBe('missed');
    expect(verdict({ p99: 9 }, { times })).toBe('missed');
    expect(verdict({ max: 9 }, { times })).toBe('missed');
    expect(verdict({ max: 1e9 }, { times: [Number.POSITIVE_INFINITY] })).toBe('missed');
    expect(verdict({ max: 9 }, { times: [] })).toBe('missed');
  });

  test('by what must never happen: open before the hours it is claimed for', () => {
    expect(verdict({ wrongPerHour: 0 }, { wrong: 0 })).toBe('met');
    expect(verdict({ wrongPerHour: 0 }, { wrong: 1 })).toBe('missed');
    expect(verdict({ wrongPerHour: 0, hours: 3 }, { hours: 1 }, { hours: 1 })).toBe('open');
    expect(verdict({ wrongPerHour: 0, hours: 3 }, { hours: 2 }, { hours: 1 })).toBe('met');
  });

  test('by a rate: one event in too few hours decides nothing, two do', () => {
    expect(verdict({ wrongPerHour: 0.01 }, { hours: 10 })).toBe('open');
    expect(verdict({ wrongPerHour: 0.01 }, { hours: 10, wrong: 1 })).toBe('open');
    expect(verdict({ wrongPerHour: 0.01 }, { hours: 10, wrong: 2 })).toBe('missed');
    expect(verdict({ wrongPerHour: 0.01 }, { hours: 200, wrong: 2 })).toBe('met');
  });

  test('by seeds, and against a control', () => {
    const limits = { wrongSeeds: 0.5, timesRarer: 10 };
    expect(verdict(limits, { wrong: 1, control: 10 }, {})).toBe('met');
    expect(verdict(limits, { wrong: 1, control: 9 }, {})).toBe('missed');
    expect(verdict(limits, { wrong: 1, control: 30 }, { wrong: 1 })).toBe('missed');
    expect(verdict({ wrongSeeds: 0.01 }, {})).toBe('open');
  });

  test('without a sample nothing is met', () => {
    expect(verdict({ wrongPerHour: 0 })).toBe('missed');
  });
});

test('percentiles are values that came', () => {
  const hundred = Array.from({ length: 100 }, (_, i) => i + 1);
  expect([quantile(hundred, 0.5), quantile(hundred, 0.99), quantile(hundred, 1), quantile([], 0.5)]).toEqual([
    50,
    99,
    100,
    Number.NaN,
  ]);
});

test('a table is one line for each scenario, and one for its head', () => {
  const rows = [evaluateGoal(scenario({ max: 9 }), [sample({ times: [2500] })])];
  expect(formatGoals(rows, true).split('\n')).toEqual([
    '| Goal | Asked | Reached | Seeds | Hours of one agent | Verdict |',
    '| --- | --- | --- | --- | --- | --- |',
    '| G0: nothing much | little | p50 2.50 s, p99 2.50 s, max 2.50 s | 1 | 1.0 | missed |',
  ]);
});

describe('a crew', () => {
  test('knows one another, notes whom it wrongs once, and finds back after a partition', () => {
    const found = createCluster({ seed: 1, members: 4, all: { disk: true } });
    const { world, labels, falseDeaths: wrongly, timeUntilAgreed: untilAgreed, toSample: sampled } = found;
    runRejoinPolicy(found, seedsByLabel(world, labels.slice(0, 1)));
    expect(found.isAgreed()).toBe(true);

    world.network.addRule({ from: ['n0', 'n1'], to: ['n2', 'n3'] });
    world.network.addRule({ from: ['n2', 'n3'], to: ['n0', 'n1'] });
    world.run(60_000);

    expect(new Set(wrongly().map(({ node }) => node))).toEqual(new Set(labels));
    expect(wrongly()).toHaveLength(4);
    expect(wrongly(({ node }) => node === 'n0')).toHaveLength(1);
    world.network.heal();
    expect(untilAgreed(90_000)).toBeLessThan(90_000);
    expect(sampled({}).hours).toBeGreaterThan((4 * 60) / 3600);
  });

  test('holds a dead member for dead without wronging it', () => {
    const { world, deaths, falseDeaths: wrongly, timeUntil: until } = createCluster({ seed: 2, members: 4 });
    world.stop('n1');
    expect(until(() => deaths.length === 3, 60_000)).toBeLessThan(30_000);
    expect(wrongly()).toEqual([]);
  });
});
