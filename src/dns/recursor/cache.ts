/** Answers of recursors, kept as long as they allow and no longer than we do. Of a fixed size, whatever is asked. */
import type { Millis } from '../../base/time.ts';
import { RCODE, TYPE } from '../message/records.ts';
import type { Heard } from './upstream.ts';

/** With the largest message this is 4 MiB. */
const MAX_ENTRIES = 1024;
const MAX_MESSAGE_BYTES = 4096;
const MAX_LIFE_SECONDS = 3600;
/** A mistake about what is not there should not last. */
const MAX_NEGATIVE_SECONDS = 60;

interface Entry extends Heard {
  readonly at: Millis;
  readonly until: Millis;
}

export class AnswerCache {
  /** The one that was not asked for the longest comes first. */
  readonly #entries = new Map<string, Entry>();

  get size(): number {
    return this.#entries.size;
  }

  /** A copy whose TTLs are as much less as it is old; `undefined`: not here, or no longer. */
  get(key: string, now: Millis): Buffer | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    if (now >= entry.until) return undefined;
    this.#entries.set(key, entry);
    const age = Math.floor((now - entry.at) / 1000);
    const bytes = Buffer.from(entry.bytes);
    for (const { type, ttlAt, ttlSeconds } of entry.message.records)
      if (type !== TYPE.OPT)
        bytes.writeUInt32BE(Math.max(0, Math.min(ttlSeconds, MAX_LIFE_SECONDS) - age), ttlAt);
    return bytes;
  }

  /** Keeps it if it may be kept. Only NOERROR and NXDOMAIN are. */
  put(key: string, heard: Heard, now: Millis): void {
    const { rcode, lifeSeconds, records } = heard.message;
    if (heard.bytes.length > MAX_MESSAGE_BYTES || lifeSeconds <= 0) return;
    if (rcode !== RCODE.NOERROR && rcode !== RCODE.NXDOMAIN) return;
    const negative = rcode === RCODE.NXDOMAIN || !records.some(({ section }) => section === 'answer');
    const seconds = Math.min(lifeSeconds, negative ? MAX_NEGATIVE_SECONDS : MAX_LIFE_SECONDS);
    this.#entries.delete(key);
    if (this.#entries.size >= MAX_ENTRIES) this.#dropOldest();
    this.#entries.set(key, {
      bytes: Buffer.from(heard.bytes),
      message: heard.message,
      at: now,
      until: now + 1000 * seconds,
    });
  }

  #dropOldest(): void {
    for (const key of this.#entries.keys()) {
      this.#entries.delete(key);
      return;
    }
  }
}
