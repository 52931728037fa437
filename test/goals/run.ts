/**
 * Measures the table of goals: `npm run goals -- [--seeds N] [--from 1] [--minutes M] [--markdown] [G1 G5 ...]`, in virtual time,
 * on all cores. Every scenario has a default number of seeds; `--seeds` sets one for all, and `--minutes` ends the run with what
 * is done by then. The exit code is 1 if a goal was missed.
 */
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { jobSource, measureCpu, runJobs, serveJobs } from '../support/worker-pool.ts';
import { CLOCKS } from './clocks.ts';
import { DETECTION } from './detection.ts';
import { FALSE_DEATHS } from './false-deaths.ts';
import { evaluateGoal, formatGoals, type GoalSample, type Scenario } from './goal.ts';
import { PARTITIONS } from './partitions.ts';
import { RESTARTS } from './restarts.ts';
import { SPREAD } from './spread.ts';

const SCENARIOS: readonly Scenario[] = [
  ...DETECTION,
  ...FALSE_DEATHS,
  ...PARTITIONS,
  ...RESTARTS,
  ...CLOCKS,
  ...SPREAD,
];

interface Job {
  readonly scenario: number;
  readonly seed: number;
}
interface Done {
  readonly job: Job;
  readonly sample: GoalSample;
  readonly seconds: number;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seeds: { type: 'string' },
    from: { type: 'string', default: '1' },
    jobs: { type: 'string', default: `${availableParallelism()}` },
    minutes: { type: 'string', default: '1440' },
    markdown: { type: 'boolean', default: false },
  },
});
const SHOWN_NOTES = 5;

if (process.send !== undefined)
  serveJobs((job: Job): Done => {
    const { value: sample, seconds } = measureCpu(() => (SCENARIOS[job.scenario] as Scenario).run(job.seed));
    return { job, sample, seconds };
  });
else await command();

async function command(): Promise<void> {
  const unknown = positionals.filter((goal) => !SCENARIOS.some((one) => one.goal === goal));
  if (unknown.length > 0)
    throw new Error(
      `no such goal: ${unknown.join(', ')}; the goals are ${[...new Set(SCENARIOS.map((one) => one.goal))].join(', ')}`,
    );
  const from = whole('from', values.from);
  const chosen = SCENARIOS.flatMap((one, scenario) =>
    positionals.length === 0 || positionals.includes(one.goal) ? [scenario] : [],
  );
  const jobs = chosen.flatMap((scenario) => {
    const { seeds } = SCENARIOS[scenario] as Scenario;
    const count = values.seeds === undefined ? seeds : whole('seeds', values.seeds);
    return Array.from({ length: count }, (_, i) => ({ scenario, seed: from + i, turn: i / count }));
  });
  // Scenarios take turns, so that each gets its share of a run that ends early.
  jobs.sort((a, b) => a.turn - b.turn);
  const done: Done[] = [];
  /** Prints the row of a scenario as soon as all of its seeds are done. */
  const printIfDone = (scenario: number): void => {
    const samples = done.filter(({ job }) => job.scenario === scenario);
    if (samples.length < jobs.filter((job) => job.scenario === scenario).length) return;
    const row = evaluateGoal(
      SCENARIOS[scenario] as Scenario,
      samples.map(({ sample }) => sample),
    );
    const cost = samples.reduce((sum, one) => sum + one.seconds, 0);
    console.error(
      `${row.scenario.goal} ${row.scenario.description}: ${row.measured} (${row.outcome}, ${cost.toFixed(0)} s)`,
    );
  };
  const children = Math.min(whole('jobs', values.jobs), jobs.length);
  const next = jobSource(jobs, whole('minutes', values.minutes));
  await runJobs<Job, Done>({ file: fileURLToPath(import.meta.url), children, next }, (one) => {
    done.push(one);
    printIfDone(one.job.scenario);
  });
  const samplesOf = (scenario: number): GoalSample[] =>
    done
      .filter(({ job }) => job.scenario === scenario)
      .map(({ sample }) => sample)
      .sort((a, b) => a.seed - b.seed);
  const run = chosen.filter((scenario) => samplesOf(scenario).length > 0);
  const rows = run.map((scenario) => evaluateGoal(SCENARIOS[scenario] as Scenario, samplesOf(scenario)));
  console.log(formatGoals(rows, values.markdown));
  for (const [i, { scenario, outcome }] of rows.entries()) {
    const samples = samplesOf(run[i] as number);
    const notes = samples.flatMap((one) => one.notes.map((note) => `seed ${one.seed}: ${note}`));
    if (outcome === 'missed' || notes.length > 0)
      console.log(
        [`\n${scenario.goal}: ${scenario.description} (${outcome})`, ...notes.slice(0, SHOWN_NOTES)].join(
          '\n  ',
        ),
      );
  }
  if (run.length < chosen.length) console.log(`not run: ${chosen.length - run.length} scenarios`);
  if (rows.some(({ outcome, scenario }) => outcome === 'missed' && scenario.stretch !== true))
    process.exitCode = 1;
}

function whole(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value <= 0) throw new Error(`--${option} must be a whole number above 0`);
  return value;
}
