/**
 * Finished answers, kept for the moment in which many ask the same: a change wakes thousands, and the answer is made
 * once. What an answer is made of does not live here.
 */
import type { Millis } from '../../../base/time.ts';
import type { Reply } from './reply.ts';

/** Answers kept at once. */
const MAX_KEPT = 256;
/** Of all bodies kept; the newest is kept whatever its size. */
const MAX_BYTES = 8 * 1024 * 1024;
/** Everybody whom a change wakes is answered within this. It bounds the harm, should an index ever fail to move. */
const MAX_AGE: Millis = 1000;

interface Kept {
  readonly index: number;
  readonly reply: Reply;
  readonly at: Millis;
}

/** One answer per question, the latest. Its index says whether it still holds. */
export class Answers {
  readonly #clock: () => Millis;
  readonly #kept = new Map<string, Kept>();
  #bytes = 0;

  /** `clock` is monotonic. */
  constructor(clock: () => Millis) {
    this.#clock = clock;
  }

  get(question: string, index: number): Reply | undefined {
    const kept = this.#kept.get(question);
    if (kept === undefined || kept.index !== index || this.#clock() - kept.at > MAX_AGE) return undefined;
    return kept.reply;
  }

  keep(question: string, index: number, reply: Reply): void {
    const now = this.#clock();
    this.#drop(question);
    for (const [oldest, { at }] of this.#kept) {
      if (this.#kept.size < MAX_KEPT && this.#bytes + reply.body.length <= MAX_BYTES && now - at <= MAX_AGE)
        break;
      this.#drop(oldest);
    }
    this.#kept.set(question, { index, reply, at: now });
    this.#bytes += reply.body.length;
  }

  #drop(question: string): void {
    const kept = this.#kept.get(question);
    if (kept === undefined) return;
    this.#kept.delete(question);
    this.#bytes -= kept.reply.body.length;
  }
}
