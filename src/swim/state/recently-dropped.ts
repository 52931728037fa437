/** Recently dropped members with their last incarnation, so that old messages do not revive them. */
import { BoundedMap } from '../../base/bounded-map.ts';
import type { Millis } from '../../base/time.ts';
import type { Alive } from '../../wire/memberlist.ts';
import type { Member } from '../types.ts';

/** Longer than messages are under way, as duplicates or in the tables of peers that were partitioned. */
export const DROPPED_RETENTION: Millis = 10 * 60_000;
const MAX_DROPPED = 4096;

interface DroppedMember {
  readonly incarnation: number;
  readonly droppedAt: Millis;
}

export class RecentlyDropped {
  /** Oldest first. */
  readonly #byName = new BoundedMap<string, DroppedMember>(MAX_DROPPED);
  readonly #retention: Millis;

  constructor(retention: Millis = DROPPED_RETENTION) {
    this.#retention = retention;
  }

  add(row: Pick<Member, 'identity' | 'incarnation'>, now: Millis): void {
    const { incarnation, identity } = row;
    this.#byName.set(identity.name, { incarnation, droppedAt: now });
    for (const [name, { droppedAt }] of this.#byName) {
      if (now - droppedAt < this.#retention) break;
      this.#byName.delete(name);
    }
  }

  /** The incarnation at which the member was dropped. */
  incarnationOf(name: string, now: Millis): number | undefined {
    const dropped = this.#byName.get(name);
    if (dropped === undefined || now - dropped.droppedAt < this.#retention) return dropped?.incarnation;
    this.#byName.delete(name);
    return undefined;
  }

  /** Was this already known when the member was dropped? */
  isStale(alive: Alive, now: Millis): boolean {
    const incarnation = this.incarnationOf(alive.node, now);
    return incarnation !== undefined && alive.incarnation <= incarnation;
  }

  delete(name: string): void {
    this.#byName.delete(name);
  }
}
