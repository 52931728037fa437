/**
 * What others must learn, gathered during one step and told at its end; and how long a mere change of output may
 * wait. A changed status or definition is told at once, an output at most every five minutes.
 *
 * Source: Consul agent/local/state.go, UpdateCheck (CheckUpdateInterval).
 */
import type { Millis } from '../base/time.ts';
import { Timers } from '../base/timers.ts';
import type { CheckEffect, CheckFact, LocalChange, LocalCheck, LocalService } from './types.ts';

/** Consul's `check_update_interval`. */
export const OUTPUT_INTERVAL: Millis = 5 * 60_000;

export class Changes {
  readonly #pending = new Map<string, LocalChange>();
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
    this.#note(`s:${service.definition.id}`, { kind: 'putService', service });
  }

  removeService(id: string): void {
    this.#note(`s:${id}`, { kind: 'removeService', id });
  }

  putCheck(check: LocalCheck, now: Millis): void {
    const { id } = check.definition;
    this.#late.clear(id);
    this.#toldAt.set(id, now);
    this.#note(`c:${id}`, { kind: 'putCheck', check });
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
    this.#note(`c:${id}`, { kind: 'removeCheck', id });
  }

  /** One check whose output has waited long enough, or `undefined`. */
  nextLate(now: Millis): string | undefined {
    return this.#late.pop(now);
  }

  flush(out: CheckEffect[]): void {
    for (const fact of this.#facts) out.push({ kind: 'fact', fact });
    this.#facts.length = 0;
    if (this.#pending.size === 0) return;
    const changes = [...this.#pending.values()].sort((a, b) => RANK[a.kind] - RANK[b.kind]);
    this.#pending.clear();
    out.push({ kind: 'publish', changes });
  }

  #note(key: string, change: LocalChange): void {
    this.#pending.delete(key); // so that the order is that of the last word on each
    this.#pending.set(key, change);
  }
}

/** A check never comes before its service. */
const RANK = { removeCheck: 0, removeService: 1, putService: 2, putCheck: 3 } as const;
