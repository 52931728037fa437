/**
 * What will be remembered: which registrations (those from files are in the files), and when the memory is worth
 * writing down again. Taking it up again is memory.ts's and the registry's.
 */
import type { Millis } from '../base/time.ts';
import type { ServiceDefinition } from '../model/service.ts';
import { encodeCheck, encodeService } from './definition/encode.ts';
import type { LocalStore } from './store.ts';
import type { CheckDefinition, CheckStateSnapshot, RegistrySnapshot } from './types.ts';

export class Persister {
  readonly #services = new Map<string, string>();
  readonly #checks = new Map<string, string>();
  /** When each TTL check's word last made the memory new. */
  readonly #savedAt = new Map<string, Millis>();
  #revision = 0;

  /** Grows when there is something new to remember. */
  get revision(): number {
    return this.#revision;
  }

  markDirty(): void {
    this.#revision += 1;
  }

  /** A TTL check spoke: its word in memory may grow no older than a quarter of its time. */
  recordTtlUpdate(check: string, ttl: Millis, now: Millis): void {
    if (now - (this.#savedAt.get(check) ?? Number.NEGATIVE_INFINITY) < ttl / 4) return;
    this.#savedAt.set(check, now);
    this.#revision += 1;
  }

  saveService(service: ServiceDefinition, fromFile: boolean): void {
    this.#save(this.#services, service.id, fromFile ? undefined : JSON.stringify(encodeService(service)));
  }

  saveCheck(check: CheckDefinition, fromFile: boolean): void {
    const remembered = !fromFile && check.probe.kind !== 'maintenance';
    this.#save(this.#checks, check.id, remembered ? JSON.stringify(encodeCheck(check)) : undefined);
  }

  deleteService(id: string): void {
    this.#services.delete(id);
    this.markDirty();
  }

  deleteCheck(id: string): void {
    this.#checks.delete(id);
    this.#savedAt.delete(id);
    this.markDirty();
  }

  /** `validUntil`: when the word of a TTL check stops to hold. */
  snapshot(
    store: LocalStore,
    validUntil: (check: string) => Millis | undefined,
    now: Millis,
  ): RegistrySnapshot {
    const states: CheckStateSnapshot[] = [];
    const maintenance: { service: string; reason: string }[] = [];
    for (const [check, { definition, status, output }] of store.checks()) {
      const { probe, serviceId, notes } = definition;
      if (probe.kind === 'maintenance') maintenance.push({ service: serviceId, reason: notes });
      else if (probe.kind !== 'alias')
        states.push({ check, status, output, ttlLeft: Math.max(0, (validUntil(check) ?? now) - now) });
    }
    return {
      services: [...this.#services.values()],
      checks: [...this.#checks.values()],
      states,
      maintenance,
      draining: [...store.services()].filter(([, { draining }]) => draining).map(([id]) => id),
    };
  }

  #save(kept: Map<string, string>, id: string, words: string | undefined): void {
    if (kept.get(id) === words) return;
    if (words === undefined) kept.delete(id);
    else kept.set(id, words);
    this.markDirty();
  }
}
