/**
 * What is remembered of an earlier life, waiting to be taken up: how checks stood, which services were drained or
 * in maintenance, checks whose service comes from a file. It waits only until files were read after the start.
 */
import type { Millis } from '../base/time.ts';
import type { CheckDefinition, Remembered, RememberedState } from './types.ts';

/** After a longer absence nobody knows how a check stands. TTL checks say themselves how long their word holds. */
export const STATUS_HOLDS: Millis = 2 * 60_000;
/** Files are read right after the start. */
const FILES_WITHIN: Millis = 60_000;

export class Memory {
  readonly #states: Map<string, RememberedState>;
  readonly #maintenance: Map<string, string>;
  readonly #draining: Set<string>;
  readonly #orphans = new Map<string, CheckDefinition[]>();
  readonly #absence: Millis;
  readonly #until: Millis;

  /** `absence`: how long ago this was remembered. */
  constructor(remembered: Remembered | undefined, absence: Millis, now: Millis) {
    this.#states = new Map(remembered?.states.map((state) => [state.check, state]));
    this.#maintenance = new Map(remembered?.maintenance.map(({ service, reason }) => [service, reason]));
    this.#draining = new Set(remembered?.draining);
    this.#absence = absence;
    this.#until = now + FILES_WITHIN;
  }

  /** How this check stood, if that still holds. Each is recalled once. */
  state({ id, probe }: CheckDefinition, now: Millis): Pick<RememberedState, 'status' | 'output'> | undefined {
    const state = this.#states.get(id);
    this.#states.delete(id);
    if (state === undefined || now > this.#until) return undefined;
    if (probe.kind === 'ttl')
      return this.#absence < state.ttlLeft ? state : { status: 'critical', output: 'TTL expired' };
    return this.#absence <= STATUS_HOLDS ? state : undefined;
  }

  /** The reason of this service's maintenance, or of the node's (`''`). */
  maintenance(service: string, now: Millis): string | undefined {
    const reason = this.#maintenance.get(service);
    this.#maintenance.delete(service);
    return now > this.#until ? undefined : reason;
  }

  draining(service: string, now: Millis): boolean {
    return this.#draining.delete(service) && now <= this.#until;
  }

  /** The service of this check is not registered yet. */
  wait(check: CheckDefinition): void {
    const waiting = this.#orphans.get(check.serviceId);
    if (waiting === undefined) this.#orphans.set(check.serviceId, [check]);
    else waiting.push(check);
  }

  /** The checks that waited for this service. */
  orphans(service: string, now: Millis): readonly CheckDefinition[] {
    const waiting = this.#orphans.get(service) ?? [];
    this.#orphans.delete(service);
    return now > this.#until ? [] : waiting;
  }
}
