/**
 * Whether a request has the scope that its route needs, by its token.
 *
 * Source: S13 (docs/security.md).
 */
import type { IncomingMessage } from 'node:http';
import { includesScope, type Scope } from '../../access/scope.ts';
import { createTokenScopes, type ScopeOptions } from '../../access/token-scopes.ts';
import { isLoopback, parseIp } from '../../base/address.ts';
import { AgentError } from '../../base/errors.ts';
import { CHECK_HEADER, TOKEN_FILE_HEADER } from '../../config/servers/http.ts';
import type { QueryParams } from '../endpoint/query.ts';
import { HttpError } from '../endpoint/reply/reply.ts';

/** Throws unless the request has the scope. `query` is its decoded query string. */
export type ScopeCheck = (incoming: IncomingMessage, query: QueryParams, scope: Scope) => void;

export function createScopeCheck(options: ScopeOptions): ScopeCheck {
  const { isOpen, scopeOf } = createTokenScopes(options);
  return (incoming, query, scope) => {
    if (incoming.headers[CHECK_HEADER] !== undefined && !includesScope('read', scope))
      throw new AgentError('forbidden', 'A health check may only read: give it a URL of the service itself');
    if (isOpen(scope)) return;
    const given = requestToken(incoming.headers, query);
    const held = given === undefined ? undefined : scopeOf(given);
    if (held === undefined || !includesScope(held, scope))
      throw denied(scope, held, isFromThisHost(incoming) ? options.operatorTokenFile()?.path : undefined);
  };
}

/** `held`: of the token that was sent; `undefined` if there was none. `path` of the agent's own token, for its host. */
function denied(scope: Scope, held: Scope | undefined, path: string | undefined): HttpError {
  const sent = { read: 'has only the scope read', register: 'has only the scope register' } as const;
  const reason =
    held === undefined
      ? `this needs a token of the scope ${scope}`
      : `this needs the scope ${scope}, and the token ${sent[held as keyof typeof sent] ?? 'is not known here'}`;
  const how = 'send it as X-Consul-Token or as Authorization: Bearer';
  const where = path === undefined ? '' : `; the agent's user and root find one in ${path}`;
  const headers = path === undefined ? {} : { [TOKEN_FILE_HEADER]: encodeURI(path) };
  return new HttpError(403, `Permission denied: ${reason}: ${how}${where}`, headers);
}

function isFromThisHost({ socket }: IncomingMessage): boolean {
  const from = parseIp(socket.remoteAddress ?? '127.0.0.1'); // a socket file has no addresses
  return from !== undefined && isLoopback(from);
}

/** `?token=`, else X-Consul-Token, else Bearer. Basic is ignored: old versions of Prometheus always send it. */
export function requestToken(headers: IncomingMessage['headers'], query: QueryParams): string | undefined {
  const inQuery = query.get('token')?.[0];
  if (inQuery !== undefined && inQuery !== '') return inQuery;
  const own = headers['x-consul-token'];
  if (typeof own === 'string' && own !== '') return own;
  return /^bearer +(.+)$/i.exec(headers.authorization ?? '')?.[1];
}
