/**
 * Converts checks into Consul's JSON, and derives two that are never registered: the health of a node (`serfHealth`)
 * and that an instance is draining. Clients compare ids and names literally.
 */
import type { Instance, InstanceStatus, NodeCatalog } from '../../catalog/types.ts';
import {
  type LocalCheck,
  NODE_MAINTENANCE,
  SERVICE_DRAINING,
  SERVICE_MAINTENANCE,
} from '../../checks/types.ts';
import { formatDuration } from '../../config/setting.ts';
import type { Check, CheckStatus } from '../../model/service.ts';
import { JsonPart } from '../endpoint/reply/json-parts.ts';
import { MemoKind } from '../endpoint/reply/memo.ts';
import type { Site } from '../endpoint/site.ts';
import type { PoolNode, PoolNodeEntries, ServiceInstance } from '../pool/pool.ts';
import type { ConsulHealthCheck, ConsulServiceEntry } from './schemas.ts';
import { nodeModifyIndex, toConsulNode, toConsulNodeService } from './services.ts';

const SERVICE_ENTRIES = new MemoKind<Instance, JsonPart<ConsulServiceEntry>>();
const NODE_CHECKS = new MemoKind<NodeCatalog, JsonPart<ConsulHealthCheck>>();

/** An instance with its node, the checks of that node, and its own. */
export function serviceEntryPart(serviceInstance: ServiceInstance, site: Site): JsonPart<ConsulServiceEntry> {
  const index = nodeModifyIndex(serviceInstance.poolNode, site);
  return SERVICE_ENTRIES.in(site).getOrCompute(
    serviceInstance.instance,
    nodeStamp(serviceInstance.poolNode, index),
    () => new JsonPart([toConsulServiceEntry(serviceInstance, site, index)]),
  );
}

function toConsulServiceEntry(
  { poolNode, instance }: ServiceInstance,
  site: Site,
  index: number,
): ConsulServiceEntry {
  return {
    Node: toConsulNode(poolNode, site),
    Service: toConsulNodeService(instance.service, index),
    Checks: [
      ...nodeHealth(poolNode, index),
      ...instance.nodeChecks.map((check) => toConsulHealthCheck(poolNode.name, check, undefined, index)),
      ...instanceChecks(instance, index),
    ],
  };
}

/** The checks of the instance, without those of its node. `index` is that of the node, as everywhere here. */
export function instanceChecks({ node, service, checks }: Instance, index: number): ConsulHealthCheck[] {
  const own = checks.map((check) => toConsulHealthCheck(node, check, service, index));
  return service.draining ? [...own, drainingCheck(node, service, index)] : own;
}

/** All checks of a node: `serfHealth` first, since a client reads it by position, then the others by id. */
export function nodeChecksPart(entries: PoolNodeEntries, site: Site): JsonPart<ConsulHealthCheck> {
  const { poolNode, published } = entries;
  const index = nodeModifyIndex(poolNode, site);
  const compute = (): JsonPart<ConsulHealthCheck> => new JsonPart(nodeChecks(entries, index));
  if (published === undefined) return compute();
  return NODE_CHECKS.in(site).getOrCompute(published, nodeStamp(poolNode, index), compute);
}

/** Changes with everything that is shown of a node beside its entries. */
const nodeStamp = ({ up, unconfirmed }: PoolNode, index: number): number =>
  4 * index + (up ? 2 : 0) + (unconfirmed ? 1 : 0);

function nodeChecks({ poolNode, instances, checks }: PoolNodeEntries, index: number): ConsulHealthCheck[] {
  const published = [
    ...checks.map((check) => toConsulHealthCheck(poolNode.name, check, undefined, index)),
    ...instances.flatMap((instance) => instanceChecks(instance, index)),
  ];
  return [...nodeHealth(poolNode, index), ...published.sort(compareById)];
}

const compareById = (a: ConsulHealthCheck, b: ConsulHealthCheck): number => (a.CheckID < b.CheckID ? -1 : 1);

/** The checks of this agent for `agent/checks` and `agent/health`: by id, without `serfHealth`. */
export function localChecks({ agent: { view } }: Site): ConsulHealthCheck[] {
  const services = view.local.services();
  const checks = [...view.local.checks().values()].map((check) =>
    localHealthCheck(view.node, check, services.get(check.definition.serviceId)?.definition),
  );
  for (const { definition, draining } of services.values())
    if (draining) checks.push(drainingCheck(view.node, definition, 0));
  return checks.sort(compareById);
}

/** The worst status; maintenance comes before all others. Source: Consul HTTP API, "Get local service health". */
export function aggregateStatus(checks: readonly ConsulHealthCheck[]): Exclude<InstanceStatus, 'draining'> {
  if (checks.some(({ CheckID: id }) => id === NODE_MAINTENANCE || id.startsWith(SERVICE_MAINTENANCE)))
    return 'maintenance';
  const has = (status: CheckStatus): boolean => checks.some((check) => check.Status === status);
  return has('critical') ? 'critical' : has('warning') ? 'warning' : 'passing';
}

const UNCONFIRMED = 'Unconfirmed: restored from before the restart';

/** An external node runs no agent: what can be said is only that nobody tends it while its owner is away. */
function nodeHealth({ external, ...node }: PoolNode, index: number): ConsulHealthCheck[] {
  if (external === undefined) return [serfHealthCheck(node, index)];
  if (external.up) return [];
  const Output = `Agent ${external.owner}, which it is registered with, is not live or unreachable`;
  return [{ ...serfHealthCheck(node, index), Output }];
}

/** The health of a node: each reader derives it from membership, so it is never gossiped. */
function serfHealthCheck(
  { name, up, unconfirmed }: Omit<PoolNode, 'external'>,
  index: number,
): ConsulHealthCheck {
  return buildHealthCheck(name, index, {
    CheckID: 'serfHealth',
    Name: 'Serf Health Status',
    Status: up ? 'passing' : 'critical',
    Output: up ? (unconfirmed ? UNCONFIRMED : 'Agent alive and reachable') : 'Agent not live or unreachable',
  });
}

/**
 * Consul has no state for an instance that is about to stop. A critical check, as in its maintenance mode, makes every
 * client exclude the instance, whether it requests passing ones or looks at the checks itself.
 */
function drainingCheck(node: string, service: Owner, index: number): ConsulHealthCheck {
  return buildHealthCheck(node, index, {
    CheckID: SERVICE_DRAINING + service.id,
    Name: 'Service Draining',
    Status: 'critical',
    Notes: 'The instance is about to stop: send it nothing new',
    Type: 'maintenance',
    ...serviceFields(service),
  });
}

function toConsulHealthCheck(
  node: string,
  check: Check,
  service: Owner | undefined,
  index: number,
): ConsulHealthCheck {
  return buildHealthCheck(node, index, {
    CheckID: check.id,
    Name: check.name,
    Status: check.status,
    Notes: check.notes,
    Output: check.output,
    Type: check.type,
    Interval: check.interval,
    Timeout: check.timeout,
    ServiceID: check.serviceId,
    ...(service === undefined ? {} : serviceFields(service)),
  });
}

function localHealthCheck(
  node: string,
  { definition, status, output }: LocalCheck,
  service: Owner | undefined,
): ConsulHealthCheck {
  const { probe, interval, timeout } = definition;
  return buildHealthCheck(node, 0, {
    CheckID: definition.id,
    Name: definition.name,
    Status: status,
    Notes: definition.notes,
    Output: output,
    Type: probe.kind === 'exec' ? 'script' : probe.kind,
    Interval: interval > 0 ? formatDuration(interval) : '',
    Timeout: timeout > 0 ? formatDuration(timeout) : '',
    ServiceID: definition.serviceId,
    ...(service === undefined ? {} : serviceFields(service)),
  });
}

interface Owner {
  readonly id: string;
  readonly name: string;
  readonly tags: readonly string[];
}

const serviceFields = ({ id, name, tags }: Owner): Partial<ConsulHealthCheck> => ({
  ServiceID: id,
  ServiceName: name,
  ServiceTags: tags,
});

/** There are thousands of them: all have the same fields in the same order, and so one hidden class. */
const buildHealthCheck = (
  node: string,
  index: number,
  fields: Pick<ConsulHealthCheck, 'CheckID' | 'Name' | 'Status'> & Partial<ConsulHealthCheck>,
): ConsulHealthCheck => ({
  Node: node,
  CheckID: fields.CheckID,
  Name: fields.Name,
  Status: fields.Status,
  Notes: fields.Notes ?? '',
  Output: fields.Output ?? '',
  ServiceID: fields.ServiceID ?? '',
  ServiceName: fields.ServiceName ?? '',
  ServiceTags: fields.ServiceTags ?? [],
  Type: fields.Type ?? '',
  Interval: fields.Interval ?? '',
  Timeout: fields.Timeout ?? '',
  ExposedPort: 0,
  Definition: {},
  CreateIndex: index,
  ModifyIndex: index,
});
