/**
 * Members that had failed and are back: they were cut off from us, or we from them, and who has missed what is not
 * known. When no more of them come back it is time to compare with some of them, and to tell how far our ledger goes.
 */
import { type Rng, shuffle } from '../../base/rng.ts';
import { type Millis, NEVER } from '../../base/time.ts';

/** Gossip intervals without another return after which all may be taken to be back. */
const SETTLED_AFTER = 5;
/** For each that is back so many agents act, on average: of few that come back in a large cluster it was they who were away. */
const ACTORS = 32;
/** Whom to compare with: perhaps they were apart from one another as well. */
const COMPARED = 3;

export class HealSync {
  readonly #patience: Millis;
  readonly #rng: Rng;
  readonly #failed = new Set<string>();
  readonly #returned = new Set<string>();
  #at: Millis = NEVER;

  constructor(gossipInterval: Millis, rng: Rng) {
    this.#patience = SETTLED_AFTER * gossipInterval;
    this.#rng = rng;
  }

  get deadline(): Millis {
    return this.#at;
  }

  onFailed(name: string): void {
    this.#failed.add(name);
  }

  /** It left, or was reaped: should it come, it comes as somebody new. */
  onGone(name: string): void {
    this.#failed.delete(name);
  }

  onUp(name: string, now: Millis): void {
    if (!this.#failed.delete(name)) return;
    this.#returned.add(name);
    this.#at = now + this.#patience * (1 + this.#rng.next());
  }

  /** Some of those who are back, once when the last one is, if it falls to us among `count` to act; else nobody. */
  dequeue(count: number, now: Millis): readonly string[] {
    if (now < this.#at) return [];
    const back = [...this.#returned];
    this.#returned.clear();
    this.#at = NEVER;
    if (this.#rng.next() >= (ACTORS * back.length) / count) return [];
    return shuffle(back, this.#rng).slice(0, COMPARED);
  }
}
