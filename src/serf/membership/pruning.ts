/** Members that an operator wants erased while they are still leaving: they get time to broadcast their leave first. */
import type { Millis } from '../../base/time.ts';
import { Timers } from '../../base/timers.ts';

export class Pruning {
  readonly #grace: Millis;
  readonly #waiting = new Timers<string>();
  readonly #overdue = new Set<string>();

  /** `grace`: how long a leaving member is not erased. Source: serf handlePrune. */
  constructor(grace: Millis) {
    this.#grace = grace;
  }

  get deadline(): Millis {
    return this.#waiting.deadline;
  }

  start(name: string, now: Millis): void {
    if (!this.#overdue.has(name) && !this.#waiting.has(name)) this.#waiting.set(name, now + this.#grace);
  }

  /** The member is alive after all, or erased. */
  cancel(name: string): void {
    this.#waiting.clear(name);
    this.#overdue.delete(name);
  }

  /** Its grace is over and it was still up: it is erased as soon as it goes down. */
  isOverdue(name: string): boolean {
    return this.#overdue.has(name);
  }

  /** Marks and returns the names whose grace is over. */
  markOverdue(now: Millis): string[] {
    const names: string[] = [];
    for (let name = this.#waiting.pop(now); name !== undefined; name = this.#waiting.pop(now)) {
      this.#overdue.add(name);
      names.push(name);
    }
    return names;
  }
}
