/** The latest changes by name, for readers who follow all of them. What the new state is they read off the view. */
import type { IndexedChange } from '../contract/view.ts';

/** Readers further behind read everything instead. */
const KEPT = 4096;

export class ChangeLog {
  /** In order of their indexes. */
  #log: IndexedChange[] = [];
  /** Changes at and before this index are not in the log any more. */
  #forgotten: number;

  /** `index`: where indexes start. */
  constructor(index: number) {
    this.#forgotten = index;
  }

  append(kind: IndexedChange['kind'], name: string, index: number): void {
    this.#log.push({ kind, name, index });
    if (this.#log.length < 2 * KEPT) return;
    this.#forgotten = (this.#log[KEPT - 1] as IndexedChange).index;
    this.#log = this.#log.slice(KEPT);
  }

  /** `now` is the highest index given so far. */
  after(index: number, now: number): readonly IndexedChange[] | undefined {
    if (index < this.#forgotten || index > now) return undefined;
    let from = this.#log.length;
    while (from > 0 && (this.#log[from - 1] as IndexedChange).index > index) from -= 1;
    const latest = new Map<string, IndexedChange>();
    for (const change of this.#log.slice(from)) {
      const key = `${change.kind}:${change.name}`;
      latest.delete(key);
      latest.set(key, change);
    }
    return [...latest.values()];
  }
}
