/**
 * The conductor of this room: registrations, words of operators, outcomes and time come in; what to run, what
 * others must learn and what happened go out. Each mechanism owns its state in a file of its own; here is who is
 * asked what, and in which order.
 *
 * Source: Consul agent/agent.go (addServiceInternal, addCheck, updateTTLCheck); agent/local/state.go.
 */

import { AgentError } from '../base/errors.ts';
import type { Rng } from '../base/rng.ts';
import type { Millis } from '../base/time.ts';
import type { CheckStatus, ServiceDefinition } from '../model/service.ts';
import { admitCheck, admitService, unknownCheck, unknownService } from './admission.ts';
import { Book } from './local-state.ts';
import { maintenanceId } from './maintenance.ts';
import type { CheckDefinition, CheckEffect, LocalView, Outcome, Remembered } from './types.ts';

export interface RegistryOptions {
  readonly rng: Rng;
  readonly now: Millis;
  /** Programs may be started for checks that come from files. */
  readonly allowExec: boolean;
  /** What `remember` gave in an earlier life. What of it is not valid any more is left out, with a fact. */
  readonly remembered?: Remembered;
  /** How long ago that was, on the clock of the world. */
  readonly absence?: Millis;
}

export interface RegisterOptions {
  /** Of the owner: it may start programs, and is not remembered. */
  readonly fromFile: boolean;
  /** Checks of an earlier registration that are not named again go (R2). */
  readonly replaceChecks?: boolean;
}

/** Verbs throw `AgentError` with nothing changed; else what they did is in `out` and in `view` at once (R4). */
export class Registry {
  readonly #book: Book;
  readonly #allowExec: boolean;
  readonly #bornAt: Millis;

  constructor({ rng, now, allowExec, remembered, absence = 0 }: RegistryOptions) {
    this.#book = new Book(rng, remembered, absence, now);
    this.#allowExec = allowExec;
    this.#bornAt = now;
  }

  get view(): LocalView {
    return this.#book.store;
  }

  get deadline(): Millis {
    const { timetable, ttls, changes, reaper } = this.#book;
    const next = Math.min(timetable.deadline, ttls.deadline, changes.deadline, reaper.deadline);
    return changes.isEmpty ? next : Math.min(this.#bornAt, next); // what was restored is told at once
  }

  /** Grows when `remember` would give something new that is worth writing down. */
  get version(): number {
    return this.#book.keeper.version;
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
      admitService(service, checks, this.#book.store, {
        ...options,
        mayExec: this.#allowExec && options.fromFile,
      });
    } catch (error) {
      throw this.#refuse(error, '', service.id, out);
    }
    this.#book.putService(service, options.fromFile, now);
    for (const check of checks) this.#book.putCheck(check, options.fromFile, now);
    if (options.replaceChecks === true) {
      const kept = new Set(checks.map(({ id }) => id)).add(maintenanceId(service.id));
      for (const id of [...this.#book.store.checksOf(service.id)])
        if (!kept.has(id)) this.#book.removeCheck(id);
    }
    this.#finish(now, out);
  }

  deregisterService(id: string, now: Millis, out: CheckEffect[]): void {
    if (this.#book.store.service(id) === undefined) throw unknownService(id);
    this.#book.removeService(id);
    this.#finish(now, out);
  }

  registerCheck(check: CheckDefinition, options: RegisterOptions, now: Millis, out: CheckEffect[]): void {
    try {
      admitCheck(check, this.#book.store, this.#allowExec && options.fromFile);
    } catch (error) {
      throw this.#refuse(error, check.id, check.serviceId, out);
    }
    this.#book.putCheck(check, options.fromFile, now);
    this.#finish(now, out);
  }

  deregisterCheck(id: string, now: Millis, out: CheckEffect[]): void {
    if (this.#book.store.check(id) === undefined) throw unknownCheck(id);
    this.#book.removeCheck(id);
    this.#finish(now, out);
  }

  /** The word of a TTL check (C8). */
  updateCheck(id: string, status: CheckStatus, output: string, now: Millis, out: CheckEffect[]): void {
    const probe = this.#book.store.check(id)?.definition.probe;
    if (probe?.kind !== 'ttl')
      throw new AgentError(
        'notFound',
        `Unknown check ID ${JSON.stringify(id)}: CheckID ${JSON.stringify(id)} does not have associated TTL`,
      );
    this.#book.ttls.set(id, now + probe.ttl);
    this.#book.keeper.heard(id, probe.ttl, now);
    this.#book.result(id, status, output, now);
    this.#finish(now, out);
  }

  /** Of one service, or of the node. Twice the same is once; the first reason stays. */
  maintenance(
    service: string | undefined,
    on: boolean,
    reason: string,
    now: Millis,
    out: CheckEffect[],
  ): void {
    if (service !== undefined && this.#book.store.service(service) === undefined)
      throw unknownService(service);
    if (on) this.#book.maintain(service ?? '', reason, now);
    else this.#book.removeCheck(maintenanceId(service ?? ''));
    this.#finish(now, out);
  }

  /** Takes an instance out of the answers before it stops, or back in. */
  drain(service: string, on: boolean, now: Millis, out: CheckEffect[]): void {
    if (this.#book.store.service(service) === undefined) throw unknownService(service);
    this.#book.drain(service, on);
    this.#finish(now, out);
  }

  /** A runner has finished. Outcomes of nothing that runs are passed over. */
  checked(outcome: Outcome, now: Millis, out: CheckEffect[]): void {
    const status = this.#book.timetable.take(outcome);
    if (status !== undefined) this.#book.result(outcome.check, status, outcome.output, now);
    this.#finish(now, out);
  }

  tick(now: Millis, out: CheckEffect[]): void {
    const { ttls, timetable, reaper, changes, store } = this.#book;
    for (const id of each(() => ttls.pop(now))) this.#expire(id, now);
    for (const lost of each(() => timetable.giveUp(now))) this.#overdue(lost, now);
    for (const id of reaper.look(store, now)) this.#reap(id);
    for (const id of each(() => changes.nextLate(now))) {
      const check = store.check(id);
      if (check !== undefined) changes.putCheck(check, now);
    }
    for (const order of each(() => timetable.next(now))) out.push({ kind: 'run', order });
    this.#finish(now, out);
  }

  /** Plain data for the next life (R3). */
  remember(now: Millis): Remembered {
    return this.#book.keeper.remember(this.#book.store, (check) => this.#book.ttls.at(check), now);
  }

  #expire(id: string, now: Millis): void {
    const held = this.#book.store.check(id);
    if (held === undefined) return;
    this.#book.changes.fact({ kind: 'checkExpired', check: id, service: held.definition.serviceId });
    const last = held.output.startsWith(EXPIRED) ? held.output : `${EXPIRED}${lastWords(held.output)}`;
    this.#book.result(id, 'critical', last, now);
  }

  #overdue(lost: { readonly check: string; readonly status: CheckStatus | undefined }, now: Millis): void {
    const service = this.#book.store.check(lost.check)?.definition.serviceId ?? '';
    this.#book.changes.fact({ kind: 'checkOverdue', check: lost.check, service });
    if (lost.status !== undefined)
      this.#book.result(lost.check, lost.status, 'the check was started and never finished', now);
  }

  #reap(check: string): void {
    const service = this.#book.store.check(check)?.definition.serviceId;
    const held = service === undefined ? undefined : this.#book.store.service(service);
    if (service === undefined || held === undefined) return;
    this.#book.changes.fact({ kind: 'serviceReaped', service, name: held.definition.name, check });
    this.#book.removeService(service);
  }

  /** Every step ends here: aliases follow, and what was gathered goes out. */
  #finish(now: Millis, out: CheckEffect[]): void {
    this.#book.mirror(now);
    this.#book.changes.flush(out);
  }

  #refuse(error: unknown, check: string, service: string, out: CheckEffect[]): unknown {
    const why = error instanceof Error ? error.message : String(error);
    out.push({ kind: 'fact', fact: { kind: 'checkRefused', check, service, why } });
    return error;
  }
}

const EXPIRED = 'TTL expired';

const lastWords = (output: string): string =>
  output === '' ? '' : ` (last output before timeout follows): ${output}`;

/** What `next` gives, until it gives nothing. */
function* each<T>(next: () => T | undefined): Generator<T> {
  for (let item = next(); item !== undefined; item = next()) yield item;
}
