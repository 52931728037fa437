/** Thresholds: how many results in a row it takes to change a status. */
import type { CheckStatus } from '../model/service.ts';
import type { CheckDefinition } from './types.ts';

export type ThresholdLimits = Pick<
  CheckDefinition,
  'successBeforePassing' | 'failuresBeforeWarning' | 'failuresBeforeCritical'
>;

/**
 * Counts consecutive results. Both counters begin at their thresholds, so the first result counts at once; a
 * warning is a success.
 *
 * Source: Consul agent/checks/check.go, StatusHandler.
 */
export class Thresholds {
  readonly #limits: ThresholdLimits;
  #successes: number;
  #failures: number;

  constructor(limits: ThresholdLimits) {
    this.#limits = limits;
    this.#successes = limits.successBeforePassing;
    this.#failures = limits.failuresBeforeCritical;
  }

  /** The status after this result, or `undefined` while the run of results is too short to count. */
  applyResult(result: CheckStatus): CheckStatus | undefined {
    if (result !== 'critical') {
      this.#successes += 1;
      this.#failures = 0;
      return this.#successes >= this.#limits.successBeforePassing ? result : undefined;
    }
    this.#failures += 1;
    this.#successes = 0;
    if (this.#failures >= this.#limits.failuresBeforeCritical) return 'critical';
    return this.#failures >= this.#limits.failuresBeforeWarning ? 'warning' : undefined;
  }
}
