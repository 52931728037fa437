/**
 * What is remembered of an earlier life, waiting to be taken up: how checks stood, which services were drained or
 * in maintenance, checks whose service comes from a file. It waits only until files were read after the start.
 */
import type { Millis } from '../base/time.ts';
import type { CheckDefinition, CheckStateSnapshot, RegistrySnapshot } from './types.ts';

/** After a longer absence nobody knows how a check stands. TTL checks say themselves how long their word holds. */
export const MAX_STATUS_AGE: Millis = 2 * 60_000;
/** Files are read right after the start. */
const FILE_LOAD_GRACE: Millis = 60_000;

export class RestoredState {
  readonly #states: Map<string, CheckStateSnapshot>;
  readonly #maintenance: Map<string, string>;
  readonly #draining: Set<string>;
  readonly #deferredChecks = new Map<string, CheckDefinition[]>();
  readonly #downtime: Millis;
  readonly #expiresAt: Millis;

  /** `absence`: how long ago this was remembered. */
  constructor(remembered: RegistrySnapshot | undefined, absence: Millis, now: Millis) {
    this.#states = new Map(remembered?.states.map((state) => [state.check, state]));
    this.#maintenance = new Map(remembered?.maintenance.map(({ service, reason }) => [service, reason]));
    this.#draining = new Set(remembered?.draining);
    this.#downtime = absence;
    this.#expiresAt = now + FILE_LOAD_GRACE;
  }

  /** How this check stood, if that still holds. Each is recalled once. */
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

  /** The reason of this service's maintenance, or of the node's (`''`). */
  consumeMaintenance(service: string, now: Millis): string | undefined {
    const reason = this.#maintenance.get(service);
    this.#maintenance.delete(service);
    return now > this.#expiresAt ? undefined : reason;
  }

  consumeDraining(service: string, now: Millis): boolean {
    return this.#draining.delete(service) && now <= this.#expiresAt;
  }

  /** The service of this check is not registered yet. */
  deferCheck(check: CheckDefinition): void {
    const waiting = this.#deferredChecks.get(check.serviceId);
    if (waiting === undefined) this.#deferredChecks.set(check.serviceId, [check]);
    else waiting.push(check);
  }

  /** The checks that waited for this service. */
  consumeDeferredChecks(service: string, now: Millis): readonly CheckDefinition[] {
    const waiting = this.#deferredChecks.get(service) ?? [];
    this.#deferredChecks.delete(service);
    return now > this.#expiresAt ? [] : waiting;
  }
}
