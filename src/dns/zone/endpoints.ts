/** Instances as DNS can say them: where each is, under which name, and which are one and the same to a client. */
import type { MemberView } from '../../agent/contract/view.ts';
import { parseIp } from '../../base/address.ts';
import { Hash } from '../../catalog/hash.ts';
import type { Instance } from '../../catalog/types.ts';
import type { Service } from '../../model/service.ts';
import { type AddressData, addressData, type Name } from '../message/records.ts';
import { addrLabels, isHostName, meaning, type Names, nodeLabels } from './names.ts';

/** One instance. */
export interface Spot {
  readonly node: string;
  /** In lower case. */
  readonly tags: readonly string[];
  /** -1: none that DNS could say. */
  readonly port: number;
  readonly weight: number;
  readonly target: Target;
  /** Who goes first when not all fit. Differs from agent to agent, never from one answer to the next. */
  readonly rank: number;
}

/** `ours`: a name we make, to which the domain is still to be added. `named`: the address is a host name. */
export type Target = Readonly<
  { kind: 'ours'; labels: Name; address: AddressData } | { kind: 'named'; name: Name }
>;

/** What is said about a service, or about its instances with one tag. Everything in order of preference. */
export interface Served {
  /** One per node, address and port; those without a port are not here. */
  readonly spots: readonly Spot[];
  /** Distinct, of both families. */
  readonly addresses: readonly AddressData[];
  /** Addresses that are host names. Distinct. */
  readonly aliases: readonly Name[];
}

/** `undefined` where no answer can be made of it: its node is unknown, or its address cannot be written in DNS. */
export function spotOf(
  { node, service, status }: Instance,
  member: MemberView | undefined,
  names: Names,
  self: string,
): Spot | undefined {
  const target = targetOf(service, member, names);
  if (target === undefined) return undefined;
  const { passing, warning } = service.weights;
  return {
    node,
    tags: service.tags.map((tag) => tag.toLowerCase()),
    port: service.port,
    weight: clamp(status === 'warning' ? warning : passing),
    target,
    rank: rankOf(self, node, service.id),
  };
}

/** A live node as an instance of the service that agents themselves are. */
export function spotOfNode(member: MemberView, port: number, names: Names, self: string): Spot {
  const target = nodeTarget(member, names);
  return { node: member.name, tags: [], port, weight: 1, target, rank: rankOf(self, member.name, '') };
}

/** The preferred first. */
export const inOrder = (spots: readonly Spot[]): Spot[] => [...spots].sort((a, b) => a.rank - b.rank);

/**
 * Takes spots in order. Instances that share an address are one to whoever asks for addresses, and those that share
 * node, address and port are one to whoever asks for SRV. What would be the same record for two nodes is written once:
 * a set of records has no doubles.
 *
 * Source: Consul DNS, service lookups; RFC 2181 §5.
 */
export function serve(spots: readonly Spot[]): Served {
  const unique = new Map<string, Spot>();
  const said = new Set<string>();
  const addresses = new Map<string, AddressData>();
  const aliases = new Map<string, Name>();
  for (const spot of spots) {
    const { node, port, target, weight } = spot;
    const where = target.kind === 'ours' ? target.labels : target.name.toLowerCase();
    if (target.kind === 'named') aliases.set(where, aliases.get(where) ?? target.name);
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
  return { spots: [...unique.values()], addresses: [...addresses.values()], aliases: [...aliases.values()] };
}

/**
 * The node's name where the instance has no address of its own or the node's, the name made of its address where that is
 * an IP, and else the host name it is.
 *
 * Source: Consul DNS, SRV; agent/dns.go of 1.21 for the node's own address.
 */
function targetOf(service: Service, member: MemberView | undefined, names: Names): Target | undefined {
  const node = member === undefined ? undefined : nodeTarget(member, names);
  const ip = parseIp(service.address);
  if (ip !== undefined) {
    const address = addressData(ip);
    if (node !== undefined && Buffer.compare(node.address.ip, address.ip) === 0) return node;
    return { kind: 'ours', labels: addrLabels(address.ip, names), address };
  }
  const name = service.address.replace(/\.$/, '');
  if (name === '' || leadsBack(name, service, names)) return node;
  return isHostName(name) ? { kind: 'named', name } : undefined;
}

const nodeTarget = (member: MemberView, names: Names): Extract<Target, { kind: 'ours' }> => {
  const address = addressData(member.address.ip);
  return { kind: 'ours', labels: nodeLabels(member.name, address.ip, names), address };
};

/** Is this instance among those its own address stands for? Then only its node's address leads anywhere. */
function leadsBack(name: Name, service: Service, names: Names): boolean {
  const asked = meaning(name.split('.'), names);
  if (asked.kind !== 'service' || asked.name.toLowerCase() !== service.name.toLowerCase()) return false;
  const tag = asked.tag?.toLowerCase();
  return tag === undefined || service.tags.some((one) => one.toLowerCase() === tag);
}

const rankOf = (self: string, node: string, id: string): number =>
  new Hash().text(self).text(node).text(id).high;

/** Weights come from other agents; the field has 16 bits. */
const clamp = (weight: number): number => Math.min(65_535, Math.max(0, Math.trunc(weight)));
