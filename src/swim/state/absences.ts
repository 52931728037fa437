/** Announced absences: which members have stopped with the word that they will be back, and until when that counts. */
import type { Millis } from '../../base/time.ts';
import { Timers } from '../../base/timers.ts';
import type { MemberTable, MutableMember } from '../members.ts';

export class Absences {
  readonly #members: MemberTable;
  readonly #timers = new Timers<MutableMember>();
  /** The incarnation of the last pause of each row: one pause counts once, however often it is said. */
  readonly #announced = new WeakMap<MutableMember, number>();

  constructor(members: MemberTable) {
    this.#members = members;
  }

  get deadline(): Millis {
    return this.#timers.deadline;
  }

  /** Was this pause, or a later one, taken already? */
  wasAnnounced(row: MutableMember, incarnation: number): boolean {
    return incarnation <= (this.#announced.get(row) ?? -1);
  }

  start(row: MutableMember, incarnation: number, until: Millis): void {
    this.#members.setAbsence(row, { incarnation, until });
    this.#announced.set(row, incarnation);
    this.#timers.set(row, until);
  }

  /** True if the member was absent. */
  end(row: MutableMember): boolean {
    if (row.absence === undefined) return false;
    this.#members.setAbsence(row, undefined);
    this.#timers.clear(row);
    return true;
  }

  /** The next member whose time is over; it is absent still. */
  nextDue(now: Millis): MutableMember | undefined {
    return this.#timers.pop(now);
  }
}
