/**
 * Access control before any route is looked up: the Host header against DNS rebinding, Origin and Sec-Fetch-Site
 * against cross-site request forgery (CSRF), and the bearer token.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isLoopback, parseIp } from '../../base/address.ts';
import { AgentError } from '../../base/errors.ts';
import type { QueryParams } from '../endpoint/query.ts';
import { createHostCheck, isLiteralHost, requestedHosts } from './host-header.ts';

export interface AccessOptions {
  /** Host is not checked on a socket file: Go's clients send its path. */
  readonly unix: boolean;
  /** Host names of this agent, beside `localhost` and its addresses. */
  readonly allowedHosts: readonly string[];
  readonly token?: string;
}

/** Throws `AgentError` unless the request is allowed. `query` is its decoded query string. */
export type AccessCheck = (incoming: IncomingMessage, query: QueryParams) => void;

export function createAccessCheck({ unix, allowedHosts, token }: AccessOptions): AccessCheck {
  const checkHost = createHostCheck(allowedHosts);
  const expected = token === undefined ? undefined : sha256(token);
  return (incoming, query) => {
    if (!unix) checkHost(incoming);
    rejectCrossSite(incoming, query);
    if (expected !== undefined && !isBanner(incoming) && !hasValidToken(expected, incoming, query))
      throw forbidden('Permission denied: send the token as X-Consul-Token or as Authorization: Bearer');
  };
}

/**
 * Rejects cross-site requests (CSRF): pages of other sites can neither read nor write, not even with a form. Programs
 * send none of these headers and pass. A page of this agent that writes must do so in a way no form can.
 *
 * Source: S12 (docs/security.md).
 */
function rejectCrossSite(incoming: IncomingMessage, query: QueryParams): void {
  const { headers, method } = incoming;
  const { origin } = headers;
  const site = headers['sec-fetch-site'];
  const isRead = method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
  if (origin !== undefined && origin.toLowerCase() !== `http://${requestedHosts(incoming)[0]?.toLowerCase()}`)
    throw forbidden('Requests from pages of other origins are refused');
  // `none` is a navigation of the user, such as a typed address: it may read but not write.
  if (site !== undefined && site !== 'same-origin' && !(site === 'none' && isRead))
    throw forbidden('Requests from pages of other sites are refused');
  if (isRead || (origin === undefined && site === undefined)) return;
  const json = /^application\/json\s*(?:;|$)/i.test(headers['content-type'] ?? '');
  if (!json && headers['x-agent-request'] === undefined && requestToken(headers, query) === undefined)
    throw forbidden('A page that writes must send Content-Type: application/json or X-Agent-Request: 1');
}

/**
 * Whether a GET may write, as legacy clients do: only from this host, and never from a page. A page can leave out Referer,
 * and browsers send the rest to trustworthy addresses only, which an IP literal of loopback and `localhost` are.
 *
 * Source: T13 (docs/consul.md).
 */
export function canWriteWithGet(incoming: IncomingMessage): boolean {
  const { headers, socket } = incoming;
  const from = parseIp(socket.remoteAddress ?? '127.0.0.1'); // a socket file has no addresses
  if (from === undefined || !isLoopback(from)) return false;
  const [host = ''] = requestedHosts(incoming);
  if (socket.remoteAddress !== undefined && !isLiteralHost(host)) return false; // no page reaches a socket file
  return !Object.keys(headers).some(
    (name) => name === 'origin' || name === 'referer' || name.startsWith('sec-fetch-'),
  );
}

/** Throws if the address is reachable for remote clients and there is no token. Source: S13 (docs/security.md). */
export function validateBindAddress(host: string, token: string | undefined, insecure: boolean): void {
  if (token !== undefined && token === '')
    throw new AgentError('config', 'the HTTP token is empty: set a long random one, or none');
  if (token !== undefined || insecure || host.toLowerCase() === 'localhost') return;
  const ip = parseIp(host);
  if (ip !== undefined && isLoopback(ip)) return;
  throw new AgentError(
    'config',
    `HTTP on ${host} would be open to the network: set a token, bind a loopback address, or allow it with --insecure`,
  );
}

/** `?token=`, else X-Consul-Token, else Bearer. Basic is ignored: old versions of Prometheus always send it. */
function requestToken(headers: IncomingMessage['headers'], query: QueryParams): string | undefined {
  const inQuery = query.get('token')?.[0];
  if (inQuery !== undefined && inQuery !== '') return inQuery;
  const own = headers['x-consul-token'];
  if (typeof own === 'string' && own !== '') return own;
  return /^bearer +(.+)$/i.exec(headers.authorization ?? '')?.[1];
}

/** Compares digests in constant time, so that neither length nor a common prefix of the token leaks. */
function hasValidToken(expected: Buffer, { headers }: IncomingMessage, query: QueryParams): boolean {
  const given = requestToken(headers, query);
  return given !== undefined && timingSafeEqual(expected, sha256(given));
}

/** Load balancers probe the banner, which reveals nothing. */
const isBanner = ({ method, url }: IncomingMessage): boolean =>
  url === '/' && (method === 'GET' || method === 'HEAD');

const sha256 = (secret: string): Buffer => createHash('sha256').update(secret).digest();

const forbidden = (sentence: string): AgentError => new AgentError('forbidden', sentence);
