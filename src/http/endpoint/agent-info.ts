/** Facts about this agent beyond its view, for the HTTP API; `settings.ts` fills them in. */
import type { ContainerEngineStatus, LogFeed, RecentWarning } from '../../agent/contract/feeds.ts';

export interface AgentInfo {
  /** Semantic version, without a leading `v`. */
  readonly version: string;
  /** Version of Consul whose API is spoken: what clients of Consul compare. */
  readonly consulVersion: string;
  /** Commit of the build; empty if unknown. */
  readonly revision: string;
  /** RFC 3339; empty if unknown. */
  readonly buildDate: string;
  /** UUID of this node: `deriveNodeId(datacenter, name)`. */
  readonly nodeId: string;
  readonly datacenter: string;
  /** When the process started to serve, in wall-clock milliseconds. */
  readonly startedAt: number;
  /** Settings shown in `/v1/agent/self`, as users write them. Never keys or tokens. */
  readonly settings: Readonly<Record<string, string>>;
  /** Those that DNS answers for. */
  readonly domains: readonly string[];
  /** `host:port` that other members dial. */
  readonly gossipAddress: string;
  /** `host:port`; absent when DNS is off. */
  readonly dnsAddress?: string;
  /** One clause for each part that does not work as configured. */
  degraded(): readonly string[];
  /** The container engines that it follows. */
  containers(): readonly ContainerEngineStatus[];
  /** What it warned of in the last hour, the latest first. */
  warnings(): readonly RecentWarning[];
  /** Absent if the log cannot be followed. */
  readonly logs?: LogFeed;
}
