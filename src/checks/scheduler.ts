/**
 * When each check with a schedule runs: first after a random part of its interval, then every interval, never
 * twice at once. A run without an outcome is given up. What an outcome means is not decided here.
 *
 * Source: Consul agent/checks/check.go, CheckHTTP.run and its siblings.
 */

import type { Rng } from '../base/rng.ts';
import type { Millis } from '../base/time.ts';
import { Timers } from '../base/timers.ts';
import type { CheckStatus } from '../model/service.ts';
import { isScheduled } from './definition/check.ts';
import { Thresholds } from './thresholds.ts';
import type { CheckDefinition, CheckOrder, Outcome } from './types.ts';

/** A runner keeps its timeout itself; this long after it the outcome is lost. */
export const OVERDUE_SLACK: Millis = 10_000;

interface Row {
  readonly definition: CheckDefinition;
  readonly thresholds: Thresholds;
  order: CheckOrder;
}

export class Timetable {
  readonly #rng: Rng;
  readonly #rows = new Map<string, Row>();
  readonly #runs = new Timers<string>();
  /** Set exactly while a run is under way. */
  readonly #overdue = new Timers<string>();
  #generation = 0;

  constructor(rng: Rng) {
    this.#rng = rng;
  }

  get deadline(): Millis {
    return Math.min(this.#runs.deadline, this.#overdue.deadline);
  }

  /** Takes a check in, or its new definition. Kinds without a schedule are passed over. */
  add(definition: CheckDefinition, now: Millis): void {
    this.remove(definition.id);
    const { id, probe, timeout, outputMaxBytes, interval } = definition;
    if (!isScheduled(probe)) return;
    this.#generation += 1;
    this.#rows.set(id, {
      definition,
      thresholds: new Thresholds(definition),
      order: { check: id, generation: this.#generation, probe, timeout, outputMaxBytes },
    });
    this.#runs.set(id, now + this.#rng.next() * interval);
  }

  remove(id: string): void {
    this.#rows.delete(id);
    this.#runs.clear(id);
    this.#overdue.clear(id);
  }

  /** The status after this outcome; `undefined` if it changes nothing or belongs to no run under way. */
  take({ check, generation, status }: Outcome): CheckStatus | undefined {
    const row = this.#rows.get(check);
    if (row === undefined || row.order.generation !== generation || !this.#overdue.clear(check))
      return undefined;
    return row.thresholds.take(status);
  }

  /** Gives up one run that is overdue, as a failure; call until it gives nothing. */
  giveUp(now: Millis): { readonly check: string; readonly status: CheckStatus | undefined } | undefined {
    const check = this.#overdue.pop(now);
    const row = check === undefined ? undefined : this.#rows.get(check);
    if (check === undefined || row === undefined) return undefined;
    this.#generation += 1; // what comes of it after all is of an older one
    row.order = { ...row.order, generation: this.#generation };
    return { check, status: row.thresholds.take('critical') };
  }

  /** The next run that is due, or `undefined`; call until it gives nothing. */
  next(now: Millis): CheckOrder | undefined {
    for (;;) {
      const due = this.#runs.deadline;
      const check = this.#runs.pop(now);
      const row = check === undefined ? undefined : this.#rows.get(check);
      if (check === undefined || row === undefined) return undefined;
      const { interval } = row.definition;
      // After a pause of the process every check keeps its place in the round: they do not all run together.
      this.#runs.set(check, due + interval * (Math.floor((now - due) / interval) + 1));
      if (this.#overdue.has(check)) continue; // the one before is still under way
      this.#overdue.set(check, now + row.order.timeout + OVERDUE_SLACK);
      return row.order;
    }
  }
}
