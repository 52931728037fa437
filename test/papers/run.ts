/**
 * The papers' tables: `npm run papers -- [--full] [--reps N] [--minutes M] [--save FILE] [--jobs N] [--out docs/papers.md]
 * [interval threshold ...]`, in virtual time, on all cores. With `--save` every world is written down as a line of JSON when
 * it ends, and those that stand there already are not run again, so that a long run can be had in short ones. The page is
 * written when all worlds are done, or with `--incomplete` of those that are.
 */
import { type ChildProcess, execFileSync, fork } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { pageOf } from './page.ts';
import { FULL, type Job, keyOf, planOf, type Result, run, SHORT } from './plan.ts';

export interface Done {
  readonly job: Job;
  readonly result: Result;
  /** Of processor time. */
  readonly seconds: number;
  readonly commit: string;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    full: { type: 'boolean', default: false },
    reps: { type: 'string' },
    minutes: { type: 'string', default: '1440' },
    save: { type: 'string' },
    jobs: { type: 'string', default: `${availableParallelism()}` },
    out: { type: 'string', default: 'docs/papers.md' },
    incomplete: { type: 'boolean', default: false },
  },
});

if (process.send !== undefined) serve();
else await command();

/** A child: one world after the other, as the parent hands them out. */
function serve(): void {
  process.on('message', (job: Job) => {
    const began = process.cpuUsage();
    const result = run(job);
    const { user, system } = process.cpuUsage(began);
    process.send?.({ job, result, seconds: (user + system) / 1_000_000 });
  });
}

async function command(): Promise<void> {
  const grid = values.full ? FULL : SHORT;
  const reps = values.reps === undefined ? grid.seeds : whole('reps', values.reps);
  const plan = planOf(grid, reps);
  const unknown = positionals.filter((part) => !plan.some((job) => job.part === part));
  if (unknown.length > 0) throw new Error(`no such part: ${unknown.join(', ')}`);
  const commit = commitOf();
  const held = new Map<string, Done>(saved().map((done) => [keyOf(done.job), done]));
  const chosen = plan.filter((job) => positionals.length === 0 || positionals.includes(job.part));
  const open = chosen.filter((job) => !held.has(keyOf(job)));
  console.error(`${chosen.length} worlds, ${chosen.length - open.length} done before; commit ${commit}`);
  let ended = 0;
  await worked(open, (found) => {
    const done = { ...found, commit };
    held.set(keyOf(done.job), done);
    if (values.save !== undefined) appendFileSync(values.save, `${JSON.stringify(done)}\n`);
    ended += 1;
    console.error(`${ended}/${open.length}  ${keyOf(done.job)}  ${done.seconds.toFixed(1)} s`);
  });
  const done = plan.flatMap((job) => held.get(keyOf(job)) ?? []);
  const missing = plan.length - done.length;
  if (missing > 0) console.error(`${missing} of ${plan.length} worlds are still to be run`);
  if (missing > 0 && !values.incomplete) return;
  writeFileSync(values.out, pageOf({ done, reps, missing }));
  console.error(`wrote ${values.out}`);
}

function saved(): Done[] {
  if (values.save === undefined || !existsSync(values.save)) return [];
  return readFileSync(values.save, 'utf8')
    .split('\n')
    .flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Done]));
}

/** Of the sources; `+` if they differ from it. */
function commitOf(): string {
  const git = (...args: string[]): string => execFileSync('git', args, { encoding: 'utf8' }).trim();
  return `${git('rev-parse', '--short', 'HEAD')}${git('status', '--porcelain', 'src', 'test/papers') === '' ? '' : '+'}`;
}

/** Hands the jobs out to a child per core until time is over. */
async function worked(jobs: readonly Job[], told: (done: Omit<Done, 'commit'>) => void): Promise<void> {
  let next = 0;
  const end = performance.now() + whole('minutes', values.minutes) * 60_000;
  const work = (child: ChildProcess, over: () => void, failed: (why: Error) => void): void => {
    const hand = (): void => {
      const job = performance.now() < end ? jobs[next++] : undefined;
      if (job === undefined) child.disconnect();
      else child.send(job);
    };
    child.on('message', (message) => {
      told(message as Omit<Done, 'commit'>);
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
}

function whole(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value <= 0) throw new Error(`--${option} must be a whole number above 0`);
  return value;
}
