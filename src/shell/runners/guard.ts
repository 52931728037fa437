/**
 * The egress guard: which addresses checks may connect to, against SSRF and DNS rebinding (S15). Allowed are loopback, the
 * addresses of this host, and what the owner allows: not its neighbors. Link-local addresses and cloud metadata services are denied even then,
 * unless they are named themselves. A name is resolved once, and only an address that was checked is dialed.
 */
import { BlockList, isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { type HostLookup, systemLookup } from '../net/resolve.ts';

export interface EgressGuardOptions {
  /** Networks besides this host's own, such as `10.0.0.0/8`. */
  readonly allow?: readonly string[];
  readonly lookup?: HostLookup;
  /** Reads the addresses of this host's interfaces. */
  readonly ownAddresses?: () => readonly string[];
}

/** How long the addresses of the interfaces are cached: bridges of containers come and go. */
const ADDRESSES_TTL_MS = 10_000;
/** A lookup occupies one of the process's four threads until the system gives up. */
const MAX_CONCURRENT_LOOKUPS = 2;
const MAX_ADDRESSES = 8;

/** Link-local networks, and the metadata services of Azure, Alibaba, Oracle and (over IPv6) AWS. */
const DENIED_NETWORKS = [
  '169.254.0.0/16',
  'fe80::/10',
  '168.63.129.16/32',
  '100.100.100.200/32',
  '192.0.0.192/32',
  'fd00:ec2::254/128',
] as const;

/** All of them are this host. */
const LOOPBACK_NETWORKS = ['127.0.0.0/8', '::1/128'] as const;

export class EgressGuard {
  readonly #denied = toBlockList(DENIED_NETWORKS);
  readonly #allowed: BlockList;
  /** Networks that the owner allowed by naming a part of a denied one. */
  readonly #allowedDespiteDenied: BlockList;
  readonly #lookup: HostLookup;
  readonly #readAddresses: () => readonly string[];
  #ownAddresses = new BlockList();
  #ownAddressesReadAt = Number.NEGATIVE_INFINITY;
  readonly #pendingLookups = new Map<string, Promise<readonly string[]>>();
  readonly #lookupQueue: (() => void)[] = [];
  #activeLookups = 0;

  /** Throws `Error` if `allow` holds something that is not a network. */
  constructor(options: EgressGuardOptions = {}) {
    const allow = options.allow ?? [];
    this.#allowedDespiteDenied = toBlockList(
      allow.filter((network) => this.#isDenied(network.split('/')[0] as string)),
    );
    this.#allowed = toBlockList(allow);
    this.#lookup = options.lookup ?? systemLookup;
    this.#readAddresses = options.ownAddresses ?? interfaceAddresses;
  }

  isAllowed(literal: string): boolean {
    const ip = unmapIpv4(literal);
    if (isIP(ip) === 0) return false;
    if (this.#isDenied(ip)) return has(this.#allowedDespiteDenied, ip);
    return has(this.#allowed, ip) || this.#isOwnAddress(ip);
  }

  /** A sentence on why checks may not connect to this address; `undefined`: they may, or it is a name, which is resolved later. */
  explainDenial(host: string): string | undefined {
    if (isIP(host) === 0 || this.isAllowed(host)) return undefined;
    return `${host} ${DENIED}: start the agent with --check-allow ${host}`;
  }

  /** Resolves to the addresses of `host` that may be dialed, at least one, or rejects. */
  async resolve(host: string, signal: AbortSignal): Promise<readonly string[]> {
    const all = await this.#addressesOf(host);
    signal.throwIfAborted();
    const permitted = all.filter((ip) => this.isAllowed(ip)).slice(0, MAX_ADDRESSES);
    if (permitted.length > 0) return permitted;
    throw new Error(all.length === 0 ? `${host} has no address` : `${all[0]} ${DENIED}`);
  }

  async #addressesOf(host: string): Promise<readonly string[]> {
    if (isIP(host) !== 0) return [host];
    if (host.toLowerCase() === 'localhost') return ['127.0.0.1', '::1'];
    const pending = this.#pendingLookups.get(host);
    if (pending !== undefined) return pending;
    const lookup = this.#limitLookups(() => this.#lookup(host)).finally(() =>
      this.#pendingLookups.delete(host),
    );
    this.#pendingLookups.set(host, lookup);
    return lookup;
  }

  async #limitLookups<T>(work: () => Promise<T>): Promise<T> {
    if (this.#activeLookups >= MAX_CONCURRENT_LOOKUPS)
      await new Promise<void>((resolve) => this.#lookupQueue.push(resolve));
    else this.#activeLookups += 1;
    try {
      return await work();
    } finally {
      const next = this.#lookupQueue.shift();
      if (next === undefined) this.#activeLookups -= 1;
      else next(); // hands its place to the next one
    }
  }

  #isDenied(ip: string): boolean {
    return has(this.#denied, unmapIpv4(ip));
  }

  #isOwnAddress(ip: string): boolean {
    const now = performance.now();
    if (now - this.#ownAddressesReadAt > ADDRESSES_TTL_MS) {
      this.#ownAddresses = toBlockList([...LOOPBACK_NETWORKS, ...this.#readAddresses()]);
      this.#ownAddressesReadAt = now;
    }
    return has(this.#ownAddresses, ip);
  }
}

const DENIED =
  'is denied to checks: it is no address of this host, and --check-allow does not name its network';

function toBlockList(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [base = '', bits] = network.split('/');
    const family = isIP(base);
    const prefix = bits === undefined ? (family === 4 ? 32 : 128) : Number(bits);
    if (family === 0 || !/^\d{1,3}$/.test(bits ?? '0') || prefix > (family === 4 ? 32 : 128))
      throw new Error(`${JSON.stringify(network)} is not a network such as 10.0.0.0/8`);
    list.addSubnet(base, prefix, family === 4 ? 'ipv4' : 'ipv6');
  }
  return list;
}

const has = (list: BlockList, ip: string): boolean =>
  isIP(ip) !== 0 && list.check(ip, isIP(ip) === 4 ? 'ipv4' : 'ipv6');

/** Converts IPv4-mapped IPv6 in any spelling (`::ffff:a.b.c.d`) to IPv4, and removes a zone. */
function unmapIpv4(literal: string): string {
  const ip = literal.split('%')[0] as string;
  if (isIP(ip) !== 6) return ip;
  const canonical = new URL(`http://[${ip}]/`).hostname;
  const match = /^\[::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/.exec(canonical);
  if (match === null) return ip;
  const octets = [match[1], match[2]].flatMap((group) => {
    const value = Number.parseInt(group as string, 16);
    return [value >> 8, value & 0xff];
  });
  return octets.join('.');
}

const interfaceAddresses = (): readonly string[] =>
  Object.values(networkInterfaces()).flatMap((interfaces) =>
    (interfaces ?? []).map(({ address }) => address),
  );
