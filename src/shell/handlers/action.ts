/** What a handler does when it is told something, seen from its line: it works, in the bounds of a signal, and says something. */
import type { News } from '../../serf/types.ts';
import type { Self } from './news.ts';

/**
 * Resolves to what was said, which answers a query. Rejects with what went wrong, in words for people. Frees what it
 * holds when `signal` aborts.
 */
export type Action = (news: News, self: Self, signal: AbortSignal) => Promise<Uint8Array>;

/** Of what is said. Source: S14. */
export const MAX_KEPT_BYTES = 4096;

/** The first bytes of all that is said. */
export class Head {
  readonly #chunks: Buffer[] = [];
  total = 0;

  push(chunk: Buffer): void {
    if (this.total < MAX_KEPT_BYTES) this.#chunks.push(chunk.subarray(0, MAX_KEPT_BYTES - this.total));
    this.total += chunk.length;
  }

  bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }
}
