/** Shapes of the agent's responses, as the commands need them. Other fields pass through unchecked. */
import * as v from 'valibot';
import { CliError, EXIT } from '../command.ts';
import type { Client } from './client.ts';

const VersionsSchema = v.looseObject({ min: v.number(), max: v.number(), cur: v.number() });

export const MembersSchema = v.array(
  v.looseObject({
    name: v.string(),
    addr: v.string(),
    port: v.number(),
    status: v.string(),
    tags: v.record(v.string(), v.string()),
    incarnation: v.number(),
    ageMs: v.number(),
    protocol: VersionsSchema,
    delegate: VersionsSchema,
    self: v.boolean(),
  }),
);
export type MemberInfo = v.InferOutput<typeof MembersSchema>[number];

const CensusSchema = v.looseObject({ known: v.number(), visible: v.number() });

export const ReloadReportSchema = v.looseObject({
  changes: v.array(v.looseObject({ kind: v.string(), name: v.string(), text: v.string() })),
  needsRestart: v.array(v.string()),
  warnings: v.array(v.string()),
});

export const AgentInfoSchema = v.looseObject({
  version: v.string(),
  node: v.string(),
  datacenter: v.string(),
  address: v.looseObject({
    gossip: v.string(),
    http: v.nullish(v.string()),
    dns: v.nullish(v.string()),
  }),
  health: v.looseObject({ awareness: v.number() }),
  members: v.record(v.string(), v.number()),
  /** Messages that wait in each broadcast queue. */
  lanes: v.optional(v.record(v.string(), v.number())),
  /** Older agents do not send it. */
  partitionSummary: v.optional(
    v.looseObject({
      kind: v.optional(v.string()),
      sentence: v.string(),
      minuteAgo: v.nullish(CensusSchema),
      hourAgo: v.nullish(CensusSchema),
    }),
  ),
  incarnation: v.number(),
  encrypted: v.boolean(),
  leaving: v.boolean(),
  uptimeMs: v.number(),
  degraded: v.array(v.string()),
});

export const JoinReportSchema = v.looseObject({
  joined: v.number(),
  failed: v.array(v.looseObject({ addr: v.string(), error: v.string() })),
  advice: v.optional(v.string()),
});

// `v.record` would drop a key named `constructor`.
const isMap = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const RecordSchema = v.custom<Readonly<Record<string, unknown>>>(isMap, 'must be a map');

/** Names to tags. */
export const CatalogServicesSchema = v.custom<Readonly<Record<string, readonly string[]>>>(
  (value) =>
    isMap(value) &&
    Object.values(value).every(
      (tags) => Array.isArray(tags) && tags.every((tag: unknown) => typeof tag === 'string'),
    ),
  'must be a map of names to tags',
);

const optionalText = v.optional(v.string(), '');

/** Consul's HealthCheck. */
const HealthCheckSchema = v.looseObject({
  Node: v.string(),
  CheckID: v.string(),
  Status: v.string(),
  Name: optionalText,
  Notes: optionalText,
  Output: optionalText,
  ServiceID: optionalText,
  ServiceName: optionalText,
});
export const HealthChecksSchema = v.array(HealthCheckSchema);
export type HealthCheck = v.InferOutput<typeof HealthCheckSchema>;

/** Consul's ServiceEntry. */
export const ServiceEntriesSchema = v.array(
  v.looseObject({
    Node: v.looseObject({ Node: v.string(), Address: v.string() }),
    Service: v.looseObject({
      ID: v.string(),
      Service: v.string(),
      Tags: v.nullish(v.array(v.string())),
      Address: optionalText,
      Port: v.optional(v.number(), 0),
    }),
    Checks: HealthChecksSchema,
  }),
);
export type ServiceEntry = v.InferOutput<typeof ServiceEntriesSchema>[number];

const ResolvedInstanceSchema = v.looseObject({
  id: v.string(),
  node: v.string(),
  address: v.string(),
  port: v.number(),
});
export type ResolvedInstance = v.InferOutput<typeof ResolvedInstanceSchema>;

export const ResolvedInstancesSchema = v.array(ResolvedInstanceSchema);

export const KeyOwnersSchema = v.looseObject({
  key: v.string(),
  service: v.string(),
  owners: ResolvedInstancesSchema,
  checksum: v.union([v.string(), v.number()]),
  instances: v.number(),
});

const ReasonSchema = v.looseObject({
  message: v.string(),
  source: v.string(),
  excludes: v.boolean(),
  sinceMs: v.nullable(v.number()),
});

export const ServiceWhySchema = v.looseObject({
  service: v.string(),
  summary: v.string(),
  instances: v.array(
    v.looseObject({
      id: v.string(),
      node: v.string(),
      address: v.string(),
      port: v.number(),
      status: v.string(),
      answers: v.looseObject({ usable: v.boolean(), passing: v.boolean(), query: v.boolean() }),
      reasons: v.array(ReasonSchema),
    }),
  ),
  membersWithoutServices: v.array(
    v.looseObject({ node: v.string(), status: v.string(), message: v.string() }),
  ),
});
export type ServiceWhy = v.InferOutput<typeof ServiceWhySchema>;

export const NodeWhySchema = v.looseObject({
  node: v.string(),
  status: v.nullable(v.string()),
  diagnosis: v.string(),
  accusation: v.nullable(v.string()),
  cause: v.optional(v.nullable(v.string())),
  witnesses: v.nullable(
    v.looseObject({
      answered: v.array(v.string()),
      unreadable: v.array(v.string()),
      error: v.nullable(v.string()),
    }),
  ),
  dropped: v.number(),
  evidence: v.array(
    v.looseObject({
      at: v.string(),
      agoMs: v.number(),
      observer: v.string(),
      message: v.string(),
      kind: v.string(),
      count: v.optional(v.number()),
    }),
  ),
});
export type NodeWhy = v.InferOutput<typeof NodeWhySchema>;

/** Consul's Event. */
export const ConsulEventSchema = v.looseObject({
  ID: v.string(),
  Name: v.string(),
  Payload: v.nullish(v.string()),
  LTime: v.number(),
});
export const ConsulEventsSchema = v.array(ConsulEventSchema);

export const ContainerEnginesSchema = v.array(
  v.looseObject({
    engine: v.string(),
    away: v.nullable(v.string()),
    containers: v.number(),
    refused: v.array(v.looseObject({ container: v.string(), reason: v.string() })),
    refusals: v.number(),
  }),
);
export type ContainerEngines = v.InferOutput<typeof ContainerEnginesSchema>;

const PartitionWorkerSchema = v.nullable(v.looseObject({ node: v.string(), id: v.string() }));
export const PoolSchema = v.looseObject({
  service: v.string(),
  count: v.number(),
  node: v.string(),
  /** Absent: an agent of an earlier version. */
  quorum: v.optional(v.number(), 1),
  workers: v.array(v.looseObject({ node: v.string(), id: v.string(), usable: v.boolean() })),
  partitions: v.array(
    v.looseObject({
      partition: v.number(),
      state: v.string(),
      holder: PartitionWorkerSchema,
      token: v.nullable(v.number()),
      next: PartitionWorkerSchema,
      summary: v.string(),
    }),
  ),
});
export type WorkerPool = v.InferOutput<typeof PoolSchema>;
export type Partition = WorkerPool['partitions'][number];

/** The response, if it has the shape of `schema`. Throws `CliError` otherwise: the agent has another version. */
export function parseResponse<S extends v.GenericSchema>(
  schema: S,
  response: unknown,
  client: Client,
): v.InferOutput<S> {
  const result = v.safeParse(schema, response);
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new CliError(
    EXIT.failed,
    `the agent at ${client.address} returned an unexpected response (${v.getDotPath(issue) ?? 'body'}: ${issue.message}): check that it has the version that \`hearsay version\` prints`,
  );
}
