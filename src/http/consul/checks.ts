/**
 * Checks in the shape Consul's clients know, those that nobody registered among them: a node's own health, and that
 * an instance is draining. Ids and names are compared literally by clients.
 */
import type { Instance, InstanceStatus, NodeCatalog } from '../../catalog/types.ts';
import { type LocalCheck, NODE_MAINTENANCE, SERVICE_MAINTENANCE } from '../../checks/types.ts';
import { formatDuration } from '../../config/setting.ts';
import type { Check, CheckStatus } from '../../model/service.ts';
import { JsonPart } from '../endpoint/reply/json-parts.ts';
import { MemoKind } from '../endpoint/reply/memo.ts';
import type { Site } from '../endpoint/site.ts';
import type { PoolNode, PoolNodeEntries, ServiceInstance } from '../pool/pool.ts';
import { nodeModifyIndex, toConsulNode, toConsulNodeService } from './services.ts';
import type { ConsulHealthCheck, ConsulServiceEntry } from './types.ts';

const SERVICE_ENTRIES = new MemoKind<Instance, JsonPart<ConsulServiceEntry>>();
/** All checks of a node. */
const NODE_CHECKS = new MemoKind<NodeCatalog, JsonPart<ConsulHealthCheck>>();

/** Follows the id of a service: ours, beside Consul's `_service_maintenance:`. */
const SERVICE_DRAINING = '_service_draining:';

/** An instance with its node, the checks of that node, and its own. */
export function serviceEntryPart(sighting: ServiceInstance, site: Site): JsonPart<ConsulServiceEntry> {
  const index = nodeModifyIndex(sighting.poolNode, site);
  return SERVICE_ENTRIES.in(site).getOrCompute(
    sighting.instance,
    nodeStamp(sighting.poolNode, index),
    () => new JsonPart([toConsulServiceEntry(sighting, site, index)]),
  );
}

function toConsulServiceEntry(sighting: ServiceInstance, site: Site, index: number): ConsulServiceEntry {
  const { poolNode: host, instance } = sighting;
  return {
    Node: toConsulNode(host, site),
    Service: toConsulNodeService(instance.service, index),
    Checks: [
      serfHealthCheck(host, index),
      ...instance.nodeChecks.map((check) => toConsulHealthCheck(host.name, check, undefined, index)),
      ...instanceChecks(instance, index),
    ],
  };
}

/** Of the instance alone, not of its node. `index`: that of its node, as everywhere here. */
export function instanceChecks({ node, service, checks }: Instance, index: number): ConsulHealthCheck[] {
  const shapes = checks.map((check) => toConsulHealthCheck(node, check, service, index));
  return service.draining ? [...shapes, drainingCheck(node, service, index)] : shapes;
}

/** All checks of a node: its own health first, as one client's test reads it by position, then by id. */
export function nodeChecksPart(entries: PoolNodeEntries, site: Site): JsonPart<ConsulHealthCheck> {
  const { poolNode: host, published: key } = entries;
  const index = nodeModifyIndex(host, site);
  const make = (): JsonPart<ConsulHealthCheck> => new JsonPart(nodeChecks(entries, index));
  return key === undefined ? make() : NODE_CHECKS.in(site).getOrCompute(key, nodeStamp(host, index), make);
}

/** What is shown of a node beside its entries. */
const nodeStamp = ({ up, unconfirmed: warm }: PoolNode, index: number): number =>
  4 * index + (up ? 2 : 0) + (warm ? 1 : 0);

function nodeChecks(
  { poolNode: host, instances, checks }: PoolNodeEntries,
  index: number,
): ConsulHealthCheck[] {
  const shapes = [
    ...checks.map((check) => toConsulHealthCheck(host.name, check, undefined, index)),
    ...instances.flatMap((instance) => instanceChecks(instance, index)),
  ];
  shapes.sort((a, b) => (a.CheckID < b.CheckID ? -1 : 1));
  return [serfHealthCheck(host, index), ...shapes];
}

/** Of this agent, as `agent/checks` and `agent/health` show them: without `serfHealth`, by id. */
export function localChecks({ agent: { view } }: Site): ConsulHealthCheck[] {
  const services = view.local.services();
  const shapes = [...view.local.checks().values()].map((check) =>
    localHealthCheck(view.node, check, services.get(check.definition.serviceId)?.definition),
  );
  for (const { definition, draining: out } of services.values())
    if (out) shapes.push(drainingCheck(view.node, definition, 0));
  return shapes.sort((a, b) => (a.CheckID < b.CheckID ? -1 : 1));
}

/** The worst of them; an operator's word comes before all else. Source: Consul HTTP API, "Get local service health". */
export function aggregateStatus(checks: readonly ConsulHealthCheck[]): Exclude<InstanceStatus, 'draining'> {
  if (checks.some(({ CheckID: id }) => id === NODE_MAINTENANCE || id.startsWith(SERVICE_MAINTENANCE)))
    return 'maintenance';
  const has = (status: CheckStatus): boolean => checks.some((check) => check.Status === status);
  return has('critical') ? 'critical' : has('warning') ? 'warning' : 'passing';
}

/** Says that an answer is warm: clients get it, and people see what it is. */
const REMEMBERED = 'Remembered from before the restart; not confirmed yet';

/** The node's own health: derived from membership by whoever reads it, never gossiped. */
function serfHealthCheck({ name, up, unconfirmed: warm }: PoolNode, index: number): ConsulHealthCheck {
  return buildHealthCheck(name, index, {
    CheckID: 'serfHealth',
    Name: 'Serf Health Status',
    Status: up ? 'passing' : 'critical',
    Output: warm && up ? REMEMBERED : up ? 'Agent alive and reachable' : 'Agent not live or unreachable',
  });
}

/**
 * Consul has no word for an instance that is about to stop. A critical check in the manner of its maintenance mode
 * makes every client leave the instance out, whether it asks for passing ones or judges by itself.
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

/** One hidden class and one order of fields for all of them: there are thousands. */
const buildHealthCheck = (
  node: string,
  index: number,
  facts: Pick<ConsulHealthCheck, 'CheckID' | 'Name' | 'Status'> & Partial<ConsulHealthCheck>,
): ConsulHealthCheck => ({
  Node: node,
  CheckID: facts.CheckID,
  Name: facts.Name,
  Status: facts.Status,
  Notes: facts.Notes ?? '',
  Output: facts.Output ?? '',
  ServiceID: facts.ServiceID ?? '',
  ServiceName: facts.ServiceName ?? '',
  ServiceTags: facts.ServiceTags ?? [],
  Type: facts.Type ?? '',
  Interval: facts.Interval ?? '',
  Timeout: facts.Timeout ?? '',
  ExposedPort: 0,
  Definition: {},
  CreateIndex: index,
  ModifyIndex: index,
});
