/** The advertised address: which one to announce when bound to all addresses, and when to announce another. */
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import { type Address, isLoopback, isUnspecified, parseIp, toAddress } from '../../base/address.ts';
import { sameBytes } from '../../base/bytes.ts';

export type NetworkInterfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;

/**
 * The address that other members dial: `advertise` if given (its port 0 means the bound one), else the bound address.
 * Bound to all addresses, it is the first private address of this host, else the first that is not loopback, else
 * loopback.
 */
export function advertisedAddress(
  bound: Address,
  advertise?: Address,
  interfaces?: NetworkInterfaces,
): Address {
  if (advertise !== undefined) return toAddress(advertise.ip, advertise.port || bound.port);
  if (!isUnspecified(bound.ip)) return bound;
  return toAddress(ownAddress(bound.ip.length === 4, interfaces ?? networkInterfaces()), bound.port);
}

/** How often the interfaces are read, in milliseconds: peers are to follow a new address within 6 s. */
const WATCH_INTERVAL_MS = 1_000;

export interface AddressWatch {
  stop(): void;
}

/** Calls `onChanged` with another address when this host no longer has the one that is announced. */
export function watchAdvertisedAddress(
  first: Address,
  bound: Address,
  onChanged: (to: Address) => void,
  readInterfaces: () => NetworkInterfaces = networkInterfaces,
): AddressWatch {
  let current = first;
  const timer = setInterval(() => {
    const interfaces = readInterfaces();
    const next = hasAddress(interfaces, current) ? current : advertisedAddress(bound, undefined, interfaces);
    // A host without a network keeps its address: it mostly comes back with the same one.
    if (next.key === current.key || isLoopback(next.ip)) return;
    current = next;
    onChanged(next);
  }, WATCH_INTERVAL_MS);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}

const hasAddress = (interfaces: NetworkInterfaces, { ip }: Address): boolean =>
  Object.values(interfaces).some((infos) =>
    infos?.some((info) => {
      const own = parseIp(info.address);
      return own !== undefined && sameBytes(own, ip);
    }),
  );

/** IPv4 before IPv6, because a cluster that mixes both can reach it more often. */
function ownAddress(onlyV4: boolean, interfaces: NetworkInterfaces): Uint8Array {
  const found: Uint8Array[] = [];
  for (const family of onlyV4 ? [4] : [4, 6])
    for (const infos of Object.values(interfaces))
      for (const info of infos ?? []) {
        const ip = parseIp(info.address);
        if (ip === undefined || info.internal || isLinkLocal(ip)) continue;
        if (ip.length === (family === 4 ? 4 : 16)) found.push(ip);
      }
  return found.find(isPrivate) ?? found[0] ?? (onlyV4 ? V4_LOOPBACK : V6_LOOPBACK);
}

const V4_LOOPBACK = Uint8Array.of(127, 0, 0, 1);
const V6_LOOPBACK = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);

/** 10/8, 172.16/12, 192.168/16, fc00::/7. Source: RFC 1918, RFC 4193. */
function isPrivate(ip: Uint8Array): boolean {
  const [a = 0, b = 0] = ip;
  if (ip.length === 16) return (a & 0xfe) === 0xfc;
  return a === 10 || (a === 172 && (b & 0xf0) === 16) || (a === 192 && b === 168);
}

/** 169.254/16, fe80::/10: cannot be reached from another link. */
export function isLinkLocal(ip: Uint8Array): boolean {
  const [a = 0, b = 0] = ip;
  return ip.length === 16 ? a === 0xfe && (b & 0xc0) === 0x80 : a === 169 && b === 254;
}
