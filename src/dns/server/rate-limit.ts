/** How many datagrams a neighborhood of strangers may get answered each second. */
import { parseIp } from '../../base/address.ts';
import type { Millis } from '../../base/time.ts';
import { toAddressData } from '../message/records.ts';

/** Neighborhoods counted at once; more than that in one second share one count. */
const MAX_NETWORKS = 10_000;
const WINDOW: Millis = 1000;

export type RateLimitAction = 'answer' | 'slip' | 'drop';

/**
 * Counts per IPv4 /24 and IPv6 /56. Over the limit every second question is told to come by TCP, where a sender's
 * address cannot be forged, and the others hear nothing: a real client gets through, a victim of forgery is spared.
 *
 * Source: BIND response rate limiting, `slip 2`.
 */
export class ResponseRateLimiter {
  readonly #perSecond: number;
  readonly #counts = new Map<string, number>();
  #windowAt: Millis = Number.NEGATIVE_INFINITY;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  decide(host: string, now: Millis): RateLimitAction {
    if (now - this.#windowAt >= WINDOW) {
      this.#windowAt = now;
      this.#counts.clear();
    }
    const network = toClientNetwork(host);
    const key = this.#counts.size < MAX_NETWORKS || this.#counts.has(network) ? network : '';
    const count = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.set(key, count);
    if (count <= this.#perSecond) return 'answer';
    return (count - this.#perSecond) % 2 === 1 ? 'slip' : 'drop';
  }
}

/** The network an address of a socket belongs to; a zone (`fe80::1%eth0`) does not count. */
export function toClientNetwork(host: string): string {
  const ip = parseIp(host.replace(/%.*$/, ''));
  if (ip === undefined) return '';
  const plain = toAddressData(ip).ip;
  return plain.subarray(0, plain.length === 4 ? 3 : 7).join('.');
}
