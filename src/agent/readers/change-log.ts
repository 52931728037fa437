/** The change log: the names that changed lately, for readers that follow all changes. The new state is in the view. */
import { assert } from '../../base/assert.ts';
import type { IndexedChange } from '../contract/view.ts';

/** Changes that are retained at least. Readers that are further behind read everything instead. */
const MIN_RETAINED = 4096;

export class ChangeLog {
  /** Ordered by index. */
  #log: IndexedChange[] = [];
  /** Changes up to this index have been dropped. */
  #droppedIndex: number;

  /** `index`: the first index. */
  constructor(index: number) {
    this.#droppedIndex = index;
  }

  append(kind: IndexedChange['kind'], name: string, index: number): void {
    // Invariant: indexes never fall, or readers would miss changes.
    assert(index >= (this.#log.at(-1)?.index ?? 0), 'an index that falls');
    this.#log.push({ kind, name, index });
    if (this.#log.length < 2 * MIN_RETAINED) return;
    this.#droppedIndex = (this.#log[MIN_RETAINED - 1] as IndexedChange).index;
    this.#log = this.#log.slice(MIN_RETAINED);
  }

  /** `current` is the highest index given so far. `undefined`: the changes after `index` are not all known. */
  after(index: number, current: number): readonly IndexedChange[] | undefined {
    if (index < this.#droppedIndex || index > current) return undefined;
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
