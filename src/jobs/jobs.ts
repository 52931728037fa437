/**
 * Jobs without a coordinator: which ticks are due, which agent has each, and what becomes of its run. Every agent computes
 * the same from what all publish; a tick belongs to the eligible agent with the smallest hash. It publishes its claim, and
 * waits one spread time before it begins, so that of two that both think it is theirs one yields. Nobody takes a tick
 * over from an agent that lives.
 */
import { type Millis, NEVER } from '../base/time.ts';
import type { EntryChange } from '../catalog/types.ts';
import type { JobDefinition, WallMillis } from '../model/job.ts';
import { nextTick } from '../model/job-schedule.ts';
import type { EntryWrite } from '../model/service.ts';
import { Board, type BoardJob } from './board.ts';
import { ClockJudge } from './clock-judge.ts';
import { Detours } from './detours.ts';
import { encodeAgent, encodeRuns, parseJobKey } from './entries.ts';
import { RunExecutor } from './executor.ts';
import { OwnJobs } from './own-jobs.ts';
import { jitterOf, tickOwner } from './owner.ts';
import { PendingTicks } from './pending.ts';
import type { JobEffect, JobOrders, JobRun, JobsSnapshot, JobView, JobWorld, RunOutcome } from './types.ts';
import { hasMovedOn, judgeTick } from './verdict.ts';

/** How often ticks that nobody has yet are looked at again, and those that another agent has. */
const OPEN_POLL: Millis = 100;
const TAKEN_POLL: Millis = 1000;
/** An agent that starts, or was suspended, first hears what others have run. */
const SETTLE: Millis = 5000;
/** An agent that begins, or whose clock was set, first compares clocks for so long if need be, and looks again this often. */
const CLOCK_SETTLE: Millis = 3000;
const CLOCK_POLL: Millis = 100;
/** An agent that looks at its jobs this late was suspended. */
const STALL: Millis = 2000;
/** An order to run now that is this old comes from before this agent was there. */
const ORDER_AGE: Millis = 60_000;
/** Runs of a job that readers are shown. */
const MAX_SHOWN_RUNS = 50;

export interface JobsOptions {
  readonly self: string;
  readonly now: Millis;
  readonly snapshot?: JobsSnapshot;
}

export class Jobs {
  readonly board = new Board();
  readonly own = new OwnJobs();
  readonly #self: string;
  readonly #executor: RunExecutor;
  readonly #pending = new Map<string, PendingTicks>();
  readonly #clock = new ClockJudge();
  readonly #detours = new Detours();
  #restored: ReadonlyMap<string, WallMillis>;
  /** From when on ticks may belong to this agent; `undefined`: it knows no jobs yet, or has only just started. */
  #since: WallMillis | undefined;
  #settledAt: Millis;
  /** After its clock was set, this agent waits until then to learn those of the others. */
  #compareUntil: Millis = 0;
  #deadline: Millis = NEVER;
  /** When each job is to be looked at; absent: at the next call. Where each packet brings news of one job, the others need none. */
  readonly #dueAt = new Map<string, Millis>();
  readonly #writes: EntryWrite[] = [];

  constructor({ self, now, snapshot }: JobsOptions) {
    this.#self = self;
    this.#settledAt = now + SETTLE;
    this.#restored = new Map(snapshot?.checkedTo);
    this.#executor = new RunExecutor({
      ...{ self, board: this.board, jobs: this.own },
      eligible: (job, definition, world) => this.#eligible(job, definition, world),
      wakeAt: (at) => this.#wakeAt(at),
    });
    if (snapshot === undefined) return;
    this.#executor.runs.restore(snapshot.runs);
    for (const definition of snapshot.definitions) this.own.register(definition, undefined);
    for (const [job, orders] of snapshot.orders) this.own.setOrders(job, orders);
    this.#deadline = now;
  }

  get deadline(): Millis {
    return this.#deadline;
  }

  /** Rises with every change that a restart must not lose. */
  get revision(): number {
    return this.own.revision + this.#executor.runs.revision;
  }

  /** Something that decides about the ticks of all jobs has changed: to be called before `advance`. */
  wake(now: Millis): void {
    this.#dueAt.clear();
    this.#lookSoon(now);
  }

  #lookSoon(now: Millis): void {
    if (this.board.jobs.size > 0 || this.own.hasWrites) this.#deadline = Math.min(this.#deadline, now);
  }

  /** This agent heard the catalog of a peer: it knows what others have run. */
  settle(now: Millis): void {
    this.#settledAt = Math.min(this.#settledAt, now);
    this.wake(now);
  }

  /** Returns the claims of the owner that are new. */
  applyEntries(owner: string, changes: readonly EntryChange[], now: Millis): readonly JobRun[] {
    const claims = this.board.apply(owner, changes);
    for (const { key } of changes) {
      const about = parseJobKey(key);
      if (about?.kind === 'runs') this.#dueAt.delete(about.job);
      else this.#dueAt.clear();
    }
    this.#lookSoon(now);
    return claims;
  }

  /**
   * The wall clock of this agent was set: it claims nothing before it has compared it with those of the others. If it was
   * ahead, the agent begins anew, since it has already looked at ticks that are yet to come.
   */
  onClockSet(now: Millis, wall: WallMillis): void {
    this.#compareUntil = now + CLOCK_SETTLE;
    for (const pending of this.#pending.values()) pending.rewind(wall);
    if (this.#since !== undefined && this.#since > wall) this.#since = undefined;
    this.wake(now);
  }

  /** The orders about a job once this one is given here too. */
  ordersAfter(name: string, order: 'run' | 'pause' | 'resume', wall: WallMillis): JobOrders {
    const paused = this.board.jobs.get(name)?.paused ?? false;
    const known = this.own.orders(name) ?? { paused, pausedAt: 0, runAt: 0 };
    const at = Math.trunc(wall);
    return order === 'run' ? { ...known, runAt: at } : { ...known, paused: order === 'pause', pausedAt: at };
  }

  onFinished(outcome: RunOutcome, now: Millis, wall: WallMillis, out: JobEffect[]): void {
    this.#executor.onFinished(outcome, now, wall, out);
    this.#publish(out);
    this.wake(now);
  }

  advance(now: Millis, world: JobWorld, out: JobEffect[]): void {
    if (now - this.#deadline > STALL) {
      this.#settledAt = Math.max(this.#settledAt, now + SETTLE);
      this.#executor.withdrawClaims();
    }
    this.#deadline = NEVER;
    if (this.#mustCompare(now, world)) this.#wakeAt(now + CLOCK_POLL);
    else {
      this.#judgeClock(world, out);
      this.#takePart(now, world);
      if (this.#since !== undefined)
        for (const name of this.board.names) this.#advanceJob(name, now, world, out);
    }
    this.#executor.advance(now, world, out);
    this.#publish(out);
  }

  snapshot(): JobsSnapshot {
    return {
      ...this.own.snapshot(),
      runs: this.#executor.runs.all(),
      checkedTo: [...this.#pending].map(([job, pending]) => [
        job,
        Math.min(pending.checkedTo, ...pending.all().map((tick) => tick - 1)),
      ]),
    };
  }

  /** A job as readers see it; `undefined`: nobody has registered one of this name. */
  view(name: string, world: JobWorld): JobView | undefined {
    const job = this.board.jobs.get(name);
    const definition = job?.definition;
    if (job === undefined || definition === undefined) return undefined;
    const next = job.paused ? undefined : nextTick(definition.schedule, world.wall);
    const eligible = [...this.#eligible(job, definition, world)].sort();
    const runs = job
      .latestRuns(MAX_SHOWN_RUNS)
      .map(({ node, run }) =>
        run.endedAt === 0 && run.state !== 'lost' && world.isGone(node)
          ? { node, run: { ...run, state: 'lost' as const } }
          : { node, run },
      );
    const last = runs.find(({ run }) => run.endedAt > 0);
    const clockDiffers = [...this.board.clocks]
      .filter(([node]) => !world.isGone(node))
      .map(([node, clock]) => ({ node, ...clock }));
    return {
      ...{ definition, owners: job.owners, paused: job.paused, nextTick: next, eligible, runs },
      nextOwner: next === undefined ? undefined : tickOwner(name, next, eligible),
      clockDiffers,
      detour: runs[0] && this.#detours.get(name, runs[0].run.tick),
      output: last === undefined ? '' : (job.records.get(last.node)?.output ?? ''),
    };
  }

  #eligible(job: BoardJob, definition: JobDefinition, world: Pick<JobWorld, 'eligible'>): readonly string[] {
    const candidates = this.#candidates(job, definition).filter((node) => this.board.agents.has(node));
    return world.eligible(definition, candidates);
  }

  /** Those that take part, and those that would if their clocks did not differ. */
  #candidates(job: BoardJob, { action }: JobDefinition): readonly string[] {
    const { agents, clocks } = this.board;
    const all = [...agents.keys(), ...[...clocks.keys()].filter((node) => !agents.has(node))];
    return action.kind === 'command' ? job.owners.filter((owner) => all.includes(owner)) : all;
  }

  /** Its clock was set, or it begins, and there are others to compare with of which it does not know enough yet. */
  #mustCompare(now: Millis, { clockOffset, isGone }: JobWorld): boolean {
    const until = this.#since === undefined ? this.#settledAt + CLOCK_SETTLE : this.#compareUntil;
    if (clockOffset !== undefined || now >= until) return false;
    const others = [...this.board.agents.keys()].filter((node) => node !== this.#self && !isGone(node));
    return others.length > 1;
  }

  /** An agent whose clock differs takes no part; one that agrees again begins as if it had just started. */
  #judgeClock(world: JobWorld, out: JobEffect[]): void {
    const verdict = this.#clock.judge(world);
    if (verdict === undefined) return;
    this.#writes.push(...verdict.writes);
    out.push({ kind: 'fact', fact: verdict.fact });
    if (!this.#clock.differs) return;
    this.#since = undefined;
    this.#pending.clear();
    this.#restored = new Map();
    this.#executor.withdrawClaims();
  }

  /** An agent takes part once there are jobs, it has heard what others ran, and its clock is like theirs. */
  #takePart(now: Millis, { wall, spread }: JobWorld): void {
    if (this.#since !== undefined || this.board.names.length === 0 || this.#clock.differs) return;
    if (now < this.#settledAt) return this.#wakeAt(this.#settledAt);
    const remembered = Math.min(...this.#restored.values());
    const boot = Math.trunc(wall + spread);
    this.#since = Math.min(boot, remembered);
    this.#writes.push({ put: encodeAgent({ since: this.#since, boot }) });
    this.#dueAt.clear();
  }

  #advanceJob(name: string, now: Millis, world: JobWorld, out: JobEffect[]): void {
    const dueAt = this.#dueAt.get(name) ?? now;
    if (now < dueAt) return this.#wakeAt(dueAt);
    const before = this.#deadline;
    this.#deadline = NEVER;
    this.#lookAt(name, now, world, out);
    this.#dueAt.set(name, this.#deadline);
    this.#wakeAt(before);
  }

  #lookAt(name: string, now: Millis, world: JobWorld, out: JobEffect[]): void {
    const job = this.board.jobs.get(name);
    const definition = job?.definition;
    if (job === undefined || definition === undefined) return;
    const { wall } = world;
    const pending = this.#pendingOf(name, job, wall);
    pending.pass(job.paused ? wall : Math.min(wall, job.resumedAt));
    pending.collect(definition, wall);
    this.#collectOrders(job, pending, wall);
    const eligible = this.#eligible(job, definition, world);
    const next = job.paused ? undefined : nextTick(definition.schedule, wall);
    if (next !== undefined) this.#wakeAt(now + (next - wall));
    if (pending.size === 0) return;
    if (eligible.length < definition.quorum) {
      pending.markMissed(wall);
      return this.#wakeAt(now + TAKEN_POLL);
    }
    const { missed, kept } = pending.catchUp(definition);
    if (missed > 0)
      out.push({ kind: 'fact', fact: { kind: 'jobTicksMissed', job: name, count: missed, caughtUp: kept } });
    for (const tick of pending.all())
      this.#advanceTick(tick, { definition, job, pending, eligible }, now, world, out);
  }

  #advanceTick(
    tick: WallMillis,
    { definition, job, pending, eligible }: Considered,
    now: Millis,
    world: JobWorld,
    out: JobEffect[],
  ): void {
    const { name } = definition;
    if (this.#executor.runs.find(name, tick) !== undefined) return this.#wakeAt(now + TAKEN_POLL);
    const verdict = judgeTick(job.runsOf(tick), definition, (node) => world.isGone(node));
    if (verdict.kind === 'taken') return this.#wakeAt(now + TAKEN_POLL);
    const able = this.#ableOf(eligible, tick);
    const owner = tickOwner(name, tick, able);
    this.#detours.note(definition, tick, { owner, all: this.#candidates(job, definition) }, world);
    const isOurs = owner === this.#self;
    if (owner !== undefined && !isOurs && hasMovedOn(job, owner, tick, world.wall)) return pending.drop(tick);
    if (verdict.lost !== undefined && isOurs) {
      const attempt = verdict.kind === 'open' ? verdict.attempt - 1 : definition.retries + 1;
      out.push({ kind: 'fact', fact: { kind: 'jobRunLost', job: name, tick, attempt, node: verdict.lost } });
    }
    if (verdict.kind === 'done') return pending.drop(tick);
    const dueIn = tick + jitterOf(definition, tick) - world.wall;
    if (dueIn > 0) return this.#wakeAt(now + dueIn);
    if (!isOurs || now < this.#settledAt) return this.#wakeAt(now + OPEN_POLL);
    this.#executor.claim(name, { tick, attempt: verdict.attempt, lateness: -dueIn }, now, world);
  }

  /**
   * Those that were there at the tick, if there are any: what an agent began last before it was killed may not be on its
   * disk, but the others have heard of it.
   */
  #ableOf(eligible: readonly string[], tick: WallMillis): readonly string[] {
    const from = (key: 'boot' | 'since') => (node: string) =>
      (this.board.agents.get(node)?.[key] ?? NEVER) <= tick;
    const present = eligible.filter(from('boot'));
    return present.length > 0 ? present : eligible.filter(from('since'));
  }

  #pendingOf(name: string, job: BoardJob, wall: WallMillis): PendingTicks {
    let pending = this.#pending.get(name);
    if (pending === undefined) {
      const from = Math.max(job.since, this.#restored.get(name) ?? this.#since ?? wall);
      pending = new PendingTicks(from);
      this.#pending.set(name, pending);
    }
    return pending;
  }

  #collectOrders(job: BoardJob, pending: PendingTicks, wall: WallMillis): void {
    for (const at of job.ordered)
      if (at > wall - ORDER_AGE && at >= job.since && job.runsOf(at).size === 0) pending.add(at);
  }

  #wakeAt(at: Millis): void {
    this.#deadline = Math.min(this.#deadline, at);
  }

  #publish(out: JobEffect[]): void {
    const changes = [...this.own.consumeWrites(), ...this.#writes.splice(0)];
    for (const [job, record] of this.#executor.runs.consumeChanged())
      changes.push({ put: encodeRuns(job, record) });
    if (changes.length > 0) out.push({ kind: 'publish', changes });
  }
}

interface Considered {
  readonly definition: JobDefinition;
  readonly job: BoardJob;
  readonly pending: PendingTicks;
  readonly eligible: readonly string[];
}
