/** A binary heap of deadlines by key. Setting a key again moves its deadline, so no stale timer exists. */

import { assert } from './assert.ts';
import { type Millis, NEVER } from './time.ts';

interface Timer<K> {
  readonly key: K;
  at: Millis;
  /** Of equal deadlines the one set first is due first, so that simulated runs repeat exactly. */
  order: number;
  /** Index in the heap. Invariant: `heap[slot]` is this timer. */
  slot: number;
}

export class Timers<K> {
  readonly #heap: Timer<K>[] = [];
  readonly #byKey = new Map<K, Timer<K>>();
  #order = 0;

  /** The earliest deadline; `NEVER` when none is set. */
  get deadline(): Millis {
    return this.#heap[0]?.at ?? NEVER;
  }

  get size(): number {
    return this.#heap.length;
  }

  has(key: K): boolean {
    return this.#byKey.has(key);
  }

  /** The deadline of `key`, or `undefined` if it is not set. */
  dueAt(key: K): Millis | undefined {
    return this.#byKey.get(key)?.at;
  }

  set(key: K, at: Millis): void {
    const existing = this.#byKey.get(key);
    if (existing !== undefined) {
      existing.at = at;
      existing.order = this.#order++;
      this.#reheap(existing);
      return;
    }
    const entry = { key, at, order: this.#order++, slot: this.#heap.length };
    this.#byKey.set(key, entry);
    this.#heap.push(entry);
    this.#siftUp(entry);
  }

  /** Moves all deadlines by `span`. Their order stays. */
  postpone(span: Millis): void {
    for (const timer of this.#heap) timer.at += span;
  }

  clear(key: K): boolean {
    const entry = this.#byKey.get(key);
    if (entry === undefined) return false;
    this.#remove(entry);
    return true;
  }

  /** Removes and returns the earliest key that is due at `now`, or `undefined`. */
  pop(now: Millis): K | undefined {
    const first = this.#heap[0];
    if (first === undefined || first.at > now) return undefined;
    this.#remove(first);
    return first.key;
  }

  #remove(entry: Timer<K>): void {
    assert(this.#heap[entry.slot] === entry, 'a timer outside its slot of the heap');
    this.#byKey.delete(entry.key);
    const last = this.#heap.pop() as Timer<K>;
    if (last === entry) return;
    this.#place(last, entry.slot);
    this.#reheap(last);
  }

  #reheap(entry: Timer<K>): void {
    this.#siftUp(entry);
    this.#siftDown(entry);
  }

  #siftUp(entry: Timer<K>): void {
    let slot = entry.slot;
    while (slot > 0) {
      const up = (slot - 1) >> 1;
      const parent = this.#heap[up] as Timer<K>;
      if (!before(entry, parent)) break;
      this.#place(parent, slot);
      slot = up;
    }
    this.#place(entry, slot);
  }

  #siftDown(entry: Timer<K>): void {
    const size = this.#heap.length;
    let slot = entry.slot;
    for (;;) {
      let down = 2 * slot + 1;
      if (down >= size) break;
      let child = this.#heap[down] as Timer<K>;
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

  #place(entry: Timer<K>, slot: number): void {
    this.#heap[slot] = entry;
    entry.slot = slot;
  }
}

const before = <K>(a: Timer<K>, b: Timer<K>): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);
