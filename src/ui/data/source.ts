/** Something that views are drawn from, and drawn again when it has changed. */
export class Source {
  readonly #listeners = new Set<() => void>();
  #gathering = false;

  /** Returns a function that ends it. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  get isWatched(): boolean {
    return this.#listeners.size > 0;
  }

  /** Changes are gathered for a while before the listeners are called. */
  protected announce(): void {
    if (this.#gathering) return;
    this.#gathering = true;
    setTimeout(() => {
      this.#gathering = false;
      this.gathered();
      for (const listener of this.#listeners) listener();
    }, GATHER);
  }

  /** What is to be done once for all changes that were gathered. */
  protected gathered(): void {}
}

/** In milliseconds. */
const GATHER = 80;
