/**
 * Early sync: push/pulls soon after a join, for as long as they bring news. Without them, of many agents that start at
 * once, each waits a whole push/pull interval for a rumor that was lost. On the wire they are ordinary push/pulls.
 *
 * Differs: memberlist leaves all after the join to gossip and to the next scheduled push/pull (30 s and more).
 */
import type { Rng } from '../../base/rng.ts';
import { type Millis, NEVER } from '../../base/time.ts';
import type { Member, MembersView } from '../../swim/types.ts';

/** The first push/pull follows after about this many gossip intervals; each without news doubles the wait. */
const FIRST_GOSSIP_ROUNDS = 1.5;
/** Push/pulls without news in a row that end the sync. */
const MAX_QUIET = 3;
/** Random members that are tried until one is alive. */
const MAX_TRIES = 8;

export class EarlySync {
  readonly #gossipInterval: Millis;
  readonly #rng: Rng;
  /** Push/pulls without news in a row. */
  #quiet = MAX_QUIET;
  #at: Millis = NEVER;

  constructor(gossipInterval: Millis, rng: Rng) {
    this.#gossipInterval = gossipInterval;
    this.#rng = rng;
  }

  get deadline(): Millis {
    return this.#at;
  }

  /** A push/pull of a join, or of this sync, has ended and brought `news` members. */
  onPushPullFinished(news: number, now: Millis): void {
    this.#quiet = news > 0 ? 0 : this.#quiet + 1;
    if (this.#quiet >= MAX_QUIET) {
      this.#at = NEVER;
      return;
    }
    const wait = this.#gossipInterval * FIRST_GOSSIP_ROUNDS * 2 ** this.#quiet;
    // Jitter of half the wait, so that agents that start together do not dial at once.
    this.#at = now + wait * (0.5 + this.#rng.next());
  }

  /** Once per deadline the member to exchange tables with, if there is one. */
  consumeDeadline(now: Millis, members: MembersView): Member | undefined {
    if (now < this.#at) return undefined;
    this.#at = NEVER;
    return this.choosePeer(members);
  }

  /** A random other member that is alive. */
  choosePeer(members: MembersView): Member | undefined {
    const all = [...members.all()];
    for (let i = 0; i < MAX_TRIES && all.length > 0; i++) {
      const member = all[this.#rng.int(all.length)] as Member;
      if (member !== members.self && member.state === 'alive') return member;
    }
    return undefined;
  }
}
