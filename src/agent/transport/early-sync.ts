/**
 * Full exchanges soon after a join, for as long as they bring news: many agents that start at once would else
 * wait a whole push/pull interval for a rumor that was lost. Ordinary push/pulls on the wire; only their time is ours.
 *
 * Differs: memberlist leaves all after the join to gossip and to the next scheduled push/pull (30 s and more).
 */
import type { Rng } from '../../base/rng.ts';
import { type Millis, NEVER } from '../../base/time.ts';
import type { Member, MembersView } from '../../swim/types.ts';

/** The first exchange follows after about this many gossip intervals; each quiet one doubles the wait. */
const FIRST_GOSSIP_ROUNDS = 1.5;
/** Exchanges without news after which the join is over. */
const QUIET_ENOUGH = 3;
/** Draws for a member that is up and not us. */
const DRAWS = 8;

export class EarlySync {
  readonly #gossipInterval: Millis;
  readonly #rng: Rng;
  #quiet = QUIET_ENOUGH;
  #at: Millis = NEVER;

  constructor(gossipInterval: Millis, rng: Rng) {
    this.#gossipInterval = gossipInterval;
    this.#rng = rng;
  }

  get deadline(): Millis {
    return this.#at;
  }

  /** A push/pull of a join ended and brought `news` members. */
  onPushPullFinished(news: number, now: Millis): void {
    this.#quiet = news > 0 ? 0 : this.#quiet + 1;
    if (this.#quiet >= QUIET_ENOUGH) {
      this.#at = NEVER;
      return;
    }
    const wait = this.#gossipInterval * FIRST_GOSSIP_ROUNDS * 2 ** this.#quiet;
    // Half of it by chance, so that agents started together do not all dial at once.
    this.#at = now + wait * (0.5 + this.#rng.next());
  }

  /** True once per deadline. */
  consumeDeadline(now: Millis): boolean {
    if (now < this.#at) return false;
    this.#at = NEVER;
    return true;
  }

  /** A random member that is up. */
  choosePeer(members: MembersView): Member | undefined {
    const all = [...members.all()];
    for (let i = 0; i < DRAWS && all.length > 0; i++) {
      const member = all[this.#rng.int(all.length)] as Member;
      if (member !== members.self && member.state === 'alive') return member;
    }
    return undefined;
  }
}
