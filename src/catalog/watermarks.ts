/**
 * The progress of ledgers whose owners are no members any more, so that an older copy from another agent does not
 * restore what the owner had removed (A18 in docs/replication.md). Bounded: the oldest are evicted.
 */
import { BoundedMap } from '../base/bounded-map.ts';
import type { Delta, Progress } from './types.ts';

const MAX_WATERMARKS = 4096;

export class Watermarks {
  readonly #watermarks = new BoundedMap<string, Progress>(MAX_WATERMARKS);

  set(progress: Progress): void {
    // An empty ledger has a watermark, too: it replaced an earlier one, of which other agents may hold copies.
    if (progress.epoch === 0) return;
    this.#watermarks.set(progress.owner, progress);
  }

  /** The epoch of a ledger that was dropped, at version 0: nothing of it is held. */
  emptyProgress(owner: string): Progress | undefined {
    const watermark = this.#watermarks.get(owner);
    return watermark === undefined ? undefined : { ...watermark, version: 0 };
  }

  delete(owner: string): void {
    this.#watermarks.delete(owner);
  }

  all(): Iterable<Progress> {
    return this.#watermarks.values();
  }

  /** The delta ends below the owner's watermark. */
  isStale({ owner, epoch, to }: Delta): boolean {
    const watermark = this.#watermarks.get(owner);
    if (watermark === undefined) return false;
    return epoch < watermark.epoch || (epoch === watermark.epoch && to < watermark.version);
  }
}
