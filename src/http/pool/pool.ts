/**
 * The read model of the HTTP API: instances and checks joined with the members that own them, and each member as an
 * instance of the self service. Routes convert it into JSON.
 */
import type { MemberView, View } from '../../agent/contract/view.ts';
import { isSelfService, selfInstances, toSelfInstance } from '../../agent/readers/self-service.ts';
import type { ExternalNodeView, Instance, NodeCatalog } from '../../catalog/types.ts';
import type { Check } from '../../model/service.ts';
import type { Site } from '../endpoint/site.ts';

/** A node and its membership. */
export interface PoolNode {
  readonly name: string;
  /** `undefined` only for a node that was restored from before a restart and whose address is unknown. */
  readonly member: MemberView | undefined;
  /** A node that is no member. */
  readonly external?: ExternalNodeView;
  /** Whether `serfHealth` passes. */
  readonly up: boolean;
  /** Restored from before a restart, and not yet seen again. */
  readonly unconfirmed: boolean;
}

/** One instance of a service with the node it runs on. */
export interface ServiceInstance {
  readonly poolNode: PoolNode;
  readonly instance: Instance;
}

/** A node with all its instances and checks. */
export interface PoolNodeEntries {
  readonly poolNode: PoolNode;
  readonly instances: readonly Instance[];
  /** Checks of the node itself. */
  readonly checks: readonly Check[];
  /** The source of all but the health of the node; absent if it has published nothing. */
  readonly published: NodeCatalog | undefined;
}

export type MetaFilter = ReadonlyMap<string, string>;

/** All instances in any state on nodes with this meta. Instances of nodes that have left are not among them. */
export function serviceInstances(site: Site, service: string, meta: MetaFilter): ServiceInstance[] {
  const { view } = site.agent;
  const result: ServiceInstance[] = [];
  const add = (instance: Instance): void => {
    const poolNode = toPoolNode(view, instance);
    if (poolNode !== undefined && hasMeta(poolNode, meta)) result.push({ poolNode, instance });
  };
  view.catalog.instances(service).forEach(add);
  if (site.selfService !== undefined && isSelfService(site, service))
    for (const { instance } of selfInstances(view, site.selfService)) add(instance);
  return result;
}

/** The instances that clients should use: passing or in warning, on a live node. */
export function usableInstances(site: Site, service: string): ServiceInstance[] {
  const { catalog } = site.agent.view;
  const registered = new Set(catalog.instances(service));
  const usable = new Set(catalog.usable(service));
  return serviceInstances(site, service, NO_META_FILTER).filter(({ instance }) =>
    registered.has(instance) ? usable.has(instance) : instance.up,
  );
}

/** All instances of all services on nodes with this meta. */
export const allServiceInstances = (site: Site, meta: MetaFilter): ServiceInstance[] =>
  [...allNodeEntries(site, meta)].flatMap(({ poolNode, instances }) =>
    instances.map((instance) => ({ poolNode, instance })),
  );

/** Names of services, in the spelling of their first instance, with the tags of all their instances. */
export function tagsByService(instances: readonly ServiceInstance[]): Map<string, readonly string[]> {
  const names = new Map<string, string>();
  const tags = new Map<string, Set<string>>();
  for (const { instance } of instances) {
    const { service } = instance;
    const folded = service.name.toLowerCase();
    const name = names.get(folded) ?? service.name;
    names.set(folded, name);
    const serviceTags = tags.get(name) ?? new Set();
    for (const tag of service.tags) serviceTags.add(tag);
    tags.set(name, serviceTags);
  }
  return new Map(
    [...tags].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, set]) => [name, [...set].sort()]),
  );
}

/** All services with the tags of all their instances. */
export function serviceTags(site: Site, meta: MetaFilter): Map<string, readonly string[]> {
  const { catalog } = site.agent.view;
  const all =
    meta.size === 0
      ? new Map(catalog.services())
      : tagsByService(allServiceInstances({ ...site, selfService: undefined }, meta));
  const { selfService } = site;
  if (selfService !== undefined && ![...all.keys()].some((name) => isSelfService(site, name)))
    if (site.agent.view.members().some((member) => member.status !== 'left' && hasMeta({ member }, meta)))
      all.set(selfService, []);
  return all;
}

/** `undefined` for a node that is unknown or has left. Names match in any case. */
export function nodeEntries(site: Site, node: string): PoolNodeEntries | undefined {
  const { view } = site.agent;
  const member = view.member(node);
  const external = member === undefined ? view.catalog.externalNode(node) : undefined;
  const published = view.catalog.node(member?.name ?? external?.name ?? node);
  if (member === undefined && external === undefined && published === undefined) return undefined;
  return withSelfInstance(site, member, published, external?.name);
}

/** All nodes with their entries: members by name, then nodes that are only restored. */
export function* allNodeEntries(site: Site, meta: MetaFilter): Generator<PoolNodeEntries> {
  const { view } = site.agent;
  const members = new Set<string>();
  for (const member of view.members()) {
    members.add(member.name);
    const entries = withSelfInstance(site, member, view.catalog.node(member.name));
    if (entries !== undefined && hasMeta(entries.poolNode, meta)) yield entries;
  }
  for (const published of view.catalog.nodes()) {
    if (members.has(published.node)) continue;
    const entries = withSelfInstance(site, undefined, published);
    if (entries !== undefined && hasMeta(entries.poolNode, meta)) yield entries;
  }
  for (const { name } of view.catalog.externalNodes()) {
    if (view.catalog.node(name) !== undefined) continue;
    const entries = withSelfInstance(site, undefined, undefined, name);
    if (entries !== undefined && hasMeta(entries.poolNode, meta)) yield entries;
  }
}

/** The address to dial an instance at: its own, or that of its node; `''` if neither is known. */
export const instanceAddress = ({ poolNode, instance }: ServiceInstance): string =>
  instance.service.address || nodeAddress(poolNode);

/** `''` if it is not known. */
export const nodeAddress = ({ member, external }: Pick<PoolNode, 'member' | 'external'>): string =>
  member?.address.host ?? external?.address ?? '';

export const nodeMeta = ({
  member,
  external,
}: Pick<PoolNode, 'member' | 'external'>): ReadonlyMap<string, string> =>
  member?.tags ?? external?.meta ?? NO_META_FILTER;

export const hasMeta = (node: Pick<PoolNode, 'member' | 'external'>, meta: MetaFilter): boolean =>
  [...meta].every(([key, value]) => nodeMeta(node).get(key) === value);

function toPoolNode(
  view: View,
  entry: Pick<NodeCatalog, 'node' | 'up' | 'unconfirmed'>,
): PoolNode | undefined {
  const anyCase = view.member(entry.node);
  const member = anyCase?.name === entry.node ? anyCase : undefined; // the name of another node may differ in case only
  const external = member === undefined ? view.catalog.externalNode(entry.node) : undefined;
  if (external?.name === entry.node)
    return { name: entry.node, member, external, up: external.up, unconfirmed: entry.unconfirmed };
  if (member?.status === 'left') return undefined;
  const up = member === undefined ? entry.up : member.status !== 'failed' && member.refused !== true;
  return { name: entry.node, member, up, unconfirmed: entry.unconfirmed };
}

function withSelfInstance(
  site: Site,
  member: MemberView | undefined,
  published: NodeCatalog | undefined,
  name = '',
): PoolNodeEntries | undefined {
  const node = member?.name ?? published?.node ?? name;
  const poolNode = toPoolNode(site.agent.view, published ?? { node, up: true, unconfirmed: false });
  if (poolNode === undefined) return undefined;
  const { instances = [], checks = [] } = published ?? {};
  const { selfService } = site;
  const hasOwn = instances.some(({ service }) => isSelfService(site, service.name));
  if (selfService === undefined || member === undefined || hasOwn)
    return { poolNode, instances, checks, published };
  return { poolNode, instances: [...instances, toSelfInstance(selfService, member)], checks, published };
}

export const NO_META_FILTER: MetaFilter = new Map();
