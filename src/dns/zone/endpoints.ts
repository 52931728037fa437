/** Service instances as DNS endpoints: their targets and addresses, without duplicates and in order of preference. */
import type { MemberView } from '../../agent/contract/view.ts';
import { suspectsLast } from '../../agent/readers/suspects-last.ts';
import { parseIp } from '../../base/address.ts';
import { Hash } from '../../catalog/hash.ts';
import type { Instance } from '../../catalog/types.ts';
import { toPreferences } from '../../locality/preferences.ts';
import type { ZonePlan } from '../../locality/zone-planner.ts';
import type { Service, ServicePort } from '../../model/service.ts';
import { type AddressData, type DnsName, toAddressData } from '../message/records.ts';
import { type DnsNode, nodeOfMember } from './dns-node.ts';
import { addrLabels, isHostName, nodeLabels, parseName, type ZoneNames } from './names.ts';

/** One service instance as a DNS client sees it. */
export interface Endpoint {
  readonly node: string;
  /** In lower case. */
  readonly tags: readonly string[];
  /** -1: no port, as with a unix socket. */
  readonly port: number;
  readonly namedPorts: readonly ServicePort[];
  readonly weight: number;
  /** As SRV has it: the least is used first. In a set; before it, 1. */
  readonly priority: number;
  /** The availability zone of its node; `null` if it has none, or none matters. */
  readonly zone: string | null;
  /** Known from before a restart only. */
  readonly restored: boolean;
  readonly target: SrvTarget;
  /** Lower ranks are preferred when not all fit. Differs between agents, but not between answers of one agent. */
  readonly rank: number;
}

/** `generated`: a name in our zone, without the domain. `hostName`: the registered address is a host name. */
export type SrvTarget = Readonly<
  { kind: 'generated'; labels: DnsName; address: AddressData } | { kind: 'hostName'; name: DnsName }
>;

/**
 * All endpoints of a service, or of its instances with one tag, in order of preference. A change creates a new object.
 */
export interface EndpointSet {
  /** One per node, address and port; without those that have no port. */
  readonly endpoints: readonly Endpoint[];
  /** Distinct addresses of both families. */
  readonly addresses: readonly AddressData[];
  /** Distinct addresses that are host names. */
  readonly aliases: readonly DnsName[];
  /** Addresses of endpoints only that are not of the first priority. */
  readonly lastAddresses: ReadonlySet<AddressData>;
  /** Some endpoint is known from before a restart only. */
  readonly restored: boolean;
}

/** Where an instance without an address of its own is. */
export interface NodeAddress {
  readonly node: DnsNode | undefined;
  /** Of an external node that has no IP address. */
  readonly hostName: string;
}

/** `undefined` if the instance cannot be answered: its node is unknown, or its address cannot be written in DNS. */
export function toEndpoint(
  { node: name, service, status, unconfirmed }: Instance,
  node: NodeAddress | undefined,
  names: ZoneNames,
  self: string,
): Endpoint | undefined {
  const target = toTarget(service, node, names);
  if (target === undefined) return undefined;
  const { passing, warning } = service.weights;
  return {
    node: name,
    tags: service.tags.map((tag) => tag.toLowerCase()),
    port: service.port,
    namedPorts: service.ports,
    weight: clamp(status === 'warning' ? warning : passing),
    ...{ priority: 1, zone: null },
    restored: unconfirmed,
    target,
    rank: computeRank(self, name, service.id),
  };
}

/** A live node as an instance of the agents' own service. */
export function toNodeEndpoint(member: MemberView, port: number, names: ZoneNames, self: string): Endpoint {
  const target = toNodeTarget(nodeOfMember(member), names);
  const rank = computeRank(self, member.name, '');
  const same = { tags: [], namedPorts: [], weight: 1, priority: 1, zone: null, restored: false };
  return { node: member.name, port, target, rank, ...same };
}

/** The preferred endpoints first. */
export const sortByRank = (endpoints: readonly Endpoint[]): Endpoint[] =>
  [...endpoints].sort((a, b) => a.rank - b.rank);

/** What decides which endpoints come first. */
export interface EndpointPreferences {
  /** Nodes whose endpoints come last while others are well. */
  readonly suspects: ReadonlySet<string>;
  /** Which availability zones come first; `undefined`: none. */
  readonly plan: ZonePlan | undefined;
}

/** The first come first; within a priority the order of `endpoints` is kept. */
function prefer(
  endpoints: readonly Endpoint[],
  { suspects, plan }: EndpointPreferences,
): readonly Endpoint[] {
  const byZone = plan === undefined ? endpoints : preferZones(endpoints, plan);
  const ordered = suspectsLast(byZone, suspects, ({ node }) => node);
  if (ordered === byZone) return byZone;
  const last = Math.max(...byZone.map(({ priority }) => priority)) + 1;
  return ordered.map((one) => (suspects.has(one.node) ? { ...one, priority: last } : one));
}

function preferZones(endpoints: readonly Endpoint[], plan: ZonePlan): readonly Endpoint[] {
  const preferences = toPreferences(plan, endpoints);
  return endpoints
    .map((endpoint, i) => ({ ...endpoint, ...preferences[i] }))
    .sort((a, b) => a.priority - b.priority);
}

/**
 * Puts the endpoints into their order of preference. Instances with a common address become one address record, and those with a common
 * node, address and port one SRV. Two nodes whose SRV records would be equal share one too: an RRset has no duplicates.
 *
 * Source: Consul DNS, service lookups; RFC 2181 §5.
 */
export function createEndpointSet(
  unsorted: readonly Endpoint[],
  preferences: EndpointPreferences,
): EndpointSet {
  const endpoints = prefer(unsorted, preferences);
  const first = endpoints[0]?.priority;
  const lastAddresses = new Set<AddressData>();
  const unique = new Map<string, Endpoint>();
  const records = new Set<string>();
  const addresses = new Map<string, AddressData>();
  const aliases = new Map<string, DnsName>();
  for (const endpoint of endpoints) {
    const { node, port, target, weight, priority } = endpoint;
    const name = target.kind === 'generated' ? target.labels : target.name.toLowerCase();
    if (target.kind === 'hostName') aliases.set(name, aliases.get(name) ?? target.name);
    else {
      const key = target.address.ip.join('.');
      if (!addresses.has(key)) {
        addresses.set(key, target.address);
        if (priority !== first) lastAddresses.add(target.address);
      }
    }
    const instance = `${node}\n${name}\n${port}`;
    const record = `${name}\n${port}\n${weight}`;
    if (port < 0 || port > 65_535 || unique.has(instance) || records.has(record)) continue;
    unique.set(instance, endpoint);
    records.add(record);
  }
  return {
    endpoints: [...unique.values()],
    addresses: [...addresses.values()],
    aliases: [...aliases.values()],
    lastAddresses,
    restored: endpoints.some(({ restored }) => restored),
  };
}

/**
 * The node's name if the instance has no address or the address of its node; else the `addr` name of its IP address, or
 * the host name it is registered with.
 *
 * Source: Consul DNS, SRV; agent/dns.go of 1.21 for the node's own address.
 */
function toTarget(service: Service, at: NodeAddress | undefined, names: ZoneNames): SrvTarget | undefined {
  const node = at?.node === undefined ? undefined : toNodeTarget(at.node, names);
  const ip = parseIp(service.address);
  if (ip !== undefined) {
    const address = toAddressData(ip);
    if (node !== undefined && Buffer.compare(node.address.ip, address.ip) === 0) return node;
    return { kind: 'generated', labels: addrLabels(address.ip, names), address };
  }
  const name = (service.address || (at?.hostName ?? '')).replace(/\.$/, '');
  if (name === '' || pointsToItself(name, service, names)) return node;
  return isHostName(name) ? { kind: 'hostName', name } : undefined;
}

const toNodeTarget = ({ name, ip }: DnsNode, names: ZoneNames): Extract<SrvTarget, { kind: 'generated' }> => {
  const address = toAddressData(ip);
  return { kind: 'generated', labels: nodeLabels(name, address.ip, names), address };
};

/** Does the instance's address name a set of endpoints it is in itself? Only its node's address leads anywhere then. */
function pointsToItself(name: DnsName, service: Service, names: ZoneNames): boolean {
  const parsed = parseName(name.split('.'), names);
  if (parsed.kind !== 'service' || parsed.name.toLowerCase() !== service.name.toLowerCase()) return false;
  const tag = parsed.tag?.toLowerCase();
  return tag === undefined || service.tags.some((one) => one.toLowerCase() === tag);
}

const computeRank = (self: string, node: string, id: string): number =>
  new Hash().updateText(self).updateText(node).updateText(id).high;

/** Weights come from other agents unchecked; the SRV field has 16 bits. */
const clamp = (weight: number): number => Math.min(65_535, Math.max(0, Math.trunc(weight)));
