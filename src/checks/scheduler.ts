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
import type { CheckDefinition, CheckOutcome, CheckRun } from './types.ts';

/** A runner keeps its timeout itself; this long after it the outcome is lost. */
export const OVERDUE_SLACK: Millis = 10_000;

interface ScheduledCheck {
  readonly definition: CheckDefinition;
  readonly thresholds: Thresholds;
  order: CheckRun;
}

export class CheckScheduler {
  readonly #rng: Rng;
  readonly #scheduled = new Map<string, ScheduledCheck>();
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
  schedule(definition: CheckDefinition, now: Millis): void {
    this.unschedule(definition.id);
    const { id, probe, timeout, outputMaxBytes, interval } = definition;
    if (!isScheduled(probe)) return;
    this.#generation += 1;
    this.#scheduled.set(id, {
      definition,
      thresholds: new Thresholds(definition),
      order: { check: id, generation: this.#generation, probe, timeout, outputMaxBytes },
    });
    this.#runs.set(id, now + this.#rng.next() * interval);
  }

  unschedule(id: string): void {
    this.#scheduled.delete(id);
    this.#runs.clear(id);
    this.#overdue.clear(id);
  }

  /** The status after this outcome; `undefined` if it changes nothing or belongs to no run under way. */
  acceptOutcome({ check, generation, status }: CheckOutcome): CheckStatus | undefined {
    const row = this.#scheduled.get(check);
    if (row === undefined || row.order.generation !== generation || !this.#overdue.clear(check))
      return undefined;
    return row.thresholds.applyResult(status);
  }

  /** Gives up one run that is overdue, as a failure; call until it gives nothing. */
  expireOverdue(
    now: Millis,
  ): { readonly check: string; readonly status: CheckStatus | undefined } | undefined {
    const check = this.#overdue.pop(now);
    const row = check === undefined ? undefined : this.#scheduled.get(check);
    if (check === undefined || row === undefined) return undefined;
    this.#generation += 1; // what comes of it after all is of an older one
    row.order = { ...row.order, generation: this.#generation };
    return { check, status: row.thresholds.applyResult('critical') };
  }

  /** The next run that is due, or `undefined`; call until it gives nothing. */
  nextRun(now: Millis): CheckRun | undefined {
    for (;;) {
      const due = this.#runs.deadline;
      const check = this.#runs.pop(now);
      const row = check === undefined ? undefined : this.#scheduled.get(check);
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
