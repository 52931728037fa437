/**
 * What is registered and how it stands, with every mechanism that must hear when one of both changes. When and by
 * whose word is the registry's.
 *
 * Source: Consul agent/local/state.go; agent/agent.go, addCheck, removeServiceLocked.
 */

import type { Rng } from '../base/rng.ts';
import type { Millis } from '../base/time.ts';
import { Timers } from '../base/timers.ts';
import type { CheckStatus, ServiceDefinition } from '../model/service.ts';
import { admitCheck, admitProbe, admitService } from './admission.ts';
import { evaluateAlias } from './alias.ts';
import { parseCheck, parseService } from './definition/definition.ts';
import { THIS_NODE } from './definition/encode.ts';
import { deepEqual } from './definition/equal.ts';
import { maintenanceCheck } from './maintenance.ts';
import { Outbox } from './outbox.ts';
import { truncateOutput } from './output.ts';
import { Persister } from './persist.ts';
import { Reaper } from './reaper.ts';
import { RestoredState } from './restore.ts';
import { CheckScheduler } from './scheduler.ts';
import { LocalStore } from './store.ts';
import type { CheckDefinition, RegistrySnapshot } from './types.ts';

export class RegistryState {
  readonly store = new LocalStore();
  readonly outbox = new Outbox();
  readonly persister = new Persister();
  readonly reaper = new Reaper();
  readonly scheduler: CheckScheduler;
  /** When each TTL check falls silent. */
  readonly ttlTimers = new Timers<string>();
  readonly #aliasIds = new Set<string>();
  readonly #restored: RestoredState;
  /** Something changed that an alias may mirror. */
  #aliasesDirty = false;

  constructor(rng: Rng, remembered: RegistrySnapshot | undefined, absence: Millis, now: Millis) {
    this.scheduler = new CheckScheduler(rng);
    this.#restored = new RestoredState(remembered, absence, now);
    if (remembered !== undefined) this.#restore(remembered, now);
  }

  /** The same again changes nothing. */
  putService(definition: ServiceDefinition, fromFile: boolean, now: Millis): void {
    const { id, name } = definition;
    const held = this.store.service(id);
    const draining = held?.draining ?? this.#restored.consumeDraining(id, now);
    const service = { definition, fromFile, draining };
    this.store.putService(service);
    this.persister.saveService(definition, fromFile);
    if (held !== undefined && deepEqual(held.definition, definition)) return;
    this.outbox.putService(service);
    this.outbox.addFact({ kind: 'serviceRegistered', service: id, name, updated: held !== undefined });
    if (held !== undefined) return;
    this.#aliasesDirty = true;
    const reason = this.#restored.consumeMaintenance(id, now);
    if (reason !== undefined) this.enableMaintenance(id, reason, now);
    for (const orphan of this.#restored.consumeDeferredChecks(id, now)) this.putCheck(orphan, false, now);
  }

  /** A check that was there keeps its status and output, whatever is new about it (R1). */
  putCheck(definition: CheckDefinition, fromFile: boolean, now: Millis): void {
    const { id, serviceId, probe, initial, outputMaxBytes } = definition;
    const held = this.store.check(id);
    this.reaper.delete(id); // somebody vouches for it
    this.persister.saveCheck(definition, fromFile);
    if (held === undefined || !deepEqual(held.definition, definition)) {
      const before = held ?? this.#restored.consumeCheckState(definition, now);
      const output = truncateOutput(before?.output ?? '', outputMaxBytes);
      const check = { definition, status: before?.status ?? initial, output };
      this.store.putCheck(check);
      this.scheduler.schedule(definition, now);
      this.ttlTimers.clear(id);
      if (probe.kind === 'alias') this.#aliasIds.add(id);
      else this.#aliasIds.delete(id);
      this.outbox.putCheck(check, now);
      if (held === undefined) this.outbox.addFact({ kind: 'checkRegistered', check: id, service: serviceId });
      this.#aliasesDirty = true;
    }
    if (probe.kind === 'ttl') this.ttlTimers.set(id, now + probe.ttl);
  }

  /** Of the node if `service` is `''`. */
  enableMaintenance(service: string, reason: string, now: Millis): void {
    const check = maintenanceCheck(service, reason);
    if (this.store.check(check.definition.id) !== undefined) return;
    this.store.putCheck(check);
    this.persister.markDirty();
    this.outbox.putCheck(check, now);
    this.outbox.addFact({ kind: 'maintenanceChanged', service, on: true, reason: check.definition.notes });
    this.#aliasesDirty = true;
  }

  setDraining(id: string, on: boolean): void {
    const held = this.store.service(id);
    if (held === undefined || held.draining === on) return;
    const service = { ...held, draining: on };
    this.store.putService(service);
    this.persister.markDirty();
    this.outbox.putService(service);
    this.outbox.addFact({ kind: 'serviceDrained', service: id, on });
  }

  removeService(id: string): void {
    const held = this.store.service(id);
    if (held === undefined) return;
    for (const check of [...this.store.checksOf(id)]) this.removeCheck(check);
    this.store.removeService(id);
    this.persister.deleteService(id);
    this.outbox.removeService(id);
    this.outbox.addFact({ kind: 'serviceDeregistered', service: id, name: held.definition.name });
    this.#aliasesDirty = true;
  }

  removeCheck(id: string): void {
    const held = this.store.check(id);
    if (held === undefined) return;
    const { probe, serviceId } = held.definition;
    this.store.removeCheck(id);
    this.scheduler.unschedule(id);
    this.ttlTimers.clear(id);
    this.#aliasIds.delete(id);
    this.reaper.delete(id);
    this.persister.deleteCheck(id);
    this.outbox.removeCheck(id);
    this.outbox.addFact(
      probe.kind === 'maintenance'
        ? { kind: 'maintenanceChanged', service: serviceId, on: false, reason: '' }
        : { kind: 'checkDeregistered', check: id, service: serviceId },
    );
    this.#aliasesDirty = true;
  }

  /** How a check stands now: seen here at once; told at once if its status changed. */
  recordResult(id: string, status: CheckStatus, said: string, now: Millis): void {
    const held = this.store.check(id);
    if (held === undefined) return;
    const { definition } = held;
    const service = definition.serviceId;
    if (service !== '') this.reaper.recordStatus(id, definition.deregisterCriticalAfter, status, now);
    const output = truncateOutput(said, definition.outputMaxBytes);
    if (held.status === status && held.output === output) return;
    const check = { definition, status, output };
    this.store.putCheck(check);
    if (held.status === status) return this.outbox.putOutput(check, now);
    this.outbox.putCheck(check, now);
    this.outbox.addFact({ kind: 'checkChanged', check: id, service, from: held.status, to: status });
    this.persister.markDirty();
    this.#aliasesDirty = true;
  }

  /** Aliases follow what they mirror. */
  refreshAliases(now: Millis): void {
    if (!this.#aliasesDirty) return;
    for (const id of this.#aliasIds) {
      const probe = this.store.check(id)?.definition.probe;
      if (probe?.kind !== 'alias') continue;
      const { status, output } = evaluateAlias(probe.serviceId, this.store);
      this.recordResult(id, status, output, now);
    }
    this.#aliasesDirty = false;
  }

  /** Each definition is read again as if it came today; what cannot be taken up is left out, and told. */
  #restore({ services, checks }: RegistrySnapshot, now: Millis): void {
    const each = (what: string, all: readonly string[], take: (value: unknown) => void): void => {
      for (const words of all)
        try {
          take(JSON.parse(words));
        } catch (error) {
          const why = error instanceof Error ? error.message : String(error);
          this.outbox.addFact({ kind: 'restoreRejected', part: what, error: why });
        }
    };
    each('service', services, (value) => {
      const { service } = parseService(value);
      admitService(service, [], this.store, { mayExec: false });
      this.putService(service, false, now);
    });
    each('check', checks, (value) => {
      const check = parseCheck(value, { node: THIS_NODE });
      admitProbe(check, false);
      if (check.serviceId !== '' && this.store.service(check.serviceId) === undefined)
        return this.#restored.deferCheck(check); // its service is in a file, perhaps
      admitCheck(check, this.store, false);
      this.putCheck(check, false, now);
    });
    const reason = this.#restored.consumeMaintenance('', now);
    if (reason !== undefined) this.enableMaintenance('', reason, now);
    this.refreshAliases(now);
  }
}
