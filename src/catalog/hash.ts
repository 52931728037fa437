/** A 64-bit hash, as two words, that is equal on every agent. It is for placement and comparison, not for secrets. */

/** MurmurHash3's finalizer: each input bit flips each output bit with a probability of about one half. */
export function avalanche(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

const rotate = (value: number, bits: number): number => (value << bits) | (value >>> (32 - bits));

/** Updated with text and numbers one after another; `high` and `low` may be read at any time. */
export class Hash {
  #a = 0x9e3779b9 | 0;
  #b = 0x243f6a88;
  #words = 0;

  /** Hashes UTF-16 code units and the length, so that `ab`, `c` differs from `a`, `bc`. */
  updateText(value: string): this {
    for (let i = 0; i < value.length; i++) this.#mix(value.charCodeAt(i));
    this.#mix(value.length ^ 0x5bd1e995);
    return this;
  }

  /** An integer from 0 to 2^53 - 1. */
  updateNumber(value: number): this {
    this.#mix(value | 0);
    this.#mix((value / 0x1_0000_0000) | 0);
    return this;
  }

  /** Becomes what `other` is now. */
  copyFrom(other: Hash): this {
    this.#a = other.#a;
    this.#b = other.#b;
    this.#words = other.#words;
    return this;
  }

  #mix(word: number): void {
    this.#a = Math.imul(rotate(this.#a ^ Math.imul(word, 0xcc9e2d51), 15), 0x1b873593) + 0xe6546b64;
    this.#b = Math.imul(rotate(this.#b ^ Math.imul(word, 0x85ebca77), 13), 0x9e3779b1) + 0x27d4eb2f;
    this.#words += 1;
  }

  get high(): number {
    return avalanche(this.#a ^ rotate(this.#b, 16) ^ this.#words);
  }

  get low(): number {
    return avalanche((Math.imul(this.#b, 5) + rotate(this.#a, 7)) ^ this.#words);
  }
}
