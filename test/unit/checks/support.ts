/** A registry with a clock, driven as the agent drives it. */

import { createRng } from '../../../src/base/rng.ts';
import { parseCheck, parseService } from '../../../src/checks/definition/definition.ts';
import { Registry, type RegistryOptions } from '../../../src/checks/registry.ts';
import type { CheckEffect, CheckFact, CheckRun, RegistrySnapshot } from '../../../src/checks/types.ts';
import { type CheckStatus, type EntryWrite, toEntryKey } from '../../../src/model/service.ts';

export const SECOND = 1000;
export const MINUTE = 60_000;

type Options = Partial<Omit<RegistryOptions, 'rng'>> & { readonly seed?: number };

export function stand({ seed = 7, now = 0, allowExec = false, ...rest }: Options = {}) {
  const registry = new Registry({ rng: createRng(seed), now, allowExec, ...rest });
  const out: CheckEffect[] = [];
  const runs: { readonly at: number; readonly run: CheckRun }[] = [];
  let at = now;
  const effects = (): CheckEffect[] => out.splice(0);
  const driven = {
    registry,
    runs,
    now: () => at,
    /** Registers as `PUT /v1/agent/service/register` does. */
    service(value: unknown, options: { replaceChecks?: boolean } = {}) {
      const { service, checks } = parseService(value);
      registry.registerService(service, checks, options, at, out);
    },
    /** Reads the service files, which hold these services. */
    files(...values: readonly unknown[]) {
      return registry.replaceFileServices(
        values.map((value) => parseService(value)),
        at,
        out,
      );
    },
    check(value: unknown) {
      registry.registerCheck(parseCheck(value, { node: 'here' }), at, out);
    },
    update(id: string, status: CheckStatus, output = '') {
      registry.updateCheck(id, status, output, at, out);
    },
    deregister(id: string) {
      registry.deregisterService(id, at, out);
    },
    deregisterCheck(id: string) {
      registry.deregisterCheck(id, at, out);
    },
    maintain(service: string | undefined, on: boolean, reason = '') {
      registry.setMaintenance(service, on, reason, at, out);
    },
    /** Holds a lease as `PUT /v1/hearsay/lease` does. */
    hold(lease: string, holder: string, values: readonly unknown[], grace = 10 * SECOND) {
      const registrations = values.map((value) => parseService(value));
      registry.holdLease({ lease, holder, grace, registrations }, at, out);
    },
    close(lease: string, holder: string, reason = 'its process on here closed the connection') {
      registry.closeLease(lease, holder, reason, at, out);
    },
    release(lease: string, reason = '') {
      registry.releaseLease(lease, reason, at, out);
    },
    drain(service: string, on: boolean) {
      registry.setDraining(service, on, at, out);
    },
    /** The outcome of the last run of this check, or of the run `generation`. */
    outcome(check: string, status: CheckStatus, output = '', generation?: number) {
      const last = runs.findLast(({ run }) => run.check === check)?.run.generation ?? 0;
      registry.onCheckFinished({ check, generation: generation ?? last, status, output }, at, out);
    },
    /** Advances the clock by `millis` and ticks at each deadline. `answer` gives the outcome of each run. */
    pass(millis: number, answer?: (run: CheckRun) => CheckStatus | undefined) {
      const until = at + millis;
      while (registry.deadline <= until) {
        at = Math.max(at, registry.deadline);
        const from = out.length;
        registry.tick(at, out);
        for (const effect of out.slice(from)) {
          if (effect.kind !== 'run') continue;
          runs.push({ at, run: effect.run });
          const status = answer?.(effect.run);
          if (status !== undefined) driven.outcome(effect.run.check, status, `it is ${status}`);
        }
      }
      at = until;
    },
    status: (id: string) => registry.view.checks().get(id)?.status,
    output: (id: string) => registry.view.checks().get(id)?.output,
    checks: () => [...registry.view.checks().keys()].sort(),
    services: () => [...registry.view.services().keys()].sort(),
    effects,
    published: (): EntryWrite[] =>
      effects().flatMap((effect) => (effect.kind === 'publish' ? effect.changes : [])),
    /** Leases whose holder has to look again. */
    changedLeases: (): string[] =>
      effects().flatMap((effect) => (effect.kind === 'leaseChanged' ? [effect.lease] : [])),
    facts: (): CheckFact[] => effects().flatMap((effect) => (effect.kind === 'fact' ? [effect.fact] : [])),
  };
  return driven;
}

/** A new registry restores the snapshot, encoded and decoded as on disk, after a downtime of `downtime`. */
export function restart(before: ReturnType<typeof stand>, downtime = SECOND) {
  const snapshot = JSON.parse(JSON.stringify(before.registry.snapshot(before.now()))) as RegistrySnapshot;
  return stand({ snapshot, downtime, seed: 9, now: 77 * SECOND });
}

/** One line for each write: `put c:ID critical`, `remove s:ID`. */
export const lines = (changes: readonly EntryWrite[]): string[] => changes.map(line);

function line(change: EntryWrite): string {
  if ('remove' in change) return `remove ${change.remove}`;
  const { put } = change;
  return `put ${toEntryKey(put)} ${put.kind === 'check' ? put.status : put.kind === 'service' && put.draining ? 'draining' : ''}`.trimEnd();
}
