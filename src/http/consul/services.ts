/** Services in the four shapes Consul's clients know. Field names are theirs; facts are the catalogue's. */

import { parseIp } from '../../base/address.ts';
import type { Instance } from '../../catalog/types.ts';
import type { Service, ServiceDefinition } from '../../model/service.ts';
import { JsonPart } from '../endpoint/reply/json-parts.ts';
import { MemoKind } from '../endpoint/reply/memo.ts';
import type { Site } from '../endpoint/site.ts';
import type { PoolNode, ServiceInstance } from '../pool/pool.ts';
import { consulNodeFromMember, consulNodeFromName, objectFromMap } from './nodes.ts';
import type {
  ConsulAgentService,
  ConsulCatalogService,
  ConsulNode,
  ConsulNodeService,
  ConsulServiceAddress,
  ConsulServiceFields,
} from './types.ts';

const CATALOG_SERVICES = new MemoKind<Instance, JsonPart<ConsulCatalogService>>();

/** What a node publishes and what is registered with it read alike. */
type AnyService = Service | ServiceDefinition;

export const toConsulNode = (host: PoolNode, site: Site): ConsulNode =>
  host.member === undefined ? consulNodeFromName(host.name, site) : consulNodeFromMember(host.member, site);

/** `index`: that of its node. */
export const toConsulNodeService = (service: Service, index: number): ConsulNodeService => ({
  ...toConsulServiceFields(service),
  Proxy: {},
  Connect: {},
  CreateIndex: index,
  ModifyIndex: index,
});

export const toConsulAgentService = (service: ServiceDefinition, { info }: Site): ConsulAgentService => ({
  ...toConsulServiceFields(service),
  Datacenter: info.datacenter,
});

/** Node and service in one flat object. */
export function catalogServicePart(sighting: ServiceInstance, site: Site): JsonPart<ConsulCatalogService> {
  const index = nodeModifyIndex(sighting.poolNode, site);
  return CATALOG_SERVICES.in(site).getOrCompute(
    sighting.instance,
    index,
    () => new JsonPart([toConsulCatalogService(sighting, site, index)]),
  );
}

/** When a node, or what it has, last changed: single entries have no index of their own. */
export const nodeModifyIndex = ({ name }: PoolNode, { agent: { view } }: Site): number =>
  view.indexOf([`node:${name}`, `entries:${name}`]);

export function toConsulCatalogService(
  { poolNode: host, instance: { service } }: ServiceInstance,
  site: Site,
  index: number,
): ConsulCatalogService {
  const node = toConsulNode(host, site);
  const { TaggedAddresses, ...common } = toConsulServiceFields(service);
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

/** The address stays empty where none was given: clients fall back to the node's, and some test for it. */
function toConsulServiceFields(service: AnyService): ConsulServiceFields {
  const tagged = toTaggedAddresses(service);
  return {
    ID: service.id,
    Service: service.name,
    Tags: service.tags,
    Address: service.address,
    ...(tagged.length === 0 ? {} : { TaggedAddresses: Object.fromEntries(tagged) }),
    Meta: objectFromMap(service.meta),
    Port: service.port,
    Weights: { Passing: service.weights.passing, Warning: service.weights.warning },
    EnableTagOverride: service.enableTagOverride,
  };
}

/** An address that is an IP is also told by its family; what was registered wins. */
function toTaggedAddresses({
  address,
  port,
  taggedAddresses: given,
}: AnyService): [string, ConsulServiceAddress][] {
  const own = [...given].map(([name, at]): [string, ConsulServiceAddress] => [
    name,
    { Address: at.address, Port: at.port },
  ]);
  const ip = address === '' ? undefined : parseIp(address);
  if (ip === undefined) return own;
  const family = ip.length === 4 ? 'ipv4' : 'ipv6';
  const at = { Address: address, Port: port };
  return [[`lan_${family}`, at], [`wan_${family}`, at], ...own];
}
