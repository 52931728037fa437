/**
 * Places for streams that peers dial and whose request is not complete yet. Nobody is refused because of others: when the places are
 * taken, the network that holds most of them loses its oldest stream. So strangers that open connections and say little get in one
 * another's way only (S1 in docs/security.md).
 *
 * Differs: memberlist has a number of push/pulls at once, whoever dials.
 */
import { type Address, isLoopback } from '../../base/address.ts';
import type { StreamId } from '../contract/machine.ts';

/** At a member's host this many streams count as one of a stranger's network: members dial often, and several may live there. */
const MEMBER_ADVANTAGE = 8;

interface Place {
  readonly network: string;
  readonly isMember: boolean;
}

export class StreamSlots {
  readonly #capacity: number;
  /** Oldest first. */
  readonly #places = new Map<StreamId, Place>();
  /** How many places each network has. */
  readonly #counts = new Map<string, number>();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#places.size;
  }

  has(stream: StreamId): boolean {
    return this.#places.has(stream);
  }

  /** Takes a place. Returns the stream that must be closed for it, which may be this one; it has no place any more. */
  take(stream: StreamId, from: Address, isMember: boolean): StreamId | undefined {
    const network = isMember ? `member ${from.host}` : networkOf(from);
    this.#places.set(stream, { network, isMember });
    this.#counts.set(network, (this.#counts.get(network) ?? 0) + 1);
    if (this.#places.size <= this.#capacity) return undefined;
    const victim = this.#chooseVictim();
    this.release(victim);
    return victim;
  }

  release(stream: StreamId): void {
    const place = this.#places.get(stream);
    if (place === undefined) return;
    this.#places.delete(stream);
    const count = (this.#counts.get(place.network) ?? 0) - 1;
    if (count > 0) this.#counts.set(place.network, count);
    else this.#counts.delete(place.network);
  }

  /** The oldest stream of the network that has most. */
  #chooseVictim(): StreamId {
    let victim: StreamId = 0;
    let most = 0;
    for (const [stream, { network, isMember }] of this.#places) {
      const share = (this.#counts.get(network) as number) / (isMember ? MEMBER_ADVANTAGE : 1);
      if (share <= most) continue;
      most = share;
      victim = stream;
    }
    return victim;
  }
}

/** Addresses that one attacker may have many of: a /24 of IPv4, a /64 of IPv6. On loopback each address is by itself. */
function networkOf({ ip, host }: Address): string {
  if (isLoopback(ip)) return host;
  const isIpv4 = !host.includes(':');
  return isIpv4 ? host.slice(0, host.lastIndexOf('.')) : ip.subarray(0, 8).join('.');
}
