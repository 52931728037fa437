/** Results of name conflicts: two addresses claimed one name. Kept for a while, so that the holder is rarely asked. */
import type { Address } from '../../base/address.ts';
import { BoundedMap } from '../../base/bounded-map.ts';
import type { Millis } from '../../base/time.ts';

/** `held`: the holder answered. `free`: it did not, and the claimant may have the name. */
export type ConflictResult = 'held' | 'free';

const MAX_CONFLICTS = 256;

interface NameConflict {
  readonly claimed: string;
  readonly result: ConflictResult;
  readonly until: Millis;
}

export class NameConflicts {
  readonly #byName = new BoundedMap<string, NameConflict>(MAX_CONFLICTS);

  record(name: string, claimed: Address, result: ConflictResult, until: Millis): void {
    this.#byName.set(name, { claimed: claimed.key, result, until });
  }

  /** The result for this claim, unless it has expired. */
  resultOf(name: string, claimed: Address, now: Millis): ConflictResult | undefined {
    const held = this.#byName.get(name);
    return held !== undefined && held.claimed === claimed.key && now < held.until ? held.result : undefined;
  }

  delete(name: string): void {
    this.#byName.delete(name);
  }
}
