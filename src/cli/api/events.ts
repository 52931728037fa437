/** Follows the agent's event stream (docs/http.md, "Following everything"). */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from './client.ts';

const RETRY_MS = 1000;
/** The agent sends a comment each 15 s: one that is silent for longer hangs, or its host is gone. */
const SILENCE_MS = 40_000;

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
        else if (line.startsWith('data: ')) onEvent(event, JSON.parse(line.slice(6)));
      };
      await client.streamLines(path, signal, onLine, SILENCE_MS);
      if (!signal.aborted) onAway(new Error(`the agent at ${client.address} ended the stream`));
    } catch (error) {
      if (!signal.aborted) onAway(error as Error);
    }
    await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined);
  }
}
