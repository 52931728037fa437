/**
 * Services and checks that come from the operator's files, replaced as a whole when the files are read. What is the same in
 * them is not touched, so that reading the same files again extends no TTL and ends no count. What was registered over HTTP
 * stays, but for services that the files define, too: as at a start, the files win.
 *
 * Source: Consul agent/agent.go, loadServices (which unloads all first; here nothing is missing meanwhile).
 */
import type { Millis } from '../base/time.ts';
import type { ServiceDefinition } from '../model/service.ts';
import type { Registration } from './definition/definition.ts';
import { deepEqual } from './definition/equal.ts';
import type { RegistryState } from './local-state.ts';
import type { CheckDefinition, FileServiceChange } from './types.ts';

/** The registrations are admitted already. Returns what has changed, in the order of the files, then what is gone. */
export function replaceFileServices(
  registrations: readonly Registration[],
  state: RegistryState,
  now: Millis,
): readonly FileServiceChange[] {
  const ids = new Set(registrations.map(({ service }) => service.id));
  const gone = [...state.store.services()].filter(([id, { fromFile }]) => fromFile && !ids.has(id));
  for (const [id] of gone) state.removeService(id);
  return [
    ...registrations.flatMap((registration) => putRegistration(registration, state, now)),
    ...gone.map(([id]): FileServiceChange => ({ id, change: 'deregistered', fields: [] })),
  ];
}

function putRegistration(
  { service, checks }: Registration,
  state: RegistryState,
  now: Millis,
): FileServiceChange[] {
  const { id } = service;
  const before = state.store.service(id);
  state.dropLease(id);
  state.putService(service, true, now);
  const checkChanges = putChecks(service, checks, state, now);
  if (before === undefined) return [{ id, change: 'registered', fields: [] }];
  const fields = [...changedFields(before.definition, service), ...checkChanges];
  if (!before.fromFile) return [{ id, change: 'replaced', fields }];
  return fields.length === 0 ? [] : [{ id, change: 'changed', fields }];
}

/** Returns `check ID` for each check that is new, different or gone. */
function putChecks(
  { id: service }: ServiceDefinition,
  checks: readonly CheckDefinition[],
  state: RegistryState,
  now: Millis,
): string[] {
  const changed: string[] = [];
  for (const check of checks) {
    const before = state.store.check(check.id);
    if (before?.fromFile === true && deepEqual(before.definition, check)) continue;
    if (before === undefined || !deepEqual(before.definition, check)) changed.push(`check ${check.id}`);
    putCheck(check, before?.definition, state, now);
  }
  const named = new Set(checks.map(({ id }) => id));
  for (const id of [...state.store.checksOf(service)])
    if (!named.has(id) && state.store.check(id)?.fromFile === true) {
      state.removeCheck(id);
      changed.push(`check ${id}`);
    }
  return changed;
}

/** A TTL goes on from the last update: an edited file is none. */
function putCheck(
  check: CheckDefinition,
  before: CheckDefinition | undefined,
  state: RegistryState,
  now: Millis,
): void {
  const due = state.ttlTimers.dueAt(check.id);
  state.putCheck(check, true, now);
  if (due === undefined || before?.probe.kind !== 'ttl' || check.probe.kind !== 'ttl') return;
  state.ttlTimers.set(check.id, Math.max(now, due - before.probe.ttl + check.probe.ttl));
}

function changedFields(before: ServiceDefinition, after: ServiceDefinition): string[] {
  return (Object.keys(after) as (keyof ServiceDefinition)[]).filter(
    (field) => !deepEqual(before[field], after[field]),
  );
}
