/** Limits what one peer may deliver: the bytes of a message, and the number of events or queries. */
import { WireError } from '../base/errors.ts';
import { RateLimiter } from '../base/rate-limiter.ts';
import type { Millis } from '../base/time.ts';

const BURST = 1000;
/** 200 a second. */
const REFILL_INTERVAL: Millis = 5;
const MAX_SOURCES = 1024;

/** Others, or a push/pull, may still deliver what is refused. Keys are source addresses. Source: S29 (docs/security.md). */
export const createSourceLimiter = (): RateLimiter =>
  new RateLimiter({
    burst: BURST,
    refillInterval: REFILL_INTERVAL,
    maxKeys: MAX_SOURCES,
    overflow: 'evict',
  });

/** Throws `WireError` for a message that has more bytes. */
export function checkSize(body: Uint8Array, bytes: number): void {
  if (body.length > bytes)
    throw new WireError('tooLarge', `${body.length} bytes, and at most ${bytes} are allowed`);
}
