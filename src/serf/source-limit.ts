/** How much one source may say: a bucket of tokens for each address, of which there are not too many. */
import type { Millis } from '../base/time.ts';

/** News of one kind that one peer may bring. Whoever is refused it may still have it from another, or by push/pull. */
const PER_SECOND = 200;
const BURST = 1000;
/** Addresses watched at once; the one seen longest ago makes room, and begins anew with a full bucket. */
const MAX_SOURCES = 1024;

interface Bucket {
  tokens: number;
  at: Millis;
  isReported: boolean;
}

/** Source: S29 (docs/security.md). */
export class SourceLimiter {
  readonly #buckets = new Map<string, Bucket>();

  /** Takes a token of `source`. `'full'` is said once for each time that a bucket runs dry, then `'dry'`. */
  acquire(source: string, now: Millis): 'ok' | 'full' | 'dry' {
    const bucket = this.#buckets.get(source) ?? { tokens: BURST, at: now, isReported: false };
    this.#buckets.delete(source); // behind all others again
    if (this.#buckets.size >= MAX_SOURCES)
      for (const oldest of this.#buckets.keys()) {
        this.#buckets.delete(oldest);
        break;
      }
    this.#buckets.set(source, bucket);
    bucket.tokens = Math.min(BURST, bucket.tokens + ((now - bucket.at) / 1000) * PER_SECOND);
    bucket.at = now;
    if (bucket.tokens >= 1) {
      bucket.tokens -= 1;
      bucket.isReported = false;
      return 'ok';
    }
    if (bucket.isReported) return 'dry';
    bucket.isReported = true;
    return 'full';
  }
}
