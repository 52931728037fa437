/**
 * What happens to the services of a lease when it is held, closed, ended in order, forgotten or restored. The registry calls
 * these; what is leased to whom is in leases.ts.
 */
import type { Millis } from '../base/time.ts';
import { admitService, MAX_SERVICES, serviceLimitError } from './admission.ts';
import type { Registration } from './definition/definition.ts';
import { leaseCheck, leaseCheckId } from './definition/lease-check.ts';
import { maintenanceCheckId } from './definition/maintenance.ts';
import { invalidLeaseError, unknownLeaseError } from './definition/refusals.ts';
import type { RegistryState } from './local-state.ts';
import type { LeaseSnapshot, LocalLease } from './types.ts';

/** Services of one process. */
export const MAX_SERVICES_PER_LEASE = 64;
export const MAX_GRACE: Millis = 24 * 3_600_000;
/** A process that ends in order, or is started anew, is back within this. */
export const DEFAULT_GRACE: Millis = 10_000;

export interface LeaseRequest {
  readonly lease: string;
  /** The connection that asks; no two have the same. */
  readonly holder: string;
  readonly grace: Millis;
  readonly registrations: readonly Registration[];
}

/** All or nothing: throws `AgentError` if the lease cannot be held. */
export function admitLease(
  { lease, grace, registrations }: LeaseRequest,
  { store }: Pick<RegistryState, 'store'>,
): void {
  if (!/^[\w.:-]{1,128}$/.test(lease))
    throw invalidLeaseError('its ID must be 1 to 128 letters, digits, "-", "_", "." or ":"');
  if (!(grace >= 0 && grace <= MAX_GRACE)) throw invalidLeaseError('its grace must be 0s to 24h');
  if (registrations.length === 0 || registrations.length > MAX_SERVICES_PER_LEASE)
    throw invalidLeaseError(`it must name 1 to ${MAX_SERVICES_PER_LEASE} services`);
  const ids = new Set(registrations.map(({ service }) => service.id));
  if (ids.size < registrations.length)
    throw invalidLeaseError('two of its services have one ID: give each its own');
  const added = [...ids].filter((id) => store.service(id) === undefined).length;
  if (added > 0 && store.services().size + added > MAX_SERVICES) throw serviceLimitError();
  for (const { service, checks } of registrations)
    admitService(service, checks, store, { replaceChecks: true });
}

/** The request is admitted already. What it does not name any more is removed: it says all that there is. */
export function holdLease(
  { lease, holder, grace, registrations }: LeaseRequest,
  state: RegistryState,
  now: Millis,
): void {
  const { leaseTable } = state.store;
  const before = leaseTable.get(lease);
  const ids = registrations.map(({ service }) => service.id);
  for (const id of before?.services ?? []) if (!ids.includes(id)) state.removeService(id);
  for (const registration of registrations) putLeased(registration, lease, state, now);
  leaseTable.hold(lease, holder, grace, ids);
  state.persister.markChanged();
  const returned = before !== undefined;
  if (returned) state.outbox.addLeaseChange(lease);
  state.outbox.addFact({ kind: 'leaseHeld', lease, services: ids.join(' '), returned });
}

function putLeased(
  { service, checks }: Registration,
  lease: string,
  state: RegistryState,
  now: Millis,
): void {
  const { id } = service;
  const of = state.store.leaseTable.leaseOf(id);
  const isNew = of !== lease;
  if (isNew) state.dropLease(id);
  state.putService(service, false, now);
  // It was another process that was drained.
  if (isNew && of !== undefined) state.setDraining(id, false);
  for (const check of checks) state.putCheck(check, false, now);
  const named = new Set([...checks.map((one) => one.id), maintenanceCheckId(id), leaseCheckId(id)]);
  for (const check of [...state.store.checksOf(id)]) if (!named.has(check)) state.removeCheck(check);
  state.putCheck(leaseCheck(id), false, now);
  state.recordResult(leaseCheckId(id), 'passing', HELD, now);
}

const HELD = 'Its process holds the connection';

/** The connection of `holder` has closed. Nothing happens if another one holds the lease by now. */
export function closeLease(
  lease: string,
  holder: string,
  reason: string,
  state: RegistryState,
  now: Millis,
): void {
  const held = state.store.leaseTable.get(lease);
  if (held?.holder === holder) startGrace(held, reason, state, now);
}

/** The process says that it ends. Without a `reason` all is in order, and its services go at once. */
export function releaseLease(lease: string, reason: string, state: RegistryState, now: Millis): void {
  const held = state.store.leaseTable.get(lease);
  if (held === undefined) throw unknownLeaseError(lease);
  if (reason !== '') return startGrace(held, reason, state, now);
  removeServices(held, state);
  state.outbox.addFact({ kind: 'leaseReleased', lease, services: held.services.join(' ') });
}

function startGrace(held: LocalLease, reason: string, state: RegistryState, now: Millis): void {
  const { id: lease, services, grace } = held;
  state.outbox.addFact({ kind: 'leaseClosed', lease, services: services.join(' '), reason });
  state.outbox.addLeaseChange(lease);
  if (grace === 0) return removeServices(held, state);
  for (const service of services) state.recordResult(leaseCheckId(service), 'critical', reason, now);
  state.store.leaseTable.release(held, reason, now + grace);
  state.persister.markChanged();
}

/** Removes what nobody has come back for. */
export function expireLeases(state: RegistryState, now: Millis): void {
  const { leaseTable } = state.store;
  for (let held = leaseTable.popEnded(now); held !== undefined; held = leaseTable.popEnded(now)) {
    removeServices(held, state);
    state.outbox.addFact({ kind: 'leaseExpired', lease: held.id, services: held.services.join(' ') });
  }
}

function removeServices({ services }: LocalLease, state: RegistryState): void {
  for (const id of services) state.removeService(id);
}

/**
 * Leases of before a restart, whose services are restored already. No connection has outlived it, and no process could come
 * back meanwhile, so each has its whole grace from now on, and its services are as they were.
 */
export function restoreLeases(saved: readonly LeaseSnapshot[], state: RegistryState, now: Millis): void {
  const { store } = state;
  for (const { id, grace, services, reason } of saved) {
    const present = services.filter((one) => store.service(one)?.fromFile === false);
    if (present.length === 0) continue;
    store.leaseTable.release(
      { id, holder: undefined, grace, services: present, reason },
      reason,
      now + grace,
    );
    for (const service of present) {
      state.putCheck(leaseCheck(service), false, now);
      if (reason !== '') state.recordResult(leaseCheckId(service), 'critical', reason, now);
      else state.recordResult(leaseCheckId(service), 'passing', RESTORED, now);
    }
  }
}

const RESTORED = 'The agent has restarted, and its process is expected back';
