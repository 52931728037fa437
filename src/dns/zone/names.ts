/**
 * The grammar of names in the zone: what a queried name means, whether or not it exists. Works on labels alone, without
 * the view of the cluster.
 */
import { parseIp } from '../../base/address.ts';
import { AgentError } from '../../base/errors.ts';
import type { DnsName } from '../message/records.ts';

/** What a name means. `domain` is the matching domain in the letter case of the question. */
export type ParsedName = Readonly<
  | { kind: 'apex'; domain: DnsName }
  /** The SOA's `mname`. */
  | { kind: 'ns'; domain: DnsName }
  /** `NODE.node`; the node's name may contain dots. */
  | { kind: 'node'; domain: DnsName; name: string }
  /** `[TAG.]NAME.service` and the RFC 2782 forms. `udp`: the form was `_NAME._udp`, whose tag may mean no tag. */
  | { kind: 'service'; domain: DnsName; name: string; tag: string | undefined; udp: boolean }
  /** `HEX.addr`, an address of 4 or 16 bytes in hexadecimal. */
  | { kind: 'addr'; domain: DnsName; ip: Uint8Array }
  /** `NAME.query`: a prepared query. */
  | { kind: 'query'; domain: DnsName; name: string }
  /** `X.in-addr.arpa` or `X.ip6.arpa`; `ip` has 4 or 16 bytes. */
  | { kind: 'reverse'; domain: DnsName; ip: Uint8Array }
  /**
   * A name without records below which names exist, such as `service.consul` or `_tcp.service.consul`. Source: RFC
   * 8020.
   */
  | { kind: 'emptyNonTerminal'; domain: DnsName }
  /** A name in one of our domains that cannot exist. */
  | { kind: 'nonexistent'; domain: DnsName }
  | { kind: 'outOfZone' }
>;

/** The names this server is authoritative for. */
export interface ZoneNames {
  /** Labels in lower case. The first domain is the main one. */
  readonly domains: readonly (readonly string[])[];
  /** Domain of the names at addresses: `consul` if it is one of ours, since that is what clients forward. */
  readonly reverseDomain: DnsName;
  readonly datacenter: string;
  /** Length of the longest domain, dots included. */
  readonly longestDomainBytes: number;
}

/** Throws `AgentError` `config` if a domain or the datacenter cannot be written in DNS. */
export function parseZoneNames(domain: string, altDomain: string | undefined, datacenter: string): ZoneNames {
  if (!isLabel(datacenter))
    throw new AgentError(
      'config',
      `The datacenter '${datacenter}' is not a valid DNS label: use letters, digits and '-'.`,
    );
  const domains = [parseDomain(domain)];
  if (altDomain !== undefined && altDomain !== '') domains.push(parseDomain(altDomain));
  const dotted = domains.map((labels) => labels.join('.'));
  return {
    domains,
    reverseDomain: dotted.find((name) => name === 'consul') ?? (dotted[0] as string),
    datacenter,
    longestDomainBytes: Math.max(...dotted.map((name) => name.length)),
  };
}

/** Parses a name given as labels, in any letter case. */
export function parseName(labels: readonly string[], names: ZoneNames): ParsedName {
  const length = domainLength(labels, names.domains);
  if (length === 0) return parseReverseName(labels, names);
  const domain = labels.slice(-length).join('.');
  const left = labels.slice(0, -length);
  if (left.length === 0) return { kind: 'apex', domain };
  if (left.length === 1 && lower(left[0]) === 'ns') return { kind: 'ns', domain };
  const inner = stripScopes(left, names.datacenter);
  if (inner.length === 0) return { kind: 'emptyNonTerminal', domain };
  return (
    parseBelowDomain(inner, domain) ??
    (lower(inner.at(-1)) === lower(names.datacenter)
      ? parseBelowDatacenter(inner.slice(0, -1), domain)
      : undefined) ?? {
      kind: 'nonexistent',
      domain,
    }
  );
}

/**
 * Strips the scopes that newer versions of Consul append to a name, `default.ns`, `default.ap` and `DC.dc`, if they are
 * ours. Half of such a pair is stripped too: it is an empty non-terminal that resolvers with QNAME minimization query.
 *
 * Source: Consul DNS, service lookups for Consul Enterprise.
 */
function stripScopes(left: readonly string[], datacenter: string): readonly string[] {
  let length = left.length;
  for (;;) {
    const scope = lower(left[length - 1]);
    if (scope !== 'ns' && scope !== 'ap' && scope !== 'dc') break;
    if (length === 1) return [];
    if (lower(left[length - 2]) !== (scope === 'dc' ? lower(datacenter) : 'default')) break;
    length -= 2;
  }
  return left.slice(0, length);
}

/**
 * `NODE.node.DC` without the domain, or the `addr` form if DNS cannot write the node's name or any full name would be
 * too long.
 */
export function nodeLabels(node: string, ip: Uint8Array, names: ZoneNames): DnsName {
  const labels = `${node}.node.${names.datacenter}`;
  return isHostName(node) && labels.length + 1 + names.longestDomainBytes <= MAX_NAME_BYTES
    ? labels
    : addrLabels(ip, names);
}

/** `HEX.addr.DC` without the domain; `ip` has 4 or 16 bytes. */
export const addrLabels = (ip: Uint8Array, names: ZoneNames): DnsName =>
  `${Buffer.from(ip).toString('hex')}.addr.${names.datacenter}`;

/** Is `name`, dotted and without the final dot, a valid host name? */
export const isHostName = (name: string): boolean =>
  name.length <= MAX_NAME_BYTES && name.split('.').every(isLabel);

export const isLabel = (label: string): boolean => /^[A-Za-z0-9_-]{1,63}$/.test(label);

/** Length in dotted form, two bytes less than on the wire. Source: RFC 1035 §2.3.4. */
const MAX_NAME_BYTES = 253;

function parseBelowDatacenter(left: readonly string[], domain: DnsName): ParsedName | undefined {
  return left.length === 0 ? { kind: 'emptyNonTerminal', domain } : parseBelowDomain(left, domain);
}

/** Names below the domain or the datacenter; `undefined` if the last label is no keyword. */
function parseBelowDomain(left: readonly string[], domain: DnsName): ParsedName | undefined {
  const inner = left.slice(0, -1);
  switch (lower(left.at(-1))) {
    case 'node':
      return inner.length === 0
        ? { kind: 'emptyNonTerminal', domain }
        : { kind: 'node', domain, name: inner.join('.') };
    case 'service':
      return parseServiceName(inner, domain);
    case 'addr':
      return parseAddrName(inner, domain);
    case 'query':
      return inner.length === 0
        ? { kind: 'emptyNonTerminal', domain }
        : { kind: 'query', domain, name: inner.join('.') };
    default:
      // RFC 2782 names may omit `service`. The last label is the protocol then.
      return left.every(isUnderscored) && left.length <= 2 ? parseServiceName(left, domain) : undefined;
  }
}

/**
 * All labels in front of the name form one tag; `_NAME._tcp` has no tag. Source: RFC 2782; Consul DNS, service lookups.
 */
function parseServiceName(inner: readonly string[], domain: DnsName): ParsedName {
  const name = inner.at(-1);
  if (name === undefined) return { kind: 'emptyNonTerminal', domain };
  if (inner.length === 1)
    return isUnderscored(name)
      ? { kind: 'emptyNonTerminal', domain }
      : { kind: 'service', domain, name, tag: undefined, udp: false };
  if (inner.length === 2 && inner.every(isUnderscored)) {
    const tag = name.slice(1);
    return {
      kind: 'service',
      domain,
      name: (inner[0] as string).slice(1),
      tag: lower(tag) === 'tcp' ? undefined : tag,
      udp: lower(tag) === 'udp',
    };
  }
  return { kind: 'service', domain, name, tag: inner.slice(0, -1).join('.'), udp: false };
}

function parseAddrName(inner: readonly string[], domain: DnsName): ParsedName {
  if (inner.length === 0) return { kind: 'emptyNonTerminal', domain };
  const hex = inner[0] as string;
  if (inner.length > 1 || !/^(?:[0-9a-f]{8}|[0-9a-f]{32})$/i.test(hex))
    return { kind: 'nonexistent', domain };
  return { kind: 'addr', domain, ip: Uint8Array.from(Buffer.from(hex, 'hex')) };
}

/**
 * `4.3.2.1.in-addr.arpa` and the 32 nibbles of `ip6.arpa`; shorter names are empty non-terminals. Source: RFC 1035
 * §3.5.
 */
function parseReverseName(labels: readonly string[], names: ZoneNames): ParsedName {
  const domain = names.reverseDomain;
  const digits = labels.slice(0, -2).reverse();
  const tree = lower(labels.slice(-2).join('.'));
  if (tree !== 'in-addr.arpa' && tree !== 'ip6.arpa') return { kind: 'outOfZone' };
  const v4 = tree === 'in-addr.arpa';
  const fullLength = v4 ? 4 : 32;
  const isDigit = v4 ? isDecimalByte : isNibble;
  if (digits.length > fullLength || !digits.every(isDigit)) return { kind: 'nonexistent', domain };
  if (digits.length < fullLength) return { kind: 'emptyNonTerminal', domain };
  const ip = v4 ? parseIp(digits.join('.')) : Uint8Array.from(Buffer.from(digits.join(''), 'hex'));
  return ip === undefined ? { kind: 'nonexistent', domain } : { kind: 'reverse', domain, ip };
}

/**
 * The closest encloser of a name that has no records: its longest suffix, itself included, that always exists, in the
 * letter case of the question. It owns the SOA of a negative answer, since resolvers ignore an SOA above the zone that
 * they forward, and any of our domains or of their parts, such as `service.consul`, may be that zone.
 *
 * Source: RFC 4592 §3.3.1; RFC 2308 §2.
 */
export function closestEncloser(labels: readonly string[], names: ZoneNames): DnsName {
  for (let from = 0; from < labels.length; from++) {
    const suffix = labels.slice(from);
    const { kind } = parseName(suffix, names);
    if (kind === 'apex' || kind === 'emptyNonTerminal') return suffix.join('.');
  }
  return labels.slice(-2).join('.'); // the reverse tree
}

/** Is this name one of our domains, or below one? */
export const isInZone = (labels: readonly string[], names: ZoneNames): boolean =>
  domainLength(labels, names.domains) > 0;

/** Is this name in a reverse tree (`in-addr.arpa`, `ip6.arpa`), and in none of our domains? */
export const isReverseName = (labels: readonly string[], names: ZoneNames): boolean =>
  !isInZone(labels, names) && parseReverseName(labels, names).kind !== 'outOfZone';

/** Number of labels of the longest of our domains that is a suffix of the name; 0 if none is. */
function domainLength(labels: readonly string[], domains: ZoneNames['domains']): number {
  let longest = 0;
  for (const domain of domains) {
    const from = labels.length - domain.length;
    if (from >= 0 && domain.length > longest && domain.every((label, i) => lower(labels[from + i]) === label))
      longest = domain.length;
  }
  return longest;
}

function parseDomain(domain: string): string[] {
  const labels = lower(domain.replace(/\.$/, '')).split('.');
  if (!labels.every(isLabel) || domain.length > 128)
    throw new AgentError(
      'config',
      `'${domain}' is not a valid DNS domain: use labels of letters, digits and '-'.`,
    );
  return labels;
}

const isDecimalByte = (label: string): boolean => /^(?:0|[1-9]\d{0,2})$/.test(label) && Number(label) <= 255;
const isNibble = (label: string): boolean => /^[0-9a-f]$/i.test(label);
const isUnderscored = (label: string): boolean => label.length > 1 && label.startsWith('_');
const lower = (label: string | undefined): string => (label ?? '').toLowerCase();
