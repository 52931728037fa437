/** Things that are done for one name or address at most once in a while, however often they are asked for. */
import type { Millis } from './time.ts';

/** Names remembered; while there are so many, nothing is done for another. */
const MAX_KEYS = 4096;

export class RateLimiter {
  readonly #interval: Millis;
  /** When it was last done for each, oldest first; nothing older than the interval is kept. */
  readonly #doneAt = new Map<string, Millis>();

  constructor(interval: Millis) {
    this.#interval = interval;
  }

  /** May it be done for this one now? Counts as done if so. */
  acquire(key: string, now: Millis): boolean {
    for (const [name, at] of this.#doneAt) {
      if (now - at < this.#interval) break;
      this.#doneAt.delete(name);
    }
    if (this.#doneAt.has(key) || this.#doneAt.size >= MAX_KEYS) return false;
    this.#doneAt.set(key, now);
    return true;
  }
}
