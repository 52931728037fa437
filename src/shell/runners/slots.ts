/**
 * How many runs go on at once. Quick ones need few places; those that hang must not keep the others from running,
 * so a run that lasts gives its place among the quick ones away and is only counted among all.
 */

export interface SlotsOptions {
  /** Runs younger than a second, 64 by default. */
  readonly maxQuick?: number;
  /** All runs, 512 by default. */
  readonly maxConcurrent?: number;
}

/** Works until it is done or called off. It must not reject. */
type Work = (calledOff: AbortController) => Promise<void>;

const QUICK_MS = 1000;

export class Slots {
  readonly #maxQuick: number;
  readonly #maxConcurrent: number;
  readonly #waiting = new Map<string, Work>();
  readonly #running = new Map<string, AbortController>();
  #quick = 0;
  #all = 0;
  #closed = false;

  constructor(options: SlotsOptions) {
    this.#maxQuick = options.maxQuick ?? 64;
    this.#maxConcurrent = options.maxConcurrent ?? 512;
  }

  /** At once, or as soon as there is a place. Earlier work of the same key is called off. */
  schedule(key: string, work: Work): void {
    if (this.#closed) return;
    this.#running.get(key)?.abort();
    this.#waiting.delete(key);
    this.#waiting.set(key, work);
    this.#start();
  }

  close(): void {
    this.#closed = true;
    this.#waiting.clear();
    for (const running of this.#running.values()) running.abort();
  }

  #start(): void {
    for (const [key, work] of this.#waiting) {
      if (this.#quick >= this.#maxQuick || this.#all >= this.#maxConcurrent) return;
      this.#waiting.delete(key);
      void this.#run(key, work);
    }
  }

  async #run(key: string, work: Work): Promise<void> {
    const calledOff = new AbortController();
    this.#running.set(key, calledOff);
    this.#all += 1;
    this.#quick += 1;
    let isQuick = true;
    const slow = (): void => {
      if (isQuick) this.#quick -= 1;
      isQuick = false;
      this.#start();
    };
    const timer = setTimeout(slow, QUICK_MS).unref();
    await work(calledOff);
    clearTimeout(timer);
    if (this.#running.get(key) === calledOff) this.#running.delete(key);
    this.#all -= 1;
    slow();
  }
}
