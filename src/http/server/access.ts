/**
 * Access control before any route is looked up: the host of the request against DNS rebinding, Origin and Sec-Fetch-Site
 * against cross-site request forgery (CSRF). `scopes.ts` checks the token, once the route is known.
 */
import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { ScopeTokens } from '../../access/token-scopes.ts';
import { isLoopback, parseIp } from '../../base/address.ts';
import { AgentError } from '../../base/errors.ts';
import type { QueryParams } from '../endpoint/query.ts';
import { createHostCheck, isLiteralHost, requestedHosts } from './host-header.ts';
import { requestToken } from './scopes.ts';

/** Throws unless the request may come from where it does. `query` is its decoded query string. */
export type OriginCheck = (incoming: IncomingMessage, query: QueryParams) => void;

/** `unix`: Host is not checked on a socket file, since Go's clients send its path. */
export function createOriginCheck(unix: boolean, allowedHosts: readonly string[]): OriginCheck {
  const checkHost = createHostCheck(allowedHosts);
  return (incoming, query) => {
    if (!unix) checkHost(incoming);
    rejectCrossSite(incoming, query);
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
  const scheme = (incoming.socket as Partial<TLSSocket>).encrypted ? 'https' : 'http';
  if (
    origin !== undefined &&
    origin.toLowerCase() !== `${scheme}://${requestedHosts(incoming)[0]?.toLowerCase()}`
  )
    throw forbidden('Requests from pages of other origins are refused');
  // `none` is a navigation of the user, such as a typed address: it may read but not write.
  if (site !== undefined && site !== 'same-origin' && !(site === 'none' && isRead) && !isLink(incoming))
    throw forbidden('Requests from pages of other sites are refused');
  if (isRead || (origin === undefined && site === undefined)) return;
  const json = /^application\/json\s*(?:;|$)/i.test(headers['content-type'] ?? '');
  if (!json && headers['x-agent-request'] === undefined && requestToken(headers, query) === undefined)
    throw forbidden('A page that writes must send Content-Type: application/json or X-Agent-Request: 1');
}

/**
 * Whether a link of another site was followed to the dashboard. Its pages are the same for everybody and change nothing, no
 * other site can show them in a frame, and what they read is then requested by a page of this agent.
 */
function isLink({ method, url = '', headers }: IncomingMessage): boolean {
  const opensPage = headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document';
  return method === 'GET' && opensPage && /^\/(?:ui)?$|^\/ui\//.test(url);
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

/**
 * Throws if the address is reachable for remote clients and no token is needed for reading. Source: S13 (docs/security.md).
 */
export function validateBindAddress(host: string, tokens: ScopeTokens, insecure: boolean): void {
  if (Object.values(tokens).includes(''))
    throw new AgentError('config', 'an HTTP token is empty: set a long random one, or none');
  const isClosed = tokens.all !== undefined || tokens.read !== undefined;
  if (isClosed || insecure || host.toLowerCase() === 'localhost') return;
  const ip = parseIp(host);
  if (ip !== undefined && isLoopback(ip)) return;
  throw new AgentError(
    'config',
    `HTTP on ${host} would be open to the network: set a token, bind a loopback address, or allow it with --insecure`,
  );
}

const forbidden = (sentence: string): AgentError => new AgentError('forbidden', sentence);
