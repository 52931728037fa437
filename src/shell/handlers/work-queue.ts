/** A bounded work queue: a few items at once, in order; when it is full, the oldest waiting item is dropped. */

export interface WorkQueueOptions<T> {
  readonly concurrency: number;
  /** Most items that wait. */
  readonly maxQueued: number;
  /** Must not reject. Frees its resources when `signal` aborts. */
  process(item: T, signal: AbortSignal): Promise<void>;
  /** Called for the oldest item when the queue is full. */
  onDropped(item: T): void;
}

export class WorkQueue<T> {
  readonly #options: WorkQueueOptions<T>;
  readonly #waiting: T[] = [];
  readonly #closing = new AbortController();
  #running = 0;

  constructor(options: WorkQueueOptions<T>) {
    this.#options = options;
  }

  get isIdle(): boolean {
    return this.#running === 0 && this.#waiting.length === 0;
  }

  enqueue(item: T): void {
    if (this.#closing.signal.aborted) return;
    this.#waiting.push(item);
    this.#start();
    if (this.#waiting.length > this.#options.maxQueued) this.#options.onDropped(this.#waiting.shift() as T);
  }

  /** Discards the waiting items and aborts the running ones. */
  close(): void {
    this.#waiting.length = 0;
    this.#closing.abort();
  }

  #start(): void {
    while (this.#running < this.#options.concurrency) {
      const item = this.#waiting.shift();
      if (item === undefined) return;
      this.#running += 1;
      void this.#options.process(item, this.#closing.signal).finally(() => {
        this.#running -= 1;
        this.#start();
      });
    }
  }
}
