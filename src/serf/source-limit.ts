/** Limits the events, or the queries, that one peer may deliver. Others, or a push/pull, may still deliver those refused. */
import { RateLimiter } from '../base/rate-limiter.ts';
import type { Millis } from '../base/time.ts';

const BURST = 1000;
/** 200 a second. */
const REFILL_INTERVAL: Millis = 5;
const MAX_SOURCES = 1024;

/** Keys are source addresses. Source: S29 (docs/security.md). */
export const createSourceLimiter = (): RateLimiter =>
  new RateLimiter({
    burst: BURST,
    refillInterval: REFILL_INTERVAL,
    maxKeys: MAX_SOURCES,
    overflow: 'evict',
  });
