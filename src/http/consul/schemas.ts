/** The shapes of Consul's API, as `shapes.ts` and its siblings fill them. Source: http.md section 7. */
import {
  any,
  flag,
  hidden,
  list,
  map,
  named,
  nullable,
  number,
  object,
  oneOf,
  optional,
  text,
  texts,
} from '../endpoint/schema.ts';

const status = oneOf('passing', 'warning', 'critical');
const place = object({ Address: text, Port: number });
const weights = object({ Passing: number, Warning: number });
const indexes = { CreateIndex: hidden(number), ModifyIndex: hidden(number) };

const service = {
  ID: text,
  Service: text,
  Tags: texts,
  Address: text,
  TaggedAddresses: optional(map(place)),
  Meta: map(text),
  Port: number,
  Weights: weights,
  EnableTagOverride: flag,
};

export const NODE = named(
  'Node',
  object({
    ID: text,
    Node: text,
    Address: text,
    Datacenter: text,
    TaggedAddresses: map(text),
    Meta: map(text),
    ...indexes,
  }),
);

export const NODE_SERVICE = named(
  'NodeService',
  object({ ...service, Proxy: hidden(object({})), Connect: hidden(object({})), ...indexes }),
);

export const AGENT_SERVICE = named(
  'AgentService',
  object({ ...service, Datacenter: text, ContentHash: optional(hidden(text)) }),
);

export const CATALOG_SERVICE = named(
  'CatalogService',
  object({
    ID: text,
    Node: text,
    Address: text,
    Datacenter: text,
    TaggedAddresses: map(text),
    NodeMeta: map(text),
    ServiceKind: text,
    ServiceID: text,
    ServiceName: text,
    ServiceTags: texts,
    ServiceAddress: text,
    ServiceTaggedAddresses: optional(map(place)),
    ServiceWeights: weights,
    ServiceMeta: map(text),
    ServicePort: number,
    ServiceSocketPath: text,
    ServiceEnableTagOverride: flag,
    ServiceProxy: hidden(object({})),
    ServiceConnect: hidden(object({})),
    ...indexes,
  }),
);

export const CHECK = named(
  'HealthCheck',
  object({
    Node: text,
    CheckID: text,
    Name: text,
    Status: status,
    Notes: text,
    Output: text,
    ServiceID: text,
    ServiceName: text,
    ServiceTags: texts,
    Type: text,
    Interval: text,
    Timeout: text,
    ExposedPort: hidden(number),
    Definition: hidden(object({})),
    ...indexes,
  }),
);

export const SERVICE_ENTRY = named(
  'ServiceEntry',
  object({ Node: NODE, Service: NODE_SERVICE, Checks: list(CHECK) }),
);

export const MEMBER = named(
  'Member',
  object({
    Name: text,
    Addr: text,
    Port: number,
    Tags: map(text),
    Status: number,
    ProtocolMin: number,
    ProtocolMax: number,
    ProtocolCur: number,
    DelegateMin: number,
    DelegateMax: number,
    DelegateCur: number,
  }),
);

export const SERVICE_HEALTH = named(
  'ServiceHealth',
  object({
    AggregatedStatus: oneOf('passing', 'warning', 'critical', 'maintenance'),
    Service: nullable(AGENT_SERVICE),
    Checks: nullable(list(CHECK)),
  }),
);

export const COORD = named('Coord', object({ Vec: list(any), Error: any, Adjustment: any, Height: any }));
export const COORDINATE = named('Coordinate', object({ Node: text, Segment: text, Coord: COORD }));

const span = named('Duration', any);

/** What a registration may say; keys match in any case, and more of them are accepted. */
export const CHECK_DEFINITION = named(
  'CheckDefinition',
  object({
    CheckID: optional(text),
    Name: optional(text),
    Notes: optional(text),
    ServiceID: optional(text),
    Status: optional(status),
    HTTP: optional(text),
    Method: optional(text),
    Header: optional(map(texts)),
    Body: optional(text),
    DisableRedirects: optional(flag),
    TCP: optional(text),
    TCPUseTLS: optional(flag),
    UDP: optional(text),
    TTL: optional(span),
    GRPC: optional(text),
    GRPCUseTLS: optional(flag),
    H2PING: optional(text),
    H2PingUseTLS: optional(flag),
    AliasService: optional(text),
    TLSServerName: optional(text),
    TLSSkipVerify: optional(flag),
    Interval: optional(span),
    Timeout: optional(span),
    SuccessBeforePassing: optional(number),
    FailuresBeforeWarning: optional(number),
    FailuresBeforeCritical: optional(number),
    DeregisterCriticalServiceAfter: optional(span),
    OutputMaxSize: optional(number),
  }),
);

export const SERVICE_DEFINITION = named(
  'ServiceDefinition',
  object({
    Name: text,
    ID: optional(text),
    Tags: optional(texts),
    Address: optional(text),
    Port: optional(number),
    TaggedAddresses: optional(map(place)),
    Meta: optional(map(text)),
    Weights: optional(weights),
    EnableTagOverride: optional(flag),
    Check: optional(CHECK_DEFINITION),
    Checks: optional(list(CHECK_DEFINITION)),
  }),
);
