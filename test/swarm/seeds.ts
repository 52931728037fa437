/** Runs a range of seeds in child processes until too many have failed. */
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
export function runSeeds<R extends object>(
  { file, first, count, jobs, maxFailures }: SeedRange,
  isGood: (report: R) => boolean,
): Promise<number> {
  let next = first;
  let failures = 0;
  const nextSeed = (): number | undefined =>
    next < first + count && failures < maxFailures ? next++ : undefined;
  return runJobs<number, R>({ file, children: Math.min(jobs, count), next: nextSeed }, (report) => {
    if (!isGood(report)) failures += 1;
  });
}
