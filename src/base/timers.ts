/** A keyed heap of deadlines. Setting a key again moves it, so a stale timer cannot exist. */

import { type Millis, NEVER } from './time.ts';

interface Entry<K> {
  readonly key: K;
  at: Millis;
  /** Ties go to the timer that was set first, so that runs repeat exactly. */
  order: number;
  slot: number;
}

export class Timers<K> {
  readonly #heap: Entry<K>[] = [];
  readonly #byKey = new Map<K, Entry<K>>();
  #order = 0;

  /** The earliest instant anything is due; `NEVER` when nothing is set. */
  get deadline(): Millis {
    return this.#heap[0]?.at ?? NEVER;
  }

  get size(): number {
    return this.#heap.length;
  }

  has(key: K): boolean {
    return this.#byKey.has(key);
  }

  /** When `key` is due, or `undefined` if it is not set. */
  at(key: K): Millis | undefined {
    return this.#byKey.get(key)?.at;
  }

  set(key: K, at: Millis): void {
    const held = this.#byKey.get(key);
    if (held !== undefined) {
      held.at = at;
      held.order = this.#order++;
      this.#settle(held);
      return;
    }
    const entry = { key, at, order: this.#order++, slot: this.#heap.length };
    this.#byKey.set(key, entry);
    this.#heap.push(entry);
    this.#rise(entry);
  }

  clear(key: K): boolean {
    const entry = this.#byKey.get(key);
    if (entry === undefined) return false;
    this.#remove(entry);
    return true;
  }

  /** Takes the earliest key that is due at `now`, or `undefined`. */
  pop(now: Millis): K | undefined {
    const first = this.#heap[0];
    if (first === undefined || first.at > now) return undefined;
    this.#remove(first);
    return first.key;
  }

  #remove(entry: Entry<K>): void {
    this.#byKey.delete(entry.key);
    const last = this.#heap.pop() as Entry<K>;
    if (last === entry) return;
    this.#place(last, entry.slot);
    this.#settle(last);
  }

  #settle(entry: Entry<K>): void {
    this.#rise(entry);
    this.#sink(entry);
  }

  #rise(entry: Entry<K>): void {
    let slot = entry.slot;
    while (slot > 0) {
      const up = (slot - 1) >> 1;
      const parent = this.#heap[up] as Entry<K>;
      if (!before(entry, parent)) break;
      this.#place(parent, slot);
      slot = up;
    }
    this.#place(entry, slot);
  }

  #sink(entry: Entry<K>): void {
    const size = this.#heap.length;
    let slot = entry.slot;
    for (;;) {
      let down = 2 * slot + 1;
      if (down >= size) break;
      let child = this.#heap[down] as Entry<K>;
      const right = this.#heap[down + 1];
      if (right !== undefined && before(right, child)) {
        down += 1;
        child = right;
      }
      if (!before(child, entry)) break;
      this.#place(child, slot);
      slot = down;
    }
    this.#place(entry, slot);
  }

  #place(entry: Entry<K>, slot: number): void {
    this.#heap[slot] = entry;
    entry.slot = slot;
  }
}

const before = <K>(a: Entry<K>, b: Entry<K>): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);
