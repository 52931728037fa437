/** The contract of a handler's action: it handles one event until a signal aborts, and may produce output. */
import type { HandlerEvent } from '../../serf/types.ts';
import type { LocalNode } from './serf-env.ts';

/**
 * Resolves to the output, which is the response to a query. Rejects with a message for users. Frees its resources when
 * `signal` aborts.
 */
export type Action = (event: HandlerEvent, self: LocalNode, signal: AbortSignal) => Promise<Uint8Array>;

/** Source: S14. */
export const MAX_HANDLER_OUTPUT_BYTES = 4096;

/** Keeps the first bytes of the output, and counts all. */
export class OutputHead {
  readonly #chunks: Buffer[] = [];
  total = 0;

  append(chunk: Buffer): void {
    if (this.total < MAX_HANDLER_OUTPUT_BYTES)
      this.#chunks.push(chunk.subarray(0, MAX_HANDLER_OUTPUT_BYTES - this.total));
    this.total += chunk.length;
  }

  bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }
}

/**
 * Calls `work` with a signal that aborts when `closing` does, or after `timeout` milliseconds; then it rejects with
 * `message`, whatever `work` does. It leaves no listener on `closing`, which exists as long as the agent.
 */
export async function withTimeout<T>(
  timeout: number,
  message: string,
  closing: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  let timedOut = false;
  const abort = (): void => controller.abort();
  const timer = setTimeout(() => {
    timedOut = true;
    abort();
  }, timeout);
  closing.addEventListener('abort', abort, { once: true });
  if (closing.aborted) abort();
  try {
    const result = await work(controller.signal);
    if (timedOut) throw new Error(message);
    return result;
  } catch (error) {
    throw timedOut ? new Error(message) : error;
  } finally {
    clearTimeout(timer);
    closing.removeEventListener('abort', abort);
  }
}
