/**
 * The deadlines of a component's parts in one list: each is registered where its part is made, so none is forgotten.
 */
import { assert } from './assert.ts';
import { type Millis, NEVER } from './time.ts';

export class Deadlines {
  readonly #sources: (() => Millis)[] = [];

  /**
   * Registers parts for good. A function of its own per part, `() => this.#streams.deadline`, is several times faster
   * than an object with a `deadline`: reading one property of many classes at one place is megamorphic.
   */
  add(...deadlines: readonly (() => Millis)[]): void {
    this.#sources.push(...deadlines);
  }

  /** The least of all deadlines, read anew; `NEVER` if no part waits. Allocates nothing. */
  get earliest(): Millis {
    let earliest = NEVER;
    for (const source of this.#sources) {
      const deadline = source();
      // Invariant: a deadline is a number. NaN compares false with everything, so its timer would never fire.
      assert(!Number.isNaN(deadline), 'a deadline that is not a number');
      if (deadline < earliest) earliest = deadline;
    }
    return earliest;
  }
}
