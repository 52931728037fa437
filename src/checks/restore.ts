/**
 * State from before the restart that waits for its registration: the state of checks, drained services, maintenance,
 * and checks whose service comes from a file. It is valid until the files have been read after the start.
 */
import type { Millis } from '../base/time.ts';
import type { CheckDefinition, CheckStateSnapshot, RegistrySnapshot } from './types.ts';

/** After a longer downtime the state of a check is unknown. A TTL check is valid for the rest of its TTL instead. */
export const MAX_STATUS_AGE: Millis = 2 * 60_000;
/** Files are read within this time after the start. */
const FILE_LOAD_GRACE: Millis = 60_000;

export class RestoredState {
  readonly #states: Map<string, CheckStateSnapshot>;
  readonly #maintenance: Map<string, string>;
  readonly #draining: Set<string>;
  readonly #deferredChecks = new Map<string, CheckDefinition[]>();
  readonly #downtime: Millis;
  readonly #expiresAt: Millis;

  /** `downtime`: the age of the snapshot. */
  constructor(snapshot: RegistrySnapshot | undefined, downtime: Millis, now: Millis) {
    this.#states = new Map(snapshot?.states.map((state) => [state.check, state]));
    this.#maintenance = new Map(snapshot?.maintenance.map(({ service, reason }) => [service, reason]));
    this.#draining = new Set(snapshot?.draining);
    this.#downtime = downtime;
    this.#expiresAt = now + FILE_LOAD_GRACE;
  }

  /** The state of this check before the restart, if it is still valid. Returned once. */
  consumeCheckState(
    { id, probe }: CheckDefinition,
    now: Millis,
  ): Pick<CheckStateSnapshot, 'status' | 'output'> | undefined {
    const state = this.#states.get(id);
    this.#states.delete(id);
    if (state === undefined || now > this.#expiresAt) return undefined;
    if (probe.kind === 'ttl')
      return this.#downtime < state.ttlLeft ? state : { status: 'critical', output: 'TTL expired' };
    return this.#downtime <= MAX_STATUS_AGE ? state : undefined;
  }

  /** The reason why this service (`''`: the node) was in maintenance. Returned once. */
  consumeMaintenance(service: string, now: Millis): string | undefined {
    const reason = this.#maintenance.get(service);
    this.#maintenance.delete(service);
    return now > this.#expiresAt ? undefined : reason;
  }

  consumeDraining(service: string, now: Millis): boolean {
    return this.#draining.delete(service) && now <= this.#expiresAt;
  }

  /** For a check whose service is not registered yet. */
  deferCheck(check: CheckDefinition): void {
    const waiting = this.#deferredChecks.get(check.serviceId);
    if (waiting === undefined) this.#deferredChecks.set(check.serviceId, [check]);
    else waiting.push(check);
  }

  /** The checks that wait for this service. Returned once. */
  consumeDeferredChecks(service: string, now: Millis): readonly CheckDefinition[] {
    const waiting = this.#deferredChecks.get(service) ?? [];
    this.#deferredChecks.delete(service);
    return now > this.#expiresAt ? [] : waiting;
  }
}
