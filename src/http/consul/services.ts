/** Services in the four shapes Consul's clients know. Field names are theirs; facts are the catalogue's. */

import { parseIp } from '../../base/address.ts';
import type { Service } from '../../catalog/types.ts';
import type { ServiceDefinition } from '../../checks/types.ts';
import { Part } from '../endpoint/json-parts.ts';
import type { Site } from '../endpoint/route.ts';
import type { Host, Sighting } from '../pool/pool.ts';
import { type NodeShape, nodeShape, objectOf, strangerShape } from './nodes.ts';

interface ServiceAddress {
  readonly Address: string;
  readonly Port: number;
}

interface WeightsShape {
  readonly Passing: number;
  readonly Warning: number;
}

/** What all shapes but the flat one begin with. */
interface CommonShape {
  readonly ID: string;
  readonly Service: string;
  readonly Tags: readonly string[];
  readonly Address: string;
  /** Left out when there are none. */
  readonly TaggedAddresses?: Readonly<Record<string, ServiceAddress>>;
  readonly Meta: Readonly<Record<string, string>>;
  readonly Port: number;
  readonly Weights: WeightsShape;
  readonly EnableTagOverride: boolean;
}

/** Source: http.md section 7, NodeService. */
export interface NodeServiceShape extends CommonShape {
  readonly Proxy: Readonly<Record<never, never>>;
  readonly Connect: Readonly<Record<never, never>>;
  readonly CreateIndex: number;
  readonly ModifyIndex: number;
}

/** Source: http.md section 7, AgentService. */
export interface AgentServiceShape extends CommonShape {
  readonly Datacenter: string;
}

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

export type CatalogServiceShape = ReturnType<typeof catalogServiceShape>;

/** Node and service in one flat object. */
export function catalogServiceOf(sighting: Sighting, site: Site): Part<CatalogServiceShape> {
  const index = hostIndex(sighting.host, site);
  return site.rows.instances.get(
    sighting.instance,
    index,
    () => new Part([catalogServiceShape(sighting, site, index)]),
  );
}

/** When a node, or what it has, last changed: single entries have no index of their own. */
export const hostIndex = ({ name }: Host, { door: { view } }: Site): number =>
  view.indexOf([`node:${name}`, `entries:${name}`]);

/** Source: http.md section 7, CatalogService. */
function catalogServiceShape({ host, instance: { service } }: Sighting, site: Site, index: number) {
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
