/**
 * Changes and facts that are gathered during one step and emitted at its end. A changed status or definition is
 * published at once; a change of a check's output alone, at most every five minutes.
 *
 * Source: Consul agent/local/state.go, UpdateCheck (CheckUpdateInterval).
 */
import type { Millis } from '../base/time.ts';
import { Timers } from '../base/timers.ts';
import { formatDuration } from '../config/setting.ts';
import {
  type Check,
  type EntryKey,
  type EntryWrite,
  type Service,
  truncateForGossip,
} from '../model/service.ts';
import type { CheckEffect, CheckFact, LocalCheck, LocalService } from './types.ts';

/** Consul's `check_update_interval`. */
export const CHECK_UPDATE_INTERVAL: Millis = 5 * 60_000;

/** What other agents accept. Longer texts are whole in the API of this agent only. */
const MAX_GOSSIP_NAME_BYTES = 512;
const MAX_GOSSIP_NOTES_BYTES = 1024;

export class Outbox {
  readonly #pending = new Map<EntryKey, EntryWrite>();
  readonly #facts: CheckFact[] = [];
  readonly #stops = new Set<string>();
  readonly #changedLeases = new Set<string>();
  /** When each check was last published. */
  readonly #publishedAt = new Map<string, Millis>();
  /** Checks whose present output is not published yet. */
  readonly #deferredOutputs = new Timers<string>();

  get deadline(): Millis {
    return this.#deferredOutputs.deadline;
  }

  get isEmpty(): boolean {
    return this.#pending.size === 0 && this.#facts.length === 0 && this.#changedLeases.size === 0;
  }

  addFact(fact: CheckFact): void {
    this.#facts.push(fact);
  }

  /** The run of this check is to be ended. */
  addStop(check: string): void {
    this.#stops.add(check);
  }

  addLeaseChange(lease: string): void {
    this.#changedLeases.add(lease);
  }

  putService(service: LocalService): void {
    this.#enqueue(`s:${service.definition.id}`, { put: publishedService(service) });
  }

  removeService(id: string): void {
    this.#enqueue(`s:${id}`, { remove: `s:${id}` });
  }

  putCheck(check: LocalCheck, now: Millis): void {
    const { id } = check.definition;
    this.#deferredOutputs.clear(id);
    this.#publishedAt.set(id, now);
    this.#enqueue(`c:${id}`, { put: publishedCheck(check) });
  }

  /** For a check of which only the output changed. */
  putOutput(check: LocalCheck, now: Millis): void {
    const { id } = check.definition;
    if (this.#pending.has(`c:${id}`)) return this.putCheck(check, now);
    const publishAt = (this.#publishedAt.get(id) ?? now) + CHECK_UPDATE_INTERVAL;
    if (publishAt <= now) this.putCheck(check, now);
    else if (!this.#deferredOutputs.has(id)) this.#deferredOutputs.set(id, publishAt);
  }

  removeCheck(id: string): void {
    this.#deferredOutputs.clear(id);
    this.#publishedAt.delete(id);
    this.#enqueue(`c:${id}`, { remove: `c:${id}` });
  }

  /** A check whose deferred output is due, or `undefined`. */
  nextDeferredOutput(now: Millis): string | undefined {
    return this.#deferredOutputs.pop(now);
  }

  flush(out: CheckEffect[]): void {
    for (const fact of this.#facts) out.push({ kind: 'fact', fact });
    this.#facts.length = 0;
    for (const check of this.#stops) out.push({ kind: 'stop', check });
    this.#stops.clear();
    for (const lease of this.#changedLeases) out.push({ kind: 'leaseChanged', lease });
    this.#changedLeases.clear();
    if (this.#pending.size === 0) return;
    const changes = [...this.#pending.values()].sort((a, b) => publishOrder(a) - publishOrder(b));
    this.#pending.clear();
    out.push({ kind: 'publish', changes });
  }

  #enqueue(key: EntryKey, change: EntryWrite): void {
    this.#pending.delete(key); // so that changes of equal rank stand in the order of the last change
    this.#pending.set(key, change);
  }
}

/** Removals come first, checks before services; then services, and checks after them. */
function publishOrder(change: EntryWrite): number {
  if ('remove' in change) return change.remove.startsWith('c:') ? 0 : 1;
  return change.put.kind === 'service' ? 2 : 3;
}

const publishedService = ({ definition, draining }: LocalService): Service => ({
  kind: 'service',
  ...definition,
  draining,
});

function publishedCheck({ definition, status, output }: LocalCheck): Check {
  const { id, name, notes, serviceId, probe, interval, timeout } = definition;
  return {
    kind: 'check',
    id,
    name: truncateForGossip(name, MAX_GOSSIP_NAME_BYTES),
    status,
    notes: truncateForGossip(notes, MAX_GOSSIP_NOTES_BYTES),
    output: truncateForGossip(output),
    serviceId,
    type: TYPES[probe.kind] ?? probe.kind,
    interval: publishedDuration(interval),
    timeout: publishedDuration(timeout),
  };
}

/** Kinds that do not run have the interval 0, which is published as `''`. */
const publishedDuration = (duration: Millis): string => (duration === 0 ? '' : formatDuration(duration));

/** Types of checks in Consul, where they are not the kind. */
const TYPES: Readonly<Record<string, string>> = { exec: 'script', reported: '' };
