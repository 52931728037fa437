/**
 * The log as an endless text, as fast as the client reads it. Lines are buffered for a slow client up to a limit;
 * beyond it they are lost, and the stream reports how many at the place where they are missing.
 */
import type { LogFeed } from '../../../agent/contract/feeds.ts';
import type { LogLevel } from '../../../config/schema.ts';
import type { BlockingQueries, OnDisconnect } from '../blocking.ts';

/** How lines are written for a client, line breaks included. */
export interface LogLineFormat {
  formatLine(json: string): string;
  formatLost(count: number): string;
}

export interface LogStreamOptions {
  readonly feed: LogFeed;
  readonly level: LogLevel;
  /** Lines from before to begin with. */
  readonly recent: number;
  readonly format: LogLineFormat;
  readonly blockingQueries: BlockingQueries;
  readonly onDisconnect: OnDisconnect;
  /** Called once when the client or the server has gone. */
  onEnd(): void;
}

/** Characters buffered for one client. */
const MAX_BUFFERED_CHARS = 256 * 1024;
/** The longest wait of a blocking query; a client that stays waits again. */
const MAX_WAIT_MILLIS = 600_000;

export function createLogStream(options: LogStreamOptions): ReadableStream<Uint8Array> {
  const { feed, level, recent, format, blockingQueries, onDisconnect } = options;
  const buffered: string[] = [];
  let size = 0;
  let lost = 0;
  let ended = false;
  let wake = (): void => undefined;

  const push = (line: string): void => {
    buffered.push(line);
    size += line.length;
  };
  const reportLoss = (): void => {
    if (lost > 0) push(format.formatLost(lost));
    lost = 0;
  };
  const onLine = (json: string): void => {
    const line = format.formatLine(json);
    if (size + line.length > MAX_BUFFERED_CHARS) lost += 1;
    else {
      reportLoss();
      push(line);
    }
    wake();
  };
  const unfollow = feed.follow(level, onLine, recent);
  const end = (): void => {
    if (ended) return;
    ended = true;
    unfollow();
    options.onEnd();
    wake();
  };
  // A blocking query without topics ends with the client or the server, and counts among the parked requests.
  const waitForEnd = async (): Promise<void> => {
    let disconnected = false;
    onDisconnect(() => {
      disconnected = true;
    });
    while (!ended && !disconnected && !blockingQueries.closed)
      await blockingQueries.waitInStream(() => !ended, [], MAX_WAIT_MILLIS, onDisconnect);
  };
  void waitForEnd().then(end, end);

  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        while (!ended && size === 0)
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        if (size === 0) return controller.close();
        const text = buffered.splice(0).join('');
        size = 0;
        reportLoss();
        controller.enqueue(ENCODER.encode(text));
      },
      cancel: end,
    },
    { highWaterMark: 0 },
  );
}

const ENCODER = new TextEncoder();
