/**
 * Who may speak to this door at all: the browser's page that was led here by a forged name, the form that posts
 * from elsewhere, the caller without the token. Nothing here knows a route.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isLoopback, parseIp, toAddress } from '../../base/address.ts';
import { AgentError } from '../../base/errors.ts';
import type { QueryParams } from '../endpoint/query.ts';

export interface AccessOptions {
  /** A socket file has no Host rule: Go's clients write its path there. */
  readonly unix: boolean;
  /** Names by which we may be called, beside `localhost` and addresses. */
  readonly allowedHosts: readonly string[];
  readonly token?: string;
}

const MAX_KNOWN_HOSTS = 64;

/** Lets a request pass, or throws `AgentError`. `query` is its decoded query string. */
export type AccessCheck = (incoming: IncomingMessage, query: QueryParams) => void;

export function createAccessCheck(options: AccessOptions): AccessCheck {
  const names = new Set(options.allowedHosts.map((name) => name.toLowerCase()));
  const expected = options.token === undefined ? undefined : sha256(options.token);
  const known = new Set<string>();
  /** Programs write the same Host again and again: those found to be ours are remembered. */
  const isOurs = (hosts: readonly string[], localAddress: string): boolean => {
    const key = `${localAddress} ${hosts[0]}`;
    if (hosts.length === 1 && known.has(key)) return true;
    if (!isAllowedHost(hosts, localAddress, names)) return false;
    if (known.size < MAX_KNOWN_HOSTS) known.add(key);
    return true;
  };
  return (incoming, query) => {
    if (!options.unix && !isOurs(hostHeaders(incoming), incoming.socket.localAddress ?? ''))
      throw forbidden('This Host is not served: use an address of this agent, or name it in its settings');
    rejectCrossSite(incoming, query);
    if (expected !== undefined && !isBanner(incoming) && !hasValidToken(expected, incoming, query))
      throw forbidden('Permission denied: send the token as X-Consul-Token or as Authorization: Bearer');
  };
}

/**
 * Is this the one Host header of a request meant for us? Only the canonical spelling of an address counts, be it
 * of loopback or of the socket it came in on; `localhost` only on loopback sockets.
 *
 * Source: S11 (docs/security.md).
 */
export function isAllowedHost(
  hosts: readonly string[],
  localAddress: string,
  names: ReadonlySet<string>,
): boolean {
  const [header] = hosts;
  if (header === undefined || hosts.length > 1) return false;
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::([1-9]\d{0,4}))?$/.exec(header.toLowerCase());
  if (match === null || Number(match[3] ?? 1) > 65535) return false;
  const [, bracketed, name] = match;
  const literal = bracketed ?? (name as string);
  if (bracketed !== undefined && !bracketed.includes(':')) return false;
  const local = parseIp(localAddress);
  const ip = parseIp(literal);
  if (ip !== undefined) {
    const { host } = toAddress(ip, 0);
    return host === literal && (isLoopback(ip) || (local !== undefined && host === toAddress(local, 0).host));
  }
  if (literal === 'localhost' && local !== undefined && isLoopback(local)) return true;
  return names.has(literal);
}

/**
 * Pages of other sites must neither read nor write, not even with a form. Programs send none of these headers and
 * pass; a page of our own that writes must do so in a way no form can.
 *
 * Source: S12 (docs/security.md).
 */
function rejectCrossSite(incoming: IncomingMessage, query: QueryParams): void {
  const { headers, method } = incoming;
  const { origin } = headers;
  const site = headers['sec-fetch-site'];
  const reads = method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
  if (origin !== undefined && origin.toLowerCase() !== `http://${hostHeaders(incoming)[0]?.toLowerCase()}`)
    throw forbidden('Requests from pages of other origins are refused');
  // `none` is a person's own doing, such as an address typed in: enough to look, not to change.
  if (site !== undefined && site !== 'same-origin' && !(site === 'none' && reads))
    throw forbidden('Requests from pages of other sites are refused');
  if (reads || (origin === undefined && site === undefined)) return;
  const json = /^application\/json\s*(?:;|$)/i.test(headers['content-type'] ?? '');
  if (!json && headers['x-agent-request'] === undefined && requestToken(headers, query) === undefined)
    throw forbidden('A page that writes must send Content-Type: application/json or X-Agent-Request: 1');
}

/**
 * May this GET change something, for the sake of old clients? Only from this host, and never from a browser: each
 * sends at least one of these headers.
 *
 * Source: T13 (docs/consul.md).
 */
export function canWriteWithGet({ headers, socket }: Pick<IncomingMessage, 'headers' | 'socket'>): boolean {
  const from = parseIp(socket.remoteAddress ?? '127.0.0.1'); // a socket file has no addresses
  if (from === undefined || !isLoopback(from)) return false;
  return !Object.keys(headers).some(
    (name) => name === 'origin' || name === 'referer' || name.startsWith('sec-fetch-'),
  );
}

/** Refuses to serve strangers without a token. Source: S13 (docs/security.md). */
export function validateBindAddress(host: string, token: string | undefined, insecure: boolean): void {
  if (token !== undefined && token === '')
    throw new AgentError('config', 'the HTTP token is empty: give a long random one, or none at all');
  if (token !== undefined || insecure || host.toLowerCase() === 'localhost') return;
  const ip = parseIp(host);
  if (ip !== undefined && isLoopback(ip)) return;
  throw new AgentError(
    'config',
    `HTTP on ${host} would be open to the network: set a token, bind a loopback address, or allow it with --insecure`,
  );
}

/** `?token=`, else X-Consul-Token, else Bearer. Basic is ignored: old Prometheus always sends it. */
function requestToken(headers: IncomingMessage['headers'], query: QueryParams): string | undefined {
  const inQuery = query.get('token')?.[0];
  if (inQuery !== undefined && inQuery !== '') return inQuery;
  const own = headers['x-consul-token'];
  if (typeof own === 'string' && own !== '') return own;
  return /^bearer +(.+)$/i.exec(headers.authorization ?? '')?.[1];
}

/** Digests have one length and say nothing of how much was right. */
function hasValidToken(expected: Buffer, { headers }: IncomingMessage, query: QueryParams): boolean {
  const given = requestToken(headers, query);
  return given !== undefined && timingSafeEqual(expected, sha256(given));
}

/** Load balancers probe the banner; it tells nothing. */
const isBanner = ({ method, url }: IncomingMessage): boolean =>
  url === '/' && (method === 'GET' || method === 'HEAD');

/** Node keeps the first of several Host headers; we want to know of all. */
function hostHeaders({ rawHeaders }: IncomingMessage): string[] {
  const hosts: string[] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    if (name.length === 4 && name.toLowerCase() === 'host') hosts.push(rawHeaders[i + 1] as string);
  }
  return hosts;
}

const sha256 = (secret: string): Buffer => createHash('sha256').update(secret).digest();

const forbidden = (sentence: string): AgentError => new AgentError('forbidden', sentence);
