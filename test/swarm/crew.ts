/** Seeds handed to child processes, one after the other, on all cores. */
import { type ChildProcess, fork } from 'node:child_process';

export interface Job {
  /** What each child runs; it must `serve`. */
  readonly file: string;
  readonly first: number;
  readonly count: number;
  readonly jobs: number;
  /** After so many no more seeds are begun. */
  readonly maxFailures: number;
}

/** In a child: one seed after the other, as the parent hands them out. */
export function serve(run: (seed: number) => object): void {
  process.on('message', (seed: number) => process.send?.(run(seed)));
}

/** `take` says whether a report is good. Gives the seconds it took. */
export async function workThrough<R>(
  { file, first, count, jobs, maxFailures }: Job,
  take: (report: R) => boolean,
): Promise<number> {
  let next = first;
  let failures = 0;
  const began = performance.now();
  const work = (child: ChildProcess, done: () => void): void => {
    const hand = (): void => {
      if (next < first + count && failures < maxFailures) child.send(next++);
      else child.disconnect();
    };
    child.on('message', (message) => {
      if (!take(message as R)) failures += 1;
      hand();
    });
    child.on('exit', (code) => {
      if (code !== 0) process.exitCode = 1;
      done();
    });
    hand();
  };
  await Promise.all(
    Array.from(
      { length: Math.min(jobs, count) },
      () =>
        new Promise<void>((done) =>
          work(fork(file, process.argv.slice(2), { serialization: 'advanced' }), done),
        ),
    ),
  );
  return (performance.now() - began) / 1000;
}
