/** Services in the four shapes Consul's clients know. Field names are theirs; facts are the catalogue's. */

import { parseIp } from '../../base/address.ts';
import type { Instance } from '../../catalog/types.ts';
import type { Service, ServiceDefinition } from '../../model/service.ts';
import { Part } from '../endpoint/reply/json-parts.ts';
import { MemoKind } from '../endpoint/reply/memo.ts';
import type { Site } from '../endpoint/site.ts';
import type { Host, Sighting } from '../pool/pool.ts';
import { nodeShape, objectOf, strangerShape } from './nodes.ts';
import type {
  AgentServiceShape,
  CatalogServiceShape,
  CommonShape,
  NodeServiceShape,
  NodeShape,
  ServiceAddress,
} from './types.ts';

const CATALOG_SERVICES = new MemoKind<Instance, Part<CatalogServiceShape>>();

/** What a node publishes and what is registered with it read alike. */
type Described = Service | ServiceDefinition;

export const hostShape = (host: Host, site: Site): NodeShape =>
  host.member === undefined ? strangerShape(host.name, site) : nodeShape(host.member, site);

/** `index`: that of its node. */
export const nodeServiceShape = (service: Service, index: number): NodeServiceShape => ({
  ...commonShape(service),
  Proxy: {},
  Connect: {},
  CreateIndex: index,
  ModifyIndex: index,
});

export const agentServiceShape = (service: ServiceDefinition, { info }: Site): AgentServiceShape => ({
  ...commonShape(service),
  Datacenter: info.datacenter,
});

/** Node and service in one flat object. */
export function catalogServiceOf(sighting: Sighting, site: Site): Part<CatalogServiceShape> {
  const index = hostIndex(sighting.host, site);
  return CATALOG_SERVICES.in(site).get(
    sighting.instance,
    index,
    () => new Part([catalogServiceShape(sighting, site, index)]),
  );
}

/** When a node, or what it has, last changed: single entries have no index of their own. */
export const hostIndex = ({ name }: Host, { door: { view } }: Site): number =>
  view.indexOf([`node:${name}`, `entries:${name}`]);

export function catalogServiceShape(
  { host, instance: { service } }: Sighting,
  site: Site,
  index: number,
): CatalogServiceShape {
  const node = hostShape(host, site);
  const { TaggedAddresses, ...common } = commonShape(service);
  return {
    ID: node.ID,
    Node: node.Node,
    Address: node.Address,
    Datacenter: node.Datacenter,
    TaggedAddresses: node.TaggedAddresses,
    NodeMeta: node.Meta,
    ServiceKind: '',
    ServiceID: common.ID,
    ServiceName: common.Service,
    ServiceTags: common.Tags,
    ServiceAddress: common.Address,
    ...(TaggedAddresses === undefined ? {} : { ServiceTaggedAddresses: TaggedAddresses }),
    ServiceWeights: common.Weights,
    ServiceMeta: common.Meta,
    ServicePort: common.Port,
    ServiceSocketPath: '',
    ServiceEnableTagOverride: common.EnableTagOverride,
    ServiceProxy: {},
    ServiceConnect: {},
    CreateIndex: index,
    ModifyIndex: index,
  };
}

/** The address stays empty where none was given: clients fall back to the node's, and some test for it. Trap 18. */
function commonShape(service: Described): CommonShape {
  const tagged = taggedAddresses(service);
  return {
    ID: service.id,
    Service: service.name,
    Tags: service.tags,
    Address: service.address,
    ...(tagged.length === 0 ? {} : { TaggedAddresses: Object.fromEntries(tagged) }),
    Meta: objectOf(service.meta),
    Port: service.port,
    Weights: { Passing: service.weights.passing, Warning: service.weights.warning },
    EnableTagOverride: service.enableTagOverride,
  };
}

/** An address that is an IP is also told by its family; what was registered wins. */
function taggedAddresses({ address, port, taggedAddresses: given }: Described): [string, ServiceAddress][] {
  const own = [...given].map(([name, at]): [string, ServiceAddress] => [
    name,
    { Address: at.address, Port: at.port },
  ]);
  const ip = address === '' ? undefined : parseIp(address);
  if (ip === undefined) return own;
  const family = ip.length === 4 ? 'ipv4' : 'ipv6';
  const at = { Address: address, Port: port };
  return [[`lan_${family}`, at], [`wan_${family}`, at], ...own];
}
