/** The server of Serf's RPC: its listening socket, its limits, start and stop. */
import { createServer, type Server, type Socket } from 'node:net';
import {
  createTokenScopes,
  type OperatorTokenFile,
  type ScopeTokens,
  type TokenScopes,
} from '../../access/token-scopes.ts';
import { isLoopback, joinHostPort, parseIp } from '../../base/address.ts';
import { describeError, errorCode } from '../../base/errno.ts';
import { AgentError } from '../../base/errors.ts';
import type { RpcSite } from '../commands/command.ts';
import { Connection, type ConnectionOptions, type RpcLimits } from './connection.ts';

export interface RpcServerOptions extends RpcSite, Pick<ConnectionOptions, 'onClientClosed' | 'onError'> {
  readonly listen: { readonly host: string; readonly port: number };
  readonly tokens: ScopeTokens;
  /** The scope `operator` is open where no token is set. */
  readonly openOperator: boolean;
  /** Serve remote clients without a key. */
  readonly insecure: boolean;
  /** Makes a token of this start, or gives the one that was made; `undefined` if it cannot be kept. */
  issueOperatorToken(address: string): Promise<OperatorTokenFile | undefined>;
  /** Only tests set them. */
  readonly limits?: Partial<RpcLimits & ConnectionCounts>;
}

export interface RpcServer {
  /** The bound `host:port`. */
  readonly address: string;
  /** From now on these tokens count; a client that has sent an earlier one keeps its scope. */
  setTokens(tokens: ScopeTokens): void;
  /** Answers the requests that were begun, and closes all connections within a second. */
  close(): Promise<void>;
}

interface ConnectionCounts {
  readonly maxConnections: number;
  /** From one address that is not loopback: all local programs share one. */
  readonly maxConnectionsPerAddress: number;
}

const LIMITS: RpcLimits & ConnectionCounts = {
  timeout: 15_000,
  maxUnread: 1024 * 1024,
  maxUnreadInAll: 32 * 1024 * 1024,
  minUnread: 64 * 1024,
  maxConnections: 1024,
  maxConnectionsPerAddress: 64,
};
const CLOSE_GRACE = 1000;
const KEEP_ALIVE_DELAY = 30_000;

/** Serves until `close`. Throws `AgentError('config')` if it cannot or must not listen on the address. */
export async function startRpcServer(options: RpcServerOptions): Promise<RpcServer> {
  const { listen, openOperator, onError } = options;
  rejectOpenAddress(options);
  let tokenFile: OperatorTokenFile | undefined;
  const scopesFor = (tokens: ScopeTokens): TokenScopes =>
    createTokenScopes({ tokens, openOperator, operatorTokenFile: () => tokenFile });
  let scopes = scopesFor(options.tokens);
  const connections = new Set<Connection>();
  const server = createRpcListener(options, connections, {
    scopes: () => scopes,
    operatorTokenFile: () => tokenFile,
  });
  await startListening(server, listen);
  server.on('error', onError); // a connection that cannot be accepted is no reason to stop
  const bound = server.address() as { readonly address: string; readonly port: number };
  const address = joinHostPort(bound.address, bound.port);
  const ensureOperatorToken = async (): Promise<void> => {
    if (!scopes.isOpen('operator')) tokenFile ??= await options.issueOperatorToken(address);
  };
  await ensureOperatorToken();
  return {
    address,
    setTokens: (tokens) => {
      scopes = scopesFor(tokens);
      ensureOperatorToken().catch(onError);
    },
    close: () => closeServer(server, connections),
  };
}

function createRpcListener(
  options: RpcServerOptions,
  connections: Set<Connection>,
  access: ConnectionOptions['access'],
): Server {
  const limits = { ...LIMITS, ...options.limits };
  const { agent, events, logs, onClientClosed, onError } = options;
  const site: RpcSite = { agent, events, logs, handlers: () => options.handlers() };
  const shared: ConnectionOptions = {
    ...{ site, access, totals: { logs: 0, unreadRecords: 0 }, limits },
    onClientClosed: (client, reason) => onClientClosed(client, reason),
    onError: (error) => onError(error),
  };
  const perAddress = new Map<string, number>();
  return createServer(
    { keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_DELAY, noDelay: true },
    (socket) => {
      const from = socket.remoteAddress ?? '';
      const ofAddress = perAddress.get(from) ?? 0;
      if (
        connections.size >= limits.maxConnections ||
        (isRemote(from) && ofAddress >= limits.maxConnectionsPerAddress)
      )
        return refuse(socket, onClientClosed);
      const connection = new Connection(socket, shared);
      connections.add(connection);
      perAddress.set(from, ofAddress + 1);
      socket.once('close', () => {
        connections.delete(connection);
        const left = (perAddress.get(from) ?? 1) - 1;
        if (left === 0) perAddress.delete(from);
        else perAddress.set(from, left);
      });
    },
  );
}

function refuse(socket: Socket, onClientClosed: RpcServerOptions['onClientClosed']): void {
  const { remoteAddress = '', remotePort = 0 } = socket;
  socket.on('error', () => undefined);
  socket.destroy();
  onClientClosed(joinHostPort(remoteAddress, remotePort), 'there are too many connections');
}

function isRemote(host: string): boolean {
  const ip = parseIp(host);
  return ip === undefined || !isLoopback(ip);
}

/** Throws if remote clients could reach it without a key. Source: S13 (docs/security.md). */
function rejectOpenAddress({ listen, tokens, insecure }: RpcServerOptions): void {
  if (tokens.rpc !== undefined || insecure || !isRemote(listen.host)) return;
  throw new AgentError(
    'config',
    `RPC on ${listen.host} would be open to the network: set HEARSAY_RPC_AUTH or rpcAuthFile, bind a loopback address, or allow it with --insecure`,
  );
}

function startListening(server: Server, { host, port }: RpcServerOptions['listen']): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (error: unknown): void => {
      const place = joinHostPort(host, port);
      const inUse = errorCode(error) === 'EADDRINUSE' ? ', which is in use: stop the other program,' : '';
      const why = inUse === '' ? ` (${describeError(error)}):` : inUse;
      reject(
        new AgentError('config', `RPC cannot listen on ${place}${why} or choose another address with --rpc`),
      );
    };
    server.once('error', onError);
    server.listen({ host, port }, () => {
      server.off('error', onError);
      resolve();
    });
  });
}

async function closeServer(server: Server, connections: ReadonlySet<Connection>): Promise<void> {
  if (!server.listening) return;
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  for (const connection of connections) void connection.close();
  const rest = setTimeout(() => {
    for (const connection of connections) connection.destroy();
  }, CLOSE_GRACE);
  await closed;
  clearTimeout(rest);
}
