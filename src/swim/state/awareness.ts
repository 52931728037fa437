/**
 * Local health: how far we trust our own verdicts. It rises when probes fail in ways that point at us, and makes
 * our probes more patient.
 *
 * Source: Lifeguard §IV-A; memberlist awareness.go.
 */
import type { Millis } from '../../base/time.ts';
import type { SwimEffect } from '../types.ts';

export class Awareness {
  readonly #max: number;
  #score = 0;

  /** The score stays below `bound`, which is at least 1. */
  constructor(bound: number) {
    this.#max = bound - 1;
  }

  /** 0 is well. */
  get score(): number {
    return this.#score;
  }

  /** Bad news about ourselves is positive. */
  apply(delta: number, out: SwimEffect[]): void {
    const score = Math.min(this.#max, Math.max(0, this.#score + delta));
    if (score === this.#score) return;
    this.#score = score;
    out.push({ kind: 'fact', fact: { kind: 'awarenessChanged', awareness: score } });
  }

  /** The worse we feel, the longer we wait. */
  scale(interval: Millis): Millis {
    return interval * (this.#score + 1);
  }
}
