/** Cuts what a client sends into msgpack values. */
import { ValueScanner } from './scanner.ts';

/** Memory of an idle client, in bytes. */
const IDLE_CAPACITY = 512;

export class ValueReader {
  readonly #scanner = new ValueScanner();
  #buffer = new Uint8Array(IDLE_CAPACITY);
  #start = 0;
  #end = 0;

  /** Whether everything that has arrived was returned by `next`. */
  get isEmpty(): boolean {
    return this.#start === this.#end;
  }

  push(chunk: Uint8Array): void {
    const needed = this.#end - this.#start + chunk.length;
    if (this.#end + chunk.length > this.#buffer.length) {
      const doubled = 2 ** Math.ceil(Math.log2(needed));
      const to = needed <= this.#buffer.length ? this.#buffer : new Uint8Array(doubled);
      to.set(this.#buffer.subarray(this.#start, this.#end)); // the same memory may be its source and its target
      this.#buffer = to;
      this.#end -= this.#start;
      this.#start = 0;
    }
    this.#buffer.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /**
   * The next complete value, as a view that is valid until `push`. Throws `WireError`; then the connection is of no more
   * use.
   */
  next(): Uint8Array | undefined {
    const waiting = this.#buffer.subarray(this.#start, this.#end);
    const length = this.#scanner.scan(waiting);
    if (length !== undefined) this.#start += length;
    else if (this.isEmpty && this.#buffer.length > IDLE_CAPACITY) {
      this.#buffer = new Uint8Array(IDLE_CAPACITY);
      this.#start = 0;
      this.#end = 0;
    }
    return length === undefined ? undefined : waiting.subarray(0, length);
  }
}
