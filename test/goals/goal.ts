/** What a goal is and when it is met: scenarios with limits, samples from seeds, and the row of the table they give. */
import type { Millis } from '../../src/base/time.ts';
import { formatConfidence, REQUIRED, rateConfidence, shareConfidence } from './confidence.ts';

/** Limits over all samples of a scenario. What is absent is not checked. */
export interface GoalLimits {
  readonly p50?: Millis;
  readonly p99?: Millis;
  readonly max?: Millis;
  /** Violations per hour of one agent; 0: none at all. */
  readonly violationsPerHour?: number;
  /** Hours of one agent that the claim is made for: with fewer the goal stays open. */
  readonly hours?: number;
  /** Share of seeds that may have a violation, and how many times rarer violations must be than in the control. */
  readonly violatingSeeds?: number;
  readonly timesRarer?: number;
}

export interface Scenario {
  readonly goal: string;
  readonly description: string;
  readonly target: string;
  readonly limits: GoalLimits;
  /** What its violations are, in the plural; false deaths if absent. */
  readonly violationName?: string;
  /** Seeds that are run by default: the whole table should take ten minutes on two cores. */
  readonly seeds: number;
  /** A stretch goal: the run does not fail if it is missed. */
  readonly stretch?: boolean;
  readonly run: (seed: number) => GoalSample;
}

export interface GoalSample {
  readonly seed: number;
  /** Measured times, virtual; `Infinity` where the event never happened. */
  readonly times: readonly Millis[];
  /** How often something happened that must not happen. */
  readonly violations: number;
  /** The same with the protection in question turned off. */
  readonly control?: number;
  /** Hours times agents. */
  readonly hours: number;
  /** What went wrong, in words. */
  readonly notes: readonly string[];
}

/** `open`: nothing contradicts the goal, but the samples do not make it 95 % sure, or it is claimed for more hours. */
export type GoalOutcome = 'met' | 'missed' | 'open';

export interface GoalRow {
  readonly scenario: Scenario;
  readonly measured: string;
  readonly seeds: number;
  readonly hours: number;
  readonly outcome: GoalOutcome;
}

/** One claim of a goal: it is missed, or shown with some confidence. */
interface Claim {
  readonly measured: string;
  readonly missed: boolean;
  readonly confidence: number;
}

export function evaluateGoal(scenario: Scenario, samples: readonly GoalSample[]): GoalRow {
  const hours = sum(samples, (sample) => sample.hours);
  const claims = [
    ...timeClaims(scenario, samples),
    ...rateClaims(scenario, samples, hours),
    ...seedClaims(scenario, samples),
  ];
  const isMissed = samples.length === 0 || claims.some(({ missed }) => missed);
  const isSure = claims.every(({ confidence }) => confidence >= REQUIRED);
  const outcome = isMissed ? 'missed' : isSure ? 'met' : 'open';
  const measured = claims.map((claim) => claim.measured).join('; ');
  return { scenario, measured, seeds: samples.length, hours, outcome };
}

/** A percentile is claimed for all times that there can be; a maximum only for those that were measured. */
function timeClaims({ limits }: Scenario, samples: readonly GoalSample[]): Claim[] {
  const times = samples.flatMap((sample) => sample.times).sort((a, b) => a - b);
  const hasLimit = limits.p50 !== undefined || limits.p99 !== undefined || limits.max !== undefined;
  if (times.length === 0) return hasLimit ? [{ measured: 'no time', missed: true, confidence: 0 }] : [];
  const claims: Claim[] = [];
  for (const [name, part] of [
    ['p50', 0.5],
    ['p99', 0.99],
  ] as const) {
    const value = quantile(times, part);
    const limit = limits[name];
    const confidence =
      limit === undefined
        ? 1
        : shareConfidence(times.length, times.filter((one) => one > limit).length, 1 - part);
    const how = limit === undefined ? '' : ` (${formatConfidence(confidence)})`;
    const missed = value > (limit ?? Number.POSITIVE_INFINITY);
    claims.push({ measured: `${name} ${seconds(value)}${how}`, missed, confidence });
  }
  const max = quantile(times, 1);
  const missed = max > (limits.max ?? Number.POSITIVE_INFINITY);
  const of = `max ${seconds(max)} of ${times.length}`;
  return [
    {
      measured: [...claims.map((claim) => claim.measured), of].join(', '),
      missed: missed || claims.some((claim) => claim.missed),
      confidence: Math.min(...claims.map((claim) => claim.confidence)),
    },
  ];
}

function rateClaims(
  { limits, violationName = 'false deaths' }: Scenario,
  samples: readonly GoalSample[],
  hours: number,
): Claim[] {
  const { violationsPerHour: allowed } = limits;
  if (allowed === undefined) return [];
  const violations = sum(samples, (sample) => sample.violations);
  if (allowed === 0) {
    const confidence = hours < (limits.hours ?? 0) ? 0 : 1;
    return [{ measured: `${violations} ${violationName}`, missed: violations > 0, confidence }];
  }
  const confidence = rateConfidence(hours, violations, allowed);
  const missed = violations > allowed * hours && violations > 1;
  return [
    { measured: `${violations} ${violationName} (${formatConfidence(confidence)})`, missed, confidence },
  ];
}

function seedClaims(
  { limits, violationName = 'false deaths' }: Scenario,
  samples: readonly GoalSample[],
): Claim[] {
  const { violatingSeeds: allowed, timesRarer = 0 } = limits;
  if (allowed === undefined) return [];
  const violations = sum(samples, (sample) => sample.violations);
  const bad = samples.filter((sample) => sample.violations > 0).length;
  const control = sum(samples, (sample) => sample.control ?? 0);
  const confidence = shareConfidence(samples.length, bad, allowed);
  const missed = bad > allowed * samples.length || violations * timesRarer > control;
  const measured = `${violations} ${violationName} in ${bad} seeds (${formatConfidence(confidence)}); ${control} without`;
  return [{ measured, missed, confidence }];
}

/** The value of an ascending list below which `part` of it lies. */
export const quantile = (sorted: readonly number[], part: number): number =>
  sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? Number.NaN;

const seconds = (millis: Millis): string =>
  Number.isFinite(millis) ? `${(millis / 1000).toFixed(millis < 10_000 ? 2 : 1)} s` : 'never';

const sum = <T>(list: readonly T[], value: (one: T) => number): number =>
  list.reduce((total, one) => total + value(one), 0);

/** The table for a terminal, or in Markdown for docs/reliability.md. */
export function formatGoals(rows: readonly GoalRow[], markdown: boolean): string {
  const head = ['Goal', 'Target', 'Measured', 'Seeds', 'Hours of one agent', 'Result'];
  const cells = rows.map(({ scenario, measured, seeds, hours, outcome }) => [
    `${scenario.goal}: ${scenario.description}`,
    scenario.target,
    measured,
    String(seeds),
    hours.toFixed(hours < 10 ? 1 : 0),
    `${outcome}${scenario.stretch === true ? ' (stretch)' : ''}`,
  ]);
  if (markdown)
    return [head, head.map(() => '---'), ...cells].map((line) => `| ${line.join(' | ')} |`).join('\n');
  const widths = head.map((word, i) => Math.max(word.length, ...cells.map((line) => line[i]?.length ?? 0)));
  return [head, ...cells]
    .map((line) =>
      line
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
