/**
 * How far the ledgers had come of owners that are no members any more, so that an old copy met later brings back
 * nothing that they had removed. Bounded: the oldest are forgotten.
 */
import { BoundedMap } from '../base/bounded-map.ts';
import type { Delta, Progress } from './types.ts';

const MAX_WATERMARKS = 4096;

export class Watermarks {
  readonly #watermarks = new BoundedMap<string, Progress>(MAX_WATERMARKS);

  set(progress: Progress): void {
    // An empty ledger counts too: it replaced another, of which copies are still about.
    if (progress.epoch === 0) return;
    this.#watermarks.set(progress.owner, progress);
  }

  get(owner: string): Progress | undefined {
    return this.#watermarks.get(owner);
  }

  delete(owner: string): void {
    this.#watermarks.delete(owner);
  }

  all(): Iterable<Progress> {
    return this.#watermarks.values();
  }

  /** Does it tell of a time before the one we knew? */
  isStale({ owner, epoch, to }: Delta): boolean {
    const floor = this.#watermarks.get(owner);
    return floor !== undefined && (epoch < floor.epoch || (epoch === floor.epoch && to < floor.version));
  }
}
