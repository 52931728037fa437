/**
 * How far the ledgers had come of owners that are no members any more, so that an old copy met later brings back
 * nothing that they had removed. Bounded: the oldest are forgotten.
 */
import type { Delta, Progress } from './types.ts';

const MAX_FLOORS = 4096;

export class Floors {
  readonly #floors = new Map<string, Progress>();

  set(progress: Progress): void {
    // An empty ledger counts too: it replaced another, of which copies are still about.
    if (progress.epoch === 0) return;
    this.#floors.delete(progress.owner);
    this.#floors.set(progress.owner, progress);
    if (this.#floors.size <= MAX_FLOORS) return;
    for (const oldest of this.#floors.keys()) {
      this.#floors.delete(oldest);
      return;
    }
  }

  get(owner: string): Progress | undefined {
    return this.#floors.get(owner);
  }

  delete(owner: string): void {
    this.#floors.delete(owner);
  }

  all(): Iterable<Progress> {
    return this.#floors.values();
  }

  /** Does it tell of a time before the one we knew? */
  isAbove({ owner, epoch, to }: Delta): boolean {
    const floor = this.#floors.get(owner);
    return floor !== undefined && (epoch < floor.epoch || (epoch === floor.epoch && to < floor.version));
  }
}
