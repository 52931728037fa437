/**
 * Heal sync: when members that had failed are back, a partition has healed, and both sides have missed changes. Once no
 * more members come back, this agent may have to compare catalogs with some of them and announce its own ledger.
 */
import { type Rng, shuffle } from '../../base/rng.ts';
import { type Millis, NEVER } from '../../base/time.ts';

/** Gossip intervals without a further return after which all members count as back. */
const QUIET_INTERVALS = 5;
/**
 * The agents that act for each member that is back, on average. If few come back to a large cluster, they have missed
 * more than it has, so few agents need to act.
 */
const AGENTS_PER_MEMBER = 32;
/** Members to compare with: they may have been cut off from one another as well. */
const MAX_PEERS = 3;

export class HealSync {
  readonly #quietTime: Millis;
  readonly #rng: Rng;
  readonly #failed = new Set<string>();
  readonly #returned = new Set<string>();
  #at: Millis = NEVER;

  constructor(gossipInterval: Millis, rng: Rng) {
    this.#quietTime = QUIET_INTERVALS * gossipInterval;
    this.#rng = rng;
  }

  get deadline(): Millis {
    return this.#at;
  }

  onFailed(name: string): void {
    this.#failed.add(name);
  }

  /** A member that left or was reaped comes back as a new one, if it does. */
  onGone(name: string): void {
    this.#failed.delete(name);
  }

  onUp(name: string, now: Millis): void {
    if (!this.#failed.delete(name)) return;
    this.#returned.add(name);
    this.#at = now + this.#quietTime * (1 + this.#rng.next());
  }

  /**
   * Once all members are back: the members to compare with, if this agent, one of `count`, is chosen to act; else none.
   */
  dequeue(count: number, now: Millis): readonly string[] {
    if (now < this.#at) return [];
    const returned = [...this.#returned];
    this.#returned.clear();
    this.#at = NEVER;
    if (this.#rng.next() >= (AGENTS_PER_MEMBER * returned.length) / count) return [];
    return shuffle(returned, this.#rng).slice(0, MAX_PEERS);
  }
}
