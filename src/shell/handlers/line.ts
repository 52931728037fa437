/** Work in a line: a few at once, in order, and no more waiting than there is room for. */

export interface LineOptions<T> {
  readonly atOnce: number;
  /** How many may wait; who waits longest makes room. */
  readonly room: number;
  /** Must not reject. Frees what it holds when `signal` aborts. */
  work(item: T, signal: AbortSignal): Promise<void>;
  /** An item had to make room. */
  dropped(item: T): void;
}

export class Line<T> {
  readonly #options: LineOptions<T>;
  readonly #waiting: T[] = [];
  readonly #closing = new AbortController();
  #running = 0;

  constructor(options: LineOptions<T>) {
    this.#options = options;
  }

  get idle(): boolean {
    return this.#running === 0 && this.#waiting.length === 0;
  }

  push(item: T): void {
    if (this.#closing.signal.aborted) return;
    this.#waiting.push(item);
    this.#start();
    if (this.#waiting.length > this.#options.room) this.#options.dropped(this.#waiting.shift() as T);
  }

  /** Forgets who waits, and calls off who runs. */
  close(): void {
    this.#waiting.length = 0;
    this.#closing.abort();
  }

  #start(): void {
    while (this.#running < this.#options.atOnce) {
      const item = this.#waiting.shift();
      if (item === undefined) return;
      this.#running += 1;
      void this.#options.work(item, this.#closing.signal).finally(() => {
        this.#running -= 1;
        this.#start();
      });
    }
  }
}
