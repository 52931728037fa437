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

/** A connection that has closed is tried again after this, and then after ever longer times up to the interval. */
const MIN_BACKOFF: Millis = 1000;
const MAX_DOUBLINGS = 16;

interface ScheduledCheck {
  readonly definition: CheckDefinition;
  readonly thresholds: Thresholds;
  run: CheckRun;
  /** The run under way has had an outcome, and another one follows. */
  isHeld: boolean;
  /** Connections in a row that could not be held. */
  failures: number;
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

  /** Schedules a check, or its new definition. Does nothing for kinds that do not run. True as `unschedule`. */
  schedule(definition: CheckDefinition, now: Millis): boolean {
    const mustStop = this.unschedule(definition.id);
    const { id, probe, timeout, outputMaxBytes, interval } = definition;
    if (!isScheduled(probe)) return mustStop;
    this.#generation += 1;
    this.#scheduled.set(id, {
      definition,
      thresholds: new Thresholds(definition),
      run: { check: id, generation: this.#generation, probe, timeout, outputMaxBytes },
      isHeld: false,
      failures: 0,
    });
    const within = probe.kind === 'hold' ? Math.min(MIN_BACKOFF, interval) : interval;
    this.#runs.set(id, now + this.#rng.next() * within);
    return mustStop;
  }

  /** True if a run is under way that does not end by itself. */
  unschedule(id: string): boolean {
    const scheduled = this.#scheduled.get(id);
    this.#scheduled.delete(id);
    this.#runs.clear(id);
    const isRunning = this.#overdue.clear(id) || scheduled?.isHeld === true;
    return isRunning && scheduled?.run.probe.kind === 'hold';
  }

  /** The status after this outcome; `undefined` if it changes nothing or belongs to no run under way. */
  acceptOutcome(outcome: CheckOutcome, now: Millis): CheckStatus | undefined {
    const { check, generation, status, continues = false } = outcome;
    const scheduled = this.#scheduled.get(check);
    if (scheduled === undefined || scheduled.run.generation !== generation) return undefined;
    if (!this.#overdue.clear(check) && !scheduled.isHeld) return undefined;
    scheduled.isHeld = continues;
    if (continues) scheduled.failures = 0;
    else this.#retryHold(scheduled, now);
    return scheduled.thresholds.applyResult(status);
  }

  /** A connection that could not be held, or not any longer, is tried again. */
  #retryHold(scheduled: ScheduledCheck, now: Millis): void {
    const { run, definition, failures } = scheduled;
    if (run.probe.kind !== 'hold') return;
    const backoff = Math.min(definition.interval, MIN_BACKOFF * 2 ** failures);
    scheduled.failures = Math.min(failures + 1, MAX_DOUBLINGS);
    this.#runs.set(run.check, now + backoff * (0.5 + this.#rng.next() / 2));
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
    this.#retryHold(scheduled, now);
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
      if (run.probe.kind === 'hold') {
        this.#overdue.set(check, now + run.timeout + OVERDUE_SLACK);
        return run; // the next one comes when this one has ended
      }
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
