/** The JSON that Consul's clients know: its objects, field by field. Field names are theirs. */
import type { CheckStatus } from '../../model/service.ts';

/** Source: Consul HTTP API, "List Nodes". */
export interface ConsulNode {
  readonly ID: string;
  readonly Node: string;
  readonly Address: string;
  readonly Datacenter: string;
  readonly TaggedAddresses: Readonly<Record<string, string>>;
  readonly Meta: Readonly<Record<string, string>>;
  readonly CreateIndex: number;
  readonly ModifyIndex: number;
}

/** Source: Consul HTTP API, "List Members". */
export interface ConsulMember {
  readonly Name: string;
  readonly Addr: string;
  readonly Port: number;
  readonly Tags: Readonly<Record<string, string>>;
  readonly Status: number;
  readonly ProtocolMin: number;
  readonly ProtocolMax: number;
  readonly ProtocolCur: number;
  readonly DelegateMin: number;
  readonly DelegateMax: number;
  readonly DelegateCur: number;
}

export interface ProtocolVersions {
  readonly min: number;
  readonly max: number;
  readonly cur: number;
}

export interface ConsulServiceAddress {
  readonly Address: string;
  readonly Port: number;
}

export interface ConsulWeights {
  readonly Passing: number;
  readonly Warning: number;
}

/** What all shapes but the flat one begin with. */
export interface ConsulServiceFields {
  readonly ID: string;
  readonly Service: string;
  readonly Tags: readonly string[];
  readonly Address: string;
  /** Left out when there are none. */
  readonly TaggedAddresses?: Readonly<Record<string, ConsulServiceAddress>>;
  readonly Meta: Readonly<Record<string, string>>;
  readonly Port: number;
  readonly Weights: ConsulWeights;
  readonly EnableTagOverride: boolean;
}

/** Source: Consul HTTP API, "List Service Instances for Service". */
export interface ConsulNodeService extends ConsulServiceFields {
  readonly Proxy: Readonly<Record<never, never>>;
  readonly Connect: Readonly<Record<never, never>>;
  readonly CreateIndex: number;
  readonly ModifyIndex: number;
}

/** Source: Consul HTTP API, "List Services" of the agent. */
export interface ConsulAgentService extends ConsulServiceFields {
  readonly Datacenter: string;
}

/** Source: Consul HTTP API, "List Nodes for Service". */
export interface ConsulCatalogService {
  readonly ID: string;
  readonly Node: string;
  readonly Address: string;
  readonly Datacenter: string;
  readonly TaggedAddresses: Readonly<Record<string, string>>;
  readonly NodeMeta: Readonly<Record<string, string>>;
  readonly ServiceKind: '';
  readonly ServiceID: string;
  readonly ServiceName: string;
  readonly ServiceTags: readonly string[];
  readonly ServiceAddress: string;
  /** Left out when there are none. */
  readonly ServiceTaggedAddresses?: Readonly<Record<string, ConsulServiceAddress>>;
  readonly ServiceWeights: ConsulWeights;
  readonly ServiceMeta: Readonly<Record<string, string>>;
  readonly ServicePort: number;
  readonly ServiceSocketPath: '';
  readonly ServiceEnableTagOverride: boolean;
  readonly ServiceProxy: Readonly<Record<never, never>>;
  readonly ServiceConnect: Readonly<Record<never, never>>;
  readonly CreateIndex: number;
  readonly ModifyIndex: number;
}

/** Source: Consul HTTP API, "List Checks for Service". */
export interface ConsulHealthCheck {
  readonly Node: string;
  readonly CheckID: string;
  readonly Name: string;
  readonly Status: CheckStatus;
  readonly Notes: string;
  readonly Output: string;
  readonly ServiceID: string;
  readonly ServiceName: string;
  readonly ServiceTags: readonly string[];
  readonly Type: string;
  readonly Interval: string;
  readonly Timeout: string;
  readonly ExposedPort: 0;
  readonly Definition: Readonly<Record<never, never>>;
  readonly CreateIndex: number;
  readonly ModifyIndex: number;
}

/** Source: Consul HTTP API, "List Service Instances for Service". */
export interface ConsulServiceEntry {
  readonly Node: ConsulNode;
  readonly Service: ConsulNodeService;
  readonly Checks: readonly ConsulHealthCheck[];
}
