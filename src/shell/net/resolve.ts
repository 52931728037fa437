/** Resolves seeds, as users write them, to addresses; and host names by the system's resolver. */
import { promises as dns } from 'node:dns';
import type { Seed } from '../../agent/contract/commands.ts';
import { type Address, parseIp, splitHostPort, toAddress } from '../../base/address.ts';
import { errorCode } from '../../base/errno.ts';
import type { Millis } from '../../base/time.ts';

/** Looks up all addresses of a host name, as literals. */
export type HostLookup = (name: string) => Promise<readonly string[]>;

export interface ResolveOptions {
  readonly defaultPort?: number;
  readonly timeout?: Millis;
  readonly lookup?: HostLookup;
}

/** The default port of Serf and memberlist. */
const GOSSIP_PORT = 7946;
/** More seeds in one join, or more addresses of one name, are a mistake or an attack. */
const MAX_SEEDS = 256;
const MAX_ADDRESSES = 64;

/** Keeps the order. Never rejects: a seed that does not resolve has an `error`. */
export function resolveSeeds(seeds: readonly string[], options: ResolveOptions = {}): Promise<Seed[]> {
  return Promise.all(
    seeds.map((text, at) =>
      at < MAX_SEEDS
        ? resolveSeed(text, options)
        : unresolvedSeed(text, `more than ${MAX_SEEDS} seeds at once`),
    ),
  );
}

/** `host`, `host:port`, `[v6]:port` or memberlist's `name/host:port`. */
async function resolveSeed(text: string, options: ResolveOptions): Promise<Seed> {
  const { defaultPort = GOSSIP_PORT, timeout = 5_000, lookup = systemLookup } = options;
  const split = splitHostPort(text.slice(text.indexOf('/') + 1).trim());
  if (split === undefined)
    return unresolvedSeed(text, 'not an address: write HOST, HOST:PORT or [IPV6]:PORT');
  const port = split.port ?? defaultPort;
  if (port === 0)
    return unresolvedSeed(text, 'port 0 cannot be dialed: write the port the other agent listens on');
  const ip = parseIp(split.host);
  if (ip !== undefined) return { text, addresses: [toAddress(ip, port)] };
  if (/^[\d.]+$/.test(split.host)) return unresolvedSeed(text, `${split.host} is not an IPv4 address`);
  try {
    const literals = await withLookupTimeout(timeout, lookup(split.host));
    const addresses = toAddresses(literals, port);
    return addresses.length > 0 ? { text, addresses } : unresolvedSeed(text, `${split.host} has no address`);
  } catch (error) {
    return unresolvedSeed(text, describeLookupError(split.host, error));
  }
}

const unresolvedSeed = (text: string, error: string): Seed => ({ text, addresses: [], error });

function toAddresses(literals: readonly string[], port: number): Address[] {
  const byKey = new Map<string, Address>();
  for (const literal of literals.slice(0, MAX_ADDRESSES)) {
    const ip = parseIp(literal);
    if (ip === undefined) continue; // an IPv6 address with a zone: no other host can dial it
    const found = toAddress(ip, port);
    byKey.set(found.key, found);
  }
  return [...byKey.values()];
}

/** Uses `getaddrinfo`, so the hosts file and the search domains of this host apply. */
export const systemLookup: HostLookup = async (name) =>
  (await dns.lookup(name, { all: true, verbatim: true })).map((found) => found.address);

class LookupTimeout extends Error {}

/** A lookup cannot be canceled: after the timeout it ends in its thread, and its result is ignored. */
function withLookupTimeout<T>(timeout: Millis, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new LookupTimeout(`no answer in ${timeout / 1000} s`)), timeout);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

function describeLookupError(name: string, error: unknown): string {
  if (error instanceof LookupTimeout) return `the lookup of ${name} timed out: ${error.message}`;
  const code = errorCode(error);
  if (code === 'ENOTFOUND' || code === 'ENODATA') return `${name} does not resolve: no such name`;
  if (code === 'EAI_AGAIN') return `${name} does not resolve: the name server did not answer`;
  return `${name} does not resolve: ${code}`;
}
