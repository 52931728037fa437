/** Feeds: what happens here, for servers that pass it on. A listener must be quick, and must not call the agent. */
import type { Millis } from '../../base/time.ts';
import type { LogLevel } from '../../config/schema.ts';
import type { HandlerEvent } from '../../serf/types.ts';

/** The agent's log. Lines are JSON and end with a line break. */
export interface LogFeed {
  /**
   * Calls `onLine` for the last `recent` lines, of those that are kept, and for each line from now on, until the returned
   * function is called.
   */
  follow(level: LogLevel, onLine: (line: string) => void, recent?: number): () => void;
}

/** The events of this agent as its handlers get them: coalesced. */
export interface EventFeed {
  /** Calls `onEvent` for each event from now on, until the returned function is called. */
  follow(onEvent: (event: HandlerEvent) => void): () => void;
}

/** Equal warnings of the log within the last hour. */
export interface RecentWarning {
  /** The part of the agent that warned, as in the log. */
  readonly component: string;
  /** The kind of the fact, such as `packetRejected`. */
  readonly kind: string;
  readonly message: string;
  /** The fields of the last of them, as in the log: texts are escaped. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly count: number;
  readonly firstAgoMs: Millis;
  readonly lastAgoMs: Millis;
}

/** A container engine, as it is followed. */
export interface ContainerEngineStatus {
  /** As the settings name it. */
  readonly engine: string;
  /** Why it does not answer; `null`: it does. */
  readonly away: string | null;
  /** Containers that are registered, or ended lately. */
  readonly containers: number;
  /** Containers that ask to be registered and are not, at most `MAX_LISTED_REFUSALS`, and how many there are. */
  readonly refused: readonly { readonly container: string; readonly reason: string }[];
  readonly refusals: number;
}

export const MAX_LISTED_REFUSALS = 100;
