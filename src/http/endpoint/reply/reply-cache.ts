/**
 * Finished answers, kept for the moment in which many ask the same: a change wakes thousands, and the answer is made
 * once. What an answer is made of does not live here.
 */
import type { Millis } from '../../../base/time.ts';
import type { HttpReply } from './reply.ts';

/** Answers kept at once. */
const MAX_ENTRIES = 256;
/** Of all bodies kept; the newest is kept whatever its size. */
const MAX_BYTES = 8 * 1024 * 1024;
/** Everybody whom a change wakes is answered within this. It bounds the harm, should an index ever fail to move. */
const MAX_AGE: Millis = 1000;

interface Kept {
  readonly index: number;
  readonly reply: HttpReply;
  readonly at: Millis;
}

/** One answer per question, the latest. Its index says whether it still holds. */
export class ReplyCache {
  readonly #clock: () => Millis;
  readonly #entries = new Map<string, Kept>();
  #bytes = 0;

  /** `clock` is monotonic. */
  constructor(clock: () => Millis) {
    this.#clock = clock;
  }

  get(question: string, index: number): HttpReply | undefined {
    const kept = this.#entries.get(question);
    if (kept === undefined || kept.index !== index || this.#clock() - kept.at > MAX_AGE) return undefined;
    return kept.reply;
  }

  store(question: string, index: number, reply: HttpReply): void {
    const now = this.#clock();
    this.#evict(question);
    for (const [oldest, { at }] of this.#entries) {
      if (
        this.#entries.size < MAX_ENTRIES &&
        this.#bytes + reply.body.length <= MAX_BYTES &&
        now - at <= MAX_AGE
      )
        break;
      this.#evict(oldest);
    }
    this.#entries.set(question, { index, reply, at: now });
    this.#bytes += reply.body.length;
  }

  #evict(question: string): void {
    const kept = this.#entries.get(question);
    if (kept === undefined) return;
    this.#entries.delete(question);
    this.#bytes -= kept.reply.body.length;
  }
}
