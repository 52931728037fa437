/** A number that follows one direction at once, and the other only when it has stayed there for a while (hysteresis). */
import { type Millis, NEVER } from '../base/time.ts';

export class Ratchet {
  /** What counts; of the first number that was told, that number. */
  value = Number.NaN;
  readonly #sign: 1 | -1;
  readonly #span: Millis;
  /** The most, in the direction that is followed at once, since the number has turned. */
  #candidate = 0;
  #due: Millis = NEVER;

  /** `sign` 1: it rises at once, and falls after `span`; -1 the other way round. */
  constructor(sign: 1 | -1, span: Millis) {
    this.#sign = sign;
    this.#span = span;
  }

  /** When `value` changes if the number stays as it is. */
  get due(): Millis {
    return this.#due;
  }

  update(number: number, now: Millis): void {
    const sign = this.#sign;
    if (!(sign * number < sign * this.value)) {
      this.value = number;
      this.#due = NEVER;
      return;
    }
    if (this.#due === NEVER) {
      this.#due = now + this.#span;
      this.#candidate = number;
    }
    if (sign * number > sign * this.#candidate) this.#candidate = number;
    if (now < this.#due) return;
    this.value = this.#candidate;
    this.#candidate = number;
    this.#due = number === this.value ? NEVER : now + this.#span;
  }
}
