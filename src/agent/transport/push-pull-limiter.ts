/**
 * Limits the push/pulls that unknown addresses may start: each costs both sides the whole table. Addresses count
 * without their port, which says nothing about a dialer. A whole fleet may live behind one address, so the rate grows
 * with the members known there, and the burst is large.
 *
 * Differs: memberlist limits concurrent push/pulls only.
 */
import type { Address } from '../../base/address.ts';
import { RateLimiter } from '../../base/rate-limiter.ts';
import type { Millis } from '../../base/time.ts';

/** One for each member at the address in this time. Our members and Serf's start a sixth as many. */
const INTERVAL_PER_MEMBER: Millis = 5_000;
/** More agents than one host starts at once. */
const BURST = 256;
/** An attacker that can dial from more addresses than this is not slowed down by a limit per address. */
const MAX_ADDRESSES = 4096;

export class PushPullLimiter {
  readonly #limiter = new RateLimiter({
    burst: BURST,
    refillInterval: INTERVAL_PER_MEMBER,
    maxKeys: MAX_ADDRESSES,
    overflow: 'evict',
  });

  /** `membersAt` counts members at that address; it is called only when the burst is used up. */
  tryAcquire(from: Address, now: Millis, membersAt: (host: string) => number): boolean {
    const { host } = from;
    return this.#limiter.tryAcquire(host, now, () => INTERVAL_PER_MEMBER / Math.max(1, membersAt(host)));
  }

  get size(): number {
    return this.#limiter.size;
  }
}
