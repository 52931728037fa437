/** Converts services into the JSON objects of Consul's API: by node, by agent, and flat with their node. */

import { parseIp } from '../../base/address.ts';
import type { Instance } from '../../catalog/types.ts';
import type { Service, ServiceDefinition } from '../../model/service.ts';
import { JsonPart } from '../endpoint/reply/json-parts.ts';
import { MemoKind } from '../endpoint/reply/memo.ts';
import type { Site } from '../endpoint/site.ts';
import type { PoolNode, ServiceInstance } from '../pool/pool.ts';
import { consulNodeFromExternal, consulNodeFromMember, consulNodeFromName, objectFromMap } from './nodes.ts';
import type {
  ConsulAgentService,
  ConsulCatalogService,
  ConsulNode,
  ConsulNodeService,
  ConsulServiceAddress,
  ConsulServiceFields,
} from './schemas.ts';

const CATALOG_SERVICES = new MemoKind<Instance, JsonPart<ConsulCatalogService>>();

export function toConsulNode(
  { member, external, name }: Omit<PoolNode, 'up' | 'unconfirmed'>,
  site: Site,
): ConsulNode {
  if (member !== undefined) return consulNodeFromMember(member, site);
  return external === undefined ? consulNodeFromName(name, site) : consulNodeFromExternal(external, site);
}

/** `index` is that of the node. */
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

/** A service and its node in one flat object. */
export function catalogServicePart(
  serviceInstance: ServiceInstance,
  site: Site,
): JsonPart<ConsulCatalogService> {
  const index = nodeModifyIndex(serviceInstance.poolNode, site);
  return CATALOG_SERVICES.in(site).getOrCompute(
    serviceInstance.instance,
    index,
    () => new JsonPart([toConsulCatalogService(serviceInstance, site, index)]),
  );
}

/** The index of the last change of a node or its entries: single entries have no index of their own. */
export const nodeModifyIndex = ({ name }: PoolNode, { agent: { view } }: Site): number =>
  view.indexOf([`node:${name}`, `entries:${name}`]);

export function toConsulCatalogService(
  { poolNode, instance: { service } }: ServiceInstance,
  site: Site,
  index: number,
): ConsulCatalogService {
  const node = toConsulNode(poolNode, site);
  const { TaggedAddresses, Ports, ...common } = toConsulServiceFields(service);
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
    ...(Ports === undefined ? {} : { ServicePorts: Ports }),
    ServiceSocketPath: '',
    ServiceEnableTagOverride: common.EnableTagOverride,
    ServiceProxy: {},
    ServiceConnect: {},
    CreateIndex: index,
    ModifyIndex: index,
  };
}

/** An address that was not given stays empty: clients fall back to that of the node, and some test for it. */
function toConsulServiceFields(service: ServiceDefinition): ConsulServiceFields {
  const tagged = toTaggedAddresses(service);
  return {
    ID: service.id,
    Service: service.name,
    Tags: service.tags,
    Address: service.address,
    ...(tagged.length === 0 ? {} : { TaggedAddresses: Object.fromEntries(tagged) }),
    Meta: objectFromMap(service.meta),
    Port: service.port,
    ...(service.ports.length === 0 ? {} : { Ports: toConsulPorts(service.ports) }),
    Weights: { Passing: service.weights.passing, Warning: service.weights.warning },
    EnableTagOverride: service.enableTagOverride,
  };
}

const toConsulPorts = (ports: ServiceDefinition['ports']): NonNullable<ConsulServiceFields['Ports']> =>
  ports.map(({ name, port, isDefault }) => ({ Name: name, Port: port, Default: isDefault }));

/** An IP address is also listed under its family; registered addresses take precedence. */
function toTaggedAddresses({
  address,
  port,
  taggedAddresses,
}: ServiceDefinition): [string, ConsulServiceAddress][] {
  const registered = [...taggedAddresses].map(([name, at]): [string, ConsulServiceAddress] => [
    name,
    { Address: at.address, Port: at.port },
  ]);
  const ip = address === '' ? undefined : parseIp(address);
  if (ip === undefined) return registered;
  const family = ip.length === 4 ? 'ipv4' : 'ipv6';
  const at = { Address: address, Port: port };
  return [[`lan_${family}`, at], [`wan_${family}`, at], ...registered];
}
