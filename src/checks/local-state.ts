/**
 * The registered services and checks with their state, and every mechanism that has to follow when they change. The
 * registry decides when they do.
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
import { leaseCheckId } from './definition/lease-check.ts';
import { maintenanceCheck } from './definition/maintenance.ts';
import { Outbox } from './outbox.ts';
import { truncateOutput } from './output.ts';
import { Persister } from './saved/persist.ts';
import { type RestoredCheck, RestoredState } from './saved/restore.ts';
import { CheckScheduler } from './scheduler.ts';
import { Reaper } from './state/reaper.ts';
import { LocalStore } from './state/store.ts';
import type { CheckDefinition, RegistrySnapshot } from './types.ts';

export class RegistryState {
  readonly store = new LocalStore();
  readonly outbox = new Outbox();
  readonly persister = new Persister();
  readonly reaper = new Reaper();
  readonly scheduler: CheckScheduler;
  /** When each TTL check expires. */
  readonly ttlTimers = new Timers<string>();
  readonly #aliasIds = new Set<string>();
  readonly #restored: RestoredState;
  /** Something changed that an alias may follow. */
  #aliasesDirty = false;

  constructor(rng: Rng, snapshot: RegistrySnapshot | undefined, downtime: Millis, now: Millis) {
    this.scheduler = new CheckScheduler(rng);
    this.#restored = new RestoredState(snapshot, downtime, now);
    if (snapshot !== undefined) this.#restore(snapshot, now);
  }

  /** Putting the same again changes nothing. */
  putService(definition: ServiceDefinition, fromFile: boolean, now: Millis): void {
    const { id, name } = definition;
    const before = this.store.service(id);
    const draining = before?.draining ?? this.#restored.consumeDraining(id, now);
    const service = { definition, fromFile, draining };
    this.store.putService(service);
    this.persister.saveService(definition, fromFile);
    if (before !== undefined && deepEqual(before.definition, definition)) return;
    this.outbox.putService(service);
    this.outbox.addFact({ kind: 'serviceRegistered', service: id, name, updated: before !== undefined });
    if (before !== undefined) return;
    this.#aliasesDirty = true;
    const reason = this.#restored.consumeMaintenance(id, now);
    if (reason !== undefined) this.enableMaintenance(id, reason, now);
    for (const check of this.#restored.consumeDeferredChecks(id, now)) this.putCheck(check, false, now);
  }

  /**
   * A check that is registered already keeps its status and output, whatever its definition becomes (R1). One that another
   * service had under this ID is taken from it, as in Consul, and begins anew.
   *
   * Source: Consul agent/local/state.go, setCheckStateLocked.
   */
  putCheck(definition: CheckDefinition, fromFile: boolean, now: Millis): void {
    const { id, serviceId, probe, initial, outputMaxBytes } = definition;
    const from = this.store.check(id)?.definition.serviceId ?? serviceId;
    if (from !== serviceId) {
      this.outbox.addFact({ kind: 'checkTaken', check: id, service: serviceId, from });
      this.removeCheck(id);
    }
    const registered = this.store.check(id);
    const restored = registered === undefined ? this.#restored.consumeCheckState(definition, now) : undefined;
    this.reaper.delete(id); // a registration shows that the service is wanted
    this.persister.saveCheck(definition, fromFile);
    const isSame = registered !== undefined && deepEqual(registered.definition, definition);
    if (isSame) this.store.putCheck({ ...registered, fromFile });
    else {
      const before = registered ?? restored;
      const output = truncateOutput(before?.output ?? '', outputMaxBytes);
      const check = { definition, status: before?.status ?? initial, output, fromFile };
      this.store.putCheck(check);
      if (this.scheduler.schedule(definition, now)) this.outbox.addStop(id);
      this.ttlTimers.clear(id);
      if (probe.kind === 'alias') this.#aliasIds.add(id);
      else this.#aliasIds.delete(id);
      this.outbox.putCheck(check, now);
      if (registered === undefined && probe.kind !== 'lease')
        this.outbox.addFact({ kind: 'checkRegistered', check: id, service: serviceId });
      this.#aliasesDirty = true;
    }
    if (restored !== undefined) return this.#resumeClocks(definition, restored, now);
    if (probe.kind === 'ttl') this.startTtl(id, probe.ttl, now);
  }

  /** A TTL check was updated, or registered again: its whole TTL begins. */
  startTtl(id: string, ttl: Millis, now: Millis): void {
    this.ttlTimers.set(id, now + ttl);
    this.persister.recordTtlUpdate(id, ttl, now);
  }

  /** What ran before the restart runs on: a TTL, and the time after which a critical service is deregistered. */
  #resumeClocks(definition: CheckDefinition, restored: RestoredCheck, now: Millis): void {
    const { id, probe, serviceId, deregisterCriticalAfter } = definition;
    const { status, ttlLeft, criticalFor } = restored;
    if (criticalFor !== undefined && serviceId !== '') this.reaper.restore(id, now - criticalFor);
    if (probe.kind !== 'ttl') return;
    if (ttlLeft > 0) this.ttlTimers.set(id, now + ttlLeft);
    // The status of a TTL check is a result; other checks run first.
    if (criticalFor !== undefined && serviceId !== '')
      this.reaper.recordStatus(id, deregisterCriticalAfter, status, now);
  }

  /** For the node if `service` is `''`. */
  enableMaintenance(service: string, reason: string, now: Millis): void {
    const check = maintenanceCheck(service, reason);
    if (this.store.check(check.definition.id) !== undefined) return;
    this.store.putCheck(check);
    this.persister.markChanged();
    this.outbox.putCheck(check, now);
    this.outbox.addFact({ kind: 'maintenanceChanged', service, on: true, reason: check.definition.notes });
    this.#aliasesDirty = true;
  }

  setDraining(id: string, on: boolean): void {
    const before = this.store.service(id);
    if (before === undefined || before.draining === on) return;
    const service = { ...before, draining: on };
    this.store.putService(service);
    this.persister.markChanged();
    this.outbox.putService(service);
    this.outbox.addFact({ kind: 'drainingChanged', service: id, on });
  }

  /** The service is registered without a lease from now on, and stays. */
  dropLease(id: string): void {
    if (this.store.leaseTable.leaseOf(id) === undefined) return;
    this.#endLease(id);
    this.removeCheck(leaseCheckId(id));
  }

  #endLease(service: string): void {
    const ended = this.store.leaseTable.removeService(service);
    if (ended !== undefined) this.outbox.addLeaseChange(ended);
  }

  removeService(id: string): void {
    const service = this.store.service(id);
    if (service === undefined) return;
    this.#endLease(id);
    for (const check of [...this.store.checksOf(id)]) this.removeCheck(check);
    this.store.removeService(id);
    this.persister.deleteService(id);
    this.outbox.removeService(id);
    this.outbox.addFact({ kind: 'serviceDeregistered', service: id, name: service.definition.name });
    this.#aliasesDirty = true;
  }

  removeCheck(id: string): void {
    const check = this.store.check(id);
    if (check === undefined) return;
    const { probe, serviceId } = check.definition;
    this.store.removeCheck(id);
    if (this.scheduler.unschedule(id)) this.outbox.addStop(id);
    this.ttlTimers.clear(id);
    this.#aliasIds.delete(id);
    this.reaper.delete(id);
    this.persister.deleteCheck(id);
    this.outbox.removeCheck(id);
    this.#aliasesDirty = true;
    if (probe.kind === 'lease') return; // facts are of the lease
    this.outbox.addFact(
      probe.kind === 'maintenance'
        ? { kind: 'maintenanceChanged', service: serviceId, on: false, reason: '' }
        : { kind: 'checkDeregistered', check: id, service: serviceId },
    );
  }

  /**
   * Stores the result of a check. A changed status is published at once, and so is the first output, which says why a check
   * is critical from the start; a changed output is published later.
   */
  recordResult(id: string, status: CheckStatus, fullOutput: string, now: Millis): void {
    const before = this.store.check(id);
    if (before === undefined) return;
    const { definition } = before;
    const service = definition.serviceId;
    if (service !== '' && this.reaper.recordStatus(id, definition.deregisterCriticalAfter, status, now))
      this.persister.markDirty();
    const output = truncateOutput(fullOutput, definition.outputMaxBytes);
    if (before.status === status && before.output === output) return;
    const check = { ...before, status, output };
    this.store.putCheck(check);
    if (before.status === status)
      return before.output === '' ? this.outbox.putCheck(check, now) : this.outbox.putOutput(check, now);
    this.outbox.putCheck(check, now);
    this.outbox.addFact({ kind: 'checkChanged', check: id, service, from: before.status, to: status });
    this.persister.markDirty();
    this.#aliasesDirty = true;
  }

  /** What the next start has to restore. */
  snapshot(now: Millis): RegistrySnapshot {
    const clocks = {
      validUntil: (check: string) => this.ttlTimers.dueAt(check),
      criticalSince: (check: string) => this.reaper.criticalSince(check),
    };
    return this.persister.snapshot(this.store, clocks, this.#restored.snapshot(now), now);
  }

  /** Evaluates all aliases, if something changed since the last time. */
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

  /** Validates each definition as if it were registered now; one that is refused is left out, with a fact. */
  #restore({ services, checks }: RegistrySnapshot, now: Millis): void {
    const restoreEach = (part: string, texts: readonly string[], restore: (value: unknown) => void): void => {
      for (const text of texts)
        try {
          restore(JSON.parse(text));
        } catch (error) {
          const reason = error instanceof Error ? error.message : String(error);
          this.outbox.addFact({ kind: 'restoreRejected', part, reason });
        }
    };
    restoreEach('service', services, (value) => {
      const { service } = parseService(value);
      admitService(service, [], this.store);
      this.putService(service, false, now);
    });
    restoreEach('check', checks, (value) => {
      const check = parseCheck(value, { node: THIS_NODE, mayReport: true });
      admitProbe(check, false);
      if (check.serviceId !== '' && this.store.service(check.serviceId) === undefined)
        return this.#restored.deferCheck(check); // its service may come from a file
      admitCheck(check, this.store);
      this.putCheck(check, false, now);
    });
    const reason = this.#restored.consumeMaintenance('', now);
    if (reason !== undefined) this.enableMaintenance('', reason, now);
    this.refreshAliases(now);
  }
}
