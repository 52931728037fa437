/** What answers are made of, and what a name turned out to be. Shared by everything in answers/. */
import type { MemberView, View } from '../../agent/contract/view.ts';
import type { Rng } from '../../base/rng.ts';
import { type AddressData, type DnsName, type SoaTimers, toAddressData } from '../message/records.ts';
import type { ServiceAnswerCache } from './answer-cache.ts';
import type { EndpointSet } from './endpoints.ts';
import { nodeLabels, type ParsedName, type ZoneNames } from './names.ts';
import type { NodeIndex } from './node-index.ts';
import type { ServiceIndex } from './service-index.ts';

/** All an answer may look at. */
export interface Zone {
  readonly view: View;
  readonly nodes: NodeIndex;
  readonly services: ServiceIndex;
  /** Answers that were made before and still hold. */
  readonly answerCache: ServiceAnswerCache;
  readonly names: ZoneNames;
  readonly nodeTtlSeconds: number;
  /** By a service's name, in any case. */
  readonly serviceTtlSeconds: (service: string) => number;
  /** Addresses in one answer about a service, SRV aside. */
  readonly aRecordLimit: number;
  /** `_NAME._udp` means all instances when none has the tag `udp`. */
  readonly udpIsNoTag: boolean;
  readonly soa: SoaTimers;
  /** Unix seconds. */
  readonly serial: () => number;
  readonly rng: Rng;
}

/** A name that exists, whatever type is asked. */
export type Subject = Readonly<
  | { kind: 'apex' }
  /** Has no records of its own. */
  | { kind: 'emptyNonTerminal' }
  /** Nothing but an address: `HEX.addr`, `ns`. */
  | { kind: 'host'; address: AddressData }
  | { kind: 'node'; member: MemberView }
  /** Has at least one instance that is to be used. `name` as it was asked. */
  | { kind: 'service'; name: string; endpointSet: EndpointSet }
  /** The reverse name of an address; `names` has it, and they lack only the domain. */
  | { kind: 'reverse'; names: readonly DnsName[] }
>;

/** A question whose name exists. Each file in answers/ is a function of this. */
export interface ZoneQuery {
  readonly subject: Subject;
  /** The type's number; `TYPE.ANY` asks for all that are not SRV. */
  readonly type: number;
  /** As spelled in the question. */
  readonly domain: DnsName;
  readonly zone: Zone;
  /** More records than that cannot be sent, so nobody needs to make them; the preferred ones come first. */
  readonly maxRecords: number;
}

/** What the name stands for now; `undefined`: there is no such name. */
export function resolveName(
  asked: Exclude<ParsedName, { kind: 'outOfZone' }>,
  zone: Zone,
): Subject | undefined {
  switch (asked.kind) {
    case 'apex':
    case 'emptyNonTerminal':
      return { kind: asked.kind };
    case 'ns':
      return { kind: 'host', address: toAddressData(zone.view.address.ip) };
    case 'addr':
      return { kind: 'host', address: { type: asked.ip.length === 4 ? 'A' : 'AAAA', ip: asked.ip } };
    case 'node': {
      const member = zone.view.member(asked.name);
      if (member !== undefined && member.status !== 'left') return { kind: 'node', member };
      return zone.nodes.isEmptyNonTerminal(asked.name) ? { kind: 'emptyNonTerminal' } : undefined;
    }
    case 'reverse': {
      const names = reverseNames(asked.ip, zone);
      return names.length === 0 ? undefined : { kind: 'reverse', names };
    }
    case 'service':
      return resolveService(asked, zone);
    case 'query': // no prepared query is configured
    case 'nonexistent':
      return undefined;
  }
}

/** `NODE.node.DC.DOMAIN`; where the node's name is no host name, the form made of its address. Both resolve. */
export const formatNodeFqdn = (member: MemberView, { domain, zone }: ZoneQuery): DnsName =>
  `${toNodeLabels(member, zone)}.${domain}`;

/** What all records of an answer about a service live. */
export const serviceTtl = ({ subject, zone }: ZoneQuery): number =>
  subject.kind === 'service' ? zone.serviceTtlSeconds(subject.name) : zone.nodeTtlSeconds;

/**
 * A tag with a dot makes a name in between, which must exist for those who ask piece by piece.
 *
 * Differs: Consul always reads `_udp` as a tag; we do unless told that it may mean none.
 */
function resolveService(
  { name, tag, udp }: Extract<ParsedName, { kind: 'service' }>,
  zone: Zone,
): Subject | undefined {
  const served =
    zone.services.find(name, tag) ??
    (udp && zone.udpIsNoTag ? zone.services.find(name, undefined) : undefined);
  if (served !== undefined) return { kind: 'service', name, endpointSet: served };
  return tag !== undefined && zone.services.isEmptyNonTerminal(name, tag)
    ? { kind: 'emptyNonTerminal' }
    : undefined;
}

/** The node at an address, or else the services there. */
function reverseNames(ip: Uint8Array, zone: Zone): DnsName[] {
  const member = zone.nodes.findByAddress(ip);
  if (member !== undefined) return [toNodeLabels(member, zone)];
  return zone.services.findByAddress(ip).map((service) => `${service}.service.${zone.names.datacenter}`);
}

const toNodeLabels = (member: MemberView, { names }: Zone): DnsName =>
  nodeLabels(member.name, toAddressData(member.address.ip).ip, names);
