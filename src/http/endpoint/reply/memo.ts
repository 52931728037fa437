/** Memoized conversions of catalog objects: the value of a key is kept until its stamp changes. */

/** Values are collected as garbage with their keys. */
export class Memo<K extends object, V> {
  readonly #values = new WeakMap<K, { readonly stamp: number; readonly value: V }>();

  getOrCompute(key: K, stamp: number, compute: () => V): V {
    const cached = this.#values.get(key);
    if (cached?.stamp === stamp) return cached.value;
    const value = compute();
    this.#values.set(key, { stamp, value });
    return value;
  }
}

/** One kind of memo, declared beside the conversion it serves; each server has a memo of its own. */
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
