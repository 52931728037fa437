/** Addresses: IP octets and a port. Host names are resolved in the shell. */

import { copyBytes } from './bytes.ts';

/**
 * `ip` has 4 or 16 octets, exactly as announced: memberlist compares octets, so the 4- and the 16-octet form of one IPv4
 * address are two addresses. Two addresses have the same `key` exactly if their octets and ports are the same.
 */
export interface Address {
  readonly ip: Uint8Array;
  readonly port: number;
  /** The literal for sockets and people: `127.0.0.1`, `fd00::5`; IPv4-mapped IPv6 is written as IPv4. */
  readonly host: string;
  /** `127.0.0.1:7946`, `[fd00::5]:7946`, `[::ffff:127.0.0.1]:7946`. */
  readonly key: string;
}

/** Copies `ip`. The caller has checked that it has 4 or 16 octets. */
export function toAddress(ip: Uint8Array, port: number): Address {
  const octets = copyBytes(ip);
  if (octets.length === 4) {
    const host = formatIpv4(octets, 0);
    return { ip: octets, port, host, key: `${host}:${port}` };
  }
  if (isIpv4Mapped(octets)) {
    const host = formatIpv4(octets, 12);
    return { ip: octets, port, host, key: `[::ffff:${host}]:${port}` };
  }
  const host = formatIpv6(octets);
  return { ip: octets, port, host, key: `[${host}]:${port}` };
}

/** `host:port`, with brackets around IPv6. */
export const formatAddress = (at: Address): string => joinHostPort(at.host, at.port);

export const joinHostPort = (host: string, port: number): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;

/** Parses an IP literal to octets, or returns `undefined`. IPv4 has four decimals without leading zeros. */
export function parseIp(literal: string): Uint8Array | undefined {
  return literal.includes(':') ? parseIpv6(literal) : parseIpv4(literal);
}

/** Parses `127.0.0.1:7946` or `[::1]:7946`; `undefined` unless it is an IP literal with a port from 0 to 65535. */
export function parseAddress(literal: string, defaultPort?: number): Address | undefined {
  const split = splitHostPort(literal);
  if (split === undefined) return undefined;
  const ip = parseIp(split.host);
  const port = split.port ?? defaultPort;
  return ip === undefined || port === undefined ? undefined : toAddress(ip, port);
}

/** Splits `host`, `host:port`, `[v6]`, `[v6]:port` or a bare IPv6 literal. The host may be a name. */
export function splitHostPort(literal: string): { host: string; port: number | undefined } | undefined {
  const bracketed = /^\[([^\]]+)\](?::(\d{1,5}))?$/.exec(literal);
  const match = bracketed ?? /^([^:\s]+)(?::(\d{1,5}))?$/.exec(literal);
  if (match === null)
    return parseIpv6(literal) === undefined ? undefined : { host: literal, port: undefined };
  const port = match[2] === undefined ? undefined : Number(match[2]);
  if (port !== undefined && port > 65535) return undefined;
  return { host: match[1] as string, port };
}

/** Whether it is 127.0.0.0/8, its IPv4-mapped form, or ::1. */
export function isLoopback(ip: Uint8Array): boolean {
  if (ip.length === 4) return ip[0] === 127;
  if (isIpv4Mapped(ip)) return ip[12] === 127;
  for (let i = 0; i < 15; i++) if (ip[i] !== 0) return false;
  return ip[15] === 1;
}

/** Whether it is 0.0.0.0 or ::. */
export const isUnspecified = (ip: Uint8Array): boolean => ip.every((octet) => octet === 0);

function isIpv4Mapped(ip: Uint8Array): boolean {
  for (let i = 0; i < 10; i++) if (ip[i] !== 0) return false;
  return ip[10] === 0xff && ip[11] === 0xff;
}

const formatIpv4 = (ip: Uint8Array, at: number): string =>
  `${ip[at]}.${ip[at + 1]}.${ip[at + 2]}.${ip[at + 3]}`;

/** RFC 5952: lower case, no leading zeros, and the longest run of two or more zero groups written as `::`. */
function formatIpv6(ip: Uint8Array): string {
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(((ip[i] as number) << 8) | (ip[i + 1] as number));
  let bestAt = -1;
  let bestLength = 1;
  for (let i = 0; i < 8; i++) {
    let length = 0;
    while (i + length < 8 && groups[i + length] === 0) length++;
    if (length > bestLength) {
      bestAt = i;
      bestLength = length;
    }
  }
  const hex = (from: number, to: number): string =>
    groups
      .slice(from, to)
      .map((group) => group.toString(16))
      .join(':');
  return bestAt < 0 ? hex(0, 8) : `${hex(0, bestAt)}::${hex(bestAt + bestLength, 8)}`;
}

function parseIpv4(literal: string): Uint8Array | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(literal);
  if (match === null) return undefined;
  const octets = new Uint8Array(4);
  for (let i = 0; i < 4; i++) {
    const digits = match[i + 1] as string;
    const value = Number(digits);
    if (value > 255 || (digits.length > 1 && digits.startsWith('0'))) return undefined;
    octets[i] = value;
  }
  return octets;
}

function parseIpv6(literal: string): Uint8Array | undefined {
  let body = literal;
  const lastColon = body.lastIndexOf(':');
  const tail = body.slice(lastColon + 1);
  if (tail.includes('.')) {
    const v4 = parseIpv4(tail);
    if (v4 === undefined) return undefined;
    const [a, b, c, d] = v4 as unknown as [number, number, number, number];
    body = `${body.slice(0, lastColon + 1)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  }
  const halves = body.split('::');
  if (halves.length > 2) return undefined;
  const splitGroups = (half: string): string[] => (half === '' ? [] : half.split(':'));
  const head = splitGroups(halves[0] as string);
  const rest = halves.length === 2 ? splitGroups(halves[1] as string) : [];
  const missing = 8 - head.length - rest.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...head, ...Array.from({ length: missing }, () => '0'), ...rest];
  const octets = new Uint8Array(16);
  for (let i = 0; i < 8; i++) {
    const group = groups[i] as string;
    if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return undefined;
    const value = Number.parseInt(group, 16);
    octets[2 * i] = value >> 8;
    octets[2 * i + 1] = value & 0xff;
  }
  return octets;
}
