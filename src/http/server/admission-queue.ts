/**
 * Admits a few requests per turn of the event loop. Thousands may arrive in one turn, as when woken blocking queries
 * are sent again; handled at once they would delay packets and probes until other members suspect this agent.
 */

/** Requests started in one turn of the event loop. */
export const ADMITTED_PER_TURN = 32;

export class AdmissionQueue {
  readonly #waiting: (() => void)[] = [];
  #left = ADMITTED_PER_TURN;
  #scheduled = false;

  /** Runs `work` at once, or in one of the next turns, in order. It must not throw. */
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
    const batch = this.#waiting.splice(0, ADMITTED_PER_TURN);
    this.#left = ADMITTED_PER_TURN - batch.length;
    if (batch.length > 0) this.#schedule();
    for (const work of batch) work();
  }
}
