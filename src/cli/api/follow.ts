/** How a command follows what changes: one blocking query after another, until it is interrupted. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type CliContext, CliError, EXIT, printNotice } from '../command.ts';
import { type Client, HttpStatusError } from './client.ts';

/** How long the agent may keep a question. Well below the silence after which a command gives up. */
const WAIT = '30s';
const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 10_000;
/** An answer that says nothing new and came faster was not waited for: this agent does not block, so we do. */
const QUICK = 1000;

/**
 * Calls `show` with the state at `path` at once and after each change. Resolves to 130 when a signal ends it. Rejects
 * if the agent refuses, or is not there to begin with; if it goes away later, it is waited for.
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
        const askedAt = performance.now();
        const answer = await client.getWithIndex(index === 0 ? path : blocking(path, index), signal);
        if (failures > 0) printNotice(io, `the agent at ${client.address} answers again`);
        failures = 0;
        show(answer.body);
        seen = true;
        const news = answer.index > index;
        index = answer.index < index ? 0 : answer.index; // it fell: the agent began anew, and so do we
        if (!news && performance.now() - askedAt < QUICK) await pause(QUICK, signal);
      } catch (error) {
        if (signal.aborted) break;
        if (!seen || !isTransient(error)) throw error;
        if (failures === 0) printNotice(io, `${error.message}; trying again until it answers`);
        index = 0;
        await pause(Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** failures), signal);
        failures++;
      }
  } finally {
    for (const off of handlers) off();
  }
  return EXIT.interrupted;
}

const blocking = (path: string, index: number): string =>
  `${path}${path.includes('?') ? '&' : '?'}index=${index}&wait=${WAIT}`;

/** Nobody there, too many watchers, or trouble of its own: not what we asked for is wrong. */
function isTransient(error: unknown): error is CliError {
  if (error instanceof HttpStatusError)
    return error.status === 429 || (error.status >= 500 && error.status !== 501);
  return error instanceof CliError && error.exit === EXIT.noAgent;
}

/** Ends early when `signal` aborts. */
const pause = (millis: number, signal: AbortSignal): Promise<void> =>
  sleep(millis, undefined, { signal }).catch(() => undefined);
