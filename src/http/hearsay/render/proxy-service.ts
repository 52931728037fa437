/** Reads the instances of a service for a proxy: the usable ones, or what a partition has taken if none is left. */
import { instanceStatus } from '../../../catalog/health.ts';
import { effectiveWeight } from '../../../catalog/placement.ts';
import type { ProxyTarget } from '../../endpoint/reply/kept-lists.ts';
import type { Site } from '../../endpoint/site.ts';
import { instanceAddress, nodeMeta, type ServiceInstance, usableInstances } from '../../pool/pool.ts';

/**
 * A service with its targets, none of which is unknown or has no port or weight; those of the availability zones that are preferred
 * from here come first. The documents of all proxies are made of these.
 */
export interface ProxyService {
  readonly name: string;
  readonly targets: readonly ProxyTarget[];
  /** A partition has taken all of them, and they stay as they were before it. */
  readonly isKept: boolean;
}

/** With `mayEmpty` the list is empty when no instance is usable, even in a partition. */
export function readProxyService(site: Site, name: string, mayEmpty: boolean): ProxyService {
  const { view } = site.agent;
  const instances = view.catalog.instances(name);
  // Agents as instances of the self service have a port at which nothing listens.
  const usable = usableInstances(site, name).filter(({ instance }) => instances.includes(instance));
  const targets = sortByZone(site, name, usable).flatMap(toProxyTargets);
  const now = site.monotonicClock();
  const lost = site.keptLists.update(name, targets, (target) => isCutOff(site, name, target), now);
  const isKept =
    !mayEmpty && targets.length === 0 && lost.length > 0 && view.partitionSummary().kind === 'partition';
  return { name, targets: isKept ? lost : targets, isKept };
}

/** By priority and no further: by round trip the documents would change without an event. */
function sortByZone(site: Site, name: string, usable: readonly ServiceInstance[]): ServiceInstance[] {
  const { zones } = site.agent.view;
  const plan = zones.plan(name);
  if (plan === undefined) return [...usable];
  const priorities = new Map(plan.zones.map(({ zone, priority }) => [zone, priority]));
  const priorityOf = ({ instance: { node } }: ServiceInstance): number =>
    priorities.get(zones.zoneOf(node) ?? '') ?? plan.zones.length + 1;
  return [...usable].sort((a, b) => priorityOf(a) - priorityOf(b));
}

/** Empty for an instance that cannot be dialed or gets no requests. */
function toProxyTargets(serviceInstance: ServiceInstance): ProxyTarget[] {
  const { instance, poolNode } = serviceInstance;
  const { node, service } = instance;
  const address = instanceAddress(serviceInstance);
  const weight = effectiveWeight(instance);
  const zone = nodeMeta(poolNode).get('zone') ?? '';
  return address === '' || service.port === 0 || weight === 0
    ? []
    : [{ node, id: service.id, address, port: service.port, weight, zone }];
}

/** It is registered, and usable by the last word of its node, which is not alive. */
function isCutOff({ agent: { view } }: Site, service: string, { node, id }: ProxyTarget): boolean {
  const found = view.catalog.instances(service).find((one) => one.node === node && one.service.id === id);
  if (found === undefined || found.up) return false;
  const status = instanceStatus(found.service, found.checks, found.nodeChecks, true);
  return status === 'passing' || status === 'warning';
}
