/**
 * The JSON that Consul's clients know, field by field, as schemas and as the types of what they describe. Field names
 * are Consul's.
 *
 * Source: Consul HTTP API, the samples of each endpoint.
 */
import {
  any,
  arrayOf,
  boolean,
  hidden,
  named,
  nullable,
  number,
  type ObjectOf,
  object,
  oneOf,
  optionalField,
  recordOf,
  string,
  strings,
  type ValueOf,
} from '../endpoint/schema.ts';

const status = oneOf('passing', 'warning', 'critical');
const serviceAddress = object({ Address: string, Port: number });
export type ConsulServiceAddress = ValueOf<typeof serviceAddress>;
const servicePort = object({ Name: string, Port: number, Default: boolean });
const weights = object({ Passing: number, Warning: number });
/**
 * Fields of the mesh, which there is none of here. Filters may select them: `Service.Kind != "connect-proxy"` is how
 * programs leave out sidecars.
 */
const connect = object({ Native: optionalField(boolean) });
const proxy = object({
  DestinationServiceName: optionalField(string),
  DestinationServiceID: optionalField(string),
  LocalServiceAddress: optionalField(string),
  LocalServicePort: optionalField(number),
  Mode: optionalField(string),
});
const indexes = { CreateIndex: hidden(number), ModifyIndex: hidden(number) };

const nodeFields = {
  ID: string,
  Node: string,
  Address: string,
  Datacenter: string,
  TaggedAddresses: recordOf(string),
};

/** The fields with which all forms of a service but the flat one begin. */
const serviceFields = {
  ID: string,
  Service: string,
  Tags: strings,
  Address: string,
  TaggedAddresses: optionalField(recordOf(serviceAddress)),
  Meta: recordOf(string),
  Port: number,
  Ports: optionalField(arrayOf(servicePort)),
  Weights: weights,
  EnableTagOverride: boolean,
};
export type ConsulServiceFields = ObjectOf<typeof serviceFields>;

export const NODE_SCHEMA = named(
  'Node',
  object({
    ...nodeFields,
    Meta: recordOf(string),
    ...indexes,
  }),
);
export type ConsulNode = ValueOf<typeof NODE_SCHEMA>;

export const NODE_SERVICE_SCHEMA = named(
  'NodeService',
  object({ ...serviceFields, Kind: optionalField(string), Proxy: proxy, Connect: connect, ...indexes }),
);
export type ConsulNodeService = ValueOf<typeof NODE_SERVICE_SCHEMA>;

export const AGENT_SERVICE_SCHEMA = named(
  'AgentService',
  object({
    ...serviceFields,
    Kind: optionalField(string),
    Proxy: optionalField(proxy),
    Connect: optionalField(connect),
    Datacenter: string,
    ContentHash: optionalField(hidden(string)),
  }),
);
export type ConsulAgentService = ValueOf<typeof AGENT_SERVICE_SCHEMA>;

export const CATALOG_SERVICE_SCHEMA = named(
  'CatalogService',
  object({
    ...nodeFields,
    NodeMeta: recordOf(string),
    ServiceKind: string,
    ServiceID: string,
    ServiceName: string,
    ServiceTags: strings,
    ServiceAddress: string,
    ServiceTaggedAddresses: optionalField(recordOf(serviceAddress)),
    ServiceWeights: weights,
    ServiceMeta: recordOf(string),
    ServicePort: number,
    ServicePorts: optionalField(arrayOf(servicePort)),
    ServiceSocketPath: string,
    ServiceEnableTagOverride: boolean,
    ServiceProxy: proxy,
    ServiceConnect: connect,
    ...indexes,
  }),
);
export type ConsulCatalogService = ValueOf<typeof CATALOG_SERVICE_SCHEMA>;

export const HEALTH_CHECK_SCHEMA = named(
  'HealthCheck',
  object({
    Node: string,
    CheckID: string,
    Name: string,
    Status: status,
    Notes: string,
    Output: string,
    ServiceID: string,
    ServiceName: string,
    ServiceTags: strings,
    Type: string,
    Interval: string,
    Timeout: string,
    ExposedPort: hidden(number),
    Definition: hidden(object({})),
    ...indexes,
  }),
);
export type ConsulHealthCheck = ValueOf<typeof HEALTH_CHECK_SCHEMA>;

export const SERVICE_ENTRY_SCHEMA = named(
  'ServiceEntry',
  object({ Node: NODE_SCHEMA, Service: NODE_SERVICE_SCHEMA, Checks: arrayOf(HEALTH_CHECK_SCHEMA) }),
);
export type ConsulServiceEntry = ValueOf<typeof SERVICE_ENTRY_SCHEMA>;

export const MEMBER_SCHEMA = named(
  'Member',
  object({
    Name: string,
    Addr: string,
    Port: number,
    Tags: recordOf(string),
    Status: number,
    ProtocolMin: number,
    ProtocolMax: number,
    ProtocolCur: number,
    DelegateMin: number,
    DelegateMax: number,
    DelegateCur: number,
  }),
);
export type ConsulMember = ValueOf<typeof MEMBER_SCHEMA>;

export const SERVICE_HEALTH_SCHEMA = named(
  'ServiceHealth',
  object({
    AggregatedStatus: oneOf('passing', 'warning', 'critical', 'maintenance'),
    Service: nullable(AGENT_SERVICE_SCHEMA),
    Checks: nullable(arrayOf(HEALTH_CHECK_SCHEMA)),
  }),
);
export type ConsulServiceHealth = ValueOf<typeof SERVICE_HEALTH_SCHEMA>;

export const COORD_SCHEMA = named(
  'Coord',
  object({ Vec: arrayOf(any), Error: any, Adjustment: any, Height: any }),
);
export const COORDINATE_SCHEMA = named(
  'Coordinate',
  object({ Node: string, Segment: string, Coord: COORD_SCHEMA }),
);

const duration = named('Duration', any);

/** The fields of a registration; keys match in any case, and those of other editions of Consul are accepted as well. */
export const CHECK_DEFINITION_SCHEMA = named(
  'CheckDefinition',
  object({
    CheckID: optionalField(string),
    Name: optionalField(string),
    Notes: optionalField(string),
    ServiceID: optionalField(string),
    Status: optionalField(status),
    HTTP: optionalField(string),
    Method: optionalField(string),
    Header: optionalField(recordOf(strings)),
    Body: optionalField(string),
    DisableRedirects: optionalField(boolean),
    TCP: optionalField(string),
    TCPUseTLS: optionalField(boolean),
    UDP: optionalField(string),
    TTL: optionalField(duration),
    GRPC: optionalField(string),
    GRPCUseTLS: optionalField(boolean),
    Hold: optionalField(string),
    H2PING: optionalField(string),
    H2PingUseTLS: optionalField(boolean),
    AliasService: optionalField(string),
    TLSServerName: optionalField(string),
    TLSSkipVerify: optionalField(boolean),
    Interval: optionalField(duration),
    Timeout: optionalField(duration),
    SuccessBeforePassing: optionalField(number),
    FailuresBeforeWarning: optionalField(number),
    FailuresBeforeCritical: optionalField(number),
    DeregisterCriticalServiceAfter: optionalField(duration),
    OutputMaxSize: optionalField(number),
  }),
);

export const SERVICE_DEFINITION_SCHEMA = named(
  'ServiceDefinition',
  object({
    Name: string,
    ID: optionalField(string),
    Tags: optionalField(strings),
    Address: optionalField(string),
    Port: optionalField(number),
    Ports: optionalField(arrayOf(servicePort)),
    TaggedAddresses: optionalField(recordOf(serviceAddress)),
    Meta: optionalField(recordOf(string)),
    Weights: optionalField(weights),
    EnableTagOverride: optionalField(boolean),
    Check: optionalField(CHECK_DEFINITION_SCHEMA),
    Checks: optionalField(arrayOf(CHECK_DEFINITION_SCHEMA)),
  }),
);
