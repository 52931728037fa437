/**
 * A campaign: stories whose truth is known, and the share of right diagnoses:
 * `npm run stories -- [--stories 10000] [--from 1] [--jobs 2] [--minutes M]`. The exit code is
 * 1 if less than 99.5 % are right.
 */
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { jobSource, runJobs, serveJobs } from '../support/worker-pool.ts';
import { judgeStory, type Verdict } from './judge.ts';

/** The share of diagnoses that must be right. */
const GOAL = 0.995;

const { values } = parseArgs({
  options: {
    stories: { type: 'string', default: '10000' },
    from: { type: 'string', default: '1' },
    jobs: { type: 'string', default: `${availableParallelism()}` },
    minutes: { type: 'string', default: '1440' },
  },
});

if (process.send !== undefined) serveJobs((seed: number): Verdict => judgeStory(seed));
else await main();

async function main(): Promise<void> {
  const from = Number(values.from);
  const seeds = Array.from({ length: Number(values.stories) }, (_, i) => from + i);
  const verdicts: Verdict[] = [];
  const next = jobSource(seeds, Number(values.minutes));
  const children = Math.min(Number(values.jobs), seeds.length);
  const seconds = await runJobs<number, Verdict>(
    { file: fileURLToPath(import.meta.url), children, next },
    (one) => {
      verdicts.push(one);
      if (!one.right) console.log(`seed ${one.seed}, ${one.name}: ${one.note}`);
      if (verdicts.length % 500 === 0) console.log(formatShare(`${verdicts.length} stories`, verdicts));
    },
  );
  const names = [...new Set(verdicts.map(({ name }) => name.split(' + ').at(-1) as string))].sort();
  for (const name of names)
    console.log(
      formatShare(
        name,
        verdicts.filter((one) => one.name.split(' + ').at(-1) === name),
      ),
    );
  console.log(`${formatShare('all', verdicts)} in ${seconds.toFixed(0)} s`);
  if (verdicts.filter(({ right }) => right).length < GOAL * verdicts.length) process.exitCode = 1;
}

function formatShare(name: string, verdicts: readonly Verdict[]): string {
  const right = verdicts.filter((one) => one.right).length;
  return `${name}: ${right} of ${verdicts.length} right (${((100 * right) / verdicts.length).toFixed(2)} %)`;
}
