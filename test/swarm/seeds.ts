/** A range of seeds, run by children on all cores until too many have failed. */
import { runJobs } from '../support/worker-pool.ts';

export interface SeedRange {
  /** What each child runs; it must `serve`. */
  readonly file: string;
  readonly first: number;
  readonly count: number;
  readonly jobs: number;
  /** After so many no more seeds are begun. */
  readonly maxFailures: number;
}

/** `take` says whether a report is good. Gives the seconds it took. */
export function runSeeds<R extends object>(
  { file, first, count, jobs, maxFailures }: SeedRange,
  take: (report: R) => boolean,
): Promise<number> {
  let next = first;
  let failures = 0;
  const hand = (): number | undefined =>
    next < first + count && failures < maxFailures ? next++ : undefined;
  return runJobs<number, R>({ file, children: Math.min(jobs, count), next: hand }, (report) => {
    if (!take(report)) failures += 1;
  });
}
