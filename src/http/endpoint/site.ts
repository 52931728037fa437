/** What all routes of one server share. */
import type { AgentHandle } from '../../agent/contract/door.ts';
import type { Meter } from '../../base/meter.ts';
import type { Millis } from '../../base/time.ts';
import type { AgentInfo } from './agent-info.ts';
import type { BlockingQueries } from './blocking.ts';
import type { ReplyCache } from './reply/reply-cache.ts';

export interface Site {
  readonly agent: AgentHandle;
  readonly info: AgentInfo;
  readonly blockingQueries: BlockingQueries;
  readonly replyCache: ReplyCache;
  /** Figures of the whole process, ours among them. */
  readonly meter: Meter;
  /** Under which name each node shows itself as a service; `undefined`: it does not. */
  readonly selfService: string | undefined;
  readonly emptyKv: boolean;
  /** Reads the settings again; absent: it cannot. */
  readonly reload?: () => Promise<void>;
  /** Wall clock, milliseconds. */
  wallClock(): number;
  /** The agent's own monotonic clock, which `MemberView.since` is told in. */
  monotonicClock(): Millis;
  /** Where we listen: `host:port` or `unix:PATH`. */
  address(): string;
}
