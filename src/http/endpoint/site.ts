/** The server context that all routes of one HTTP server share. */
import type { AgentHandle } from '../../agent/contract/agent-handle.ts';
import type { Meter } from '../../base/meter.ts';
import type { Millis } from '../../base/time.ts';
import type { CheckProbe } from '../../checks/types.ts';
import type { ReloadReport } from '../../config/reload.ts';
import type { AgentInfo } from './agent-info.ts';
import type { BlockingQueries } from './blocking.ts';
import type { KeptLists } from './reply/kept-lists.ts';
import type { ReplyCache } from './reply/reply-cache.ts';
import type { UiFiles } from './reply/ui-files.ts';

export interface Site {
  readonly agent: AgentHandle;
  readonly info: AgentInfo;
  readonly blockingQueries: BlockingQueries;
  readonly replyCache: ReplyCache;
  /** What documents for proxies go on showing in a partition. */
  readonly keptLists: KeptLists;
  /** Metrics of the whole process. */
  readonly meter: Meter;
  /** The service as an instance of which every node is shown; `undefined` if none is. */
  readonly selfService: string | undefined;
  /** Instances on suspected nodes come last where the order is one of preference. */
  readonly suspectsLast: boolean;
  readonly emptyKv: boolean;
  /** Reads settings and service files again; absent if this agent cannot. */
  readonly reload?: () => Promise<ReloadReport>;
  /** Why no run of such a check will be let out; absent: any may be. */
  readonly explainDenial?: (probe: CheckProbe) => string | undefined;
  /** The files of the dashboard, `undefined` where it was not built; absent: it is off. */
  readonly ui?: () => UiFiles | undefined;
  /** Wall clock, milliseconds. */
  wallClock(): number;
  /** The agent's monotonic clock, on which `MemberView.since` is measured. */
  monotonicClock(): Millis;
  /** The listening address: `host:port` or `unix:PATH`. */
  address(): string;
}
