/** Work handed to child processes, one piece after the other, on all cores. What runs is the caller's own file again. */
import { type ChildProcess, fork } from 'node:child_process';

export interface WorkerPool<J extends WorkItem> {
  /** What each child runs; it must `serve`. It gets the arguments of this process. */
  readonly file: string;
  readonly children: number;
  /** The next piece; `undefined`: there is no more, or nothing more should be begun. */
  next(): J | undefined;
}

/** What goes to a child and comes back from it: anything that is plain data. */
export type WorkItem = number | object;

/** In a child: one piece after the other, as the parent hands them out. */
export function serveJobs<J extends WorkItem>(run: (job: J) => WorkItem): void {
  process.on('message', (job: J) => process.send?.(run(job)));
}

/** Gives the seconds it took. Rejects if a child ends otherwise than for want of work. */
export async function runJobs<J extends WorkItem, R extends WorkItem>(
  { file, children, next }: WorkerPool<J>,
  take: (report: R) => void,
): Promise<number> {
  const began = performance.now();
  const work = (child: ChildProcess, over: () => void, failed: (why: Error) => void): void => {
    const hand = (): void => {
      const job = next();
      if (job === undefined) child.disconnect();
      else child.send(job);
    };
    child.on('message', (report) => {
      take(report as R);
      hand();
    });
    child.on('exit', (code) => (code === 0 ? over() : failed(new Error(`a worker ended with ${code}`))));
    hand();
  };
  await Promise.all(
    Array.from(
      { length: children },
      () =>
        new Promise<void>((over, failed) =>
          work(fork(file, process.argv.slice(2), { serialization: 'advanced' }), over, failed),
        ),
    ),
  );
  return (performance.now() - began) / 1000;
}

/** Hands out `jobs` in their order, until all are out or `minutes` are over. */
export function jobSource<J extends WorkItem>(jobs: readonly J[], minutes: number): () => J | undefined {
  let next = 0;
  const end = performance.now() + minutes * 60_000;
  return () => (performance.now() < end ? jobs[next++] : undefined);
}

/** Seconds of this process's own work that `job` takes: the machine may do other things besides. */
export function measureCpu<T>(job: () => T): { readonly value: T; readonly seconds: number } {
  const began = process.cpuUsage();
  const value = job();
  const { user, system } = process.cpuUsage(began);
  return { value, seconds: (user + system) / 1_000_000 };
}
