/**
 * Awareness, the local health score: it rises when failed probes point at this agent, and makes its probes wait longer.
 *
 * Source: Lifeguard §IV-A; memberlist awareness.go.
 */
import type { Millis } from '../../base/time.ts';
import type { SwimEffect } from '../types.ts';

export class Awareness {
  readonly #max: number;
  #score = 0;

  /** The score stays below `upperBound`, which is at least 1. */
  constructor(upperBound: number) {
    this.#max = upperBound - 1;
  }

  /** 0 is healthy. */
  get score(): number {
    return this.#score;
  }

  /** A positive `delta` is a sign that this agent is unhealthy. */
  apply(delta: number, out: SwimEffect[]): void {
    const score = Math.min(this.#max, Math.max(0, this.#score + delta));
    if (score === this.#score) return;
    this.#score = score;
    out.push({ kind: 'fact', fact: { kind: 'awarenessChanged', awareness: score } });
  }

  /** A timeout for the current score. */
  scale(interval: Millis): Millis {
    return interval * (this.#score + 1);
  }
}
