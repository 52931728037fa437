/** Response rate limiting (RRL): bounds the UDP responses to one client network, whose addresses may be forged. */
import { parseIp } from '../../base/address.ts';
import type { Millis } from '../../base/time.ts';
import { toAddressData } from '../message/records.ts';

/** Client networks counted separately; further ones in the same second share one count. */
const MAX_NETWORKS = 10_000;
const WINDOW: Millis = 1000;

export type RateLimitAction = 'answer' | 'slip' | 'drop';

/**
 * Counts per IPv4 /24 and IPv6 /56. Over the limit every second query slips: it gets an empty response with TC, which
 * sends a real client to TCP, where source addresses cannot be forged. The others are dropped, which spares the victim
 * of a reflection attack.
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

/** Key of the client network of an address as sockets report it, without its zone (`fe80::1%eth0`). */
export function toClientNetwork(host: string): string {
  const ip = parseIp(host.replace(/%.*$/, ''));
  if (ip === undefined) return '';
  const unmapped = toAddressData(ip).ip;
  return unmapped.subarray(0, unmapped.length === 4 ? 3 : 7).join('.');
}
