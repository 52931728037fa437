/** A map of limited size that evicts its oldest entries. */
import { assert } from './assert.ts';

/** Holds at most `maxSize` entries. An entry that is set again becomes the newest; iteration begins at the oldest. */
export class BoundedMap<K, V> extends Map<K, V> {
  readonly #maxSize: number;

  constructor(maxSize: number) {
    super();
    assert(maxSize >= 1, 'a bounded map without room for one entry');
    this.#maxSize = maxSize;
  }

  override set(key: K, value: V): this {
    this.delete(key);
    super.set(key, value);
    if (this.size > this.#maxSize) this.#evictOldest();
    return this;
  }

  /** Like `get`, and makes the entry the newest: with `touch` for every use this is an LRU cache. */
  touch(key: K): V | undefined {
    const value = this.get(key);
    if (this.delete(key)) super.set(key, value as V);
    return value;
  }

  #evictOldest(): void {
    for (const oldest of this.keys()) {
      this.delete(oldest);
      return;
    }
  }
}
