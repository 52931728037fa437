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
import { aliasOf } from './alias.ts';
import { parseCheck, parseService } from './definition/definition.ts';
import { THIS_NODE } from './definition/encode.ts';
import { same } from './definition/equal.ts';
import { maintenanceOf } from './maintenance.ts';
import { Changes } from './outbox.ts';
import { cutOutput } from './output.ts';
import { Keeper } from './persist.ts';
import { Reaper } from './reaper.ts';
import { Memory } from './restore.ts';
import { Timetable } from './scheduler.ts';
import { Store } from './store.ts';
import type { CheckDefinition, Remembered } from './types.ts';

export class Book {
  readonly store = new Store();
  readonly changes = new Changes();
  readonly keeper = new Keeper();
  readonly reaper = new Reaper();
  readonly timetable: Timetable;
  /** When each TTL check falls silent. */
  readonly ttls = new Timers<string>();
  readonly #aliases = new Set<string>();
  readonly #memory: Memory;
  /** Something changed that an alias may mirror. */
  #stirred = false;

  constructor(rng: Rng, remembered: Remembered | undefined, absence: Millis, now: Millis) {
    this.timetable = new Timetable(rng);
    this.#memory = new Memory(remembered, absence, now);
    if (remembered !== undefined) this.#restore(remembered, now);
  }

  /** The same again changes nothing. */
  putService(definition: ServiceDefinition, fromFile: boolean, now: Millis): void {
    const { id, name } = definition;
    const held = this.store.service(id);
    const draining = held?.draining ?? this.#memory.draining(id, now);
    const service = { definition, fromFile, draining };
    this.store.putService(service);
    this.keeper.keepService(definition, fromFile);
    if (held !== undefined && same(held.definition, definition)) return;
    this.changes.putService(service);
    this.changes.fact({ kind: 'serviceRegistered', service: id, name, again: held !== undefined });
    if (held !== undefined) return;
    this.#stirred = true;
    const reason = this.#memory.maintenance(id, now);
    if (reason !== undefined) this.maintain(id, reason, now);
    for (const orphan of this.#memory.orphans(id, now)) this.putCheck(orphan, false, now);
  }

  /** A check that was there keeps its status and output, whatever is new about it (R1). */
  putCheck(definition: CheckDefinition, fromFile: boolean, now: Millis): void {
    const { id, serviceId, probe, initial, outputMaxBytes } = definition;
    const held = this.store.check(id);
    this.reaper.forget(id); // somebody vouches for it
    this.keeper.keepCheck(definition, fromFile);
    if (held === undefined || !same(held.definition, definition)) {
      const before = held ?? this.#memory.state(definition, now);
      const output = cutOutput(before?.output ?? '', outputMaxBytes);
      const check = { definition, status: before?.status ?? initial, output };
      this.store.putCheck(check);
      this.timetable.add(definition, now);
      this.ttls.clear(id);
      if (probe.kind === 'alias') this.#aliases.add(id);
      else this.#aliases.delete(id);
      this.changes.putCheck(check, now);
      if (held === undefined) this.changes.fact({ kind: 'checkRegistered', check: id, service: serviceId });
      this.#stirred = true;
    }
    if (probe.kind === 'ttl') this.ttls.set(id, now + probe.ttl);
  }

  /** Of the node if `service` is `''`. */
  maintain(service: string, reason: string, now: Millis): void {
    const check = maintenanceOf(service, reason);
    if (this.store.check(check.definition.id) !== undefined) return;
    this.store.putCheck(check);
    this.keeper.touch();
    this.changes.putCheck(check, now);
    this.changes.fact({ kind: 'maintenanceChanged', service, on: true, reason: check.definition.notes });
    this.#stirred = true;
  }

  drain(id: string, on: boolean): void {
    const held = this.store.service(id);
    if (held === undefined || held.draining === on) return;
    const service = { ...held, draining: on };
    this.store.putService(service);
    this.keeper.touch();
    this.changes.putService(service);
    this.changes.fact({ kind: 'serviceDrained', service: id, on });
  }

  removeService(id: string): void {
    const held = this.store.service(id);
    if (held === undefined) return;
    for (const check of [...this.store.checksOf(id)]) this.removeCheck(check);
    this.store.removeService(id);
    this.keeper.forgetService(id);
    this.changes.removeService(id);
    this.changes.fact({ kind: 'serviceDeregistered', service: id, name: held.definition.name });
    this.#stirred = true;
  }

  removeCheck(id: string): void {
    const held = this.store.check(id);
    if (held === undefined) return;
    const { probe, serviceId } = held.definition;
    this.store.removeCheck(id);
    this.timetable.remove(id);
    this.ttls.clear(id);
    this.#aliases.delete(id);
    this.reaper.forget(id);
    this.keeper.forgetCheck(id);
    this.changes.removeCheck(id);
    this.changes.fact(
      probe.kind === 'maintenance'
        ? { kind: 'maintenanceChanged', service: serviceId, on: false, reason: '' }
        : { kind: 'checkDeregistered', check: id, service: serviceId },
    );
    this.#stirred = true;
  }

  /** How a check stands now: seen here at once; told at once if its status changed. */
  result(id: string, status: CheckStatus, said: string, now: Millis): void {
    const held = this.store.check(id);
    if (held === undefined) return;
    const { definition } = held;
    const service = definition.serviceId;
    if (service !== '') this.reaper.note(id, definition.deregisterCriticalAfter, status, now);
    const output = cutOutput(said, definition.outputMaxBytes);
    if (held.status === status && held.output === output) return;
    const check = { definition, status, output };
    this.store.putCheck(check);
    if (held.status === status) return this.changes.putOutput(check, now);
    this.changes.putCheck(check, now);
    this.changes.fact({ kind: 'checkChanged', check: id, service, from: held.status, to: status });
    this.keeper.touch();
    this.#stirred = true;
  }

  /** Aliases follow what they mirror. */
  mirror(now: Millis): void {
    if (!this.#stirred) return;
    for (const id of this.#aliases) {
      const probe = this.store.check(id)?.definition.probe;
      if (probe?.kind !== 'alias') continue;
      const { status, output } = aliasOf(probe.serviceId, this.store);
      this.result(id, status, output, now);
    }
    this.#stirred = false;
  }

  /** Each definition is read again as if it came today; what cannot be taken up is left out, and told. */
  #restore({ services, checks }: Remembered, now: Millis): void {
    const each = (what: string, all: readonly string[], take: (value: unknown) => void): void => {
      for (const words of all)
        try {
          take(JSON.parse(words));
        } catch (error) {
          const why = error instanceof Error ? error.message : String(error);
          this.changes.fact({ kind: 'rememberedRefused', what, why });
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
        return this.#memory.wait(check); // its service is in a file, perhaps
      admitCheck(check, this.store, false);
      this.putCheck(check, false, now);
    });
    const reason = this.#memory.maintenance('', now);
    if (reason !== undefined) this.maintain('', reason, now);
    this.mirror(now);
  }
}
