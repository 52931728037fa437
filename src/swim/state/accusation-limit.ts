/**
 * Limits the accusations believed from one source address: enough for any real failure, which every member reports,
 * and few enough that one hostile holder of the key cannot have a whole cluster suspected (S7).
 *
 * Differs: memberlist believes any number.
 */
import type { Address } from '../../base/address.ts';
import { RateLimiter } from '../../base/rate-limiter.ts';
import type { Millis } from '../../base/time.ts';

/** Accusations at one moment. */
export const ACCUSATION_BURST = 30;
/** Time in which one more is earned: 10 a second. */
export const ACCUSATION_REFILL_INTERVAL: Millis = 100;
/** What a death or a leave costs besides, if the member answers: two a second are left to who says nothing else. */
export const REFUTED_COST = 4;
const MAX_SOURCES = 1024;

export class AccusationLimiter {
  readonly #limiter = new RateLimiter({
    burst: ACCUSATION_BURST,
    refillInterval: ACCUSATION_REFILL_INTERVAL,
    maxKeys: MAX_SOURCES,
    overflow: 'share',
  });

  /** The port does not count: a source that can forge its host can forge its port too. */
  tryAcquire(from: Address, now: Millis): boolean {
    return this.#limiter.tryAcquire(from.host, now);
  }

  /** What this source said was refuted: it may say less for a while. It never owes more than a burst. */
  charge(from: Address, now: Millis): void {
    if (this.#limiter.available(from.host, now) > -ACCUSATION_BURST)
      this.#limiter.spend(from.host, REFUTED_COST, now);
  }
}
