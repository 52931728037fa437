/** Telling news from repetition: what was seen at each recent Lamport time. Shared by events and queries. */

/** Weight one slot may hold; a stranger can put any number of items at one Lamport time. */
const MAX_SLOT_WEIGHT = 32 * 1024;

export interface Slot<T> {
  readonly ltime: number;
  readonly items: T[];
  weight: number;
}

/** `size` slots, each for one Lamport time; a newer time takes the slot of the one `size` before it. */
export class DedupBuffer<T> {
  readonly #size: number;
  readonly #same: (a: T, b: T) => boolean;
  readonly #slots = new Map<number, Slot<T>>();
  #minimum = 0;

  constructor(size: number, same: (a: T, b: T) => boolean) {
    this.#size = size;
    this.#same = same;
  }

  /** Nothing before `ltime` will be news again. Never falls. */
  ignoreBefore(ltime: number): void {
    this.#minimum = Math.max(this.#minimum, ltime);
  }

  /**
   * Whether `item` is news; if so `keep` gives what is held of it. `clock` is the time after witnessing `ltime`.
   * Too old, seen before, one too many for its time, or refused by `allows`: not news, and nothing changes.
   */
  admit(
    ltime: number,
    clock: number,
    item: T,
    weight: number,
    keep: (item: T) => T,
    allows: () => boolean = () => true,
  ): boolean {
    if (ltime < this.#minimum || ltime < clock - this.#size) return false;
    const place = ltime % this.#size;
    const held = this.#slots.get(place);
    if (held === undefined || held.ltime !== ltime) {
      if (!allows()) return false;
      this.#slots.set(place, { ltime, items: [keep(item)], weight });
      return true;
    }
    if (held.weight + weight > MAX_SLOT_WEIGHT) return false;
    if (held.items.some((one) => this.#same(one, item)) || !allows()) return false;
    held.items.push(keep(item));
    held.weight += weight;
    return true;
  }

  /** Slots, newest time first. */
  newestFirst(): Slot<T>[] {
    return [...this.#slots.values()].sort((a, b) => b.ltime - a.ltime);
  }
}
