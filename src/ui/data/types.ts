/** The JSON of the API as far as the dashboard reads it (docs/http.md). All strings in it are foreign: they are shown as text. */

export type NodeStatus = 'alive' | 'suspect' | 'away' | 'leaving' | 'left' | 'failed';
export type HealthStatus = 'passing' | 'warning' | 'critical' | 'maintenance' | 'draining';

/** A row of `/v1/hearsay/members`, and the `member` event. */
export interface MemberRow {
  readonly name: string;
  readonly addr: string;
  readonly port: number;
  readonly status: NodeStatus;
  readonly tags: Readonly<Record<string, string>>;
  readonly incarnation: number;
  readonly ageMs: number;
  readonly self: boolean;
}

/** A member with the time on this browser's clock since which it has its status. */
export interface LiveMember extends MemberRow {
  readonly since: number;
}

/** An instance of the `service` event. */
export interface LiveInstance {
  readonly node: string;
  readonly id: string;
  readonly address: string;
  readonly port: number;
  readonly ports?: Readonly<Record<string, number>>;
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
  readonly weights: { readonly passing: number; readonly warning: number };
  readonly zone: string | null;
  readonly rtt: number | null;
  readonly status: HealthStatus;
}

export interface LiveService {
  readonly name: string;
  readonly instances: readonly LiveInstance[];
}

export interface SummaryJson {
  readonly kind: 'whole' | 'deaths' | 'partition';
  readonly sentence: string;
  readonly minuteAgo: { readonly known: number; readonly visible: number } | null;
  readonly hourAgo: { readonly known: number; readonly visible: number } | null;
}

/** `/v1/hearsay/info`. */
export interface InfoJson {
  readonly version: string;
  readonly node: string;
  readonly datacenter: string;
  /** Those that DNS answers for. */
  readonly domains: readonly string[];
  readonly address: { readonly gossip: string; readonly http: string; readonly dns: string | null };
  readonly health: { readonly awareness: number };
  readonly partitionSummary: SummaryJson;
  readonly lanes: Readonly<Record<string, number>>;
  readonly encrypted: boolean;
  readonly uptimeMs: number;
  readonly memory: { readonly rssBytes: number };
}
