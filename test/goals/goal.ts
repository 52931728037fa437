/** What a goal is, and when it is reached: scenarios with limits, samples from seeds, and the row they come to. */
import type { Millis } from '../../src/base/time.ts';

/** What must hold over all samples of a scenario. What is absent is not asked. */
export interface GoalLimits {
  readonly p50?: Millis;
  readonly p99?: Millis;
  readonly max?: Millis;
  /** Of the things that must not happen: so many an hour of one agent; 0: never. */
  readonly wrongPerHour?: number;
  /** The claim is made for so many hours of one agent: with fewer it is not shown yet. */
  readonly hours?: number;
  /** Share of seeds in which one may happen all the same, and how much rarer than in the control they must be. */
  readonly wrongSeeds?: number;
  readonly timesRarer?: number;
}

export interface Scenario {
  readonly goal: string;
  readonly description: string;
  readonly target: string;
  readonly limits: GoalLimits;
  /** Seeds by default: the whole table should take ten minutes on two cores. */
  readonly seeds: number;
  /** Nice to have: missing it fails nothing. */
  readonly stretch?: boolean;
  readonly run: (seed: number) => GoalSample;
}

export interface GoalSample {
  readonly seed: number;
  /** Virtual milliseconds of what was measured; `Infinity` for what never came. */
  readonly times: readonly Millis[];
  /** What must not happen and did. */
  readonly wrong: number;
  /** The same with the protection in question turned off. */
  readonly control?: number;
  /** Hours times agents. */
  readonly hours: number;
  /** What went wrong, for whoever wants to see it again. */
  readonly notes: readonly string[];
}

/** `open`: nothing speaks against it, and fewer hours were run than it is claimed for. */
export type GoalOutcome = 'met' | 'missed' | 'open';

export interface GoalRow {
  readonly scenario: Scenario;
  readonly measured: string;
  readonly seeds: number;
  readonly hours: number;
  readonly outcome: GoalOutcome;
}

export function evaluateGoal(scenario: Scenario, samples: readonly GoalSample[]): GoalRow {
  const { limits } = scenario;
  const times = samples.flatMap((sample) => sample.times).sort((a, b) => a - b);
  const wrong = sum(samples, (sample) => sample.wrong);
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
  if (limits.wrongPerHour !== undefined) {
    parts.push(`${wrong} wrong`);
    missed.push(wrong > limits.wrongPerHour * hours && (wrong > 1 || limits.wrongPerHour === 0));
    open = hours < (limits.hours ?? (limits.wrongPerHour === 0 ? 0 : 1 / limits.wrongPerHour));
  }
  if (limits.wrongSeeds !== undefined) {
    const bad = samples.filter((sample) => sample.wrong > 0).length;
    const control = sum(samples, (sample) => sample.control ?? 0);
    parts.push(`${wrong} wrong, in ${bad} seeds; ${control} without`);
    missed.push(bad > limits.wrongSeeds * samples.length);
    missed.push(limits.timesRarer !== undefined && wrong * limits.timesRarer > control);
    open = samples.length * limits.wrongSeeds < 1;
  }
  const verdict = missed.includes(true) ? 'missed' : open ? 'open' : 'met';
  return { scenario, measured: parts.join('; '), seeds: samples.length, hours, outcome: verdict };
}

/** The value below which that part of an ascending list lies. */
export const quantile = (sorted: readonly number[], part: number): number =>
  sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? Number.NaN;

const seconds = (millis: Millis): string =>
  Number.isFinite(millis) ? `${(millis / 1000).toFixed(millis < 10_000 ? 2 : 1)} s` : 'never';

const sum = <T>(list: readonly T[], value: (one: T) => number): number =>
  list.reduce((total, one) => total + value(one), 0);

/** As a table for a terminal, or for a page if `markdown`. */
export function formatGoals(rows: readonly GoalRow[], markdown: boolean): string {
  const head = ['Goal', 'Asked', 'Reached', 'Seeds', 'Hours of one agent', 'Verdict'];
  const cells = rows.map(({ scenario, measured: reached, seeds, hours, outcome: verdict }) => [
    `${scenario.goal}: ${scenario.description}`,
    scenario.target,
    reached,
    String(seeds),
    hours.toFixed(hours < 10 ? 1 : 0),
    `${verdict}${scenario.stretch === true ? ' (stretch)' : ''}`,
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
