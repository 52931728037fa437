/**
 * Which scope a request has, by its token. A scope is open, and then any token is ignored, unless a token is set for it or
 * for a lower one; `operator` may be closed without one.
 *
 * Source: S13 (docs/security.md).
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isLoopback, parseIp } from '../../base/address.ts';
import { AgentError } from '../../base/errors.ts';
import { CHECK_HEADER, TOKEN_FILE_HEADER } from '../../config/http.ts';
import type { QueryParams } from '../endpoint/query.ts';
import { HttpError } from '../endpoint/reply/reply.ts';
import { includesScope, SCOPES, type Scope } from '../endpoint/scope.ts';

export interface ScopeTokens {
  /** Has every scope, and every request needs it or another. */
  readonly all?: string;
  readonly read?: string;
  readonly register?: string;
  readonly operator?: string;
}

/** An operator token in a file that the agent's user and root can read. */
export interface OperatorTokenFile {
  readonly token: string;
  readonly path: string;
}

export interface ScopeOptions {
  readonly tokens: ScopeTokens;
  /** `operator` is open where no token is set. */
  readonly openOperator: boolean;
  /** `undefined` while there is none. */
  operatorTokenFile(): OperatorTokenFile | undefined;
}

/** Throws unless the request has the scope. `query` is its decoded query string. */
export type ScopeCheck = (incoming: IncomingMessage, query: QueryParams, scope: Scope) => void;

export function createScopeCheck({ tokens, openOperator, operatorTokenFile }: ScopeOptions): ScopeCheck {
  const known: (readonly [scope: Scope, digest: Buffer])[] = [];
  for (const [name, token] of Object.entries(tokens))
    known.push([name === 'all' ? 'operator' : (name as Scope), sha256(token)]);
  const lowest = SCOPES.find((scope) => tokens[scope as keyof ScopeTokens] !== undefined);
  const firstClosed = tokens.all === undefined ? lowest : 'read';
  const isOpen = (scope: Scope): boolean => {
    if (scope === 'public') return true;
    if (firstClosed !== undefined && includesScope(scope, firstClosed)) return false;
    return scope !== 'operator' || openOperator;
  };
  const scopeOf = (given: string): Scope => {
    const digest = sha256(given);
    const own = operatorTokenFile()?.token;
    const all = own === undefined ? known : [...known, ['operator', sha256(own)] as const];
    let held: Scope = 'public';
    // All are compared, and digests in constant time: neither length nor a common prefix of a token leaks.
    for (const [scope, expected] of all)
      if (timingSafeEqual(expected, digest) && includesScope(scope, held)) held = scope;
    return held;
  };
  return (incoming, query, scope) => {
    if (incoming.headers[CHECK_HEADER] !== undefined && !includesScope('read', scope))
      throw new AgentError('forbidden', 'A health check may only read: give it a URL of the service itself');
    if (isOpen(scope)) return;
    const given = requestToken(incoming.headers, query);
    const held = given === undefined ? undefined : scopeOf(given);
    if (held === undefined || !includesScope(held, scope))
      throw denied(scope, held, isFromThisHost(incoming) ? operatorTokenFile()?.path : undefined);
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

const sha256 = (secret: string): Buffer => createHash('sha256').update(secret).digest();
