/**
 * State from before the restart that waits for its registration: the state of checks, drained services, maintenance,
 * and checks whose service comes from a file. It is valid until the files have been read after the start.
 */
import type { Millis } from '../../base/time.ts';
import type { CheckStatus } from '../../model/service.ts';
import { encodeCheck } from '../definition/encode.ts';
import type { CheckDefinition, CheckStateSnapshot, RegistrySnapshot } from '../types.ts';

/** After a longer downtime the state of a check is unknown. A TTL check is valid for the rest of its TTL instead. */
export const MAX_STATUS_AGE: Millis = 2 * 60_000;
/** Files are read within this time after the start. */
const FILE_LOAD_GRACE: Millis = 60_000;

/** What a check is at its first registration after a restart. */
export interface RestoredCheck {
  readonly status: CheckStatus;
  readonly output: string;
  /** For a TTL check: what the absence has left of its TTL. 0: it has expired. */
  readonly ttlLeft: Millis;
  /** How long it has been critical, the absence included; `undefined`: nothing counts that, or it was not. */
  readonly criticalFor: Millis | undefined;
}

export class RestoredState {
  readonly #states: Map<string, CheckStateSnapshot>;
  readonly #maintenance: Map<string, string>;
  readonly #draining: Set<string>;
  readonly #deferredChecks = new Map<string, CheckDefinition[]>();
  readonly #downtime: Millis;
  readonly #startedAt: Millis;

  /** `downtime`: the age of the snapshot. */
  constructor(snapshot: RegistrySnapshot | undefined, downtime: Millis, now: Millis) {
    this.#states = new Map(snapshot?.states.map((state) => [state.check, state]));
    this.#maintenance = new Map(snapshot?.maintenance.map(({ service, reason }) => [service, reason]));
    this.#draining = new Set(snapshot?.draining);
    this.#downtime = downtime;
    this.#startedAt = now;
  }

  /** The state of this check before the restart, with its times as they are now. Returned once. */
  consumeCheckState({ id, probe, initial }: CheckDefinition, now: Millis): RestoredCheck | undefined {
    const state = this.#states.get(id);
    this.#states.delete(id);
    if (state === undefined || this.#isOver(now)) return undefined;
    const absence = this.#downtime + (now - this.#startedAt);
    const criticalFor = state.criticalFor === undefined ? undefined : state.criticalFor + absence;
    const { status, output } = state;
    if (probe.kind !== 'ttl')
      return this.#downtime <= MAX_STATUS_AGE
        ? { status, output, ttlLeft: 0, criticalFor }
        : { status: initial, output: '', ttlLeft: 0, criticalFor };
    const ttlLeft = state.ttlLeft - absence;
    if (ttlLeft > 0) return { status, output, ttlLeft, criticalFor };
    return { status: 'critical', output: 'TTL expired', ttlLeft: 0, criticalFor: criticalFor ?? -ttlLeft };
  }

  /** The reason why this service (`''`: the node) was in maintenance. Returned once. */
  consumeMaintenance(service: string, now: Millis): string | undefined {
    const reason = this.#maintenance.get(service);
    this.#maintenance.delete(service);
    return this.#isOver(now) ? undefined : reason;
  }

  consumeDraining(service: string, now: Millis): boolean {
    return this.#draining.delete(service) && !this.#isOver(now);
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
    return this.#isOver(now) ? [] : waiting;
  }

  /** By now all files have been read. */
  #isOver(now: Millis): boolean {
    return now > this.#startedAt + FILE_LOAD_GRACE;
  }

  /**
   * What still waits, for the next start: an agent that is killed before it has read its service files must not forget what
   * an operator ordered for the services in them.
   */
  snapshot(now: Millis): RegistrySnapshot {
    if (this.#isOver(now)) return NOTHING;
    const age = this.#downtime + (now - this.#startedAt);
    return {
      services: [],
      checks: [...this.#deferredChecks.values()].flat().map((check) => JSON.stringify(encodeCheck(check))),
      states: [...this.#states.values()].map(({ criticalFor, ...state }) => ({
        ...state,
        ttlLeft: Math.max(0, state.ttlLeft - age),
        ...(criticalFor === undefined ? {} : { criticalFor: criticalFor + age }),
      })),
      maintenance: [...this.#maintenance].map(([service, reason]) => ({ service, reason })),
      draining: [...this.#draining],
    };
  }
}

const NOTHING: RegistrySnapshot = { services: [], checks: [], states: [], maintenance: [], draining: [] };
