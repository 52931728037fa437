/**
 * When each check runs: first after a random part of its interval, then every interval, and never twice at the same
 * time. A run without an outcome fails after a while. Thresholds decide what an outcome means.
 *
 * Source: Consul agent/checks/check.go, CheckHTTP.run and its siblings.
 */

import { assert } from '../base/assert.ts';
import type { Rng } from '../base/rng.ts';
import type { Millis } from '../base/time.ts';
import { Timers } from '../base/timers.ts';
import type { CheckStatus } from '../model/service.ts';
import { isScheduled } from './definition/check.ts';
import { Thresholds } from './thresholds.ts';
import type { CheckDefinition, CheckOutcome, CheckRun } from './types.ts';

/** Runners enforce the timeout themselves; an outcome that has not come this long after it is lost. */
export const OVERDUE_SLACK: Millis = 10_000;

interface ScheduledCheck {
  readonly definition: CheckDefinition;
  readonly thresholds: Thresholds;
  run: CheckRun;
}

export class CheckScheduler {
  readonly #rng: Rng;
  readonly #scheduled = new Map<string, ScheduledCheck>();
  readonly #runs = new Timers<string>();
  /** Invariant: set exactly while a run is under way. */
  readonly #overdue = new Timers<string>();
  #generation = 0;

  constructor(rng: Rng) {
    this.#rng = rng;
  }

  get deadline(): Millis {
    return Math.min(this.#runs.deadline, this.#overdue.deadline);
  }

  /** Schedules a check, or its new definition. Does nothing for kinds that do not run. */
  schedule(definition: CheckDefinition, now: Millis): void {
    this.unschedule(definition.id);
    const { id, probe, timeout, outputMaxBytes, interval } = definition;
    if (!isScheduled(probe)) return;
    this.#generation += 1;
    this.#scheduled.set(id, {
      definition,
      thresholds: new Thresholds(definition),
      run: { check: id, generation: this.#generation, probe, timeout, outputMaxBytes },
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
    const scheduled = this.#scheduled.get(check);
    if (scheduled === undefined || scheduled.run.generation !== generation || !this.#overdue.clear(check))
      return undefined;
    return scheduled.thresholds.applyResult(status);
  }

  /** Fails one run that is overdue, or returns `undefined` if none is. To be called until then. */
  expireOverdue(
    now: Millis,
  ): { readonly check: string; readonly status: CheckStatus | undefined } | undefined {
    const check = this.#overdue.pop(now);
    if (check === undefined) return undefined;
    const scheduled = this.#get(check);
    this.#generation += 1; // an outcome that comes after all is dropped
    scheduled.run = { ...scheduled.run, generation: this.#generation };
    return { check, status: scheduled.thresholds.applyResult('critical') };
  }

  /** The next run that is due, or `undefined`. To be called until then. */
  nextRun(now: Millis): CheckRun | undefined {
    for (;;) {
      const dueAt = this.#runs.deadline;
      const check = this.#runs.pop(now);
      if (check === undefined) return undefined;
      const { definition, run } = this.#get(check);
      const { interval } = definition;
      // After a pause of the process each check keeps its phase, so that they do not all run at once.
      this.#runs.set(check, dueAt + interval * (Math.floor((now - dueAt) / interval) + 1));
      if (this.#overdue.has(check)) continue; // the previous run is still under way
      this.#overdue.set(check, now + run.timeout + OVERDUE_SLACK);
      return run;
    }
  }

  #get(check: string): ScheduledCheck {
    const scheduled = this.#scheduled.get(check);
    assert(scheduled !== undefined, `a timer of check ${check}, which is not scheduled`);
    return scheduled;
  }
}
