/**
 * The event queue of a world: a heap ordered by time and by order of insertion. Deadlines of agents are kept in
 * timeline.ts.
 */
import { type Millis, NEVER } from '../../base/time.ts';

/** Events of one instant come out in the order in which they were added, so that runs repeat exactly. */
export class EventQueue<T> {
  readonly #at: Millis[] = [];
  readonly #order: number[] = [];
  readonly #what: T[] = [];
  #next = 0;

  /** When the earliest event is due; `NEVER` if there is none. */
  get deadline(): Millis {
    return this.#at[0] ?? NEVER;
  }

  get size(): number {
    return this.#at.length;
  }

  enqueue(at: Millis, what: T): void {
    let slot = this.#at.length;
    const order = this.#next++;
    this.#at.push(at);
    this.#order.push(order);
    this.#what.push(what);
    while (slot > 0) {
      const up = (slot - 1) >> 1;
      if (!this.#before(slot, up)) break;
      this.#swap(slot, up);
      slot = up;
    }
  }

  /** Removes and returns the earliest event if it is due at `now`. */
  dequeue(now: Millis): T | undefined {
    const at = this.#at[0];
    if (at === undefined || at > now) return undefined;
    const what = this.#what[0];
    const last = this.#at.length - 1;
    this.#swap(0, last);
    this.#at.pop();
    this.#order.pop();
    this.#what.pop();
    let slot = 0;
    for (;;) {
      let down = 2 * slot + 1;
      if (down >= last) break;
      if (down + 1 < last && this.#before(down + 1, down)) down += 1;
      if (!this.#before(down, slot)) break;
      this.#swap(slot, down);
      slot = down;
    }
    return what;
  }

  #before(a: number, b: number): boolean {
    const atA = this.#at[a] as Millis;
    const atB = this.#at[b] as Millis;
    return atA < atB || (atA === atB && (this.#order[a] as number) < (this.#order[b] as number));
  }

  #swap(a: number, b: number): void {
    if (a === b) return;
    const at = this.#at[a] as Millis;
    this.#at[a] = this.#at[b] as Millis;
    this.#at[b] = at;
    const order = this.#order[a] as number;
    this.#order[a] = this.#order[b] as number;
    this.#order[b] = order;
    const what = this.#what[a] as T;
    this.#what[a] = this.#what[b] as T;
    this.#what[b] = what;
  }
}
