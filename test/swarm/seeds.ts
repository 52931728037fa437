/** Runs a range of seeds in child processes until too many have failed. */
import { bundleFile } from '../support/bundle.ts';
import { runJobs } from '../support/worker-pool.ts';

export interface SeedRange {
  /** What each child runs; it must call `serveJobs`. */
  readonly file: string;
  readonly first: number;
  readonly count: number;
  readonly jobs: number;
  /** After this many failures no more seeds are started. */
  readonly maxFailures: number;
}

/** `isGood` tells whether a seed passed. Returns the seconds that all of them took. */
export async function runSeeds<R extends object>(
  { file, first, count, jobs, maxFailures }: SeedRange,
  isGood: (report: R) => boolean,
): Promise<number> {
  let next = first;
  let failures = 0;
  const nextSeed = (): number | undefined =>
    next < first + count && failures < maxFailures ? next++ : undefined;
  const bundle = await bundleFile(file);
  const pool = { ...bundle, children: Math.min(jobs, count), next: nextSeed };
  const onReport = (report: R): void => {
    if (!isGood(report)) failures += 1;
  };
  return runJobs<number, R>(pool, onReport).finally(() => bundle.remove());
}
