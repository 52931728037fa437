/**
 * What this door shows of the pool: instances and checks together with the members that own them, and each member as
 * an instance of the platform's own service. In which shape they are shown is not decided here.
 */
import type { MemberView, View } from '../../agent/contract/view.ts';
import type { Instance, NodeCatalog } from '../../catalog/types.ts';
import type { Check } from '../../model/service.ts';
import type { Site } from '../endpoint/site.ts';

/** A node and what membership says of it. */
export interface PoolNode {
  readonly name: string;
  /** `undefined` only for a node remembered from before a restart of which not even the address is known. */
  readonly member: MemberView | undefined;
  /** `serfHealth` passes. */
  readonly up: boolean;
  /** Remembered from before a restart, and not yet confirmed. */
  readonly unconfirmed: boolean;
}

/** One instance where it lives. */
export interface ServiceInstance {
  readonly poolNode: PoolNode;
  readonly instance: Instance;
}

/** All that one node has. */
export interface PoolNodeEntries {
  readonly poolNode: PoolNode;
  readonly instances: readonly Instance[];
  /** Checks of the node itself. */
  readonly checks: readonly Check[];
  /** Where all but its own health comes from; absent: it has published nothing. */
  readonly published: NodeCatalog | undefined;
}

export type MetaFilter = ReadonlyMap<string, string>;

/** Consul's server port: a label only, nobody connects to it. */
const CONSUL_SERVER_PORT = 8300;

/** All instances in any state, the node's meta matching. A node that has left is gone with all it had. */
export function serviceInstances(site: Site, service: string, meta: MetaFilter): ServiceInstance[] {
  const { view } = site.agent;
  const found: ServiceInstance[] = [];
  const see = (instance: Instance): void => {
    const host = toPoolNode(view, instance);
    if (host !== undefined && hasMeta(host, meta)) found.push({ poolNode: host, instance });
  };
  const registered = view.catalog.instances(service);
  registered.forEach(see);
  if (site.selfService !== undefined && isSelfService(site, service)) {
    const taken = new Set(registered.map(({ node }) => node));
    for (const member of view.members())
      if (!taken.has(member.name)) see(selfInstance(site.selfService, member));
  }
  return found;
}

/** Those a program should use. */
export function usableInstances(site: Site, service: string): ServiceInstance[] {
  const { catalog } = site.agent.view;
  const registered = new Set(catalog.instances(service));
  const chosen = new Set(catalog.usable(service));
  return serviceInstances(site, service, NO_META_FILTER).filter(({ instance }) =>
    registered.has(instance) ? chosen.has(instance) : instance.up,
  );
}

/** Every instance there is, the node's meta matching. */
export const allServiceInstances = (site: Site, meta: MetaFilter): ServiceInstance[] =>
  [...allNodeEntries(site, meta)].flatMap(({ poolNode, instances }) =>
    instances.map((instance) => ({ poolNode, instance })),
  );

/** Names of services, as whoever comes first spells them, with the tags of all these instances. */
export function tagsByService(found: readonly ServiceInstance[]): Map<string, readonly string[]> {
  const names = new Map<string, string>();
  const tags = new Map<string, Set<string>>();
  for (const {
    instance: { service },
  } of found) {
    const folded = service.name.toLowerCase();
    const name = names.get(folded) ?? service.name;
    names.set(folded, name);
    const held = tags.get(name) ?? new Set();
    for (const tag of service.tags) held.add(tag);
    tags.set(name, held);
  }
  return new Map(
    [...tags].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, held]) => [name, [...held].sort()]),
  );
}

/** Every service there is, with the tags of all its instances. */
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

/** `undefined` for a node nobody knows, or that has left. Names match without regard to case. */
export function nodeEntries(site: Site, node: string): PoolNodeEntries | undefined {
  const { view } = site.agent;
  const member = view.member(node);
  const published = view.catalog.node(member?.name ?? node);
  if (member === undefined && published === undefined) return undefined;
  return withSelfInstance(site, member, published);
}

/** Every node with all it has: members by name, then those we only remember. */
export function* allNodeEntries(site: Site, meta: MetaFilter): Generator<PoolNodeEntries> {
  const { view } = site.agent;
  const met = new Set<string>();
  for (const member of view.members()) {
    met.add(member.name);
    const entries = withSelfInstance(site, member, view.catalog.node(member.name));
    if (entries !== undefined && hasMeta(entries.poolNode, meta)) yield entries;
  }
  for (const published of view.catalog.nodes()) {
    if (met.has(published.node)) continue;
    const entries = withSelfInstance(site, undefined, published);
    if (entries !== undefined && hasMeta(entries.poolNode, meta)) yield entries;
  }
}

/** Under which address an instance is to be dialed: its own, else its node's. */
export const instanceAddress = ({ poolNode: host, instance }: ServiceInstance): string =>
  instance.service.address || (host.member?.address.host ?? '');

export const hasMeta = ({ member }: Pick<PoolNode, 'member'>, meta: MetaFilter): boolean =>
  [...meta].every(([key, value]) => member?.tags.get(key) === value);

/** Is it the name under which nodes show themselves? */
export const isSelfService = ({ selfService }: Site, service: string): boolean =>
  service.toLowerCase() === selfService?.toLowerCase();

function toPoolNode(
  view: View,
  entry: Pick<NodeCatalog, 'node' | 'up' | 'unconfirmed'>,
): PoolNode | undefined {
  const found = view.member(entry.node);
  const member = found?.name === entry.node ? found : undefined; // another node may differ in case only
  if (member?.status === 'left') return undefined;
  const up = member === undefined ? entry.up : member.status !== 'failed';
  return { name: entry.node, member, up, unconfirmed: entry.unconfirmed };
}

function withSelfInstance(
  site: Site,
  member: MemberView | undefined,
  published: NodeCatalog | undefined,
): PoolNodeEntries | undefined {
  const node = member?.name ?? published?.node ?? '';
  const host = toPoolNode(site.agent.view, published ?? { node, up: true, unconfirmed: false });
  if (host === undefined) return undefined;
  const { instances = [], checks = [] } = published ?? {};
  const { selfService } = site;
  const hasOwn = instances.some(({ service }) => isSelfService(site, service.name));
  if (selfService === undefined || member === undefined || hasOwn)
    return { poolNode: host, instances, checks, published };
  return { poolNode: host, instances: [...instances, selfInstance(selfService, member)], checks, published };
}

/**
 * A member as an instance of the platform's own service: people's smoke test, and what tools look for. It is derived
 * by each reader, costs no gossip, and says whether the node is up: its checks are `serfHealth` alone.
 */
function selfInstance(name: string, { name: node, status }: MemberView): Instance {
  const up = status !== 'failed' && status !== 'left';
  return {
    node,
    service: {
      kind: 'service',
      id: name,
      name,
      tags: [],
      address: '',
      port: CONSUL_SERVER_PORT,
      taggedAddresses: new Map(),
      meta: new Map(),
      weights: { passing: 1, warning: 1 },
      enableTagOverride: false,
      draining: false,
    },
    checks: [],
    nodeChecks: [],
    up,
    status: up ? 'passing' : 'critical',
    unconfirmed: false,
  };
}

export const NO_META_FILTER: MetaFilter = new Map();
