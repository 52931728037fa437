/** One service as a proxy or a file should have it: what the catalog says, or the last good list while a partition may have emptied it. */
import { type DesiredServer, hasReady, LastGoodList, type SyncRow, toDesiredList } from './desired.ts';

export interface ChosenServers {
  /** `undefined`: nothing better is known than what is there already. */
  readonly servers: readonly DesiredServer[] | undefined;
  /** Usable instances that are left out, since nobody can dial them. */
  readonly undialable: readonly SyncRow[];
  /** Why the last good ones are kept, when that begins; else empty. */
  readonly keptSince: string;
}

export class GuardedList {
  readonly #lastGood = new LastGoodList();
  #isKept = false;

  /** `doubt` tells why a list that is empty now may not be believed; empty: it may. It is asked only if it matters. */
  async choose(rows: readonly SyncRow[], doubt: () => Promise<string>): Promise<ChosenServers> {
    const desired = toDesiredList(rows);
    this.#lastGood.remember(desired);
    const reason = this.#lastGood.isInDoubt(rows, desired) ? await doubt() : '';
    const list = reason === '' ? desired.servers : this.#lastGood.keep(rows, desired);
    const isKept = reason !== '' && (this.#lastGood.isUnknown || hasReady(list));
    const keptSince = isKept && !this.#isKept ? reason : '';
    this.#isKept = isKept;
    const servers = isKept && this.#lastGood.isUnknown ? undefined : list;
    return { servers, undialable: desired.undialable, keptSince };
  }
}
