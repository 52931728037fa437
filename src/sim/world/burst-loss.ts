/**
 * Loss in bursts: each direction of each link is good or bad for a time that is drawn anew at every change.
 *
 * Source: Gilbert 1960, Elliott 1963.
 */
import type { Rng } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';

/** Mean time between bursts, and mean length of a burst; both are above 0. */
export interface BurstShape {
  readonly gap: Millis;
  readonly burst: Millis;
}

interface LinkState {
  bad: boolean;
  until: Millis;
}

export class GilbertElliott {
  readonly #shape: BurstShape;
  readonly #rng: Rng;
  readonly #states = new Map<string, LinkState>();

  constructor(shape: BurstShape, rng: Rng) {
    this.#shape = shape;
    this.#rng = rng;
  }

  /** Whether the link is bad in this direction. `now` must never fall between two calls. */
  isBad(from: string, to: string, now: Millis): boolean {
    const key = `${from} ${to}`;
    let state = this.#states.get(key);
    if (state === undefined) {
      const { gap, burst } = this.#shape;
      const bad = this.#rng.next() < burst / (gap + burst);
      state = { bad, until: now + this.#length(bad) };
      this.#states.set(key, state);
    }
    while (state.until <= now) {
      state.bad = !state.bad;
      state.until += this.#length(state.bad);
    }
    return state.bad;
  }

  /** Exponential, so that the time a state has lasted tells nothing about how long it will last. */
  #length(bad: boolean): Millis {
    const mean = bad ? this.#shape.burst : this.#shape.gap;
    return Math.max(1, -mean * Math.log(1 - this.#rng.next()));
  }
}
