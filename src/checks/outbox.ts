/**
 * What others must learn, gathered during one step and told at its end; and how long a mere change of output may
 * wait. A changed status or definition is told at once, an output at most every five minutes.
 *
 * Source: Consul agent/local/state.go, UpdateCheck (CheckUpdateInterval).
 */
import type { Millis } from '../base/time.ts';
import { Timers } from '../base/timers.ts';
import { formatDuration } from '../config/setting.ts';
import { type Change, type Check, type EntryKey, type Service, trimOutput } from '../model/service.ts';
import type { CheckEffect, CheckFact, LocalCheck, LocalService } from './types.ts';

/** Consul's `check_update_interval`. */
export const OUTPUT_INTERVAL: Millis = 5 * 60_000;

export class Changes {
  readonly #pending = new Map<EntryKey, Change>();
  readonly #facts: CheckFact[] = [];
  /** When each check was last told. */
  readonly #toldAt = new Map<string, Millis>();
  /** Checks whose output others do not have yet. */
  readonly #late = new Timers<string>();

  get deadline(): Millis {
    return this.#late.deadline;
  }

  get isEmpty(): boolean {
    return this.#pending.size === 0 && this.#facts.length === 0;
  }

  fact(fact: CheckFact): void {
    this.#facts.push(fact);
  }

  putService(service: LocalService): void {
    this.#note(`s:${service.definition.id}`, { put: publishedService(service) });
  }

  removeService(id: string): void {
    this.#note(`s:${id}`, { remove: `s:${id}` });
  }

  putCheck(check: LocalCheck, now: Millis): void {
    const { id } = check.definition;
    this.#late.clear(id);
    this.#toldAt.set(id, now);
    this.#note(`c:${id}`, { put: publishedCheck(check) });
  }

  /** Only its output changed. */
  putOutput(check: LocalCheck, now: Millis): void {
    const { id } = check.definition;
    if (this.#pending.has(`c:${id}`)) return this.putCheck(check, now);
    const due = (this.#toldAt.get(id) ?? now) + OUTPUT_INTERVAL;
    if (due <= now) this.putCheck(check, now);
    else if (!this.#late.has(id)) this.#late.set(id, due);
  }

  removeCheck(id: string): void {
    this.#late.clear(id);
    this.#toldAt.delete(id);
    this.#note(`c:${id}`, { remove: `c:${id}` });
  }

  /** One check whose output has waited long enough, or `undefined`. */
  nextLate(now: Millis): string | undefined {
    return this.#late.pop(now);
  }

  flush(out: CheckEffect[]): void {
    for (const fact of this.#facts) out.push({ kind: 'fact', fact });
    this.#facts.length = 0;
    if (this.#pending.size === 0) return;
    const changes = [...this.#pending.values()].sort((a, b) => rankOf(a) - rankOf(b));
    this.#pending.clear();
    out.push({ kind: 'publish', changes });
  }

  #note(key: EntryKey, change: Change): void {
    this.#pending.delete(key); // so that the order is that of the last word on each
    this.#pending.set(key, change);
  }
}

/** A check never comes before its service, and what is removed comes before what is put. */
function rankOf(change: Change): number {
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
    name,
    status,
    notes,
    output: trimOutput(output),
    serviceId,
    type: probe.kind === 'exec' ? 'script' : probe.kind,
    interval: publishedDuration(interval),
    timeout: publishedDuration(timeout),
  };
}

/** Kinds of check without a schedule have the span 0, which is published as `''`. */
const publishedDuration = (span: Millis): string => (span === 0 ? '' : formatDuration(span));
