/**
 * A few requests at a time: thousands may come in one turn of the loop, as when all who were woken ask again. Answered in
 * one go they would keep packets and probes waiting, which looks like our own failure to other members.
 */

/** Requests begun before packets and probes get their turn. */
export const ADMITTED_PER_TURN = 32;

export class AdmissionQueue {
  readonly #waiting: (() => void)[] = [];
  #left = ADMITTED_PER_TURN;
  #scheduled = false;

  /** Does `work` at once, or in one of the next turns, in order. It must not throw. */
  admit(work: () => void): void {
    this.#schedule();
    if (this.#left === 0) return void this.#waiting.push(work);
    this.#left -= 1;
    work();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#runBatch());
  }

  #runBatch(): void {
    this.#scheduled = false;
    const works = this.#waiting.splice(0, ADMITTED_PER_TURN);
    this.#left = ADMITTED_PER_TURN - works.length;
    if (works.length > 0) this.#schedule();
    for (const work of works) work();
  }
}
