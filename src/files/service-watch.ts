/**
 * Watches the files of `--service` for `--watch-services`: a reload follows as soon as a change is over. It looks at names, dates and
 * sizes once a second, since notifications of the kernel are lost on network file systems and when editors replace a file.
 */
import { stat } from 'node:fs/promises';
import type { Millis } from '../base/time.ts';
import { listFiles } from './config-files.ts';

export interface ServiceWatchOptions {
  /** Files and directories, as they are configured now. */
  paths(): readonly string[];
  /** Called after each change. May reject: what is wrong has been logged, and the next change is another attempt. */
  reload(): Promise<unknown>;
  readonly interval?: Millis;
}

const INTERVAL: Millis = 1000;

/** Looks until the function it resolves to is called; its promise settles when the last look has ended. */
export async function watchServiceFiles({
  paths,
  reload,
  interval = INTERVAL,
}: ServiceWatchOptions): Promise<() => Promise<void>> {
  /** What was read last, and what the last look saw. */
  let read = await fingerprint(paths());
  let seen = read;
  const look = async (): Promise<void> => {
    const now = await fingerprint(paths());
    const isOver = now === seen; // a file that is being written changes from look to look
    seen = now;
    if (now === read || !isOver) return;
    read = now;
    await reload().catch(() => undefined);
  };
  let running: Promise<void> | undefined;
  const timer = setInterval(() => {
    running ??= look().finally(() => {
      running = undefined;
    });
  }, interval);
  timer.unref();
  return async () => {
    clearInterval(timer);
    await running;
  };
}

/** Differs when a file was added, removed or written. What cannot be read has a fingerprint, too. */
async function fingerprint(paths: readonly string[]): Promise<string> {
  const lines = await Promise.all(
    paths.map(async (path) => {
      const files = await listFiles(path).then(
        ({ files }) => files,
        () => [path],
      );
      return (await Promise.all(files.map(describeFile))).join('\n');
    }),
  );
  return lines.join('\n');
}

const describeFile = (path: string): Promise<string> =>
  stat(path).then(
    ({ mtimeMs, size, ino }) => `${path} ${mtimeMs} ${size} ${ino}`,
    (error: NodeJS.ErrnoException) => `${path} ${error.code}`,
  );
