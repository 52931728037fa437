/** Names whose rows were dropped, remembered for a while: what we knew then is no news afterwards. */
import type { Millis } from '../../base/time.ts';
import type { Alive } from '../../wire/memberlist.ts';
import type { Row } from '../members.ts';

/** How long. Longer than news stays on its way: duplicates, and the tables of peers that were cut off. */
export const GRAVE_TIME: Millis = 10 * 60_000;
/** How many; beyond it the oldest go. */
const MAX_GRAVES = 4096;

interface Grave {
  readonly incarnation: number;
  readonly diedAt: Millis;
}

export class Graves {
  readonly #graves = new Map<string, Grave>();

  bury(row: Row, now: Millis): void {
    const { incarnation, identity } = row;
    this.#graves.delete(identity.name);
    this.#graves.set(identity.name, { incarnation, diedAt: now });
    for (const [name, grave] of this.#graves) {
      if (this.#graves.size <= MAX_GRAVES && now - grave.diedAt < GRAVE_TIME) break;
      this.#graves.delete(name);
    }
  }

  /** The incarnation at which we dropped the name. */
  of(name: string, now: Millis): number | undefined {
    const grave = this.#graves.get(name);
    if (grave === undefined || now - grave.diedAt < GRAVE_TIME) return grave?.incarnation;
    this.#graves.delete(name);
    return undefined;
  }

  /** Is this no more than we knew when we dropped the name? */
  covers(alive: Alive, now: Millis): boolean {
    const incarnation = this.of(alive.node, now);
    return incarnation !== undefined && alive.incarnation <= incarnation;
  }

  /** Forgets the name: whoever has it now is welcome. */
  open(name: string): void {
    this.#graves.delete(name);
  }
}
