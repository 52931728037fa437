/**
 * The conductor of this room: registrations, words of operators, outcomes and time come in; what to run, what
 * others must learn and what happened go out. Each mechanism owns its state in a file of its own; here is who is
 * asked what, and in which order.
 *
 * Source: Consul agent/agent.go (addServiceInternal, addCheck, updateTTLCheck); agent/local/state.go.
 */

import type { Rng } from '../base/rng.ts';
import type { Millis } from '../base/time.ts';
import type { CheckStatus, ServiceDefinition } from '../model/service.ts';
import { admitCheck, admitService } from './admission.ts';
import { RegistryState } from './local-state.ts';
import { maintenanceCheckId } from './maintenance.ts';
import { notTtlCheckError, unknownCheckError, unknownServiceError } from './refusals.ts';
import type { CheckDefinition, CheckEffect, CheckOutcome, LocalView, RegistrySnapshot } from './types.ts';

export interface RegistryOptions {
  readonly rng: Rng;
  readonly now: Millis;
  /** Programs may be started for checks that come from files. */
  readonly allowExec: boolean;
  /** What `remember` gave in an earlier life. What of it is not valid any more is left out, with a fact. */
  readonly snapshot?: RegistrySnapshot;
  /** How long ago that was, on the clock of the world. */
  readonly downtime?: Millis;
}

export interface RegisterOptions {
  /** Of the owner: it may start programs, and is not remembered. */
  readonly fromFile: boolean;
  /** Checks of an earlier registration that are not named again go (R2). */
  readonly replaceChecks?: boolean;
}

/** Verbs throw `AgentError` with nothing changed; else what they did is in `out` and in `view` at once (R4). */
export class Registry {
  readonly #state: RegistryState;
  readonly #allowExec: boolean;
  readonly #startedAt: Millis;

  constructor({ rng, now, allowExec, snapshot: remembered, downtime: absence = 0 }: RegistryOptions) {
    this.#state = new RegistryState(rng, remembered, absence, now);
    this.#allowExec = allowExec;
    this.#startedAt = now;
  }

  get view(): LocalView {
    return this.#state.store;
  }

  get deadline(): Millis {
    const { scheduler, ttlTimers, outbox, reaper } = this.#state;
    const next = Math.min(scheduler.deadline, ttlTimers.deadline, outbox.deadline, reaper.deadline);
    return outbox.isEmpty ? next : Math.min(this.#startedAt, next); // what was restored is published at once
  }

  /** Grows when `remember` would give something new that is worth writing down. */
  get snapshotRevision(): number {
    return this.#state.persister.revision;
  }

  /** Source: R1, R2, R6. The same again changes nothing; a TTL check counts it as a sign of life. */
  registerService(
    service: ServiceDefinition,
    checks: readonly CheckDefinition[],
    options: RegisterOptions,
    now: Millis,
    out: CheckEffect[],
  ): void {
    try {
      admitService(service, checks, this.#state.store, {
        ...options,
        mayExec: this.#allowExec && options.fromFile,
      });
    } catch (error) {
      throw this.#reportRefusal(error, '', service.id, out);
    }
    this.#state.putService(service, options.fromFile, now);
    for (const check of checks) this.#state.putCheck(check, options.fromFile, now);
    if (options.replaceChecks === true) {
      const kept = new Set(checks.map(({ id }) => id)).add(maintenanceCheckId(service.id));
      for (const id of [...this.#state.store.checksOf(service.id)])
        if (!kept.has(id)) this.#state.removeCheck(id);
    }
    this.#flush(now, out);
  }

  deregisterService(id: string, now: Millis, out: CheckEffect[]): void {
    if (this.#state.store.service(id) === undefined) throw unknownServiceError(id);
    this.#state.removeService(id);
    this.#flush(now, out);
  }

  registerCheck(check: CheckDefinition, options: RegisterOptions, now: Millis, out: CheckEffect[]): void {
    try {
      admitCheck(check, this.#state.store, this.#allowExec && options.fromFile);
    } catch (error) {
      throw this.#reportRefusal(error, check.id, check.serviceId, out);
    }
    this.#state.putCheck(check, options.fromFile, now);
    this.#flush(now, out);
  }

  deregisterCheck(id: string, now: Millis, out: CheckEffect[]): void {
    if (this.#state.store.check(id) === undefined) throw unknownCheckError(id);
    this.#state.removeCheck(id);
    this.#flush(now, out);
  }

  /** The word of a TTL check (C8). */
  updateCheck(id: string, status: CheckStatus, output: string, now: Millis, out: CheckEffect[]): void {
    const probe = this.#state.store.check(id)?.definition.probe;
    if (probe?.kind !== 'ttl') throw notTtlCheckError(id);
    this.#state.ttlTimers.set(id, now + probe.ttl);
    this.#state.persister.recordTtlUpdate(id, probe.ttl, now);
    this.#state.recordResult(id, status, output, now);
    this.#flush(now, out);
  }

  /** Of one service, or of the node. Twice the same is once; the first reason stays. */
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

  /** Takes an instance out of the answers before it stops, or back in. */
  setDraining(service: string, on: boolean, now: Millis, out: CheckEffect[]): void {
    if (this.#state.store.service(service) === undefined) throw unknownServiceError(service);
    this.#state.setDraining(service, on);
    this.#flush(now, out);
  }

  /** A runner has finished. Outcomes of nothing that runs are passed over. */
  onCheckFinished(outcome: CheckOutcome, now: Millis, out: CheckEffect[]): void {
    const status = this.#state.scheduler.acceptOutcome(outcome);
    if (status !== undefined) this.#state.recordResult(outcome.check, status, outcome.output, now);
    this.#flush(now, out);
  }

  tick(now: Millis, out: CheckEffect[]): void {
    const { ttlTimers, scheduler, reaper, outbox, store } = this.#state;
    for (const id of drainQueue(() => ttlTimers.pop(now))) this.#expire(id, now);
    for (const overdue of drainQueue(() => scheduler.expireOverdue(now))) this.#failOverdue(overdue, now);
    for (const id of reaper.findExpired(store, now)) this.#reap(id);
    for (const id of drainQueue(() => outbox.nextDeferredOutput(now))) {
      const check = store.check(id);
      if (check !== undefined) outbox.putCheck(check, now);
    }
    for (const run of drainQueue(() => scheduler.nextRun(now))) out.push({ kind: 'run', run });
    this.#flush(now, out);
  }

  /** Plain data for the next life (R3). */
  snapshot(now: Millis): RegistrySnapshot {
    return this.#state.persister.snapshot(
      this.#state.store,
      (check) => this.#state.ttlTimers.dueAt(check),
      now,
    );
  }

  #expire(id: string, now: Millis): void {
    const held = this.#state.store.check(id);
    if (held === undefined) return;
    this.#state.outbox.addFact({ kind: 'checkExpired', check: id, service: held.definition.serviceId });
    const last = held.output.startsWith(EXPIRED) ? held.output : `${EXPIRED}${lastOutputNote(held.output)}`;
    this.#state.recordResult(id, 'critical', last, now);
  }

  #failOverdue(
    lost: { readonly check: string; readonly status: CheckStatus | undefined },
    now: Millis,
  ): void {
    const service = this.#state.store.check(lost.check)?.definition.serviceId ?? '';
    this.#state.outbox.addFact({ kind: 'checkOverdue', check: lost.check, service });
    if (lost.status !== undefined)
      this.#state.recordResult(lost.check, lost.status, 'the check was started and never finished', now);
  }

  #reap(check: string): void {
    const service = this.#state.store.check(check)?.definition.serviceId;
    const held = service === undefined ? undefined : this.#state.store.service(service);
    if (service === undefined || held === undefined) return;
    this.#state.outbox.addFact({ kind: 'serviceReaped', service, name: held.definition.name, check });
    this.#state.removeService(service);
  }

  /** Every step ends here: aliases follow, and what was gathered goes out. */
  #flush(now: Millis, out: CheckEffect[]): void {
    this.#state.refreshAliases(now);
    this.#state.outbox.flush(out);
  }

  #reportRefusal(error: unknown, check: string, service: string, out: CheckEffect[]): unknown {
    const why = error instanceof Error ? error.message : String(error);
    out.push({ kind: 'fact', fact: { kind: 'checkRefused', check, service, why } });
    return error;
  }
}

const EXPIRED = 'TTL expired';

const lastOutputNote = (output: string): string =>
  output === '' ? '' : ` (last output before timeout follows): ${output}`;

/** What `next` gives, until it gives nothing. */
function* drainQueue<T>(next: () => T | undefined): Generator<T> {
  for (let item = next(); item !== undefined; item = next()) yield item;
}
