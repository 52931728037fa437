/**
 * The runs of this agent, from the claim to the end. A claim waits one spread time, and yields to that of an agent with a
 * smaller hash, or to a run that has begun.
 */
import type { Millis } from '../base/time.ts';
import type { JobDefinition, WallMillis } from '../model/job.ts';
import type { Board, BoardJob } from './board.ts';
import type { OwnJobs } from './own-jobs.ts';
import { type ActiveRun, OwnRuns } from './own-runs.ts';
import { compareClaims } from './owner.ts';
import type { JobEffect, JobFact, JobRun, JobWorld, RunOutcome } from './types.ts';
import { hasBegun } from './verdict.ts';

/** How often a run that waits for another one is looked at again. */
const BUSY_POLL: Millis = 100;
/** The outcome of a run is given up this long after its timeout. */
const OUTCOME_GRACE: Millis = 30_000;
/** A claim is in time if it is made this soon after its tick is due. */
const PUNCTUAL: Millis = 50;
const FIRST_RETRY: Millis = 1000;
const LAST_RETRY: Millis = 60_000;
/** Tokens begin with their tick, so that they rise although agents give them without asking each other. */
const TOKENS_PER_MS = 16;

export interface ExecutorContext {
  readonly self: string;
  readonly board: Board;
  readonly jobs: OwnJobs;
  /** The agents of which one runs the job. */
  eligible(job: BoardJob, definition: JobDefinition, world: JobWorld): readonly string[];
  wakeAt(at: Millis): void;
}

export class RunExecutor {
  readonly runs = new OwnRuns();
  readonly #context: ExecutorContext;

  constructor(context: ExecutorContext) {
    this.#context = context;
  }

  /**
   * Publishes that this agent will run the tick. `lateness`: how long after it was due. An agent with a smaller hash than
   * one that has claimed a tick in time must not begin before it knows that the other one has begun, so a late claim waits
   * for two spread times.
   */
  claim(
    name: string,
    {
      tick,
      attempt,
      lateness,
    }: { readonly tick: WallMillis; readonly attempt: number; readonly lateness: Millis },
    now: Millis,
    { wall, spread }: JobWorld,
  ): void {
    const highest = this.#context.board.jobs.get(name)?.highestToken ?? 0;
    const token = Math.max(highest + 1, tick * TOKENS_PER_MS);
    const unset = { startedAt: 0, endedAt: 0, exit: 0 };
    const run: JobRun = { tick, attempt, state: 'claimed', claimedAt: Math.trunc(wall), ...unset, token };
    const at = now + spread * (lateness > PUNCTUAL ? 2 : 1);
    this.runs.add(name, run, at);
    this.#context.wakeAt(at);
  }

  /** This agent was suspended: others may have taken its claims over. */
  withdrawClaims(): void {
    for (const active of [...this.runs.active()])
      if (active.run.state === 'claimed') this.runs.withdraw(active);
  }

  advance(now: Millis, world: JobWorld, out: JobEffect[]): void {
    for (const active of [...this.runs.active()]) this.#advance(active, now, world, out);
  }

  onFinished(
    { id, ok, timedOut, exit, output }: RunOutcome,
    now: Millis,
    wall: WallMillis,
    out: JobEffect[],
  ): void {
    const active = this.runs.get(id);
    if (active === undefined || active.run.state !== 'running') return;
    const { job, run } = active;
    const { tick, attempt } = run;
    const durationMs = now - active.startedAt;
    const ended = { endedAt: Math.trunc(wall), exit };
    if (ok) {
      this.runs.update(active, { ...ended, state: 'succeeded' }, output);
      out.push(fact({ kind: 'jobRunSucceeded', job, tick, attempt, durationMs }));
    } else {
      const cause = timedOut ? 'timedOut' : 'failed';
      const retries = this.#context.board.jobs.get(job)?.definition?.retries ?? 0;
      active.at = now + Math.min(LAST_RETRY, FIRST_RETRY * 2 ** (attempt - 1));
      this.runs.update(active, { ...ended, state: attempt <= retries ? 'waiting' : cause }, output);
      out.push(fact({ kind: 'jobRunFailed', job, tick, attempt, durationMs, exit, cause }));
    }
  }

  #advance(active: ActiveRun, now: Millis, world: JobWorld, out: JobEffect[]): void {
    const { job: name, run } = active;
    const { tick, attempt } = run;
    const job = this.#context.board.jobs.get(name);
    const definition = job?.definition;
    if (run.state !== 'running') {
      const rival = job && this.#rivalOf(active, job, world);
      if (rival !== undefined) {
        out.push(fact({ kind: 'jobRunYielded', job: name, tick, node: rival }));
        return this.runs.withdraw(active);
      }
    }
    if (now < active.at) return this.#context.wakeAt(active.at);
    if (run.state === 'running') {
      const outcome = {
        id: active.id,
        ok: false,
        timedOut: true,
        exit: 0,
        output: 'its runner reported no outcome: see the log of the agent',
      };
      return this.onFinished(outcome, now, world.wall, out);
    }
    if (job === undefined || definition === undefined) return this.runs.withdraw(active);
    if (run.state === 'waiting') return this.#begin(active, definition, attempt + 1, now, world, out);
    const eligible = this.#context.eligible(job, definition, world);
    if (!eligible.includes(this.#context.self) || eligible.length < definition.quorum)
      return this.runs.withdraw(active);
    const other = definition.overlap === 'skip' ? this.#runningTick(job, tick, world) : undefined;
    if (other === undefined) return this.#begin(active, definition, attempt, now, world, out);
    if (other > tick) {
      active.at = now + BUSY_POLL; // a tick that is late waits until the newer one has ended
      return this.#context.wakeAt(active.at);
    }
    this.runs.update(active, { state: 'skipped', endedAt: Math.trunc(world.wall) });
    out.push(fact({ kind: 'jobRunSkipped', job: name, tick }));
  }

  #begin(
    active: ActiveRun,
    { name, timeout, action }: JobDefinition,
    attempt: number,
    now: Millis,
    { wall }: JobWorld,
    out: JobEffect[],
  ): void {
    const { id, run } = active;
    const argv = this.#context.jobs.command(name);
    if (action.kind === 'command' && argv === undefined) return this.runs.withdraw(active);
    const { tick } = run;
    const token = run.token + (attempt - run.attempt);
    active.at = now + timeout + OUTCOME_GRACE;
    active.startedAt = now;
    this.#context.wakeAt(active.at);
    this.runs.update(active, {
      attempt,
      token,
      state: 'running',
      startedAt: Math.trunc(wall),
      endedAt: 0,
      exit: 0,
    });
    const what = action.kind === 'post' ? action : ({ kind: 'command', argv: argv ?? [] } as const);
    const node = this.#context.self;
    out.push({ kind: 'start', run: { id, job: name, node, tick, attempt, token, timeout, action: what } });
    out.push(fact({ kind: 'jobRunStarted', job: name, tick, attempt }));
  }

  /** The agent that a claim, or the next attempt, yields to. */
  #rivalOf({ job: name, run: own }: ActiveRun, job: BoardJob, world: JobWorld): string | undefined {
    for (const [node, { run, forgotten, ended }] of job.runsOf(own.tick)) {
      if (node === this.#context.self || run.attempt < own.attempt) continue;
      const isOver = ended || (!hasBegun(run.state) && run.state !== 'claimed');
      if (isOver) return node;
      if (forgotten || run.state === 'lost' || world.isGone(node)) continue;
      if (run.state !== 'claimed') return node;
      if (own.state === 'claimed' && compareClaims(name, own.tick, node, this.#context.self) < 0) return node;
    }
    return undefined;
  }

  /** Another tick of the job that is being run. */
  #runningTick(job: BoardJob, tick: WallMillis, world: JobWorld): WallMillis | undefined {
    for (const [other, runs] of job.ticks)
      if (other !== tick)
        for (const [node, { run, forgotten, ended }] of runs)
          if (
            !ended &&
            (run.state === 'running' || run.state === 'waiting') &&
            !forgotten &&
            !world.isGone(node)
          )
            return other;
    return undefined;
  }
}

const fact = (one: JobFact): JobEffect => ({ kind: 'fact', fact: one });
