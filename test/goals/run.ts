/**
 * The measured table of goals: `npm run goals -- [--seeds N] [--from 1] [--minutes M] [--markdown] [G1 G5 ...]`, in virtual
 * time, on all cores. Every scenario has a number of seeds of its own; `--seeds` gives all the same, `--minutes` ends the run
 * with what is done by then. Ends with 1 if a goal was missed.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { CLOCKS } from './clocks.ts';
import { DETECTION } from './detection.ts';
import { judge, printed, type Sample, type Scenario } from './goal.ts';
import { PARTITIONS } from './partitions.ts';
import { RESTARTS } from './restarts.ts';
import { WRONGLY } from './wrongly.ts';

const SCENARIOS: readonly Scenario[] = [...DETECTION, ...WRONGLY, ...PARTITIONS, ...RESTARTS, ...CLOCKS];

interface Job {
  readonly scenario: number;
  readonly seed: number;
}
interface Done {
  readonly job: Job;
  readonly sample: Sample;
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

if (process.send !== undefined) serve();
else await command();

/** A child: one seed after the other, as the parent hands them out. */
function serve(): void {
  process.on('message', (job: Job) => {
    const began = process.cpuUsage();
    const sample = (SCENARIOS[job.scenario] as Scenario).run(job.seed);
    process.send?.({ job, sample, seconds: spent(began) } satisfies Done);
  });
}

/** Seconds of this process's own work since then: the machine may do other things besides. */
function spent(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1_000_000;
}

async function command(): Promise<void> {
  const unknown = positionals.filter((goal) => !SCENARIOS.some((one) => one.goal === goal));
  if (unknown.length > 0)
    throw new Error(
      `no such goal: ${unknown.join(', ')}; there are ${[...new Set(SCENARIOS.map((one) => one.goal))].join(', ')}`,
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
  // All scenarios go on side by side, so that each has its share of a run that is ended early.
  jobs.sort((a, b) => a.turn - b.turn);
  const done = await worked(jobs, (scenario, all) => {
    // A long run should not keep all it knows to itself.
    const samples = all.filter(({ job }) => job.scenario === scenario);
    if (samples.length < jobs.filter((job) => job.scenario === scenario).length) return;
    const row = judge(
      SCENARIOS[scenario] as Scenario,
      samples.map(({ sample }) => sample),
    );
    const cost = samples.reduce((sum, one) => sum + one.seconds, 0);
    console.error(
      `${row.scenario.goal} ${row.scenario.what}: ${row.reached} (${row.verdict}, ${cost.toFixed(0)} s)`,
    );
  });
  const samplesOf = (scenario: number): Sample[] =>
    done
      .filter(({ job }) => job.scenario === scenario)
      .map(({ sample }) => sample)
      .sort((a, b) => a.seed - b.seed);
  const run = chosen.filter((scenario) => samplesOf(scenario).length > 0);
  const rows = run.map((scenario) => judge(SCENARIOS[scenario] as Scenario, samplesOf(scenario)));
  console.log(printed(rows, values.markdown));
  for (const [i, { scenario, verdict }] of rows.entries()) {
    const samples = samplesOf(run[i] as number);
    const noted = samples.flatMap(({ seed, notes }) => notes.map((note) => `seed ${seed}: ${note}`));
    if (verdict === 'missed' || noted.length > 0)
      console.log(
        [`\n${scenario.goal}: ${scenario.what} (${verdict})`, ...noted.slice(0, SHOWN_NOTES)].join('\n  '),
      );
  }
  if (run.length < chosen.length) console.log(`not begun: ${chosen.length - run.length} scenarios`);
  if (rows.some(({ verdict, scenario }) => verdict === 'missed' && scenario.stretch !== true))
    process.exitCode = 1;
}

/** Hands the jobs out to a child per core. */
async function worked(
  jobs: readonly Job[],
  told: (scenario: number, done: readonly Done[]) => void,
): Promise<Done[]> {
  const done: Done[] = [];
  let next = 0;
  const end = performance.now() + whole('minutes', values.minutes) * 60_000;
  const work = (child: ChildProcess, over: () => void, failed: (why: Error) => void): void => {
    const hand = (): void => {
      const job = performance.now() < end ? jobs[next++] : undefined;
      if (job === undefined) child.disconnect();
      else child.send(job);
    };
    child.on('message', (message) => {
      const one = message as Done;
      done.push(one);
      told(one.job.scenario, done);
      hand();
    });
    child.on('exit', (code) => (code === 0 ? over() : failed(new Error(`a worker ended with ${code}`))));
    hand();
  };
  const file = fileURLToPath(import.meta.url);
  await Promise.all(
    Array.from(
      { length: Math.min(whole('jobs', values.jobs), jobs.length) },
      () =>
        new Promise<void>((over, failed) =>
          work(fork(file, process.argv.slice(2), { serialization: 'advanced' }), over, failed),
        ),
    ),
  );
  return done;
}

function whole(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value <= 0) throw new Error(`--${option} must be a whole number above 0`);
  return value;
}
