/**
 * Eager gossip: the first copies of a message leave at once, and the rest at the rounds of gossip, so news needs one
 * network delay for each hop and not one round. Storms fall back to the rounds, by a token bucket.
 *
 * Two of the first copies go to the neighbors on a ring of all catalog peers. Where nothing is lost each member is told by
 * its neighbors, so that chance leaves nobody out; the others go to random members, so that few hops are needed.
 *
 * An agent whose loop was late leaves its news to the rounds for a while: a round has many messages in one datagram, a burst has one or
 * two, and datagrams are what a busy host has no time for.
 *
 * Differs: memberlist sends everything at the rounds.
 */
import { type RateLimit, RateLimiter } from '../../base/rate-limiter.ts';
import type { Millis } from '../../base/time.ts';
import type { SwimConfig } from '../../config/protocol.ts';
import { isUp } from '../../swim/precedence.ts';
import type { Member, MembersView } from '../../swim/types.ts';
import type { Lane } from '../contract/lane.ts';
import type { Effect, Input } from '../contract/machine.ts';
import type { Packets } from './packets.ts';

const BURST_LIMIT: RateLimit = { burst: 8, refillInterval: 25, maxKeys: 1, overflow: 'share' };

/** News wait for the round for so long after a stall. */
const QUIET_AFTER_STALL: Millis = 1000;

/** The catalog peers next to this agent on the ring, up to two. */
interface Ring {
  readonly ringNeighbors: readonly Member[];
}

export class EagerGossip {
  readonly #config: SwimConfig;
  readonly #members: MembersView;
  readonly #ring: Ring;
  readonly #lanes: readonly Lane[];
  readonly #packets: Packets;
  readonly #limiter = new RateLimiter(BURST_LIMIT);
  #quietUntil: Millis = 0;

  constructor(
    config: SwimConfig,
    members: MembersView,
    ring: Ring,
    lanes: readonly Lane[],
    packets: Packets,
  ) {
    this.#config = config;
    this.#members = members;
    this.#ring = ring;
    this.#lanes = lanes;
    this.#packets = packets;
  }

  /** The event loop was late. */
  onStall(now: Millis): void {
    this.#quietUntil = now + QUIET_AFTER_STALL;
  }

  /**
   * Sends the first copies of what was never sent; to be called after each input. What a stranger's datagram causes waits
   * for the round, so that it draws nothing (S31).
   */
  run(input: Input, now: Millis, out: Effect[]): void {
    const { eagerGossip, gossipNodes } = this.#config;
    if (
      !eagerGossip ||
      now < this.#quietUntil ||
      !this.#lanes.some(({ queue, withProbesOnly }) => withProbesOnly !== true && queue.hasUnsent)
    )
      return;
    const from = input.kind === 'packet' ? input.from : undefined;
    if (from !== undefined && !this.#members.isAddressOfMember(from)) return;
    if (this.#members.upCount < 2 || !this.#limiter.tryAcquire('', now)) return;
    for (const peer of this.#chooseTargets(gossipNodes)) this.#packets.sendGossip(peer, out, gossipNodes);
  }

  #chooseTargets(count: number): readonly Member[] {
    const members = this.#members;
    const isTarget = (member: Member): boolean =>
      member.absence === undefined && this.#packets.hasGossipFor(member);
    const neighbors = this.#ring.ringNeighbors.slice(0, Math.max(1, count - 1)).filter(isTarget);
    const others = members.pickRandom(
      count - neighbors.length,
      (row) => row !== members.self && isUp(row.state) && !neighbors.includes(row) && isTarget(row),
    );
    return [...neighbors, ...others];
  }
}
