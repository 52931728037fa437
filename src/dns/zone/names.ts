/**
 * The grammar of names: what an asked name means, before anyone looks whether it exists. Knows no view, no types of
 * records and no bytes.
 */
import { parseIp } from '../../base/address.ts';
import { AgentError } from '../../base/errors.ts';
import type { DnsName } from '../message/records.ts';

/** What a name means. `domain` is ours as it was spelled in the question. */
export type ParsedName = Readonly<
  | { kind: 'apex'; domain: DnsName }
  /** The SOA's `mname`. */
  | { kind: 'ns'; domain: DnsName }
  /** `NODE.node`: dots allowed in the name. */
  | { kind: 'node'; domain: DnsName; name: string }
  /** `[TAG.]NAME.service` and the RFC 2782 forms. `udp`: the tag is that of `_NAME._udp`, where it may mean none. */
  | { kind: 'service'; domain: DnsName; name: string; tag: string | undefined; udp: boolean }
  /** `HEX.addr`: pure arithmetic; 4 or 16 octets. */
  | { kind: 'addr'; domain: DnsName; ip: Uint8Array }
  /** `NAME.query`: a prepared query. */
  | { kind: 'query'; domain: DnsName; name: string }
  /** `X.in-addr.arpa`, `X.ip6.arpa`; 4 or 16 octets. */
  | { kind: 'reverse'; domain: DnsName; ip: Uint8Array }
  /** Empty itself, but names lie below it: `service.consul`, `dc1.consul`, `_tcp.service.consul`. */
  | { kind: 'emptyNonTerminal'; domain: DnsName }
  /** In our domain, and nothing can be there. */
  | { kind: 'nonexistent'; domain: DnsName }
  | { kind: 'outOfZone' }
>;

/** What we answer for. */
export interface ZoneNames {
  /** As labels, in lower case; the first is the main one. */
  readonly domains: readonly (readonly string[])[];
  readonly datacenter: string;
  /** Bytes of the longest domain, dots included. */
  readonly longestDomainBytes: number;
}

/** Checks the settings. Throws `AgentError` `config` when a name could not be written in DNS. */
export function parseZoneNames(domain: string, altDomain: string | undefined, datacenter: string): ZoneNames {
  if (!isLabel(datacenter))
    throw new AgentError(
      'config',
      `The datacenter '${datacenter}' is no DNS label: use letters, digits and '-'.`,
    );
  const domains = [parseDomain(domain)];
  if (altDomain !== undefined && altDomain !== '') domains.push(parseDomain(altDomain));
  return {
    domains,
    datacenter,
    longestDomainBytes: Math.max(...domains.map((labels) => labels.join('.').length)),
  };
}

/** The meaning of a name, given as its labels in any case. */
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
 * Takes off what newer versions put behind a name, `default.ns`, `default.ap` and `DC.dc`, as far as it is what we are.
 * Half of such a pair, which is asked by those who go piece by piece, is taken off too.
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

/** `NODE.node.DC`, to which any of our domains can be added; its address stands in for a name that DNS cannot write. */
export function nodeLabels(node: string, ip: Uint8Array, names: ZoneNames): DnsName {
  const labels = `${node}.node.${names.datacenter}`;
  return isHostName(node) && labels.length + 1 + names.longestDomainBytes <= MAX_NAME_BYTES
    ? labels
    : addrLabels(ip, names);
}

/** `HEX.addr.DC`; 4 or 16 octets. */
export const addrLabels = (ip: Uint8Array, names: ZoneNames): DnsName =>
  `${Buffer.from(ip).toString('hex')}.addr.${names.datacenter}`;

/** Can this be written as the name of a host, dotted and without the final dot? */
export const isHostName = (name: string): boolean =>
  name.length <= MAX_NAME_BYTES && name.split('.').every(isLabel);

export const isLabel = (label: string): boolean => /^[A-Za-z0-9_-]{1,63}$/.test(label);

/** As written, dotted: two bytes less than on the wire. Source: RFC 1035 §2.3.4. */
const MAX_NAME_BYTES = 253;

function parseBelowDatacenter(left: readonly string[], domain: DnsName): ParsedName | undefined {
  return left.length === 0 ? { kind: 'emptyNonTerminal', domain } : parseBelowDomain(left, domain);
}

/** Names below the domain or below the datacenter; `undefined` if the last label is not one of the special ones. */
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
      // RFC 2782 names may leave out `service`; the last label is then the protocol.
      return left.every(isUnderscored) && left.length <= 2 ? parseServiceName(left, domain) : undefined;
  }
}

/** All labels left of the name form one tag; `_name._tcp` has none. Source: RFC 2782; Consul DNS, service lookups. */
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

/** `4.3.2.1.in-addr.arpa` and the 32 nibbles of `ip6.arpa`; shorter ones lie in between. Source: RFC 1035 §3.5. */
function parseReverseName(labels: readonly string[], names: ZoneNames): ParsedName {
  const domain = (names.domains[0] as readonly string[]).join('.');
  const parts = labels.slice(0, -2).reverse();
  const tree = lower(labels.slice(-2).join('.'));
  if (tree !== 'in-addr.arpa' && tree !== 'ip6.arpa') return { kind: 'outOfZone' };
  const v4 = tree === 'in-addr.arpa';
  const whole = v4 ? 4 : 32;
  const isPart = v4 ? isOctet : (part: string) => /^[0-9a-f]$/i.test(part);
  if (parts.length > whole || !parts.every(isPart)) return { kind: 'nonexistent', domain };
  if (parts.length < whole) return { kind: 'emptyNonTerminal', domain };
  const ip = v4 ? parseIp(parts.join('.')) : Uint8Array.from(Buffer.from(parts.join(''), 'hex'));
  return ip === undefined ? { kind: 'nonexistent', domain } : { kind: 'reverse', domain, ip };
}

/** Does this name lie in one of our domains, or is it one? */
export const isInZone = (labels: readonly string[], names: ZoneNames): boolean =>
  domainLength(labels, names.domains) > 0;

/** A name that stands for an address, or above such names, and not in our domains. */
export const isReverseName = (labels: readonly string[], names: ZoneNames): boolean =>
  !isInZone(labels, names) && parseReverseName(labels, names).kind !== 'outOfZone';

/** How many labels at the end are one of our domains, the longest; 0 if none. */
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
      `'${domain}' cannot be a DNS domain: use labels of letters, digits and '-'.`,
    );
  return labels;
}

const isOctet = (part: string): boolean => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255;
const isUnderscored = (label: string): boolean => label.length > 1 && label.startsWith('_');
const lower = (label: string | undefined): string => (label ?? '').toLowerCase();
