/** The authoritative zone, and the lookup of names in it. Every record handler in answers/ works on these types. */
import type { View } from '../../agent/contract/view.ts';
import type { Rng } from '../../base/rng.ts';
import {
  type AddressData,
  type DnsName,
  type ResourceRecord,
  type SoaTimers,
  toAddressData,
} from '../message/records.ts';
import type { ServiceAnswerCache } from './answer-cache.ts';
import { type DnsNode, nodeOfExternal, nodeOfMember } from './dns-node.ts';
import { createEndpointSet, type EndpointPreferences, type EndpointSet } from './endpoints.ts';
import { isHostName, nodeLabels, type ParsedName, type ZoneNames } from './names.ts';
import type { NodeIndex } from './node-index.ts';
import type { ServiceIndex } from './service-index.ts';

/** Everything an answer may depend on. */
export interface Zone {
  readonly view: View;
  readonly nodes: NodeIndex;
  readonly services: ServiceIndex;
  readonly answerCache: ServiceAnswerCache;
  readonly names: ZoneNames;
  readonly nodeTtlSeconds: number;
  /** TTL by service name, in any letter case. */
  readonly serviceTtlSeconds: (service: string) => number;
  /** Most addresses in one answer about a service; SRV is not limited. */
  readonly aRecordLimit: number;
  /** Reads `_NAME._udp` as all instances if none has the tag `udp`. */
  readonly udpIsNoTag: boolean;
  readonly soa: SoaTimers;
  /** Unix seconds. */
  readonly serial: () => number;
  readonly rng: Rng;
}

/** An existing name, whether or not it has records of the type in the query. */
export type Subject = Readonly<
  | { kind: 'apex' }
  /** A name without records (RFC 8020): answered NODATA. */
  | { kind: 'emptyNonTerminal' }
  /** A name that stands for an address only: `HEX.addr`, `ns`. */
  | { kind: 'host'; address: AddressData }
  | { kind: 'node'; node: DnsNode }
  /** A service with at least one usable instance; `name` in the letter case of the question. */
  | { kind: 'service'; name: string; endpointSet: EndpointSet }
  /** The reverse name of an address; `names` are the targets without the domain. */
  | { kind: 'reverse'; names: readonly DnsName[] }
>;

/** A query whose name exists. Record handlers are functions of this. */
export interface ZoneQuery {
  readonly subject: Subject;
  /** Record type by number; ANY stands for all types but SRV. */
  readonly type: number;
  /** In the letter case of the question. */
  readonly domain: DnsName;
  readonly zone: Zone;
  /** More records than this cannot be sent, so handlers may leave out the less preferred ones beyond it. */
  readonly maxRecords: number;
  /** `undefined`: host names outside our domains are not resolved for this client. */
  readonly foreign: ForeignLookup | undefined;
}

/** What recursors know of host names outside our domains. */
export interface ForeignLookup {
  /** A, AAAA and the CNAMEs before them, or none as long as `name` has not been resolved. */
  records(name: DnsName): readonly ResourceRecord[];
}

/** What a name stands for now; `undefined`: it does not exist (NXDOMAIN). */
export function resolveName(
  name: Exclude<ParsedName, { kind: 'outOfZone' }>,
  zone: Zone,
): Subject | undefined {
  switch (name.kind) {
    case 'apex':
    case 'emptyNonTerminal':
      return { kind: name.kind };
    case 'ns':
      return { kind: 'host', address: toAddressData(zone.view.address.ip) };
    case 'addr':
      return { kind: 'host', address: { type: name.ip.length === 4 ? 'A' : 'AAAA', ip: name.ip } };
    case 'node': {
      const subject = resolveNode(name.name, zone);
      if (subject !== undefined) return subject;
      return zone.nodes.isEmptyNonTerminal(name.name) ? { kind: 'emptyNonTerminal' } : undefined;
    }
    case 'reverse': {
      const names = reverseNames(name.ip, zone);
      return names.length === 0 ? undefined : { kind: 'reverse', names };
    }
    case 'service':
      return resolveService(name, zone);
    case 'query': // there are no prepared queries
    case 'nonexistent':
      return undefined;
  }
}

/** An external node whose address is a host name has a CNAME, as a service at such an address. */
function resolveNode(name: string, { view }: Zone): Subject | undefined {
  const member = view.member(name);
  if (member !== undefined && member.status !== 'left') return { kind: 'node', node: nodeOfMember(member) };
  const external = view.catalog.externalNode(name);
  if (external === undefined) return undefined;
  const node = nodeOfExternal(external);
  if (node !== undefined) return { kind: 'node', node };
  const aliases = [external.address.replace(/\.$/, '')].filter(isHostName);
  return { kind: 'service', name, endpointSet: { ...createEndpointSet([], NO_PREFERENCES), aliases } };
}

const NO_PREFERENCES: EndpointPreferences = { suspects: new Set(), plan: undefined };

/** `NODE.node.DC.DOMAIN`, or the `addr` form if the node's name cannot be written in DNS. Both resolve. */
export const formatNodeFqdn = (node: Pick<DnsNode, 'name' | 'ip'>, { domain, zone }: ZoneQuery): DnsName =>
  `${toNodeLabels(node, zone)}.${domain}`;

/** TTL in seconds of all records of an answer about a service: none while an instance is from before a restart. */
export const serviceTtl = ({ subject, zone }: ZoneQuery): number =>
  subject.kind !== 'service'
    ? zone.nodeTtlSeconds
    : subject.endpointSet.restored
      ? 0
      : zone.serviceTtlSeconds(subject.name);

/** TTL in seconds of the records of a node: none while all that is known of it is from before a restart. */
export const nodeTtl = ({ name }: DnsNode, { view, nodeTtlSeconds }: Zone): number =>
  view.restoredAt() !== undefined && view.catalog.node(name)?.unconfirmed === true ? 0 : nodeTtlSeconds;

/**
 * A tag with a dot creates an empty non-terminal, which must exist for resolvers with QNAME minimization.
 *
 * Differs: Consul always reads `_udp` as a tag; with `udpIsNoTag` it may stand for no tag.
 */
function resolveService(
  { name, tag, udp }: Extract<ParsedName, { kind: 'service' }>,
  zone: Zone,
): Subject | undefined {
  const endpointSet =
    zone.services.find(name, tag) ??
    (udp && zone.udpIsNoTag ? zone.services.find(name, undefined) : undefined);
  if (endpointSet !== undefined) return { kind: 'service', name, endpointSet };
  const atPort = findNamedPort(name, tag, zone);
  if (atPort !== undefined) return { kind: 'service', ...atPort };
  return tag !== undefined && zone.services.isEmptyNonTerminal(name, tag)
    ? { kind: 'emptyNonTerminal' }
    : undefined;
}

/** `PORT.port.NAME.service`, and `_PORT._NAME` as RFC 2782 may mean it. A tag of the same spelling comes first. */
function findNamedPort(
  name: string,
  tag: string | undefined,
  { services }: Zone,
): { name: string; endpointSet: EndpointSet } | undefined {
  if (tag === undefined) return undefined;
  const port = /^([^.]+)\.port$/i.exec(tag)?.[1];
  const endpointSet = port === undefined ? services.findByPort(tag, name) : services.findByPort(name, port);
  if (endpointSet === undefined) return undefined;
  return { name: port === undefined ? tag : name, endpointSet };
}

/** PTR targets of an address, without the domain: the node there, or else the services. */
function reverseNames(ip: Uint8Array, zone: Zone): DnsName[] {
  const node = zone.nodes.findByAddress(ip);
  if (node !== undefined) return [toNodeLabels(node, zone)];
  return zone.services.findByAddress(ip).map((service) => `${service}.service.${zone.names.datacenter}`);
}

const toNodeLabels = ({ name, ip }: Pick<DnsNode, 'name' | 'ip'>, { names }: Zone): DnsName =>
  nodeLabels(name, toAddressData(ip).ip, names);
