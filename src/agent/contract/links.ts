/** What link tests have measured: the way of datagrams from one agent to another. */
import type { Millis } from '../../base/time.ts';
import type { QueryId } from '../../serf/types.ts';
import type { StreamPingOutcome } from '../../swim/types.ts';

/** One way, as `from` has measured it. */
export interface LinkReport {
  readonly from: string;
  readonly to: string;
  /** Short pings: sent, answered, and known to have been heard at the other end. */
  readonly sent: number;
  readonly answered: number;
  readonly heard: number;
  /** Pings of `to`'s own last test that `from` has heard: the way back. */
  readonly heardBack: number;
  /** Bytes of UDP: the longest that was answered, and the shortest that was not, though it was tried several times; 0: none. */
  readonly longest: number;
  readonly blocked: number;
  /** The shortest round trip; `undefined`: none was answered. */
  readonly roundTrip: Millis | undefined;
  /** How far the clock of `to` is ahead of that of `from`; `undefined`: none was answered. */
  readonly clockAhead: Millis | undefined;
  /** `host:port` that `to` saw the pings come from; empty: it has not said. */
  readonly seenFrom: string;
  /** What a ping over TCP has come to; `undefined`: none was tried. */
  readonly tcp: StreamPingOutcome | undefined;
  /** When it ended, on this agent's monotonic clock. */
  readonly at: Millis;
}

/** The reports of other agents on their ways, as far as they have answered a query. */
export interface LinkSurvey {
  readonly id: QueryId;
  readonly finished: boolean;
  /** Agents that take part, as far as they are known to; who is no agent of hearsay does not. */
  readonly expected: readonly string[];
  readonly answered: readonly string[];
  readonly links: readonly LinkReport[];
}
