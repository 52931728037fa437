/**
 * The answer to a request by which a process takes part in a worker pool: a line of JSON for each partition that it acquires or
 * has to release, and a blank line each second, so that the process learns soon that its agent does not answer any more. What it
 * was told is compared with what its agent has for it, so nothing is lost if it reads slowly.
 */
import type { Millis } from '../../../base/time.ts';
import type { WorkerPartition } from '../../../partitions/types.ts';
import type { BlockingQueries, OnDisconnect } from '../blocking.ts';
import { createTextStream } from './text-stream.ts';

export interface WorkerStreamOptions {
  /** The first line. */
  readonly greeting: object;
  /** What the worker has; `undefined`: it takes part no more. */
  partitions(): readonly WorkerPartition[] | undefined;
  /** The process was never told that it had this partition, and it has to go: it is let go for it. */
  release(one: WorkerPartition): void;
  /** The topic of the pool. */
  readonly topic: `partitions:${string}`;
  readonly blockingQueries: BlockingQueries;
  readonly onDisconnect: OnDisconnect;
}

/** A process that has heard nothing for some of these gives up what it holds. */
const HEARTBEAT: Millis = 1000;

/** The stream ends when the client or the server goes, or another process takes part as the same instance. */
export function createWorkerStream(options: WorkerStreamOptions): ReadableStream<Uint8Array> {
  const { blockingQueries, onDisconnect, topic } = options;
  const told = new Map<number, WorkerPartition>();
  let disconnected = false;
  onDisconnect(() => {
    disconnected = true;
  });
  return createTextStream(follow());

  async function* follow(): AsyncGenerator<string, void, undefined> {
    yield toLine(options.greeting);
    while (!disconnected && !blockingQueries.closed) {
      const now = options.partitions();
      if (now === undefined) return yield toLine({ ended: 'another process takes part as this instance' });
      const news = changesFor(now);
      if (news.length > 0) yield news.map(toLine).join('');
      const isOld = (): boolean => !hasNews(options.partitions());
      await blockingQueries.waitInStream(isOld, [topic], HEARTBEAT, onDisconnect);
      if (isOld() && !disconnected && !blockingQueries.closed) yield '\n';
    }
  }

  function hasNews(now: readonly WorkerPartition[] | undefined): boolean {
    if (now === undefined) return true;
    return now.some(({ partition, token, releasing }) => {
      const before = told.get(partition);
      return before?.token !== token || before.releasing !== releasing;
    });
  }

  function changesFor(now: readonly WorkerPartition[]): object[] {
    const lines: object[] = [];
    const current = new Set(now.map(({ partition }) => partition));
    for (const partition of told.keys()) if (!current.has(partition)) told.delete(partition);
    for (const one of now) {
      const { partition, token, releasing, lost } = one;
      const before = told.get(partition);
      const isNew = before?.token !== token;
      told.set(partition, one);
      if (isNew && releasing) options.release(one);
      else if (isNew) lines.push({ acquire: partition, token });
      else if (releasing && !before.releasing) lines.push({ release: partition, token, lost });
    }
    return lines;
  }
}

const toLine = (value: object): string => `${JSON.stringify(value)}\n`;
