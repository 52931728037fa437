/** What a goal is and when it is met: scenarios with limits, samples from seeds, and the row of the table they give. */
import type { Millis } from '../../src/base/time.ts';

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

/** `open`: nothing contradicts the goal, but it is claimed for more hours or seeds than were run. */
export type GoalOutcome = 'met' | 'missed' | 'open';

export interface GoalRow {
  readonly scenario: Scenario;
  readonly measured: string;
  readonly seeds: number;
  readonly hours: number;
  readonly outcome: GoalOutcome;
}

export function evaluateGoal(scenario: Scenario, samples: readonly GoalSample[]): GoalRow {
  const { limits, violationName = 'false deaths' } = scenario;
  const times = samples.flatMap((sample) => sample.times).sort((a, b) => a - b);
  const violations = sum(samples, (sample) => sample.violations);
  const hours = sum(samples, (sample) => sample.hours);
  const missed: boolean[] = [samples.length === 0];
  let open = false;
  const parts: string[] = [];
  if (times.length > 0) {
    const [p50, p99, max] = [quantile(times, 0.5), quantile(times, 0.99), quantile(times, 1)];
    parts.push(`p50 ${seconds(p50)}, p99 ${seconds(p99)}, max ${seconds(max)}`);
    missed.push(p50 > (limits.p50 ?? Number.POSITIVE_INFINITY));
    missed.push(p99 > (limits.p99 ?? Number.POSITIVE_INFINITY));
    missed.push(max > (limits.max ?? Number.POSITIVE_INFINITY));
  } else if (limits.p50 !== undefined || limits.p99 !== undefined || limits.max !== undefined)
    missed.push(true);
  if (limits.violationsPerHour !== undefined) {
    parts.push(`${violations} ${violationName}`);
    missed.push(
      violations > limits.violationsPerHour * hours && (violations > 1 || limits.violationsPerHour === 0),
    );
    open = hours < (limits.hours ?? (limits.violationsPerHour === 0 ? 0 : 1 / limits.violationsPerHour));
  }
  if (limits.violatingSeeds !== undefined) {
    const bad = samples.filter((sample) => sample.violations > 0).length;
    const control = sum(samples, (sample) => sample.control ?? 0);
    parts.push(`${violations} ${violationName} in ${bad} seeds; ${control} without`);
    missed.push(bad > limits.violatingSeeds * samples.length);
    missed.push(limits.timesRarer !== undefined && violations * limits.timesRarer > control);
    open = samples.length * limits.violatingSeeds < 1;
  }
  const outcome = missed.includes(true) ? 'missed' : open ? 'open' : 'met';
  return { scenario, measured: parts.join('; '), seeds: samples.length, hours, outcome };
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
