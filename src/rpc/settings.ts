/** The options of the RPC server, from the settings of the agent and from what only the running process knows. */
import { type ScopeTokens, toScopeTokens } from '../access/token-scopes.ts';
import type { Address } from '../base/address.ts';
import type { AgentConfig } from '../config/schema.ts';
import type { TokenKey } from '../config/servers/tokens.ts';
import type { RpcServerOptions } from './server/server.ts';

type RpcConfig = Pick<AgentConfig, TokenKey | 'insecure'>;

export const toRpcOptions = (
  config: RpcConfig,
  listen: Address,
  runtime: Omit<RpcServerOptions, 'listen' | 'tokens' | 'insecure' | 'limits'>,
): RpcServerOptions => ({
  ...runtime,
  listen: { host: listen.host, port: listen.port },
  tokens: toRpcTokens(config),
  insecure: config.insecure,
});

/** Clients of RPC may send each token of HTTP, too: it has the same scope here. */
export const toRpcTokens = (config: Pick<AgentConfig, TokenKey>): ScopeTokens => ({
  ...toScopeTokens(config),
  ...(config.rpcAuth === undefined ? {} : { rpc: config.rpcAuth }),
});
