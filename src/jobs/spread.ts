/**
 * The spread time: within it nearly every change has reached this agent. It is the 99th percentile of how long claims of
 * others took, by their clocks, and never below what a cluster of a thousand agents was measured to need.
 */
import type { Millis } from '../base/time.ts';

/** The p99 of a change at 1,000 agents, with the default gossip interval (docs/performance.md). */
const MIN_SPREAD: Millis = 500;
/** The same in gossip intervals. */
const SPREAD_INTERVALS = 2.5;
/** What took longer came after a partition or a pause, and says nothing about how changes spread. */
const MAX_SPREAD: Millis = 5000;
/** The latest changes that count, and how many there must be before their percentile says anything. */
const KEPT = 512;
const ENOUGH = 100;
const QUANTILE = 0.99;

export class SpreadMeter {
  readonly #least: Millis;
  readonly #delays: Millis[] = [];
  #next = 0;
  #spread: Millis;

  constructor(gossipInterval: Millis) {
    this.#least = Math.max(MIN_SPREAD, SPREAD_INTERVALS * gossipInterval);
    this.#spread = this.#least;
  }

  get spread(): Millis {
    return this.#spread;
  }

  record(delay: Millis): void {
    if (delay > MAX_SPREAD) return;
    this.#delays[this.#next % KEPT] = delay;
    this.#next += 1;
    if (this.#delays.length < ENOUGH) return;
    const sorted = Float64Array.from(this.#delays).sort();
    this.#spread = Math.max(this.#least, sorted[Math.floor(sorted.length * QUANTILE)] as Millis);
  }
}
