/**
 * Which addresses checks may reach (S15): the host itself and its own networks, and what the owner allows besides.
 * Link-local addresses and those where clouds keep their secrets are refused even then, unless they are named
 * themselves. A name is resolved once, and only what was checked is dialed.
 */
import { promises as dns } from 'node:dns';
import { BlockList, isIP } from 'node:net';
import { networkInterfaces } from 'node:os';

/** All addresses of a name, as literals. */
export type HostLookup = (name: string) => Promise<readonly string[]>;

export interface EgressGuardOptions {
  /** Networks besides the own ones, as `10.0.0.0/8`. */
  readonly allow?: readonly string[];
  readonly lookup?: HostLookup;
  /** The networks of this host's interfaces, as `127.0.0.1/8`. */
  readonly networks?: () => readonly string[];
}

/** Interfaces come and go, as bridges of containers do. */
const NETWORKS_HOLD_MS = 10_000;
/** A lookup occupies one of the process's few threads until the system gives up. */
const LOOKUPS_AT_ONCE = 2;
const MAX_ADDRESSES = 8;

/** Link-local; Azure, Alibaba and Oracle keep their metadata elsewhere, AWS also behind IPv6. */
const DENIED_NETWORKS = [
  '169.254.0.0/16',
  'fe80::/10',
  '168.63.129.16/32',
  '100.100.100.200/32',
  '192.0.0.192/32',
  'fd00:ec2::254/128',
] as const;

export class EgressGuard {
  readonly #denied = listOf(DENIED_NETWORKS);
  /** Allowed by the owner in general, and by naming a part of what is refused. */
  readonly #allowed: BlockList;
  readonly #allowedDespiteDenied: BlockList;
  readonly #lookup: HostLookup;
  readonly #networks: () => readonly string[];
  #own = new BlockList();
  #ownAt = Number.NEGATIVE_INFINITY;
  readonly #lookups = new Map<string, Promise<readonly string[]>>();
  readonly #lookupQueue: (() => void)[] = [];
  #busy = 0;

  /** Throws `Error` with a clause when a network of `allow` is not one. */
  constructor(options: EgressGuardOptions = {}) {
    const allow = options.allow ?? [];
    this.#allowedDespiteDenied = listOf(
      allow.filter((network) => this.#isDenied(network.split('/')[0] as string)),
    );
    this.#allowed = listOf(allow);
    this.#lookup = options.lookup ?? systemLookup;
    this.#networks = options.networks ?? ownNetworks;
  }

  isAllowed(literal: string): boolean {
    const ip = unmapIpv4(literal);
    if (isIP(ip) === 0) return false;
    if (this.#isDenied(ip)) return has(this.#allowedDespiteDenied, ip);
    return has(this.#allowed, ip) || this.#isOwn(ip);
  }

  /** The addresses of `host` that may be dialed, at least one. Rejects with a sentence. */
  async resolve(host: string, signal: AbortSignal): Promise<readonly string[]> {
    const all = await this.#addressesOf(host);
    signal.throwIfAborted();
    const permitted = all.filter((ip) => this.isAllowed(ip)).slice(0, MAX_ADDRESSES);
    if (permitted.length > 0) return permitted;
    throw new Error(
      all.length === 0
        ? `${host} has no address`
        : `${all[0]} must not be reached by checks: it is in no network of this host, and not allowed by its owner`,
    );
  }

  async #addressesOf(host: string): Promise<readonly string[]> {
    if (isIP(host) !== 0) return [host];
    if (host.toLowerCase() === 'localhost') return ['127.0.0.1', '::1'];
    const waiting = this.#lookups.get(host);
    if (waiting !== undefined) return waiting;
    const lookup = this.#limitLookups(() => this.#lookup(host)).finally(() => this.#lookups.delete(host));
    this.#lookups.set(host, lookup);
    return lookup;
  }

  async #limitLookups<T>(work: () => Promise<T>): Promise<T> {
    if (this.#busy >= LOOKUPS_AT_ONCE) await new Promise<void>((resolve) => this.#lookupQueue.push(resolve));
    else this.#busy += 1;
    try {
      return await work();
    } finally {
      const next = this.#lookupQueue.shift();
      if (next === undefined) this.#busy -= 1;
      else next();
    }
  }

  #isDenied(ip: string): boolean {
    return has(this.#denied, unmapIpv4(ip));
  }

  #isOwn(ip: string): boolean {
    const now = performance.now();
    if (now - this.#ownAt > NETWORKS_HOLD_MS) {
      this.#own = listOf(this.#networks());
      this.#ownAt = now;
    }
    return has(this.#own, ip);
  }
}

function listOf(networks: readonly string[]): BlockList {
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

/** `::ffff:a.b.c.d`, in any spelling, is the IPv4 address it stands for; a zone is dropped. */
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

/** `getaddrinfo`, so the hosts file and the search domains of this machine count. */
const systemLookup: HostLookup = async (name) =>
  (await dns.lookup(name, { all: true, verbatim: true })).map((found) => found.address);

const ownNetworks = (): readonly string[] =>
  Object.values(networkInterfaces()).flatMap((addresses) =>
    (addresses ?? []).flatMap(({ cidr }) => (cidr === null ? [] : [cidr])),
  );
