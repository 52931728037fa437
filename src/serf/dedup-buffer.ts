/** Deduplication of events and queries: a ring of slots with the items seen at each recent Lamport time. */
import { assert } from '../base/assert.ts';

/** Weight of one slot at most; a peer can send any number of items of one Lamport time. */
const MAX_SLOT_WEIGHT = 32 * 1024;

export interface Slot<T> {
  readonly ltime: number;
  readonly items: T[];
  weight: number;
}

/** `size` slots, each for one Lamport time; a later time takes the slot of the one `size` before it. */
export class DedupBuffer<T> {
  readonly #size: number;
  readonly #same: (a: T, b: T) => boolean;
  readonly #slots = new Map<number, Slot<T>>();
  #minimum = 0;

  constructor(size: number, same: (a: T, b: T) => boolean) {
    this.#size = size;
    this.#same = same;
  }

  /** Items before `ltime` are refused from now on. */
  ignoreBefore(ltime: number): void {
    this.#minimum = Math.max(this.#minimum, ltime);
  }

  /** Nothing before this time is held, or taken. `clock`: the next time. */
  floor(clock: number): number {
    return Math.max(0, this.#minimum, clock - this.#size);
  }

  /** The clock was led astray, and goes back to `next`: times from there on are new. */
  forgetFrom(next: number): void {
    this.#minimum = Math.min(this.#minimum, next);
    for (const [index, { ltime }] of this.#slots) if (ltime >= next) this.#slots.delete(index);
  }

  /**
   * Adds `item` if it is new, as the copy that `copy` makes. `clock` is the time after witnessing `ltime`. False, and no
   * change: it is too old, a duplicate, too much for its slot, or refused by `allows`.
   */
  admit(
    ltime: number,
    clock: number,
    item: T,
    weight: number,
    copy: (item: T) => T,
    allows: () => boolean = () => true,
  ): boolean {
    if (ltime < this.#minimum || ltime < clock - this.#size) return false;
    const index = ltime % this.#size;
    const held = this.#slots.get(index);
    if (held === undefined || held.ltime !== ltime) {
      // Invariant: a slot moves forward in time. An older item in it would have been refused above.
      assert(held === undefined || held.ltime < ltime, 'an older Lamport time takes a slot');
      if (!allows()) return false;
      this.#slots.set(index, { ltime, items: [copy(item)], weight });
      return true;
    }
    if (held.weight + weight > MAX_SLOT_WEIGHT) return false;
    if (held.items.some((one) => this.#same(one, item)) || !allows()) return false;
    held.items.push(copy(item));
    held.weight += weight;
    return true;
  }

  /** Slots, latest time first. */
  newestFirst(): Slot<T>[] {
    return [...this.#slots.values()].sort((a, b) => b.ltime - a.ltime);
  }
}
