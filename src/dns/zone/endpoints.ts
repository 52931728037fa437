/** Instances as DNS can say them: where each is, under which name, and which are one and the same to a client. */
import type { MemberView } from '../../agent/contract/view.ts';
import { parseIp } from '../../base/address.ts';
import { Hash } from '../../catalog/hash.ts';
import type { Instance } from '../../catalog/types.ts';
import type { Service } from '../../model/service.ts';
import { type AddressData, type DnsName, toAddressData } from '../message/records.ts';
import { addrLabels, isHostName, nodeLabels, parseName, type ZoneNames } from './names.ts';

/** One instance. */
export interface Endpoint {
  readonly node: string;
  /** In lower case. */
  readonly tags: readonly string[];
  /** -1: none that DNS could say. */
  readonly port: number;
  readonly weight: number;
  readonly target: SrvTarget;
  /** Who goes first when not all fit. Differs from agent to agent, never from one answer to the next. */
  readonly rank: number;
}

/** `ours`: a name we make, to which the domain is still to be added. `named`: the address is a host name. */
export type SrvTarget = Readonly<
  { kind: 'generated'; labels: DnsName; address: AddressData } | { kind: 'hostName'; name: DnsName }
>;

/** What is said about a service, or about its instances with one tag. Everything in order of preference. */
export interface EndpointSet {
  /** One per node, address and port; those without a port are not here. */
  readonly endpoints: readonly Endpoint[];
  /** Distinct, of both families. */
  readonly addresses: readonly AddressData[];
  /** Addresses that are host names. Distinct. */
  readonly aliases: readonly DnsName[];
}

/** `undefined` where no answer can be made of it: its node is unknown, or its address cannot be written in DNS. */
export function toEndpoint(
  { node, service, status }: Instance,
  member: MemberView | undefined,
  names: ZoneNames,
  self: string,
): Endpoint | undefined {
  const target = toTarget(service, member, names);
  if (target === undefined) return undefined;
  const { passing, warning } = service.weights;
  return {
    node,
    tags: service.tags.map((tag) => tag.toLowerCase()),
    port: service.port,
    weight: clamp(status === 'warning' ? warning : passing),
    target,
    rank: computeRank(self, node, service.id),
  };
}

/** A live node as an instance of the service that agents themselves are. */
export function toNodeEndpoint(member: MemberView, port: number, names: ZoneNames, self: string): Endpoint {
  const target = toNodeTarget(member, names);
  return { node: member.name, tags: [], port, weight: 1, target, rank: computeRank(self, member.name, '') };
}

/** The preferred first. */
export const sortByRank = (spots: readonly Endpoint[]): Endpoint[] =>
  [...spots].sort((a, b) => a.rank - b.rank);

/**
 * Takes spots in order. Instances that share an address are one to whoever asks for addresses, and those that share
 * node, address and port are one to whoever asks for SRV. What would be the same record for two nodes is written once:
 * a set of records has no doubles.
 *
 * Source: Consul DNS, service lookups; RFC 2181 §5.
 */
export function createEndpointSet(spots: readonly Endpoint[]): EndpointSet {
  const unique = new Map<string, Endpoint>();
  const said = new Set<string>();
  const addresses = new Map<string, AddressData>();
  const aliases = new Map<string, DnsName>();
  for (const spot of spots) {
    const { node, port, target, weight } = spot;
    const where = target.kind === 'generated' ? target.labels : target.name.toLowerCase();
    if (target.kind === 'hostName') aliases.set(where, aliases.get(where) ?? target.name);
    else {
      const key = target.address.ip.join('.');
      if (!addresses.has(key)) addresses.set(key, target.address);
    }
    const place = `${node}\n${where}\n${port}`;
    const record = `${where}\n${port}\n${weight}`;
    if (port < 0 || port > 65_535 || unique.has(place) || said.has(record)) continue;
    unique.set(place, spot);
    said.add(record);
  }
  return {
    endpoints: [...unique.values()],
    addresses: [...addresses.values()],
    aliases: [...aliases.values()],
  };
}

/**
 * The node's name where the instance has no address of its own or the node's, the name made of its address where that is
 * an IP, and else the host name it is.
 *
 * Source: Consul DNS, SRV; agent/dns.go of 1.21 for the node's own address.
 */
function toTarget(service: Service, member: MemberView | undefined, names: ZoneNames): SrvTarget | undefined {
  const node = member === undefined ? undefined : toNodeTarget(member, names);
  const ip = parseIp(service.address);
  if (ip !== undefined) {
    const address = toAddressData(ip);
    if (node !== undefined && Buffer.compare(node.address.ip, address.ip) === 0) return node;
    return { kind: 'generated', labels: addrLabels(address.ip, names), address };
  }
  const name = service.address.replace(/\.$/, '');
  if (name === '' || pointsToItself(name, service, names)) return node;
  return isHostName(name) ? { kind: 'hostName', name } : undefined;
}

const toNodeTarget = (member: MemberView, names: ZoneNames): Extract<SrvTarget, { kind: 'generated' }> => {
  const address = toAddressData(member.address.ip);
  return { kind: 'generated', labels: nodeLabels(member.name, address.ip, names), address };
};

/** Is this instance among those its own address stands for? Then only its node's address leads anywhere. */
function pointsToItself(name: DnsName, service: Service, names: ZoneNames): boolean {
  const asked = parseName(name.split('.'), names);
  if (asked.kind !== 'service' || asked.name.toLowerCase() !== service.name.toLowerCase()) return false;
  const tag = asked.tag?.toLowerCase();
  return tag === undefined || service.tags.some((one) => one.toLowerCase() === tag);
}

const computeRank = (self: string, node: string, id: string): number =>
  new Hash().updateText(self).updateText(node).updateText(id).high;

/** Weights come from other agents; the field has 16 bits. */
const clamp = (weight: number): number => Math.min(65_535, Math.max(0, Math.trunc(weight)));
