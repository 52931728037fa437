/**
 * A cache of finished replies by route and parameters, valid for one index: a change can wake thousands of blocking
 * queries that read the same thing, and their reply is encoded once.
 */
import { assert } from '../../../base/assert.ts';
import type { Millis } from '../../../base/time.ts';
import type { HttpReply } from './reply.ts';

const MAX_ENTRIES = 256;
/** Limit of all bodies together; the newest reply is kept whatever its size. */
const MAX_BYTES = 8 * 1024 * 1024;
/** All requests that a change wakes are answered within this time. It bounds the harm, should an index fail to move. */
const MAX_AGE: Millis = 1000;

interface CachedReply {
  readonly index: number;
  readonly reply: HttpReply;
  readonly at: Millis;
}

/** The latest reply for each key; its index decides whether it is still valid. The oldest entries are evicted first. */
export class ReplyCache {
  readonly #clock: () => Millis;
  readonly #entries = new Map<string, CachedReply>();
  #bytes = 0;

  /** `clock` is monotonic. */
  constructor(clock: () => Millis) {
    this.#clock = clock;
  }

  get(key: string, index: number): HttpReply | undefined {
    const cached = this.#entries.get(key);
    if (cached === undefined || cached.index !== index || this.#clock() - cached.at > MAX_AGE)
      return undefined;
    return cached.reply;
  }

  store(key: string, index: number, reply: HttpReply): void {
    const now = this.#clock();
    this.#evict(key);
    for (const [oldest, { at }] of this.#entries) {
      if (
        this.#entries.size < MAX_ENTRIES &&
        this.#bytes + reply.body.length <= MAX_BYTES &&
        now - at <= MAX_AGE
      )
        break;
      this.#evict(oldest);
    }
    this.#entries.set(key, { index, reply, at: now });
    this.#bytes += reply.body.length;
  }

  #evict(key: string): void {
    const cached = this.#entries.get(key);
    if (cached === undefined) return;
    this.#entries.delete(key);
    this.#bytes -= cached.reply.body.length;
    // Invariant: the bytes are those of the cached bodies.
    assert(this.#bytes >= 0, 'the reply cache has evicted more bytes than it stored');
  }
}
