/**
 * Work that streams have caused and that takes more than one turn. One turn is done at once, the others one per tick, round robin; between
 * them datagrams are read and deadlines kept (S1 in docs/security.md).
 */
import { type InTurns, type Millis, NEVER, type Turn } from '../../base/time.ts';

/** Units of one turn: some milliseconds at most. */
const UNITS_PER_TURN = 2000;
/** Works that wait; each holds what it was read from, some megabytes. */
const MAX_WAITING = 32;

export class TurnQueue implements Turn {
  readonly #waiting: InTurns<void>[] = [];
  #now: Millis = 0;
  #left = 0;

  get now(): Millis {
    return this.#now;
  }

  /** Due at once while work waits. */
  get deadline(): Millis {
    return this.#waiting.length > 0 ? this.#now : NEVER;
  }

  get size(): number {
    return this.#waiting.length;
  }

  spend(units: number): boolean {
    this.#left -= units;
    return this.#left <= 0;
  }

  /** Does the first turn of a work. False: it has more to do, there is no room for it, and it was aborted. */
  start(work: InTurns<void>, now: Millis): boolean {
    if (this.#isOver(work, now)) return true;
    if (this.#waiting.length >= MAX_WAITING) {
      work.return();
      return false;
    }
    this.#waiting.push(work);
    return true;
  }

  /** One turn of the work that waits longest. */
  tick(now: Millis): void {
    const work = this.#waiting.shift();
    if (work !== undefined && !this.#isOver(work, now)) this.#waiting.push(work);
  }

  #isOver(work: InTurns<void>, now: Millis): boolean {
    this.#now = now;
    this.#left = UNITS_PER_TURN;
    return work.next().done === true;
  }
}
