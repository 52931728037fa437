/**
 * Troubles that come in bursts: each way of each link is good or bad for a time that is drawn anew at every change.
 *
 * Source: Gilbert 1960, Elliott 1963.
 */
import type { Rng } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';

/** Mean time between bursts, and mean length of one; both above 0. */
export interface BurstShape {
  readonly calm: Millis;
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

  /** Is the way from one to the other bad? To be asked with a time that never falls. */
  isBad(from: string, to: string, now: Millis): boolean {
    const key = `${from} ${to}`;
    let state = this.#states.get(key);
    if (state === undefined) {
      const { calm, burst } = this.#shape;
      const bad = this.#rng.next() < burst / (calm + burst);
      state = { bad, until: now + this.#length(bad) };
      this.#states.set(key, state);
    }
    while (state.until <= now) {
      state.bad = !state.bad;
      state.until += this.#length(state.bad);
    }
    return state.bad;
  }

  /** Exponential, so that how long it has lasted says nothing about how long it will. */
  #length(bad: boolean): Millis {
    const mean = bad ? this.#shape.burst : this.#shape.calm;
    return Math.max(1, -mean * Math.log(1 - this.#rng.next()));
  }
}
