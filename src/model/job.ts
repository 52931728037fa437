/** The model of jobs that all layers share: when a job runs, where, and what it does. */
import type { Millis } from '../base/time.ts';

/** Unix milliseconds. */
export type WallMillis = number;

export type Schedule =
  /** Ticks at the multiples of `every` since 1970. */
  | { readonly kind: 'every'; readonly every: Millis }
  /** `timezone`: a name of the IANA database. */
  | { readonly kind: 'cron'; readonly expression: string; readonly timezone: string }
  | { readonly kind: 'at'; readonly at: WallMillis };

/** Which ticks are made up for of those that nobody could run: the latest, each, or none. */
export type CatchUp = 'one' | 'all' | 'none';

/** What a run does. The arguments of a command stay with the agents that have it in their configuration. */
export type JobAction = { readonly kind: 'post'; readonly url: string } | { readonly kind: 'command' };

/** Which agents may run a job; all with neither. */
export interface JobPlace {
  /** Those with a usable instance of this service. */
  readonly service?: string;
  /** Those with this tag, as `KEY=VALUE`. */
  readonly tag?: string;
}

export interface JobDefinition {
  readonly name: string;
  readonly schedule: Schedule;
  readonly place: JobPlace;
  readonly timeout: Millis;
  /** Runs after the first one that failed or was lost. */
  readonly retries: number;
  /** `skip`: a tick that comes while the last run goes on is not run. */
  readonly overlap: 'skip' | 'allow';
  /** A tick begins up to this much later, by its hash. */
  readonly jitter: Millis;
  readonly catchUp: CatchUp;
  /** With fewer eligible agents in view nothing is run. */
  readonly quorum: number;
  readonly action: JobAction;
  /** The latest of several definitions of one name counts. */
  readonly registeredAt: WallMillis;
}
