/** What a handler does when it is told something, seen from its line: it works, in the bounds of a signal, and says something. */
import type { HandlerEvent } from '../../serf/types.ts';
import type { LocalNode } from './news.ts';

/**
 * Resolves to what was said, which answers a query. Rejects with what went wrong, in words for people. Frees what it
 * holds when `signal` aborts.
 */
export type Action = (news: HandlerEvent, self: LocalNode, signal: AbortSignal) => Promise<Uint8Array>;

/** Of what is said. Source: S14. */
export const MAX_HANDLER_OUTPUT_BYTES = 4096;

/** The first bytes of all that is said. */
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
 * Gives `work` a signal that aborts with `closing`, or after `millis`; then it rejects with `words`, however `work` takes
 * it. Nothing stays on `closing`, which lives as long as the agent.
 */
export async function withTimeout<T>(
  millis: number,
  words: string,
  closing: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const over = new AbortController();
  let late = false;
  const abort = (): void => over.abort();
  const timer = setTimeout(() => {
    late = true;
    abort();
  }, millis);
  closing.addEventListener('abort', abort, { once: true });
  if (closing.aborted) abort();
  try {
    const result = await work(over.signal);
    if (late) throw new Error(words);
    return result;
  } catch (error) {
    throw late ? new Error(words) : error;
  } finally {
    clearTimeout(timer);
    closing.removeEventListener('abort', abort);
  }
}
