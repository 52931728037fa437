/** Answers of recursors, kept as long as they allow and no longer than we do. Of a fixed size, whatever is asked. */
import { BoundedMap } from '../../base/bounded-map.ts';
import type { Millis } from '../../base/time.ts';
import { RCODE, RECORD_TYPE } from '../message/records.ts';
import type { UpstreamResponse } from './upstream.ts';

/** With the largest message this is 4 MiB. */
const MAX_ENTRIES = 1024;
const MAX_CACHED_BYTES = 4096;
const MAX_TTL_SECONDS = 3600;
/** A mistake about what is not there should not last. */
const MAX_NEGATIVE_TTL_SECONDS = 60;

interface CachedResponse extends UpstreamResponse {
  readonly cachedAt: Millis;
  readonly expiresAt: Millis;
}

export class RecursorCache {
  /** The one that was not asked for the longest comes first. */
  readonly #entries = new BoundedMap<string, CachedResponse>(MAX_ENTRIES);

  get size(): number {
    return this.#entries.size;
  }

  /** A copy whose TTLs are as much less as it is old; `undefined`: not here, or no longer. */
  get(key: string, now: Millis): Buffer | undefined {
    const entry = this.#entries.touch(key);
    if (entry === undefined) return undefined;
    if (now >= entry.expiresAt) {
      this.#entries.delete(key);
      return undefined;
    }
    const age = Math.floor((now - entry.cachedAt) / 1000);
    const bytes = Buffer.from(entry.bytes);
    for (const { type, ttlOffset: ttlAt, ttlSeconds } of entry.message.records)
      if (type !== RECORD_TYPE.OPT)
        bytes.writeUInt32BE(Math.max(0, Math.min(ttlSeconds, MAX_TTL_SECONDS) - age), ttlAt);
    return bytes;
  }

  /** Keeps it if it may be kept. Only NOERROR and NXDOMAIN are. */
  set(key: string, heard: UpstreamResponse, now: Millis): void {
    const { rcode, cacheTtlSeconds: lifeSeconds, records } = heard.message;
    if (heard.bytes.length > MAX_CACHED_BYTES || lifeSeconds <= 0) return;
    if (rcode !== RCODE.NOERROR && rcode !== RCODE.NXDOMAIN) return;
    const negative = rcode === RCODE.NXDOMAIN || !records.some(({ section }) => section === 'answer');
    const seconds = Math.min(lifeSeconds, negative ? MAX_NEGATIVE_TTL_SECONDS : MAX_TTL_SECONDS);
    this.#entries.set(key, {
      bytes: Buffer.from(heard.bytes),
      message: heard.message,
      cachedAt: now,
      expiresAt: now + 1000 * seconds,
    });
  }
}
