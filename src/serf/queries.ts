/**
 * Queries: which are news, and which of these go on. Filters, answers and queries of our own would start from
 * `admit`; none of them changes what is passed on.
 *
 * Source: serf serf.go, handleQuery; query.go, DefaultQueryTimeout (protocol reference 4.6).
 */
import type { Millis } from '../base/time.ts';
import type { Query } from '../wire/serf.ts';
import { LamportClock } from './lamport.ts';
import { Ring } from './ring.ts';

const NO_BROADCAST = 2;
/** Source: serf Config.QueryTimeoutMult. */
const TIMEOUT_MULT = 16;
/** One remembered id, in the ring's measure: 512 of them for one Lamport time. */
const ID_WEIGHT = 64;

export class Queries {
  readonly clock: LamportClock = new LamportClock();
  readonly #ring: Ring<number>;

  constructor(buffer: number) {
    this.#ring = new Ring(buffer, (a, b) => a === b);
  }

  /** Witnesses a plausible stamp. True: news, and not for us alone: to be passed on. */
  admit(query: Query): boolean {
    this.clock.witness(query.ltime);
    const isNews = this.#ring.admit(query.ltime, this.clock.time, query.id, ID_WEIGHT, (id) => id);
    return isNews && (query.flags & NO_BROADCAST) === 0;
  }

  /** Queries before `ltime` were seen in an earlier life. */
  ignoreBefore(ltime: number): void {
    this.#ring.ignoreBefore(ltime);
  }
}

/** How long a query waits for answers among `members` that are not dead. */
export const defaultQueryTimeout = (gossipInterval: Millis, members: number): Millis =>
  gossipInterval * TIMEOUT_MULT * Math.ceil(Math.log10(members + 1));
