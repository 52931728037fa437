/**
 * Finds services with a check that has been critical for longer than its `deregisterCriticalAfter`.
 *
 * Source: Consul agent/agent.go, reapServices.
 */

import { type Millis, NEVER } from '../../base/time.ts';
import type { CheckStatus } from '../../model/service.ts';
import type { LocalStore } from './store.ts';

/** Time between two scans. */
export const REAP_INTERVAL: Millis = 30_000;

export class Reaper {
  /** For checks with `deregisterCriticalAfter`: the time of the first of the critical results in a row. */
  readonly #criticalSince = new Map<string, Millis>();
  /** The same from before a restart, for checks without a result yet: it counts if the first result is critical. */
  readonly #restoredSince = new Map<string, Millis>();
  #nextScanAt: Millis = NEVER;

  get deadline(): Millis {
    return this.#nextScanAt;
  }

  /** Since when the check has been critical, a time before a restart included. */
  criticalSince(check: string): Millis | undefined {
    return this.#criticalSince.get(check) ?? this.#restoredSince.get(check);
  }

  /** The check was critical when the agent stopped. Its service stays until a result shows that it still is. */
  restore(check: string, since: Millis): void {
    this.#restoredSince.set(check, since);
  }

  /**
   * For each result of a check; true if it has become critical. A check without a result yet is never expired, whatever
   * its initial status.
   */
  recordStatus(check: string, deregisterAfter: Millis, status: CheckStatus, now: Millis): boolean {
    const before = this.#criticalSince.get(check);
    const since = before ?? this.#restoredSince.get(check) ?? now;
    this.#restoredSince.delete(check);
    if (deregisterAfter <= 0 || status !== 'critical') this.#criticalSince.delete(check);
    else this.#criticalSince.set(check, since);
    if (this.#criticalSince.size === 0) this.#nextScanAt = NEVER;
    else if (this.#nextScanAt === NEVER) this.#nextScanAt = now + REAP_INTERVAL;
    return before === undefined && this.#criticalSince.has(check);
  }

  delete(check: string): void {
    this.#criticalSince.delete(check);
    this.#restoredSince.delete(check);
    if (this.#criticalSince.size === 0) this.#nextScanAt = NEVER;
  }

  /** The checks that have been critical for too long; empty between two scans. */
  findExpired(store: LocalStore, now: Millis): string[] {
    if (now < this.#nextScanAt) return [];
    this.#nextScanAt = now + REAP_INTERVAL;
    return [...this.#criticalSince]
      .filter(([id, since]) => now - since >= (store.check(id)?.definition.deregisterCriticalAfter ?? NEVER))
      .map(([id]) => id);
  }
}
