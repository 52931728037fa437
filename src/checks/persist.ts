/**
 * What will be remembered: which registrations (those from files are in the files), and when the memory is worth
 * writing down again. Taking it up again is memory.ts's and the registry's.
 */
import type { Millis } from '../base/time.ts';
import type { ServiceDefinition } from '../model/service.ts';
import { describeCheck, describeService } from './definition/encode.ts';
import type { Store } from './store.ts';
import type { CheckDefinition, Remembered, RememberedState } from './types.ts';

export class Keeper {
  readonly #services = new Map<string, string>();
  readonly #checks = new Map<string, string>();
  /** When each TTL check's word last made the memory new. */
  readonly #heardAt = new Map<string, Millis>();
  #version = 0;

  /** Grows when there is something new to remember. */
  get version(): number {
    return this.#version;
  }

  touch(): void {
    this.#version += 1;
  }

  /** A TTL check spoke: its word in memory may grow no older than a quarter of its time. */
  heard(check: string, ttl: Millis, now: Millis): void {
    if (now - (this.#heardAt.get(check) ?? Number.NEGATIVE_INFINITY) < ttl / 4) return;
    this.#heardAt.set(check, now);
    this.#version += 1;
  }

  keepService(service: ServiceDefinition, fromFile: boolean): void {
    this.#keep(this.#services, service.id, fromFile ? undefined : JSON.stringify(describeService(service)));
  }

  keepCheck(check: CheckDefinition, fromFile: boolean): void {
    const remembered = !fromFile && check.probe.kind !== 'maintenance';
    this.#keep(this.#checks, check.id, remembered ? JSON.stringify(describeCheck(check)) : undefined);
  }

  forgetService(id: string): void {
    this.#services.delete(id);
    this.touch();
  }

  forgetCheck(id: string): void {
    this.#checks.delete(id);
    this.#heardAt.delete(id);
    this.touch();
  }

  /** `validUntil`: when the word of a TTL check stops to hold. */
  remember(store: Store, validUntil: (check: string) => Millis | undefined, now: Millis): Remembered {
    const states: RememberedState[] = [];
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

  #keep(kept: Map<string, string>, id: string, words: string | undefined): void {
    if (kept.get(id) === words) return;
    if (words === undefined) kept.delete(id);
    else kept.set(id, words);
    this.touch();
  }
}
