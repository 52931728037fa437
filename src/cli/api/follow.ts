/** Follows a state of the agent by blocking queries, one after another, until the command is interrupted. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type CliContext, CliError, EXIT, printNotice } from '../command.ts';
import { type Client, HttpStatusError } from './client.ts';

/** How long one blocking query may take: well below the client's silence timeout. */
const WAIT = '30s';
/** Milliseconds of exponential backoff while the agent does not answer. */
const MIN_BACKOFF = 250;
const MAX_BACKOFF = 10_000;
/** Milliseconds. A faster response without a new index means that the agent does not block: then this client pauses. */
const MIN_BLOCKING_TIME = 1000;

/**
 * Calls `show` with the state at `path` at once and after each change. Resolves to 130 when a signal ends it. Rejects
 * if the agent refuses or does not answer the first query; if it fails later, retries with backoff.
 */
export async function watchPath(
  { io }: CliContext,
  client: Client,
  path: string,
  show: (state: unknown) => void,
): Promise<number> {
  const stop = new AbortController();
  const { signal } = stop;
  const handlers = (['SIGINT', 'SIGTERM'] as const).map((name) => io.onSignal(name, () => stop.abort()));
  let index = 0;
  let seen = false;
  let failures = 0;
  try {
    while (!signal.aborted)
      try {
        const startedAt = performance.now();
        const response = await client.getWithIndex(index === 0 ? path : blockingPath(path, index), signal);
        if (failures > 0) printNotice(io, `the agent at ${client.address} answers again`);
        failures = 0;
        show(response.body);
        seen = true;
        const advanced = response.index > index;
        index = response.index < index ? 0 : response.index; // it fell: the agent has restarted
        if (!advanced && performance.now() - startedAt < MIN_BLOCKING_TIME)
          await pause(MIN_BLOCKING_TIME, signal);
      } catch (error) {
        if (signal.aborted) break;
        if (!seen || !isTransient(error)) throw error;
        if (failures === 0) printNotice(io, `${error.message}; retrying until it answers`);
        index = 0;
        await pause(Math.min(MAX_BACKOFF, MIN_BACKOFF * 2 ** failures), signal);
        failures++;
      }
  } finally {
    for (const off of handlers) off();
  }
  return EXIT.interrupted;
}

const blockingPath = (path: string, index: number): string =>
  `${path}${path.includes('?') ? '&' : '?'}index=${index}&wait=${WAIT}`;

/** Whether a retry may succeed: no agent answered, it has too many watchers, or it failed internally. */
function isTransient(error: unknown): error is CliError {
  if (error instanceof HttpStatusError)
    return error.status === 429 || (error.status >= 500 && error.status !== 501);
  return error instanceof CliError && error.exit === EXIT.noAgent;
}

/** Waits, but not longer than until `signal` aborts. */
const pause = (millis: number, signal: AbortSignal): Promise<void> =>
  sleep(millis, undefined, { signal }).catch(() => undefined);
