/**
 * What needs consensus, and what Consul without it would say. The status matters more than the words: a bare 404
 * for a key reads as "no such key", and some clients ask again without pause.
 *
 * Source: docs/consul.md, "Endpoints".
 */
import { parseBlockingParams } from '../../endpoint/blocking.ts';
import { indexHeaders } from '../../endpoint/reply/headers.ts';
import { HttpError, HttpReply, type ReplyHeaders, textReply } from '../../endpoint/reply/reply.ts';
import type { HttpRequest, Method, Route, RouteDescription } from '../../endpoint/route.ts';
import { any, arrayOf } from '../../endpoint/schema.ts';

const NO_STORE =
  'key/value store is not available: this agent has no consensus storage. Keep keys in a store of their own, such as etcd or a database';
const NO_CONSENSUS = 'not available: this agent has no consensus';
const USE_LOCKS =
  'Lock and elect with a store that has it, such as etcd or a database; to share work, see /v1/hearsay/owner';
const USE_HEALTH = 'Ask /v1/health/service/:service with tag, near and filter instead';
const USE_MEMBERS = 'See /v1/agent/members for who is there';
const NO_ACL = 'ACL support disabled';
const NO_CONNECT = 'Connect must be enabled in order to use this endpoint';
const INDEX = { 'X-Consul-Index': '1' };

/** One line per path: the methods it is for, its status, its sentence. */
const unsupportedRoute = (
  method: Method | 'ANY',
  path: string,
  status: number,
  sentence: string,
  headers?: ReplyHeaders,
) =>
  fixedRoute(method, path, { summary: `Refused: ${sentence}`, query: [], refusedStatus: status }, () => {
    throw new HttpError(status, sentence, headers);
  });

/** Go decodes these lists without a look at the status. */
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
  about: RouteDescription,
  answer: () => HttpReply,
): Route {
  return { method, path, legacyGetWrite: false, description: about, handle: async () => answer() };
}

/**
 * Refused, or on demand empty to readers: "no such key", told after the whole wait, so that nobody asks without pause.
 * Fabio, told 404 at once, asked 156,000 times in 8 s.
 */
function kvRoutes(path: string): Route[] {
  const refused = unsupportedRoute('ANY', path, 501, NO_STORE);
  const read = async (call: HttpRequest): Promise<HttpReply> => {
    const { emptyKv, blockingQueries: watchers } = call.site;
    if (!emptyKv) return refused.handle(call);
    const { index, wait } = parseBlockingParams(call.query);
    if (index > 0) await watchers.waitWhile(() => true, [], wait, call.onDisconnect);
    return textReply(404, '', indexHeaders(1, false));
  };
  return [{ ...refused, method: 'GET', handle: read }, refused];
}

export const UNSUPPORTED_ROUTES: readonly Route[] = [
  ...kvRoutes('/v1/kv'),
  ...kvRoutes('/v1/kv/:key...'),
  unsupportedRoute('ANY', '/v1/session/:rest...', 501, `sessions are ${NO_CONSENSUS}. ${USE_LOCKS}`),
  unsupportedRoute('ANY', '/v1/txn', 501, `transactions are ${NO_CONSENSUS}. ${USE_LOCKS}`),
  unsupportedRoute(
    'ANY',
    '/v1/snapshot',
    501,
    `snapshots are ${NO_CONSENSUS}. Each agent keeps its own state in its data directory`,
  ),
  unsupportedRoute('ANY', '/v1/operator/raft/:rest...', 501, `raft is ${NO_CONSENSUS}. ${USE_MEMBERS}`),
  unsupportedRoute(
    'ANY',
    '/v1/operator/autopilot/:rest...',
    501,
    `autopilot is ${NO_CONSENSUS}. ${USE_MEMBERS}`,
  ),

  emptyListRoute('/v1/query'),
  unsupportedRoute('POST', '/v1/query', 501, `prepared queries are ${NO_CONSENSUS}. ${USE_HEALTH}`),
  unsupportedRoute('GET', '/v1/query/:id', 404, 'Query not found', INDEX),
  unsupportedRoute('PUT', '/v1/query/:id', 501, `prepared queries are ${NO_CONSENSUS}. ${USE_HEALTH}`),
  unsupportedRoute('DELETE', '/v1/query/:id', 501, `prepared queries are ${NO_CONSENSUS}. ${USE_HEALTH}`),
  unsupportedRoute('GET', '/v1/query/:id/execute', 404, 'Query not found', INDEX),
  unsupportedRoute('GET', '/v1/query/:id/explain', 404, 'Query not found', INDEX),

  unsupportedRoute('ANY', '/v1/acl/:rest...', 401, NO_ACL),
  unsupportedRoute('PUT', '/v1/agent/token/:type', 401, NO_ACL),

  unsupportedRoute('ANY', '/v1/connect/:rest...', 500, NO_CONNECT),
  unsupportedRoute(
    'ANY',
    '/v1/agent/connect/authorize',
    501,
    `intentions are ${NO_CONSENSUS}, and there is no mesh. Guard connections with TLS of your own`,
  ),
  unsupportedRoute('ANY', '/v1/agent/connect/:rest...', 500, NO_CONNECT),

  emptyListRoute('/v1/config/:kind'),
  unsupportedRoute(
    'ANY',
    '/v1/config',
    501,
    `config entries are ${NO_CONSENSUS}. Settings are those of each agent, see docs/config.md`,
  ),
  unsupportedRoute(
    'ANY',
    '/v1/config/:kind/:name',
    501,
    `config entries are ${NO_CONSENSUS}. Settings are those of each agent, see docs/config.md`,
  ),
  unsupportedRoute(
    'ANY',
    '/v1/discovery-chain/:service',
    501,
    `discovery chains are ${NO_CONSENSUS}. ${USE_HEALTH}`,
  ),
  emptyListRoute('/v1/peerings'),
  unsupportedRoute(
    'ANY',
    '/v1/peering/:rest...',
    501,
    `peering is ${NO_CONSENSUS}. Run one cluster, or ask an agent of the other`,
  ),
];
