/**
 * Chooses an instance for each request: of two that are drawn by weight the one with less to do; instances of the own zone
 * first; for a key the one that the agent's own hash names. A pick allocates nothing: lists are built when rows change.
 *
 * Source: Mitzenmacher, "The power of two choices in randomized load balancing".
 */
import { Hash } from '../../catalog/hash.ts';
import { compareOwners, weightedScore } from '../../catalog/placement.ts';
import type { DiscoveredInstance } from '../instance.ts';

/** The weight of each usable instance, of all that are registered; 0: it is spare. */
export type Weigh = (
  registered: readonly DiscoveredInstance[],
  usable: readonly DiscoveredInstance[],
) => readonly number[];

export class Balancer {
  /** All that may be dialed, by node and id; those that are ejected, too. */
  usable: readonly DiscoveredInstance[] = [];
  /** Those that a key may belong to. */
  #keyed: readonly DiscoveredInstance[] = [];
  /** Those that picks without a key choose from. */
  #list: readonly DiscoveredInstance[] = [];
  #weights = new Float64Array(0);
  /** The sum of the weights up to each of them. */
  #sums = this.#weights;
  readonly #random = new Uint32Array(1);
  readonly #hash = new Hash();

  /** `seed` is any number. */
  constructor(seed: number) {
    this.#random[0] = seed | 1;
  }

  /** `known` are all instances in any state. */
  rebuild(
    known: Iterable<DiscoveredInstance>,
    accepts: (one: DiscoveredInstance) => boolean,
    weigh?: Weigh,
  ): void {
    const all = [...known].filter(accepts).sort((a, b) => compareOwners(a.node, a.id, b.node, b.id));
    this.usable = all.filter(({ weight, address }) => weight > 0 && address !== '');
    const trusted = this.usable.filter(({ ejected }) => !ejected);
    // An ejection never empties the list: what is left may work after all.
    this.#keyed = trusted.length > 0 ? trusted : this.usable;
    const weights = weigh?.(all, this.#keyed) ?? this.#keyed.map(({ weight }) => weight);
    this.#list = this.#keyed.filter((_, i) => weights[i] !== 0);
    this.#weights = Float64Array.from(weights.filter((weight) => weight !== 0));
    let sum = 0;
    this.#sums = this.#weights.map((weight) => (sum += weight));
  }

  /** `undefined` if there is none. `except` is chosen only if it is the only one. */
  pick(except?: DiscoveredInstance): DiscoveredInstance | undefined {
    const list = this.#list;
    const { length } = list;
    if (length < 2) return list[0];
    const i = this.#indexAt(this.#next() * (this.#sums[length - 1] as number));
    const weight = this.#weights[i] as number;
    // The second is drawn among the others.
    let at = this.#next() * ((this.#sums[length - 1] as number) - weight);
    if (at >= (this.#sums[i] as number) - weight) at += weight;
    const j = this.#indexAt(at);
    const first = list[i] as DiscoveredInstance;
    const second = list[j] as DiscoveredInstance;
    if (first === except) return second;
    if (second === except) return first;
    return second.pending * weight < first.pending * (this.#weights[j] as number) ? second : first;
  }

  /** The owner of a key, as `hearsay owner` names it; `except` as for `pick`. */
  pickByKey(key: string, except?: DiscoveredInstance): DiscoveredInstance | undefined {
    const list = this.#keyed;
    const hash = this.#hash;
    let best = list[0];
    let highest = -1;
    for (let i = 0; i < list.length; i++) {
      const one = list[i] as DiscoveredInstance;
      const score = weightedScore(hash.copyFrom(one.placement).updateText(key), one.weight);
      if (score <= highest || one === except) continue;
      highest = score;
      best = one;
    }
    return best;
  }

  /** The first whose sum is above `at`. */
  #indexAt(at: number): number {
    let low = 0;
    let high = this.#list.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#sums[middle] as number) > at) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** From 0 to 1, without 1: Marsaglia's xorshift, which is fast and good enough to spread load. */
  #next(): number {
    let x = this.#random[0] as number;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#random[0] = x;
    return (x >>> 0) / 0x1_0000_0000;
  }
}
