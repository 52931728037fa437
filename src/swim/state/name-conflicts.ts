/** Names that two addresses claimed, and what asking the holder came to: remembered for a while, so that we ask rarely. */
import type { Address } from '../../base/address.ts';
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
  readonly #byName = new Map<string, NameConflict>();

  record(name: string, claimed: Address, result: ConflictResult, until: Millis): void {
    this.#byName.delete(name);
    this.#byName.set(name, { claimed: claimed.key, result: result, until });
    if (this.#byName.size <= MAX_CONFLICTS) return;
    for (const oldest of this.#byName.keys()) {
      this.#byName.delete(oldest);
      return;
    }
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
