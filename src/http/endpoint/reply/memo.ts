/** Memoized conversions of catalog objects: what was made of an object is kept as long as its stamp is the same. */

/** Keys that the catalog drops take their values along. */
export class Memo<K extends object, V> {
  readonly #values = new WeakMap<K, { readonly stamp: number; readonly value: V }>();

  getOrCompute(key: K, stamp: number, make: () => V): V {
    const held = this.#values.get(key);
    if (held?.stamp === stamp) return held.value;
    const value = make();
    this.#values.set(key, { stamp, value });
    return value;
  }
}

/** One kind of memo, declared beside the conversion it serves; each server has its own. */
export class MemoKind<K extends object, V> {
  readonly #bySite = new WeakMap<object, Memo<K, V>>();

  in(site: object): Memo<K, V> {
    let memo = this.#bySite.get(site);
    if (memo === undefined) {
      memo = new Memo();
      this.#bySite.set(site, memo);
    }
    return memo;
  }
}
