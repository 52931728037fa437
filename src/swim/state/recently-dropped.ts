/** Names whose rows were dropped, remembered for a while: what we knew then is no news afterwards. */
import { BoundedMap } from '../../base/bounded-map.ts';
import type { Millis } from '../../base/time.ts';
import type { Alive } from '../../wire/memberlist.ts';
import type { MutableMember } from '../members.ts';

/** How long. Longer than news stays on its way: duplicates, and the tables of peers that were cut off. */
export const DROPPED_RETENTION: Millis = 10 * 60_000;
/** How many; beyond it the oldest go. */
const MAX_DROPPED = 4096;

interface DroppedMember {
  readonly incarnation: number;
  readonly droppedAt: Millis;
}

export class RecentlyDropped {
  readonly #byName = new BoundedMap<string, DroppedMember>(MAX_DROPPED);

  add(row: MutableMember, now: Millis): void {
    const { incarnation, identity } = row;
    this.#byName.set(identity.name, { incarnation, droppedAt: now });
    for (const [name, grave] of this.#byName) {
      if (now - grave.droppedAt < DROPPED_RETENTION) break;
      this.#byName.delete(name);
    }
  }

  /** The incarnation at which we dropped the name. */
  incarnationOf(name: string, now: Millis): number | undefined {
    const grave = this.#byName.get(name);
    if (grave === undefined || now - grave.droppedAt < DROPPED_RETENTION) return grave?.incarnation;
    this.#byName.delete(name);
    return undefined;
  }

  /** Is this no more than we knew when we dropped the name? */
  isStale(alive: Alive, now: Millis): boolean {
    const incarnation = this.incarnationOf(alive.node, now);
    return incarnation !== undefined && alive.incarnation <= incarnation;
  }

  /** Forgets the name: whoever has it now is welcome. */
  delete(name: string): void {
    this.#byName.delete(name);
  }
}
