/**
 * Resolves seeds, as users write them, to addresses: literals, host names, and names of SRV records (`_hearsay._tcp.example`).
 */
import { promises as dns, type SrvRecord } from 'node:dns';
import type { Seed } from '../../agent/contract/commands.ts';
import { type Address, parseIp, splitHostPort, toAddress } from '../../base/address.ts';
import { errorCode } from '../../base/errno.ts';
import type { Millis } from '../../base/time.ts';

/** Looks up all addresses of a host name, as literals. */
export type HostLookup = (name: string) => Promise<readonly string[]>;
/** Looks up the SRV records of a name. */
export type ServerLookup = (name: string) => Promise<readonly SrvRecord[]>;

export interface ResolveOptions {
  readonly defaultPort?: number;
  readonly timeout?: Millis;
  readonly lookup?: HostLookup;
  readonly lookupServers?: ServerLookup;
}

/** The default port of Serf and memberlist. */
const GOSSIP_PORT = 7946;
const TIMEOUT: Millis = 5_000;
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

/** `host`, `host:port`, `[v6]:port`, `_service._tcp.domain` or memberlist's `name/host:port`. */
async function resolveSeed(text: string, options: ResolveOptions): Promise<Seed> {
  const { defaultPort = GOSSIP_PORT, timeout = TIMEOUT, lookup = systemLookup } = options;
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
    const addresses = await withLookupTimeout(
      timeout,
      SRV_NAME.test(split.host)
        ? lookUpServers(split.host, split.port, options)
        : lookup(split.host).then((literals) => toAddresses(literals.map((literal) => ({ literal, port })))),
    );
    return addresses.length > 0 ? { text, addresses } : unresolvedSeed(text, `${split.host} has no address`);
  } catch (error) {
    return unresolvedSeed(text, describeLookupError(split.host, error));
  }
}

const unresolvedSeed = (text: string, error: string): Seed => ({ text, addresses: [], error });

/** As RFC 2782 writes it: a service and a protocol, each with an underscore, and a domain. */
const SRV_NAME = /^_[a-z0-9-]+\._(?:tcp|udp)\../i;

/** The addresses of all targets, those of the lowest priority value first. A port in the seed overrides those of the records. */
async function lookUpServers(
  name: string,
  port: number | undefined,
  { timeout = TIMEOUT, lookup = systemLookup, lookupServers = systemServerLookup }: ResolveOptions,
): Promise<Address[]> {
  const records = [...(await lookupServers(name))]
    .filter((record) => record.name !== '' && record.port > 0) // the root as target: there is no such service
    .sort((a, b) => a.priority - b.priority || b.weight - a.weight)
    .slice(0, MAX_ADDRESSES);
  // Half of the time is for each target, so that a silent name server of one does not hold back the others.
  const targets = await Promise.allSettled(
    records.map((record) => withLookupTimeout(timeout / 2, lookup(record.name))),
  );
  const found = targets.flatMap((target, i) =>
    target.status === 'rejected'
      ? []
      : target.value.map((literal) => ({ literal, port: port ?? (records[i]?.port as number) })),
  );
  const failed = targets.find(({ status }) => status === 'rejected');
  if (found.length === 0 && failed?.status === 'rejected') throw failed.reason;
  return toAddresses(found);
}

function toAddresses(found: readonly { readonly literal: string; readonly port: number }[]): Address[] {
  const byKey = new Map<string, Address>();
  for (const { literal, port } of found.slice(0, MAX_ADDRESSES)) {
    const ip = parseIp(literal);
    if (ip === undefined) continue; // an IPv6 address with a zone: no other host can dial it
    const address = toAddress(ip, port);
    byKey.set(address.key, address);
  }
  return [...byKey.values()];
}

/** Uses `getaddrinfo`, so the hosts file and the search domains of this host apply. */
export const systemLookup: HostLookup = async (name) =>
  (await dns.lookup(name, { all: true, verbatim: true })).map((found) => found.address);

/** Asks the name servers of this host: `getaddrinfo` knows no SRV records. */
const systemServerLookup: ServerLookup = (name) => dns.resolveSrv(name);

class LookupTimeout extends Error {}

/** A lookup cannot be canceled: after the timeout it ends in its thread, and its result is ignored. */
function withLookupTimeout<T>(timeout: Millis, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new LookupTimeout(`no answer in ${timeout / 1000} s`)), timeout);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** Of `getaddrinfo`, and of the resolver that looks up SRV records. */
const NO_ANSWER: ReadonlySet<string> = new Set([
  'EAI_AGAIN',
  'ETIMEOUT',
  'ECONNREFUSED',
  'ESERVFAIL',
  'EREFUSED',
]);

function describeLookupError(name: string, error: unknown): string {
  if (error instanceof LookupTimeout) return `the lookup of ${name} timed out: ${error.message}`;
  const code = errorCode(error);
  if (code === 'ENOTFOUND' || code === 'ENODATA') return `${name} does not resolve: no such name`;
  if (NO_ANSWER.has(code)) return `${name} does not resolve: the name server did not answer`;
  return `${name} does not resolve: ${code}`;
}
