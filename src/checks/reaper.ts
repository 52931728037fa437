/**
 * Which services have had a critical check for longer than the check allows. Removing them is the registry's.
 *
 * Source: Consul agent/agent.go, reapServices.
 */

import { type Millis, NEVER } from '../base/time.ts';
import type { CheckStatus } from '../model/service.ts';
import type { LocalStore } from './store.ts';

/** How often is looked. */
export const REAP_INTERVAL: Millis = 30_000;

export class Reaper {
  /** Of checks that may take their service away: since when a result has called them critical. */
  readonly #criticalSince = new Map<string, Millis>();
  #nextScanAt: Millis = NEVER;

  get deadline(): Millis {
    return this.#nextScanAt;
  }

  /** A result came. A check that never had one is not overdue, whatever its first status. */
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

  /** The checks that have been critical for too long, if it is time to look. */
  findExpired(store: LocalStore, now: Millis): string[] {
    if (now < this.#nextScanAt) return [];
    this.#nextScanAt = now + REAP_INTERVAL;
    return [...this.#criticalSince]
      .filter(([id, since]) => now - since >= (store.check(id)?.definition.deregisterCriticalAfter ?? NEVER))
      .map(([id]) => id);
  }
}
