/** Follows the agent's event stream (docs/http.md, "Following everything"). */
import { setTimeout as sleep } from 'node:timers/promises';
import { CliError, EXIT } from '../command.ts';
import type { Client } from './client.ts';

const RETRY_MS = 1000;
/** The agent sends a comment each 15 s: one that is silent for longer hangs, or its host is gone. */
const SILENCE_MS = 40_000;
/** The version of the rows whose fields these commands know. The library and the agent have numbers of their own. */
const KNOWN_ROWS = 1;

export interface EventListener {
  onEvent(event: string, data: unknown): void;
  /** The stream has ended, and is opened again soon. What this throws ends the following. */
  onAway(error: Error): void;
}

/** Follows the stream until `signal` aborts. It is opened again whenever it ends, since the agent may have been restarted, and begins with all there is. */
export async function followEvents(
  client: Client,
  path: string,
  signal: AbortSignal,
  { onEvent, onAway }: EventListener,
): Promise<void> {
  while (!signal.aborted) {
    let event = '';
    try {
      const onLine = (line: string): void => {
        if (line.startsWith('event: ')) event = line.slice(7);
        else if (line.startsWith('data: ')) {
          const data: unknown = JSON.parse(line.slice(6));
          refuseLaterRows(data, client);
          onEvent(event, data);
        }
      };
      await client.streamLines(path, signal, onLine, SILENCE_MS);
      if (!signal.aborted) onAway(new Error(`the agent at ${client.address} ended the stream`));
    } catch (error) {
      if (!signal.aborted) onAway(error as Error);
    }
    await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined);
  }
}

/** Marks of the snapshot carry `version`: fields of a later one may mean something else, so that acting on them would be a guess. */
function refuseLaterRows(data: unknown, { address }: Client): void {
  const version = typeof data === 'object' && data !== null && 'version' in data ? data.version : undefined;
  if (typeof version === 'number' && version > KNOWN_ROWS)
    throw new CliError(
      EXIT.failed,
      `the agent at ${address} sends rows of version ${version}, and this command knows ${KNOWN_ROWS}: run the hearsay that came with the agent`,
    );
}
