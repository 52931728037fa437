/** A pool of child processes that run the caller's own file and take jobs one after the other. */
import { type ChildProcess, fork } from 'node:child_process';

export interface WorkerPool<J extends WorkItem> {
  /** What each child runs, with the arguments of this process; it must call `serveJobs`. */
  readonly file: string;
  /** Arguments for `node` in front of it; those of this process if absent. */
  readonly execArgv?: readonly string[];
  readonly children: number;
  /** The next job; `undefined` if no more should be started. */
  next(): J | undefined;
}

/** Jobs and results are plain data. */
export type WorkItem = number | object;

/** Called in a child: runs the jobs that the parent sends. */
export function serveJobs<J extends WorkItem>(run: (job: J) => WorkItem): void {
  process.on('message', (job: J) => process.send?.(run(job)));
}

/** Returns the seconds that all jobs took. Rejects if a child ends with an error. */
export async function runJobs<J extends WorkItem, R extends WorkItem>(
  { file, execArgv = process.execArgv, children, next }: WorkerPool<J>,
  onResult: (result: R) => void,
): Promise<number> {
  const began = performance.now();
  const work = (child: ChildProcess, over: () => void, failed: (why: Error) => void): void => {
    const sendNext = (): void => {
      const job = next();
      if (job === undefined) child.disconnect();
      else child.send(job);
    };
    child.on('message', (result) => {
      onResult(result as R);
      sendNext();
    });
    child.on('exit', (code) => (code === 0 ? over() : failed(new Error(`a worker ended with ${code}`))));
    sendNext();
  };
  await Promise.all(
    Array.from(
      { length: children },
      () =>
        new Promise<void>((over, failed) =>
          work(
            fork(file, process.argv.slice(2), { serialization: 'advanced', execArgv: [...execArgv] }),
            over,
            failed,
          ),
        ),
    ),
  );
  return (performance.now() - began) / 1000;
}

/** Returns a source of the jobs in their order that runs dry when `minutes` are over. */
export function jobSource<J extends WorkItem>(jobs: readonly J[], minutes: number): () => J | undefined {
  let next = 0;
  const end = performance.now() + minutes * 60_000;
  return () => (performance.now() < end ? jobs[next++] : undefined);
}

/** Runs a job and measures its processor time, which does not depend on the load of the machine. */
export function measureCpu<T>(job: () => T): { readonly value: T; readonly seconds: number } {
  const began = process.cpuUsage();
  const value = job();
  const { user, system } = process.cpuUsage(began);
  return { value, seconds: (user + system) / 1_000_000 };
}
