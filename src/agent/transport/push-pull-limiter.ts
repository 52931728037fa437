/**
 * How often strangers may have us exchange whole states: each costs both sides the whole table. Counted by the address
 * without its port, for a dialer's port says nothing; a whole fleet may live behind one address, so the rate grows
 * with the members known there and the first many are free.
 *
 * Differs: memberlist has a limit of push/pulls at the same time only.
 */
import type { Address } from '../../base/address.ts';
import type { Millis } from '../../base/time.ts';

/** One for each member at the address in this span. Members of ours and Serf's ask a sixth as often. */
const SPAN: Millis = 5_000;
/** More agents than one host starts at once. */
const BURST = 256;
/** Addresses that are counted at one time. */
const MAX_HELD = 4096;

interface Bucket {
  left: number;
  since: Millis;
}

export class PushPullLimiter {
  readonly #buckets = new Map<string, Bucket>();

  /** Takes one, if there is one. `membersAt` counts members at that address; asked only when the burst is used up. */
  tryAcquire(from: Address, now: Millis, membersAt: (host: string) => number): boolean {
    const bucket = this.#bucketOf(from.host, now);
    if (bucket.left < 1) {
      const earned = (Math.max(1, membersAt(from.host)) * (now - bucket.since)) / SPAN;
      if (bucket.left + earned < 1) return false;
      bucket.left = Math.min(BURST, bucket.left + earned);
      bucket.since = now;
    }
    bucket.left -= 1;
    return true;
  }

  get size(): number {
    return this.#buckets.size;
  }

  #bucketOf(host: string, now: Millis): Bucket {
    const held = this.#buckets.get(host);
    if (held !== undefined) return held;
    // The oldest goes: whoever can dial from so many addresses is not to be slowed by this.
    if (this.#buckets.size >= MAX_HELD) {
      const [oldest = ''] = this.#buckets.keys();
      this.#buckets.delete(oldest);
    }
    const fresh = { left: BURST, since: now };
    this.#buckets.set(host, fresh);
    return fresh;
  }
}
