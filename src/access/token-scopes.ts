/**
 * Which scope a token gives, and which scopes need none. A scope is open, and then any token is ignored, unless a token is
 * set for it or for a lower one; `operator` may be closed without one.
 *
 * Source: S13 (docs/security.md).
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { AgentConfig } from '../config/schema.ts';
import type { HttpTokenKey } from '../config/servers/tokens.ts';
import { includesScope, SCOPES, type Scope } from './scope.ts';

export interface ScopeTokens {
  /** Has every scope, and every request needs it or another. */
  readonly all?: string;
  /** The key of RPC, which is as `all` there and unknown to HTTP. */
  readonly rpc?: string;
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

export interface TokenScopes {
  /** Whether no token is needed. */
  isOpen(scope: Scope): boolean;
  /** The scope that a token has; `public` if it is not known here. */
  scopeOf(token: string): Scope;
}

export function createTokenScopes({ tokens, openOperator, operatorTokenFile }: ScopeOptions): TokenScopes {
  const known: (readonly [scope: Scope, digest: Buffer])[] = [];
  for (const [name, token] of Object.entries(tokens))
    known.push([name === 'all' || name === 'rpc' ? 'operator' : (name as Scope), sha256(token)]);
  const lowest = SCOPES.find((scope) => tokens[scope as keyof ScopeTokens] !== undefined);
  const firstClosed = tokens.all === undefined && tokens.rpc === undefined ? lowest : 'read';
  return {
    isOpen: (scope) => {
      if (scope === 'public') return true;
      if (firstClosed !== undefined && includesScope(scope, firstClosed)) return false;
      return scope !== 'operator' || openOperator;
    },
    scopeOf: (given) => {
      const digest = sha256(given);
      const own = operatorTokenFile()?.token;
      const all = own === undefined ? known : [...known, ['operator', sha256(own)] as const];
      let held: Scope = 'public';
      // All are compared, and digests in constant time: neither length nor a common prefix of a token leaks.
      for (const [scope, expected] of all)
        if (timingSafeEqual(expected, digest) && includesScope(scope, held)) held = scope;
      return held;
    },
  };
}

export function toScopeTokens(config: Pick<AgentConfig, HttpTokenKey>): ScopeTokens {
  const {
    httpToken: all,
    httpReadToken: read,
    httpRegisterToken: register,
    httpOperatorToken: operator,
  } = config;
  return {
    ...(all === undefined ? {} : { all }),
    ...(read === undefined ? {} : { read }),
    ...(register === undefined ? {} : { register }),
    ...(operator === undefined ? {} : { operator }),
  };
}

const sha256 = (secret: string): Buffer => createHash('sha256').update(secret).digest();
