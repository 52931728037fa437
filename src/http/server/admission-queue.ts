/**
 * A few requests at a time: thousands may come in one turn of the loop, as when all who were woken ask again. Answered in
 * one go they would keep packets and probes waiting, which looks like our own failure to other members.
 */

/** Requests begun before packets and probes get their turn. */
export const BEGUN_AT_ONCE = 32;

export class Turns {
  readonly #waiting: (() => void)[] = [];
  #left = BEGUN_AT_ONCE;
  #armed = false;

  /** Does `work` at once, or in one of the next turns, in order. It must not throw. */
  take(work: () => void): void {
    this.#arm();
    if (this.#left === 0) return void this.#waiting.push(work);
    this.#left -= 1;
    work();
  }

  #arm(): void {
    if (this.#armed) return;
    this.#armed = true;
    setImmediate(() => this.#next());
  }

  #next(): void {
    this.#armed = false;
    const works = this.#waiting.splice(0, BEGUN_AT_ONCE);
    this.#left = BEGUN_AT_ONCE - works.length;
    if (works.length > 0) this.#arm();
    for (const work of works) work();
  }
}
