/**
 * Measures the papers' tables: `npm run papers -- [--full] [--reps N] [--minutes M] [--save FILE] [--jobs N] [--out
 * docs/papers.md] [interval threshold ...]`, in virtual time, on all cores. With `--save` the result of every world is
 * appended to a file as a line of JSON, and worlds that are in the file are not run again, so that a long run can be
 * split. The page is written when all worlds are done, or with `--incomplete` from those that are.
 */
import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { jobSource, measureCpu, runJobs, serveJobs } from '../support/worker-pool.ts';
import { renderPage } from './page.ts';
import { FULL_GRID, type Job, jobKey, type PaperRun, planJobs, runJob, SHORT_GRID } from './plan.ts';

type JobResult = Omit<PaperRun, 'commit'>;

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

if (process.send !== undefined)
  serveJobs((job: Job): JobResult => {
    const { value: result, seconds } = measureCpu(() => runJob(job));
    return { job, result, seconds };
  });
else await command();

async function command(): Promise<void> {
  const grid = values.full ? FULL_GRID : SHORT_GRID;
  const reps = values.reps === undefined ? grid.seeds : whole('reps', values.reps);
  const plan = planJobs(grid, reps);
  const unknown = positionals.filter((part) => !plan.some((job) => job.part === part));
  if (unknown.length > 0) throw new Error(`no such part: ${unknown.join(', ')}`);
  const commit = commitOf();
  const results = new Map<string, PaperRun>(readSaved().map((done) => [jobKey(done.job), done]));
  const chosen = plan.filter((job) => positionals.length === 0 || positionals.includes(job.part));
  const pending = chosen.filter((job) => !results.has(jobKey(job)));
  console.error(`${chosen.length} worlds, ${chosen.length - pending.length} done before; commit ${commit}`);
  let count = 0;
  const children = Math.min(whole('jobs', values.jobs), pending.length);
  const next = jobSource(pending, whole('minutes', values.minutes));
  await runJobs<Job, JobResult>({ file: fileURLToPath(import.meta.url), children, next }, (result) => {
    const done = { ...result, commit };
    results.set(jobKey(done.job), done);
    if (values.save !== undefined) appendFileSync(values.save, `${JSON.stringify(done)}\n`);
    count += 1;
    console.error(`${count}/${pending.length}  ${jobKey(done.job)}  ${done.seconds.toFixed(1)} s`);
  });
  const done = plan.flatMap((job) => results.get(jobKey(job)) ?? []);
  const missing = plan.length - done.length;
  if (missing > 0) console.error(`${missing} of ${plan.length} worlds are still to be run`);
  if (missing > 0 && !values.incomplete) return;
  writeFileSync(values.out, renderPage({ done, reps, missing }));
  console.error(`wrote ${values.out}`);
}

function readSaved(): PaperRun[] {
  if (values.save === undefined || !existsSync(values.save)) return [];
  return readFileSync(values.save, 'utf8')
    .split('\n')
    .flatMap((line) => (line === '' ? [] : [JSON.parse(line) as PaperRun]));
}

/** Commit of the sources; with a `+` if they have changes. */
function commitOf(): string {
  const git = (...args: string[]): string => execFileSync('git', args, { encoding: 'utf8' }).trim();
  return `${git('rev-parse', '--short', 'HEAD')}${git('status', '--porcelain', 'src', 'test/papers') === '' ? '' : '+'}`;
}

function whole(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value <= 0) throw new Error(`--${option} must be a whole number above 0`);
  return value;
}
