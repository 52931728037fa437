/**
 * Checks in the shape Consul's clients know, those that nobody registered among them: a node's own health, and that
 * an instance is draining. Ids and names are compared literally by clients.
 */
import type { Instance, InstanceStatus, NodeCatalog } from '../../catalog/types.ts';
import { type LocalCheck, NODE_MAINTENANCE, SERVICE_MAINTENANCE } from '../../checks/types.ts';
import { formatDuration } from '../../config/setting.ts';
import type { Check, CheckStatus } from '../../model/service.ts';
import { Part } from '../endpoint/reply/json-parts.ts';
import { MemoKind } from '../endpoint/reply/memo.ts';
import type { Site } from '../endpoint/site.ts';
import type { Host, HostEntries, Sighting } from '../pool/pool.ts';
import { hostIndex, hostShape, nodeServiceShape } from './services.ts';
import type { CheckShape, EntryShape } from './types.ts';

const SERVICE_ENTRIES = new MemoKind<Instance, Part<EntryShape>>();
/** All checks of a node. */
const NODE_CHECKS = new MemoKind<NodeCatalog, Part<CheckShape>>();

/** Follows the id of a service: ours, beside Consul's `_service_maintenance:`. */
const SERVICE_DRAINING = '_service_draining:';

/** An instance with its node, the checks of that node, and its own. */
export function entryOf(sighting: Sighting, site: Site): Part<EntryShape> {
  const index = hostIndex(sighting.host, site);
  return SERVICE_ENTRIES.in(site).get(
    sighting.instance,
    stampOf(sighting.host, index),
    () => new Part([entryShape(sighting, site, index)]),
  );
}

function entryShape(sighting: Sighting, site: Site, index: number): EntryShape {
  const { host, instance } = sighting;
  return {
    Node: hostShape(host, site),
    Service: nodeServiceShape(instance.service, index),
    Checks: [
      serfHealth(host, index),
      ...instance.nodeChecks.map((check) => published(host.name, check, undefined, index)),
      ...instanceChecks(instance, index),
    ],
  };
}

/** Of the instance alone, not of its node. `index`: that of its node, as everywhere here. */
export function instanceChecks({ node, service, checks }: Instance, index: number): CheckShape[] {
  const shapes = checks.map((check) => published(node, check, service, index));
  return service.draining ? [...shapes, draining(node, service, index)] : shapes;
}

/** All checks of a node: its own health first, as one client's test reads it by position, then by id. */
export function hostChecks(entries: HostEntries, site: Site): Part<CheckShape> {
  const { host, published: key } = entries;
  const index = hostIndex(host, site);
  const make = (): Part<CheckShape> => new Part(hostCheckShapes(entries, index));
  return key === undefined ? make() : NODE_CHECKS.in(site).get(key, stampOf(host, index), make);
}

/** What is shown of a node beside its entries. */
const stampOf = ({ up, warm }: Host, index: number): number => 4 * index + (up ? 2 : 0) + (warm ? 1 : 0);

function hostCheckShapes({ host, instances, checks }: HostEntries, index: number): CheckShape[] {
  const shapes = [
    ...checks.map((check) => published(host.name, check, undefined, index)),
    ...instances.flatMap((instance) => instanceChecks(instance, index)),
  ];
  shapes.sort((a, b) => (a.CheckID < b.CheckID ? -1 : 1));
  return [serfHealth(host, index), ...shapes];
}

/** Of this agent, as `agent/checks` and `agent/health` show them: without `serfHealth`, by id. */
export function localChecks({ door: { view } }: Site): CheckShape[] {
  const services = view.local.services();
  const shapes = [...view.local.checks().values()].map((check) =>
    local(view.node, check, services.get(check.definition.serviceId)?.definition),
  );
  for (const { definition, draining: out } of services.values())
    if (out) shapes.push(draining(view.node, definition, 0));
  return shapes.sort((a, b) => (a.CheckID < b.CheckID ? -1 : 1));
}

/** The worst of them; an operator's word comes before all else. Source: http.md section 7, aggregated status. */
export function aggregated(checks: readonly CheckShape[]): Exclude<InstanceStatus, 'draining'> {
  if (checks.some(({ CheckID: id }) => id === NODE_MAINTENANCE || id.startsWith(SERVICE_MAINTENANCE)))
    return 'maintenance';
  const has = (status: CheckStatus): boolean => checks.some((check) => check.Status === status);
  return has('critical') ? 'critical' : has('warning') ? 'warning' : 'passing';
}

/** Says that an answer is warm: clients get it, and people see what it is. */
const REMEMBERED = 'Remembered from before the restart; not confirmed yet';

/** The node's own health: derived from membership by whoever reads it, never gossiped. */
function serfHealth({ name, up, warm }: Host, index: number): CheckShape {
  return shape(name, index, {
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
function draining(node: string, service: Owner, index: number): CheckShape {
  return shape(node, index, {
    CheckID: SERVICE_DRAINING + service.id,
    Name: 'Service Draining',
    Status: 'critical',
    Notes: 'The instance is about to stop: send it nothing new',
    Type: 'maintenance',
    ...ofService(service),
  });
}

function published(node: string, check: Check, service: Owner | undefined, index: number): CheckShape {
  return shape(node, index, {
    CheckID: check.id,
    Name: check.name,
    Status: check.status,
    Notes: check.notes,
    Output: check.output,
    Type: check.type,
    Interval: check.interval,
    Timeout: check.timeout,
    ServiceID: check.serviceId,
    ...(service === undefined ? {} : ofService(service)),
  });
}

function local(
  node: string,
  { definition, status, output }: LocalCheck,
  service: Owner | undefined,
): CheckShape {
  const { probe, interval, timeout } = definition;
  return shape(node, 0, {
    CheckID: definition.id,
    Name: definition.name,
    Status: status,
    Notes: definition.notes,
    Output: output,
    Type: probe.kind === 'exec' ? 'script' : probe.kind,
    Interval: interval > 0 ? formatDuration(interval) : '',
    Timeout: timeout > 0 ? formatDuration(timeout) : '',
    ServiceID: definition.serviceId,
    ...(service === undefined ? {} : ofService(service)),
  });
}

interface Owner {
  readonly id: string;
  readonly name: string;
  readonly tags: readonly string[];
}

const ofService = ({ id, name, tags }: Owner): Partial<CheckShape> => ({
  ServiceID: id,
  ServiceName: name,
  ServiceTags: tags,
});

/** One hidden class and one order of fields for all of them: there are thousands. */
const shape = (
  node: string,
  index: number,
  facts: Pick<CheckShape, 'CheckID' | 'Name' | 'Status'> & Partial<CheckShape>,
): CheckShape => ({
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
