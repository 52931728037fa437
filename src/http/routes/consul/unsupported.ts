/**
 * Endpoints that need consensus, or parts of Consul that do not exist here, with the replies of Consul where they are
 * disabled. The status matters most: a bare 404 for a key means "no such key", and some clients retry it without pause.
 *
 * Source: docs/consul.md, "Endpoints".
 */
import { parseBlockingParams } from '../../endpoint/blocking.ts';
import { indexHeaders } from '../../endpoint/reply/headers.ts';
import { HttpError, HttpReply, type ReplyHeaders, textReply } from '../../endpoint/reply/reply.ts';
import type { HttpRequest, Method, Route, RouteDescription } from '../../endpoint/route.ts';
import { any, arrayOf } from '../../endpoint/schema.ts';

/** Clients based on node-consul show a body only if it is shorter than 80 characters, so the way out is a header. */
const NO_CONSENSUS = 'need consensus, which this agent has not';
const NO_STORE = `keys and values ${NO_CONSENSUS}`;
const USE_STORE = 'Store keys elsewhere, such as in etcd or a database';
const USE_LOCKS =
  'Use a store with consensus for locks and elections, such as etcd or a database; to share work, see /v1/hearsay/owner';
const USE_HEALTH = 'Use /v1/health/service/:service with tag, near and filter';
const USE_MEMBERS = 'See /v1/agent/members for the members';
const USE_SETTINGS = 'Each agent has its own settings, see hearsay agent --help-all';
const NO_ACL = 'ACL support disabled';
const NO_CONNECT = 'Connect must be enabled in order to use this endpoint';
const INDEX = { 'X-Consul-Index': '1' };

/** `instead`: what to do, for people; the reply has it as the header `X-Hearsay-Instead`. */
const unsupportedRoute = (
  method: Method | 'ANY',
  path: string,
  status: number,
  message: string,
  { instead, headers = {} }: { readonly instead?: string; readonly headers?: ReplyHeaders } = {},
) =>
  fixedRoute(method, path, { summary: `Refused: ${message}`, query: [], refusedStatus: status }, () => {
    throw new HttpError(status, message, {
      ...headers,
      ...(instead !== undefined && { 'X-Hearsay-Instead': instead }),
    });
  });

/** Go's clients decode these lists without checking the status. */
const emptyListRoute = (path: string): Route =>
  fixedRoute(
    'GET',
    path,
    EMPTY,
    () => new HttpReply(200, '[]', { 'Content-Type': 'application/json', ...INDEX }),
  );

const EMPTY: RouteDescription = {
  summary: 'Nothing: an empty list',
  query: [],
  responseSchema: arrayOf(any),
};

function fixedRoute(
  method: Method | 'ANY',
  path: string,
  description: RouteDescription,
  reply: () => HttpReply,
): Route {
  return { method, scope: 'read', path, legacyGetWrite: false, description, handle: async () => reply() };
}

/**
 * The key/value store is refused, or empty to readers with `--http-kv empty`. Its 404 ("no such key") comes after the
 * whole wait: Fabio polls without pause otherwise, 156,000 times in 8 s.
 */
function kvRoutes(path: string): Route[] {
  const refused = unsupportedRoute('ANY', path, 501, NO_STORE, { instead: USE_STORE });
  const read = async (request: HttpRequest): Promise<HttpReply> => {
    const { emptyKv, blockingQueries } = request.site;
    if (!emptyKv) return refused.handle(request);
    const { index, wait } = parseBlockingParams(request.query);
    if (index > 0) await blockingQueries.waitWhile(() => true, [], wait, request.onDisconnect);
    return textReply(404, '', indexHeaders(1, false));
  };
  return [{ ...refused, method: 'GET', handle: read }, refused];
}

const needsConsensus = (method: Method | 'ANY', path: string, what: string, instead: string): Route =>
  unsupportedRoute(method, path, 501, `${what} ${NO_CONSENSUS}`, { instead });

export const UNSUPPORTED_ROUTES: readonly Route[] = [
  ...kvRoutes('/v1/kv'),
  ...kvRoutes('/v1/kv/:key...'),
  needsConsensus('ANY', '/v1/session/:rest...', 'sessions', USE_LOCKS),
  needsConsensus('ANY', '/v1/txn', 'transactions', USE_LOCKS),
  unsupportedRoute('ANY', '/v1/snapshot', 501, 'there is no state of the cluster to save', {
    instead: 'Each agent keeps its own state in its data directory',
  }),
  unsupportedRoute('ANY', '/v1/operator/raft/:rest...', 501, 'there is no raft', { instead: USE_MEMBERS }),
  unsupportedRoute('ANY', '/v1/operator/autopilot/:rest...', 501, 'there is no raft', {
    instead: USE_MEMBERS,
  }),

  emptyListRoute('/v1/query'),
  needsConsensus('POST', '/v1/query', 'prepared queries', USE_HEALTH),
  unsupportedRoute('GET', '/v1/query/:id', 404, 'Query not found', { headers: INDEX }),
  needsConsensus('PUT', '/v1/query/:id', 'prepared queries', USE_HEALTH),
  needsConsensus('DELETE', '/v1/query/:id', 'prepared queries', USE_HEALTH),
  unsupportedRoute('GET', '/v1/query/:id/execute', 404, 'Query not found', { headers: INDEX }),
  unsupportedRoute('GET', '/v1/query/:id/explain', 404, 'Query not found', { headers: INDEX }),

  unsupportedRoute('ANY', '/v1/acl/:rest...', 401, NO_ACL),
  unsupportedRoute('PUT', '/v1/agent/token/:type', 401, NO_ACL),

  unsupportedRoute('ANY', '/v1/connect/:rest...', 500, NO_CONNECT),
  unsupportedRoute('ANY', '/v1/agent/connect/authorize', 501, 'there is no mesh, and so no intentions', {
    instead: 'Protect connections with your own TLS',
  }),
  unsupportedRoute('ANY', '/v1/agent/connect/:rest...', 500, NO_CONNECT),

  emptyListRoute('/v1/config/:kind'),
  needsConsensus('ANY', '/v1/config', 'config entries', USE_SETTINGS),
  needsConsensus('ANY', '/v1/config/:kind/:name', 'config entries', USE_SETTINGS),
  unsupportedRoute('ANY', '/v1/discovery-chain/:service', 501, 'there is no mesh', { instead: USE_HEALTH }),
  emptyListRoute('/v1/peerings'),
  unsupportedRoute('ANY', '/v1/peering/:rest...', 501, 'clusters do not peer', {
    instead: 'Run one cluster, or query an agent of the other',
  }),
];
