/**
 * Finds services with a check that has been critical for longer than its `deregisterCriticalAfter`.
 *
 * Source: Consul agent/agent.go, reapServices.
 */

import { type Millis, NEVER } from '../base/time.ts';
import type { CheckStatus } from '../model/service.ts';
import type { LocalStore } from './store.ts';

/** Time between two scans. */
export const REAP_INTERVAL: Millis = 30_000;

export class Reaper {
  /** For checks with `deregisterCriticalAfter`: the time of the first of the critical results in a row. */
  readonly #criticalSince = new Map<string, Millis>();
  #nextScanAt: Millis = NEVER;

  get deadline(): Millis {
    return this.#nextScanAt;
  }

  /** For each result of a check. A check without a result yet is never expired, whatever its initial status. */
  recordStatus(check: string, deregisterAfter: Millis, status: CheckStatus, now: Millis): void {
    if (deregisterAfter <= 0 || status !== 'critical') this.#criticalSince.delete(check);
    else if (!this.#criticalSince.has(check)) this.#criticalSince.set(check, now);
    if (this.#criticalSince.size === 0) this.#nextScanAt = NEVER;
    else if (this.#nextScanAt === NEVER) this.#nextScanAt = now + REAP_INTERVAL;
  }

  delete(check: string): void {
    this.#criticalSince.delete(check);
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
