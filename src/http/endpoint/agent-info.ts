/** What the HTTP door tells about this agent beyond what the view knows. Main fills it in. */
import type { LogFeed } from './log-stream.ts';

export interface AgentInfo {
  /** Semantic version, without a leading `v`. */
  readonly version: string;
  /** Commit of the build; empty if unknown. */
  readonly revision: string;
  /** RFC 3339; empty if unknown. */
  readonly buildDate: string;
  /** UUID of this node: `nodeId(datacenter, name)` of shapes.ts. */
  readonly nodeId: string;
  readonly datacenter: string;
  /** When the process began to serve, in wall-clock milliseconds. */
  readonly startedAt: number;
  /** Settings worth showing in `/v1/agent/self`, as people write them. Never keys or tokens. */
  readonly settings: Readonly<Record<string, string>>;
  /** `host:port` others dial. */
  readonly gossipAddress: string;
  /** `host:port`; absent when DNS is off. */
  readonly dnsAddress?: string;
  /** One clause for each part that does not work as configured; empty when all is well. */
  degraded(): readonly string[];
  /** Its log, to follow; absent: it cannot be. */
  readonly logs?: LogFeed;
}
