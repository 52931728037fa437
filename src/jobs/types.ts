/**
 * Types of this layer: jobs, their ticks and runs. Ticks are in wall-clock milliseconds, so that all agents name a tick
 * alike; deadlines are on the monotonic clock of one agent.
 */
import type { Millis } from '../base/time.ts';
import type { JobDefinition, WallMillis } from '../model/job.ts';
import type { EntryWrite } from '../model/service.ts';

/**
 * `claimed`: its runner waits whether another one has claimed the same tick. `waiting`: for the next attempt. `lost`: its
 * runner died or forgot it.
 */
export type RunState =
  | 'claimed'
  | 'running'
  | 'waiting'
  | 'succeeded'
  | 'failed'
  | 'timedOut'
  | 'lost'
  | 'skipped';

export interface JobRun {
  readonly tick: WallMillis;
  /** From 1 on. */
  readonly attempt: number;
  readonly state: RunState;
  readonly claimedAt: WallMillis;
  /** 0: not yet. */
  readonly startedAt: WallMillis;
  readonly endedAt: WallMillis;
  /** The exit code of a command, or the status of a webhook's answer; 0 while it is open. */
  readonly exit: number;
  /** Higher than that of every earlier run that its runner knew of. */
  readonly token: number;
}

/** What one agent publishes of a job's runs: the latest first, and the end of what the last finished one printed. */
export interface RunnerRecord {
  readonly runs: readonly JobRun[];
  readonly output: string;
}

/** The last orders that were given at one agent. 0: none. */
export interface JobOrders {
  readonly paused: boolean;
  readonly pausedAt: WallMillis;
  readonly runAt: WallMillis;
}

/** A job of the configuration. `run`: its program and arguments; `undefined`: it posts to a URL. */
export interface ConfiguredJob {
  readonly definition: JobDefinition;
  readonly run: readonly string[] | undefined;
}

/** What a reload has changed of a job of the configuration. `replaced`: it was registered over HTTP. */
export interface ConfiguredJobChange {
  readonly name: string;
  readonly change: 'added' | 'changed' | 'replaced' | 'removed';
}

/**
 * An agent takes part. `since`: it knows which ticks from then on it has run, from its disk perhaps. `boot`: since when it
 * has been running without a break.
 */
export interface JobAgent {
  readonly since: WallMillis;
  readonly boot: WallMillis;
}

/** The clock of an agent that owns no ticks, since it differs from the others. */
export interface JobClock {
  /** How far it is ahead of the median; below 0: behind. */
  readonly offset: Millis;
}

/** One run, as a runner of the shell receives it. */
export interface RunRequest {
  readonly id: number;
  readonly job: string;
  readonly node: string;
  readonly tick: WallMillis;
  readonly attempt: number;
  readonly token: number;
  readonly timeout: Millis;
  readonly action:
    | { readonly kind: 'post'; readonly url: string }
    | { readonly kind: 'command'; readonly argv: readonly string[] };
}

/** How a run has ended. `output`: its last part, of at most `MAX_RUN_OUTPUT_BYTES`. */
export interface RunOutcome {
  readonly id: number;
  readonly ok: boolean;
  readonly timedOut: boolean;
  readonly exit: number;
  readonly output: string;
}

export type JobFact = Readonly<
  | { kind: 'jobRegistered'; job: string }
  | { kind: 'jobDeregistered'; job: string }
  | { kind: 'jobRunStarted'; job: string; tick: WallMillis; attempt: number }
  | { kind: 'jobRunSucceeded'; job: string; tick: WallMillis; attempt: number; durationMs: Millis }
  | {
      kind: 'jobRunFailed';
      job: string;
      tick: WallMillis;
      attempt: number;
      durationMs: Millis;
      exit: number;
      cause: 'failed' | 'timedOut';
    }
  | { kind: 'jobRunSkipped'; job: string; tick: WallMillis }
  | { kind: 'jobRunYielded'; job: string; tick: WallMillis; node: string }
  | { kind: 'jobRunLost'; job: string; tick: WallMillis; attempt: number; node: string }
  | { kind: 'jobTicksMissed'; job: string; count: number; caughtUp: number }
  | { kind: 'jobClockDiffers'; offsetMs: Millis; spreadMs: Millis }
  | { kind: 'jobClockAgrees'; offsetMs: Millis }
>;

export type JobEffect =
  | { readonly kind: 'publish'; readonly changes: readonly EntryWrite[] }
  | { readonly kind: 'start'; readonly run: RunRequest }
  | { readonly kind: 'fact'; readonly fact: JobFact };

/** What the mechanism is told of the cluster as this agent sees it. */
export interface JobWorld {
  readonly wall: WallMillis;
  /** How long a change takes to reach all agents, nearly always. */
  readonly spread: Millis;
  /** How far this agent's clock is ahead of the median of its peers; `undefined`: too few clocks are known. */
  readonly clockOffset: Millis | undefined;
  /** Of the agents that take part, those that may run the job now: members that are well and fit its place. */
  eligible(definition: JobDefinition, agents: readonly string[]): readonly string[];
  /** Why this agent does not run the job though its hash is the smallest, to be read after its name: `was draining`. */
  reasonAgainst(definition: JobDefinition, node: string): string;
  /** The process of this agent has ended: it failed, left, or is paused. */
  isGone(node: string): boolean;
}

/** A run and its runner. */
export interface SeenRun {
  readonly node: string;
  readonly run: JobRun;
}

/** A tick went to an agent since another one, with a smaller hash, could not have it. */
export interface JobDetour {
  readonly to: string;
  readonly node: string;
  readonly reason: string;
}

/** A job as readers see it. */
export interface JobView {
  readonly definition: JobDefinition;
  /** The agents that it is registered with. */
  readonly owners: readonly string[];
  readonly paused: boolean;
  /** `undefined`: it has no further tick, or is paused. */
  readonly nextTick: WallMillis | undefined;
  /** The agents of which one runs the next tick, and that one as things are now. */
  readonly eligible: readonly string[];
  readonly nextOwner: string | undefined;
  /** The latest first, with the runs of dead agents as lost. */
  readonly runs: readonly SeenRun[];
  /** Why the latest run was not on the agent with the smallest hash of all; `undefined`: it was, or this agent was not there. */
  readonly detour?: JobDetour | undefined;
  /** The agents that run no job, since their clocks differ from the others'. */
  readonly clockDiffers: readonly (JobClock & { readonly node: string })[];
  /** The end of what the latest run printed that has ended. */
  readonly output: string;
}

/** All jobs, for readers. */
export interface JobsView {
  /** By name. */
  all(): readonly JobView[];
  get(name: string): JobView | undefined;
  /** The wall clock as of the last input. */
  readonly wall: WallMillis;
  /** How long changes take to reach this agent, as it has measured, and how far its clock is ahead of the others'. */
  readonly spread: Millis;
  readonly clockOffset: Millis | undefined;
}

export interface JobsSnapshot {
  readonly definitions: readonly JobDefinition[];
  readonly orders: readonly (readonly [job: string, orders: JobOrders])[];
  readonly runs: readonly (readonly [job: string, record: RunnerRecord])[];
  /** By job: all ticks until then are run, or somebody else's. */
  readonly checkedTo: readonly (readonly [job: string, to: WallMillis])[];
}
