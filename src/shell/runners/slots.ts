/**
 * Limits how many runs are active at once. A slot is the right to run. A run that lasts longer than a second gives its
 * quick slot back, so that runs which hang do not keep the others from running.
 */

import { assert } from '../../base/assert.ts';

export interface SlotsOptions {
  /** Most runs younger than a second, 64 by default. */
  readonly maxQuick?: number;
  /** Most runs in all, 512 by default. */
  readonly maxConcurrent?: number;
}

/** Runs until it is done or canceled. It must not reject. */
type Work = (canceled: AbortSignal) => Promise<void>;

const QUICK_MS = 1000;

export class Slots {
  readonly #maxQuick: number;
  readonly #maxConcurrent: number;
  readonly #waiting = new Map<string, Work>();
  readonly #running = new Map<string, AbortController>();
  /** Invariant: 0 <= #quick <= #all. */
  #quick = 0;
  #all = 0;
  #closed = false;

  constructor(options: SlotsOptions) {
    this.#maxQuick = options.maxQuick ?? 64;
    this.#maxConcurrent = options.maxConcurrent ?? 512;
  }

  /** Starts the work now, or when a slot is free. Cancels earlier work of the same key. */
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
    const controller = new AbortController();
    this.#running.set(key, controller);
    this.#all += 1;
    this.#quick += 1;
    let isQuick = true;
    const releaseQuickSlot = (): void => {
      if (isQuick) this.#quick -= 1;
      isQuick = false;
      this.#start();
    };
    const timer = setTimeout(releaseQuickSlot, QUICK_MS).unref();
    await work(controller.signal);
    clearTimeout(timer);
    if (this.#running.get(key) === controller) this.#running.delete(key);
    this.#all -= 1;
    releaseQuickSlot();
    assert(this.#quick >= 0 && this.#quick <= this.#all, 'a slot was released twice');
  }
}
