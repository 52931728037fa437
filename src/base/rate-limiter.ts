/** Rate limiting by token bucket, one bucket for each key: a name or an address. */
import { BoundedMap } from './bounded-map.ts';
import type { Millis } from './time.ts';

export interface RateLimit {
  /** Tokens in a full bucket: the actions allowed at one moment. */
  readonly burst: number;
  /** Time in which a bucket earns one token. */
  readonly refillInterval: Millis;
  /** Buckets held at once. A bucket that is full again needs no memory. */
  readonly maxKeys: number;
  /** Beyond `maxKeys`, new keys `share` one bucket, or `evict` the bucket that was used least recently. */
  readonly overflow: 'share' | 'evict';
}

/** `exhausted` is the first refusal since a token was granted. */
export type Acquisition = 'granted' | 'exhausted' | 'stillExhausted';

interface Bucket {
  tokens: number;
  refilledAt: Millis;
  isExhausted: boolean;
}

export class RateLimiter {
  readonly #limit: RateLimit;
  /** Least recently used first. */
  readonly #buckets: BoundedMap<string, Bucket>;
  readonly #sharedBucket: Bucket;

  constructor(limit: RateLimit) {
    this.#limit = limit;
    this.#buckets = new BoundedMap(limit.maxKeys);
    this.#sharedBucket = { tokens: limit.burst, refilledAt: 0, isExhausted: false };
  }

  get size(): number {
    return this.#buckets.size;
  }

  tryAcquire(key: string, now: Millis, refillInterval?: () => Millis): boolean {
    return this.acquire(key, now, refillInterval) === 'granted';
  }

  /**
   * Takes a token of `key`'s bucket. A `refillInterval` that is costly to compute can be given as a function: it is
   * called only when the bucket is empty, and such a bucket is refilled only then.
   */
  acquire(key: string, now: Millis, refillInterval?: () => Millis): Acquisition {
    const bucket = this.#bucketOf(key, now);
    if (refillInterval === undefined || bucket.tokens < 1) {
      const elapsed = now - bucket.refilledAt;
      const earned = elapsed / (refillInterval?.() ?? this.#limit.refillInterval);
      const tokens = Math.min(this.#limit.burst, bucket.tokens + earned);
      if (tokens < 1) {
        const first = !bucket.isExhausted;
        bucket.isExhausted = true;
        return first ? 'exhausted' : 'stillExhausted';
      }
      bucket.tokens = tokens;
      bucket.refilledAt = now;
    }
    bucket.tokens -= 1;
    bucket.isExhausted = false;
    return 'granted';
  }

  /** How many tokens `key`'s bucket has, fractions included; `spend` takes them. */
  available(key: string, now: Millis): number {
    const bucket = this.#bucketOf(key, now);
    const earned = (now - bucket.refilledAt) / this.#limit.refillInterval;
    bucket.tokens = Math.min(this.#limit.burst, bucket.tokens + earned);
    bucket.refilledAt = now;
    return bucket.tokens;
  }

  /** Takes tokens for work whose cost is known only afterwards: the bucket may owe some, too. */
  spend(key: string, tokens: number, now: Millis): void {
    this.#bucketOf(key, now).tokens -= tokens;
  }

  #bucketOf(key: string, now: Millis): Bucket {
    const held = this.#buckets.touch(key);
    if (held !== undefined) return held;
    this.#dropFullBuckets(now);
    const { burst, maxKeys, overflow } = this.#limit;
    if (overflow === 'share' && this.#buckets.size >= maxKeys) return this.#sharedBucket;
    const bucket = { tokens: burst, refilledAt: now, isExhausted: false };
    this.#buckets.set(key, bucket);
    return bucket;
  }

  #dropFullBuckets(now: Millis): void {
    const { burst, refillInterval } = this.#limit;
    for (const [key, { tokens, refilledAt }] of this.#buckets) {
      if (tokens + (now - refilledAt) / refillInterval < burst) break;
      this.#buckets.delete(key);
    }
  }
}

/** For what is done at most once per key and `interval`. */
export const oncePer = (interval: Millis): RateLimit => ({
  burst: 1,
  refillInterval: interval,
  maxKeys: 4096,
  overflow: 'share',
});
