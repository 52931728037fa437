/**
 * What needs consensus, and what Consul without it would say. The status matters more than the words: a bare 404
 * for a key reads as "no such key", and some clients ask again without pause.
 *
 * Source: http.md section 16.
 */
import { blockOf } from '../../endpoint/blocking.ts';
import { readHeaders } from '../../endpoint/reply/headers.ts';
import { type Headers, plain, Refusal, Reply } from '../../endpoint/reply/reply.ts';
import type { About, Call, Method, Route } from '../../endpoint/route.ts';
import { any, list } from '../../endpoint/schema.ts';

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
const refuse = (method: Method | 'ANY', path: string, status: number, sentence: string, headers?: Headers) =>
  fixed(method, path, { summary: `Refused: ${sentence}`, query: [], refused: status }, () => {
    throw new Refusal(status, sentence, headers);
  });

/** Go decodes these lists without a look at the status. */
const empty = (path: string): Route =>
  fixed('GET', path, EMPTY, () => new Reply(200, '[]', { 'Content-Type': 'application/json', ...INDEX }));

const EMPTY: About = { summary: 'Nothing: an empty list', query: [], shows: list(any) };

function fixed(method: Method | 'ANY', path: string, about: About, answer: () => Reply): Route {
  return { method, path, oldClients: false, about, handle: async () => answer() };
}

/**
 * Refused, or on demand empty to readers: "no such key", told after the whole wait, so that nobody asks without pause.
 * Trap 1 of the API's page.
 */
function keys(path: string): Route[] {
  const refused = refuse('ANY', path, 501, NO_STORE);
  const read = async (call: Call): Promise<Reply> => {
    const { emptyKv, watchers } = call.site;
    if (!emptyKv) return refused.handle(call);
    const { index, wait } = blockOf(call.query);
    if (index > 0) await watchers.while(() => true, [], wait, call.gone);
    return plain(404, '', readHeaders(1, false));
  };
  return [{ ...refused, method: 'GET', handle: read }, refused];
}

export const REFUSED: readonly Route[] = [
  ...keys('/v1/kv'),
  ...keys('/v1/kv/:key...'),
  refuse('ANY', '/v1/session/:rest...', 501, `sessions are ${NO_CONSENSUS}. ${USE_LOCKS}`),
  refuse('ANY', '/v1/txn', 501, `transactions are ${NO_CONSENSUS}. ${USE_LOCKS}`),
  refuse(
    'ANY',
    '/v1/snapshot',
    501,
    `snapshots are ${NO_CONSENSUS}. Each agent keeps its own state in its data directory`,
  ),
  refuse('ANY', '/v1/operator/raft/:rest...', 501, `raft is ${NO_CONSENSUS}. ${USE_MEMBERS}`),
  refuse('ANY', '/v1/operator/autopilot/:rest...', 501, `autopilot is ${NO_CONSENSUS}. ${USE_MEMBERS}`),

  empty('/v1/query'),
  refuse('POST', '/v1/query', 501, `prepared queries are ${NO_CONSENSUS}. ${USE_HEALTH}`),
  refuse('GET', '/v1/query/:id', 404, 'Query not found', INDEX),
  refuse('PUT', '/v1/query/:id', 501, `prepared queries are ${NO_CONSENSUS}. ${USE_HEALTH}`),
  refuse('DELETE', '/v1/query/:id', 501, `prepared queries are ${NO_CONSENSUS}. ${USE_HEALTH}`),
  refuse('GET', '/v1/query/:id/execute', 404, 'Query not found', INDEX),
  refuse('GET', '/v1/query/:id/explain', 404, 'Query not found', INDEX),

  refuse('ANY', '/v1/acl/:rest...', 401, NO_ACL),
  refuse('PUT', '/v1/agent/token/:type', 401, NO_ACL),

  refuse('ANY', '/v1/connect/:rest...', 500, NO_CONNECT),
  refuse(
    'ANY',
    '/v1/agent/connect/authorize',
    501,
    `intentions are ${NO_CONSENSUS}, and there is no mesh. Guard connections with TLS of your own`,
  ),
  refuse('ANY', '/v1/agent/connect/:rest...', 500, NO_CONNECT),

  empty('/v1/config/:kind'),
  refuse(
    'ANY',
    '/v1/config',
    501,
    `config entries are ${NO_CONSENSUS}. Settings are those of each agent, see docs/config.md`,
  ),
  refuse(
    'ANY',
    '/v1/config/:kind/:name',
    501,
    `config entries are ${NO_CONSENSUS}. Settings are those of each agent, see docs/config.md`,
  ),
  refuse('ANY', '/v1/discovery-chain/:service', 501, `discovery chains are ${NO_CONSENSUS}. ${USE_HEALTH}`),
  empty('/v1/peerings'),
  refuse(
    'ANY',
    '/v1/peering/:rest...',
    501,
    `peering is ${NO_CONSENSUS}. Run one cluster, or ask an agent of the other`,
  ),
];
