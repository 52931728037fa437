/**
 * The rows of the event stream: all that a balancer needs to know of each instance of a service. Field names are a
 * contract; fields are added, and `ROWS_VERSION` grows if one ever changes its meaning.
 */
import type { IndexedChange, View } from '../../agent/contract/view.ts';
import { effectiveWeight } from '../../catalog/placement.ts';
import type { Instance } from '../../catalog/types.ts';
import { type Preference, toPreferences } from '../../locality/preferences.ts';
import { objectFromMap } from '../consul/nodes.ts';
import {
  arrayOf,
  boolean,
  decimal,
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
} from '../endpoint/schema.ts';
import type { Site } from '../endpoint/site.ts';
import { estimateRtt } from '../pool/near.ts';

/** Told at the start of each snapshot. */
export const ROWS_VERSION = 1;

const ROW_FIELDS = {
  /** Unique on its node. */
  id: string,
  node: string,
  /** Where to dial it: its own address, or that of its node; `''` if neither is known. */
  address: string,
  port: number,
  /** Named ports. */
  ports: recordOf(number),
  weights: object({ passing: number, warning: number }),
  tags: strings,
  meta: recordOf(string),
  /** The tag `zone` of its node; `null` without one. */
  zone: nullable(string),
  /** The estimated round trip from this agent in milliseconds, as of this event; `null` if it is unknown. */
  rtt: nullable(decimal),
  /** 1: it gets traffic from here now; 2, 3 ...: it is spare, in that order. By availability zone, as in SRV. */
  priority: number,
  /** Its share of the traffic from here relative to the others of its priority; 0: it gets none in its present status. */
  weight: number,
  status: oneOf('passing', 'warning', 'critical', 'maintenance', 'draining'),
  /** Its owner is about to stop it. */
  draining: boolean,
  /** Known from before a restart of this agent only. */
  restored: optionalField(boolean),
};
export type ServiceRow = ObjectOf<typeof ROW_FIELDS>;

const SERVICE_FIELDS = {
  /** In lower case. */
  service: string,
  /** At which the service last changed. */
  index: number,
  instances: arrayOf(named('ServiceRow', object(ROW_FIELDS))),
};
export type ServiceRows = ObjectOf<typeof SERVICE_FIELDS>;

const SNAPSHOT_FIELDS = {
  ...{ index: number, version: number, node: string, zone: nullable(string) },
  /** The settings of the agent, for clients that weigh by themselves: `null`, zones do not matter; milliseconds. */
  ...{ zoneSpill: nullable(decimal), zoneHold: number },
};
/** What begins and ends a snapshot, and comes when the agent's own member changes: where the agent is, and the version of the rows. */
export type SnapshotMark = ObjectOf<typeof SNAPSHOT_FIELDS>;

export const serviceRowsSchema = named('ServiceRows', object(SERVICE_FIELDS));
export const snapshotMarkSchema = named('SnapshotMark', object(SNAPSHOT_FIELDS));

export interface RowSource {
  readonly agent: Pick<Site['agent'], 'view'>;
}

/** All instances of a service in any state, by node and id; none for a service that is unknown. */
export const toServiceRows = (site: RowSource, service: string): ServiceRows => ({
  service,
  index: site.agent.view.indexOf([`service:${service}`]),
  instances: toRows(site, service),
});

export const toSnapshotMark = ({ agent: { view } }: RowSource, index: number): SnapshotMark => ({
  index,
  version: ROWS_VERSION,
  node: view.node,
  zone: view.zones.zoneOf(view.node),
  zoneSpill: view.zones.settings.spill,
  zoneHold: view.zones.settings.hold,
});

function toRows(site: RowSource, service: string): ServiceRow[] {
  const { catalog, zones } = site.agent.view;
  const instances = catalog.instances(service);
  const weighed = instances.map((one) => ({ zone: zones.zoneOf(one.node), weight: effectiveWeight(one) }));
  const preferences = toPreferences(zones.plan(service), weighed);
  return instances.map((instance, i) => {
    const { zone = null } = weighed[i] ?? {};
    return toServiceRow(site, instance, { zone, ...(preferences[i] as Preference) });
  });
}

function toServiceRow(
  site: RowSource,
  { node, service, status, unconfirmed }: Instance,
  { zone, priority, weight }: Preference & Pick<ServiceRow, 'zone'>,
): ServiceRow {
  const { view } = site.agent;
  const rtt = estimateRtt(site, node);
  return {
    id: service.id,
    node,
    address: service.address || addressOf(view, node),
    port: service.port,
    ports: Object.fromEntries(service.ports.map((one) => [one.name, one.port])),
    weights: service.weights,
    tags: service.tags,
    meta: objectFromMap(service.meta),
    zone,
    rtt: rtt === undefined ? null : Math.round(rtt * 1000) / 1000,
    ...{ priority, weight, status },
    draining: service.draining,
    ...(unconfirmed ? { restored: true } : {}),
  };
}

/**
 * The services, in lower case, whose rows differ from what they were at index `seen`: those that changed, and those on
 * nodes whose address or tags did.
 */
export function changedServices(view: View, changes: readonly IndexedChange[], seen: number): Set<string> {
  const services = new Set<string>();
  for (const { kind, name } of changes)
    if (kind === 'service') services.add(name);
    else if (kind === 'node' || view.indexOf([`node:${name}`]) > seen)
      for (const { service } of view.catalog.node(name)?.instances ?? [])
        services.add(service.name.toLowerCase());
  return services;
}

/** The address of a member or an external node; `''` if it is not known. */
const addressOf = (view: View, node: string): string =>
  view.catalog.externalNode(node)?.address ?? view.member(node)?.address.host ?? '';
