/** Bounded LRU cache of recursors' responses. An entry expires with its TTL, or after our own maximum. */
import { BoundedMap } from '../../base/bounded-map.ts';
import type { Millis } from '../../base/time.ts';
import { RCODE, RECORD_TYPE } from '../message/records.ts';
import type { UpstreamResponse } from './upstream.ts';

/** 4 MiB at the largest message. */
const MAX_ENTRIES = 1024;
const MAX_CACHED_BYTES = 4096;
const MAX_TTL_SECONDS = 3600;
/** Bounds how long a mistaken negative answer lasts (RFC 2308 §5). */
const MAX_NEGATIVE_TTL_SECONDS = 60;

interface CachedResponse extends UpstreamResponse {
  readonly cachedAt: Millis;
  readonly expiresAt: Millis;
}

export class RecursorCache {
  /** In LRU order: the entry that was not used for longest comes first. */
  readonly #entries = new BoundedMap<string, CachedResponse>(MAX_ENTRIES);

  get size(): number {
    return this.#entries.size;
  }

  /** A copy with TTLs reduced by its age; `undefined` if it is missing or expired. */
  get(key: string, now: Millis): Buffer | undefined {
    const entry = this.#entries.touch(key);
    if (entry === undefined) return undefined;
    if (now >= entry.expiresAt) {
      this.#entries.delete(key);
      return undefined;
    }
    const age = Math.floor((now - entry.cachedAt) / 1000);
    const bytes = Buffer.from(entry.bytes);
    for (const { type, ttlOffset, ttlSeconds } of entry.message.records)
      if (type !== RECORD_TYPE.OPT)
        bytes.writeUInt32BE(Math.max(0, Math.min(ttlSeconds, MAX_TTL_SECONDS) - age), ttlOffset);
    return bytes;
  }

  /** Stores NOERROR and NXDOMAIN responses that have a TTL and are not too large; ignores others. */
  set(key: string, response: UpstreamResponse, now: Millis): void {
    const { rcode, cacheTtlSeconds, records } = response.message;
    if (response.bytes.length > MAX_CACHED_BYTES || cacheTtlSeconds <= 0) return;
    if (rcode !== RCODE.NOERROR && rcode !== RCODE.NXDOMAIN) return;
    const isNegative = rcode === RCODE.NXDOMAIN || !records.some(({ section }) => section === 'answer');
    const seconds = Math.min(cacheTtlSeconds, isNegative ? MAX_NEGATIVE_TTL_SECONDS : MAX_TTL_SECONDS);
    this.#entries.set(key, {
      bytes: Buffer.from(response.bytes),
      message: response.message,
      cachedAt: now,
      expiresAt: now + 1000 * seconds,
    });
  }
}
