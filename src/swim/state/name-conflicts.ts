/** Names that two addresses claimed, and what asking the holder came to: remembered for a while, so that we ask rarely. */
import type { Address } from '../../base/address.ts';
import type { Millis } from '../../base/time.ts';

/** `held`: the holder answered. `free`: it was silent, and whoever is at the other address may have the name. */
export type Verdict = 'held' | 'free';

/** Names remembered; beyond it the oldest go. */
const MAX_DISPUTES = 256;

interface Dispute {
  readonly claimed: string;
  readonly verdict: Verdict;
  readonly until: Millis;
}

export class Disputes {
  readonly #byName = new Map<string, Dispute>();

  settle(name: string, claimed: Address, verdict: Verdict, until: Millis): void {
    this.#byName.delete(name);
    this.#byName.set(name, { claimed: claimed.key, verdict, until });
    if (this.#byName.size <= MAX_DISPUTES) return;
    for (const oldest of this.#byName.keys()) {
      this.#byName.delete(oldest);
      return;
    }
  }

  /** What was found of this claim, unless that is too long ago. */
  verdict(name: string, claimed: Address, now: Millis): Verdict | undefined {
    const held = this.#byName.get(name);
    return held !== undefined && held.claimed === claimed.key && now < held.until ? held.verdict : undefined;
  }

  forget(name: string): void {
    this.#byName.delete(name);
  }
}
