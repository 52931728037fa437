/**
 * What is persisted of the registry, and when it has changed enough to be saved again. Registrations from files are
 * not persisted. Restoring is in restore.ts and local-state.ts.
 */
import type { Millis } from '../../base/time.ts';
import type { ServiceDefinition } from '../../model/service.ts';
import { encodeCheck, encodeService } from '../definition/encode.ts';
import type { LocalStore } from '../state/store.ts';
import type { CheckDefinition, CheckStateSnapshot, RegistrySnapshot } from '../types.ts';

/** The times that go on while the agent is down. */
export interface CheckClocks {
  /** When a TTL check expires. */
  validUntil(check: string): Millis | undefined;
  /** Since when a check has been critical, if its service is deregistered after a time of that. */
  criticalSince(check: string): Millis | undefined;
}

/** Checks that follow from something else that is saved. */
const DERIVED: ReadonlySet<CheckDefinition['probe']['kind']> = new Set(['maintenance', 'lease']);

export class Persister {
  readonly #services = new Map<string, string>();
  readonly #checks = new Map<string, string>();
  /** When an update of each TTL check last raised the revision. */
  readonly #savedAt = new Map<string, Millis>();
  #revision = 0;
  #commandRevision = 0;

  /** Rises when there is something new to save. */
  get revision(): number {
    return this.#revision;
  }

  /** Rises when there is something new to save that a command may not be acknowledged without. */
  get commandRevision(): number {
    return this.#commandRevision;
  }

  markDirty(): void {
    this.#revision += 1;
  }

  /** For changes that a client asked for: the acknowledgement waits until they are saved. */
  markChanged(): void {
    this.#revision += 1;
    this.#commandRevision += 1;
  }

  /** The saved state of a TTL check is never older than a quarter of its TTL, so most of it is left after a restart. */
  recordTtlUpdate(check: string, ttl: Millis, now: Millis): void {
    if (now - (this.#savedAt.get(check) ?? Number.NEGATIVE_INFINITY) < ttl / 4) return;
    this.#savedAt.set(check, now);
    this.#revision += 1;
  }

  saveService(service: ServiceDefinition, fromFile: boolean): void {
    this.#save(this.#services, service.id, fromFile ? undefined : JSON.stringify(encodeService(service)));
  }

  saveCheck(check: CheckDefinition, fromFile: boolean): void {
    const isPersisted = !fromFile && !DERIVED.has(check.probe.kind);
    this.#save(this.#checks, check.id, isPersisted ? JSON.stringify(encodeCheck(check)) : undefined);
  }

  deleteService(id: string): void {
    this.#services.delete(id);
    this.markChanged();
  }

  deleteCheck(id: string): void {
    this.#checks.delete(id);
    this.#savedAt.delete(id);
    this.markChanged();
  }

  /** `waiting`: what was restored and waits for its registration. */
  snapshot(store: LocalStore, clocks: CheckClocks, waiting: RegistrySnapshot, now: Millis): RegistrySnapshot {
    const states: CheckStateSnapshot[] = [];
    const maintenance: { service: string; reason: string }[] = [];
    for (const [check, { definition, status, output }] of store.checks()) {
      const { probe, serviceId, notes } = definition;
      if (probe.kind === 'maintenance') maintenance.push({ service: serviceId, reason: notes });
      else if (probe.kind !== 'alias' && probe.kind !== 'lease') {
        const ttlLeft = Math.max(0, (clocks.validUntil(check) ?? now) - now);
        const since = clocks.criticalSince(check);
        states.push({
          ...{ check, status, output, ttlLeft },
          ...(since === undefined ? {} : { criticalFor: now - since }),
        });
      }
    }
    return {
      services: [...this.#services.values()],
      checks: [...this.#checks.values(), ...waiting.checks],
      states: [...states, ...waiting.states],
      maintenance: [...maintenance, ...waiting.maintenance],
      draining: [
        ...[...store.services()].filter(([, { draining }]) => draining).map(([id]) => id),
        ...waiting.draining,
      ],
      leases: store.leaseTable.snapshot(),
    };
  }

  #save(saved: Map<string, string>, id: string, json: string | undefined): void {
    if (saved.get(id) === json) return;
    if (json === undefined) saved.delete(id);
    else saved.set(id, json);
    this.markChanged();
  }
}
