/**
 * The log as an endless text, as fast as the client reads it. Lines wait for a slow one up to a limit; what comes
 * beyond is lost to it, and how much is said where it is missing.
 */
import type { LogLevel } from '../../config/schema.ts';
import type { BlockingQueries, OnDisconnect } from './blocking.ts';

/** The agent's log, to whoever follows it. Lines are JSON and end with a line break. */
export interface LogFeed {
  /** Returns what ends it. */
  follow(level: LogLevel, take: (line: string) => void): () => void;
}

export interface LogStreamOptions {
  readonly feed: LogFeed;
  readonly level: LogLevel;
  /** How a line, or the loss of some, is written; line breaks included. */
  line(json: string): string;
  lost(count: number): string;
  readonly watchers: BlockingQueries;
  readonly gone: OnDisconnect;
}

/** Characters that wait for one client. */
const MAX_BUFFERED_CHARS = 256 * 1024;
/** Parked again after this, for as long as the client stays. */
const PARKED_MILLIS = 600_000;

/** Ends when the client or the server goes. `ended` is called once. */
export function createLogStream(options: LogStreamOptions, ended: () => void): ReadableStream<Uint8Array> {
  const { feed, level, watchers, gone } = options;
  const waiting: string[] = [];
  let size = 0;
  let lost = 0;
  let over = false;
  let wake = (): void => undefined;

  const push = (line: string): void => {
    waiting.push(line);
    size += line.length;
  };
  const unfollow = feed.follow(level, (json) => {
    const line = options.line(json);
    if (size + line.length > MAX_BUFFERED_CHARS) lost += 1;
    else {
      tellLoss();
      push(line);
    }
    wake();
  });
  const tellLoss = (): void => {
    if (lost > 0) push(options.lost(lost));
    lost = 0;
  };
  const end = (): void => {
    if (over) return;
    over = true;
    unfollow();
    ended();
    wake();
  };
  const park = async (): Promise<void> => {
    let left = false;
    gone(() => {
      left = true;
    });
    while (!over && !left && !watchers.closed) await watchers.waitWhile(() => !over, [], PARKED_MILLIS, gone);
  };
  void park().then(end, end);

  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        while (!over && size === 0)
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        if (size === 0) return controller.close();
        const text = waiting.splice(0).join('');
        size = 0;
        tellLoss();
        controller.enqueue(ENCODER.encode(text));
      },
      cancel: end,
    },
    { highWaterMark: 0 },
  );
}

const ENCODER = new TextEncoder();
