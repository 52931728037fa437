/**
 * The entry point of this layer. Registrations, commands of operators, outcomes of runs and time come in; runs, changes
 * to publish and facts go out. Each mechanism holds its state in a file of its own; this file calls them in order.
 *
 * Source: Consul agent/agent.go (addServiceInternal, addCheck, updateTTLCheck); agent/local/state.go.
 */

import { assert } from '../base/assert.ts';
import type { Rng } from '../base/rng.ts';
import type { Millis } from '../base/time.ts';
import type { CheckStatus, ServiceDefinition } from '../model/service.ts';
import { admitCheck, admitFileServices, admitService } from './admission.ts';
import type { Registration } from './definition/definition.ts';
import { maintenanceCheckId } from './definition/maintenance.ts';
import {
  notTtlCheckError,
  requireOwnCheck,
  unknownCheckError,
  unknownServiceError,
} from './definition/refusals.ts';
import { replaceFileServices } from './file-services.ts';
import {
  admitLease,
  closeLease,
  expireLeases,
  holdLease,
  type LeaseRequest,
  releaseLease,
  restoreLeases,
} from './lease-rules.ts';
import { RegistryState } from './local-state.ts';
import type {
  CheckDefinition,
  CheckEffect,
  CheckOutcome,
  FileServiceChange,
  LocalView,
  RegistrySnapshot,
} from './types.ts';

export interface RegistryOptions {
  readonly rng: Rng;
  readonly now: Millis;
  /** Checks from files may start programs. */
  readonly allowExec: boolean;
  /** What `snapshot` returned before the restart. Parts that are no longer valid are left out, with a fact. */
  readonly snapshot?: RegistrySnapshot;
  /** The age of the snapshot, by the wall clock. */
  readonly downtime?: Millis;
}

export interface RegisterOptions {
  /** Checks of an earlier registration that are not in this one are removed (R2). */
  readonly replaceChecks?: boolean;
}

/** Commands throw `AgentError` with nothing changed; otherwise their effect is in `out` and in `view` at once (R4). */
export class Registry {
  readonly #state: RegistryState;
  readonly #allowExec: boolean;
  readonly #startedAt: Millis;

  constructor({ rng, now, allowExec, snapshot, downtime = 0 }: RegistryOptions) {
    this.#state = new RegistryState(rng, snapshot, downtime, now);
    restoreLeases(snapshot?.leases ?? [], this.#state, now);
    this.#allowExec = allowExec;
    this.#startedAt = now;
  }

  get view(): LocalView {
    return this.#state.store;
  }

  get deadline(): Millis {
    const { scheduler, ttlTimers, outbox, reaper, store } = this.#state;
    const { leaseTable } = store;
    const ttls = Math.min(ttlTimers.deadline, leaseTable.deadline);
    const next = Math.min(scheduler.deadline, outbox.deadline, reaper.deadline, ttls);
    return outbox.isEmpty ? next : Math.min(this.#startedAt, next); // what was restored is published at once
  }

  /** Rises when `snapshot` would return something new that is worth saving. */
  get snapshotRevision(): number {
    return this.#state.persister.revision;
  }

  /** Rises when `snapshot` would return something new that a command may not be acknowledged without. */
  get commandRevision(): number {
    return this.#state.persister.commandRevision;
  }

  /** Registering the same again changes nothing, but extends its TTL checks (R1, R2, R6). */
  registerService(
    service: ServiceDefinition,
    checks: readonly CheckDefinition[],
    options: RegisterOptions,
    now: Millis,
    out: CheckEffect[],
  ): void {
    try {
      admitService(service, checks, this.#state.store, options);
    } catch (error) {
      throw this.#reportRefusal(error, '', service.id, out);
    }
    this.#state.dropLease(service.id);
    this.#state.putService(service, false, now);
    for (const check of checks) this.#state.putCheck(check, false, now);
    if (options.replaceChecks === true) {
      const named = new Set(checks.map(({ id }) => id)).add(maintenanceCheckId(service.id));
      for (const id of [...this.#state.store.checksOf(service.id)])
        if (!named.has(id)) this.#state.removeCheck(id);
    }
    this.#flush(now, out);
  }

  /** The files of the operator have been read: all that comes from files is now as they say, or nothing changes. */
  replaceFileServices(
    registrations: readonly Registration[],
    now: Millis,
    out: CheckEffect[],
  ): readonly FileServiceChange[] {
    try {
      admitFileServices(registrations, this.#state.store, this.#allowExec);
    } catch (error) {
      throw this.#reportRefusal(error, '', '', out);
    }
    const changes = replaceFileServices(registrations, this.#state, now);
    this.#flush(now, out);
    return changes;
  }

  deregisterService(id: string, now: Millis, out: CheckEffect[]): void {
    if (this.#state.store.service(id) === undefined) throw unknownServiceError(id);
    this.#state.removeService(id);
    this.#flush(now, out);
  }

  /** Registers services for as long as a connection is open, and for the grace after it. */
  holdLease(request: LeaseRequest, now: Millis, out: CheckEffect[]): void {
    try {
      admitLease(request, this.#state);
    } catch (error) {
      throw this.#reportRefusal(error, '', request.registrations[0]?.service.id ?? '', out);
    }
    holdLease(request, this.#state, now);
    this.#flush(now, out);
  }

  /** The connection of this holder has closed. */
  closeLease(lease: string, holder: string, reason: string, now: Millis, out: CheckEffect[]): void {
    closeLease(lease, holder, reason, this.#state, now);
    this.#flush(now, out);
  }

  /** Ends a lease: at once without a reason; with one its services stay for the grace, to say it. */
  releaseLease(lease: string, reason: string, now: Millis, out: CheckEffect[]): void {
    releaseLease(lease, reason, this.#state, now);
    this.#flush(now, out);
  }

  registerCheck(check: CheckDefinition, now: Millis, out: CheckEffect[]): void {
    try {
      admitCheck(check, this.#state.store);
    } catch (error) {
      throw this.#reportRefusal(error, check.id, check.serviceId, out);
    }
    this.#state.putCheck(check, false, now);
    this.#flush(now, out);
  }

  deregisterCheck(id: string, now: Millis, out: CheckEffect[]): void {
    requireOwnCheck(id);
    if (this.#state.store.check(id) === undefined) throw unknownCheckError(id);
    this.#state.removeCheck(id);
    this.#flush(now, out);
  }

  /** A TTL update (C8). */
  updateCheck(id: string, status: CheckStatus, output: string, now: Millis, out: CheckEffect[]): void {
    requireOwnCheck(id);
    const check = this.#state.store.check(id);
    const probe = check?.definition.probe;
    if (probe?.kind !== 'ttl') throw notTtlCheckError(id);
    // A heartbeat that changes nothing but the time is not worth a write of its own: `startTtl` limits them.
    if (check?.status !== status) this.#state.persister.markChanged();
    this.#state.startTtl(id, probe.ttl, now);
    this.#state.recordResult(id, status, output, now);
    this.#flush(now, out);
  }

  /** The result of a check that does not run, as it was registered. */
  reportCheck(id: string, status: CheckStatus, output: string, now: Millis, out: CheckEffect[]): void {
    if (this.#state.store.check(id)?.status !== status) this.#state.persister.markChanged();
    this.#state.recordResult(id, status, output, now);
    this.#flush(now, out);
  }

  /** For one service, or for the node if it is `undefined`. Enabling it again keeps the first reason. */
  setMaintenance(
    service: string | undefined,
    on: boolean,
    reason: string,
    now: Millis,
    out: CheckEffect[],
  ): void {
    if (service !== undefined && this.#state.store.service(service) === undefined)
      throw unknownServiceError(service);
    if (on) this.#state.enableMaintenance(service ?? '', reason, now);
    else this.#state.removeCheck(maintenanceCheckId(service ?? ''));
    this.#flush(now, out);
  }

  /** A draining instance is left out of answers, so that it can be stopped without failing a request. */
  setDraining(service: string, on: boolean, now: Millis, out: CheckEffect[]): void {
    if (this.#state.store.service(service) === undefined) throw unknownServiceError(service);
    this.#state.setDraining(service, on);
    this.#flush(now, out);
  }

  /** A runner has finished. An outcome that belongs to no run under way is ignored. */
  onCheckFinished(outcome: CheckOutcome, now: Millis, out: CheckEffect[]): void {
    const status = this.#state.scheduler.acceptOutcome(outcome, now);
    if (status !== undefined) this.#state.recordResult(outcome.check, status, outcome.output, now);
    this.#flush(now, out);
  }

  tick(now: Millis, out: CheckEffect[]): void {
    const { ttlTimers, scheduler, reaper, outbox, store } = this.#state;
    for (const id of drainQueue(() => ttlTimers.pop(now))) this.#expire(id, now);
    for (const overdue of drainQueue(() => scheduler.expireOverdue(now))) this.#failOverdue(overdue, now);
    for (const id of reaper.findExpired(store, now)) this.#reap(id);
    expireLeases(this.#state, now);
    for (const id of drainQueue(() => outbox.nextDeferredOutput(now))) {
      const check = store.check(id);
      if (check !== undefined) outbox.putCheck(check, now);
    }
    for (const run of drainQueue(() => scheduler.nextRun(now))) out.push({ kind: 'run', run });
    this.#flush(now, out);
  }

  /** Plain data, for the start after this one (R3). */
  snapshot(now: Millis): RegistrySnapshot {
    return this.#state.snapshot(now);
  }

  #expire(id: string, now: Millis): void {
    const check = this.#state.store.check(id);
    assert(check !== undefined, `TTL check ${id} expired, which is not registered`);
    const { definition, output } = check;
    this.#state.outbox.addFact({ kind: 'checkExpired', check: id, service: definition.serviceId });
    const expired = output.startsWith(EXPIRED) ? output : `${EXPIRED}${lastOutputNote(output)}`;
    this.#state.recordResult(id, 'critical', expired, now);
  }

  #failOverdue(
    { check, status }: { readonly check: string; readonly status: CheckStatus | undefined },
    now: Millis,
  ): void {
    const service = this.#state.store.check(check)?.definition.serviceId ?? '';
    this.#state.outbox.addFact({ kind: 'checkTimedOut', check, service });
    if (status !== undefined)
      this.#state.recordResult(check, status, 'the check was started and never finished', now);
  }

  #reap(check: string): void {
    const service = this.#state.store.check(check)?.definition.serviceId;
    const local = service === undefined ? undefined : this.#state.store.service(service);
    if (service === undefined || local === undefined) return; // it went with another check of its service
    this.#state.outbox.addFact({ kind: 'serviceReaped', service, name: local.definition.name, check });
    this.#state.removeService(service);
  }

  /** Ends every step. */
  #flush(now: Millis, out: CheckEffect[]): void {
    this.#state.refreshAliases(now);
    this.#state.outbox.flush(out);
  }

  #reportRefusal(error: unknown, check: string, service: string, out: CheckEffect[]): unknown {
    const reason = error instanceof Error ? error.message : String(error);
    out.push({ kind: 'fact', fact: { kind: 'registrationRefused', check, service, reason } });
    return error;
  }
}

const EXPIRED = 'TTL expired';

const lastOutputNote = (output: string): string =>
  output === '' ? '' : ` (last output before timeout follows): ${output}`;

/** Yields from `next` until it returns `undefined`. */
function* drainQueue<T>(next: () => T | undefined): Generator<T> {
  for (let item = next(); item !== undefined; item = next()) yield item;
}
