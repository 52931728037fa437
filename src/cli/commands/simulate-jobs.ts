/** `hearsay simulate --jobs`: how often a tick of a job is run once, again, by two at once, or never, for each kind of fault. */
import {
  type JobExperimentOptions,
  type JobExperimentResult,
  type JobFault,
  runJobExperiment,
} from '../../sim/scenarios/job-experiment.ts';
import { type CliContext, EXIT, printJson, printNotice } from '../command.ts';
import { formatTable } from '../output/table.ts';

interface JobOdds {
  readonly fault: JobFault;
  readonly ticks: number;
  readonly once: number;
  readonly repeated: number;
  readonly atOnce: number;
  readonly never: number;
  /** How late ticks were begun: the median, the 99th percentile and the worst, in milliseconds. */
  readonly delay: { readonly median: number; readonly p99: number; readonly max: number };
}

export type JobPlan = Pick<JobExperimentOptions, 'seed' | 'members' | 'duration'> & {
  readonly rounds: number;
  readonly jobs: number;
  readonly faults: readonly JobFault[];
};

export function simulateJobs(cli: CliContext, plan: JobPlan, json: boolean): number {
  const odds = plan.faults.map((fault) => {
    if (cli.io.err.isTerminal) printNotice(cli.io, `${fault}: ${plan.rounds} run(s) ...`);
    return measure(plan, fault);
  });
  if (json) printJson(cli.io, { options: plan, results: odds });
  else
    cli.io.out.write(
      `${plan.members} agents run ${plan.jobs === 1 ? 'a job' : `${plan.jobs} jobs`} each second, ${plan.duration / 1000} s and ${plan.rounds} run(s) for each fault, from seed ${plan.seed} on\n\n${formatOdds(odds)}`,
    );
  return EXIT.done;
}

function measure({ seed, members, duration, rounds, jobs }: JobPlan, fault: JobFault): JobOdds {
  const results = Array.from({ length: rounds }, (_, round) =>
    runJobExperiment({ seed: seed + round, members, duration, fault, jobs }),
  );
  const sum = (count: (result: JobExperimentResult) => number): number =>
    results.reduce((total, result) => total + count(result), 0);
  const delays = results.flatMap(({ delays: all }) => all).sort((a, b) => a - b);
  const quantile = (share: number): number =>
    Math.round(delays[Math.min(delays.length - 1, Math.floor(delays.length * share))] ?? 0);
  return {
    fault,
    ticks: sum(({ ticks }) => ticks),
    once: sum(({ once }) => once),
    repeated: sum(({ repeated }) => repeated),
    atOnce: sum(({ atOnce }) => atOnce.length),
    never: sum(({ never }) => never.length),
    delay: { median: quantile(0.5), p99: quantile(0.99), max: quantile(1) },
  };
}

const formatOdds = (odds: readonly JobOdds[]): string =>
  formatTable(
    ['FAULT', 'TICKS', 'ONCE', 'REPEATED', 'AT ONCE', 'NEVER', 'LATE (MEDIAN)', 'P99', 'WORST'],
    odds.map(({ fault, ticks, once, repeated, atOnce, never, delay }) => [
      fault,
      String(ticks),
      // Of many ticks one that was not run once shall be seen.
      `${(Math.floor((100 * once * 10 ** 4) / ticks) / 10 ** 4).toFixed(ticks < 10_000 ? 2 : 4)}%`,
      ...[repeated, atOnce, never].map(String),
      ...[delay.median, delay.p99, delay.max].map((millis) => `${millis}ms`),
    ]),
  );
