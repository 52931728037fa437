/** Names that two addresses claimed, and what asking the holder came to: remembered for a while, so that we ask rarely. */
import type { Address } from '../../base/address.ts';
import { BoundedMap } from '../../base/bounded-map.ts';
import type { Millis } from '../../base/time.ts';

/** `held`: the holder answered. `free`: it was silent, and whoever is at the other address may have the name. */
export type ConflictResult = 'held' | 'free';

/** Names remembered; beyond it the oldest go. */
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

  /** What was found of this claim, unless that is too long ago. */
  verdict(name: string, claimed: Address, now: Millis): ConflictResult | undefined {
    const held = this.#byName.get(name);
    return held !== undefined && held.claimed === claimed.key && now < held.until ? held.result : undefined;
  }

  delete(name: string): void {
    this.#byName.delete(name);
  }
}
