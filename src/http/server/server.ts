/** The HTTP server: listening socket, timeouts, start and stop. `request-handler.ts` answers its requests. */
import { chmodSync } from 'node:fs';
import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http';
import type { ServerOptions as TlsServerOptions } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { OperatorTokenFile, ScopeTokens } from '../../access/token-scopes.ts';
import type { AgentHandle } from '../../agent/contract/agent-handle.ts';
import { joinHostPort } from '../../base/address.ts';
import { Meter } from '../../base/meter.ts';
import type { Millis } from '../../base/time.ts';
import type { CheckProbe } from '../../checks/types.ts';
import type { ReloadReport } from '../../config/reload.ts';
import type { AgentInfo } from '../endpoint/agent-info.ts';
import { BlockingQueries } from '../endpoint/blocking.ts';
import { KeptLists } from '../endpoint/reply/kept-lists.ts';
import { ReplyCache } from '../endpoint/reply/reply-cache.ts';
import type { UiFiles } from '../endpoint/reply/ui-files.ts';
import type { Site } from '../endpoint/site.ts';
import { ROUTES } from '../routes/index.ts';
import { createOriginCheck, validateBindAddress } from './access.ts';
import {
  type ConnectionLimits,
  DEFAULT_CONNECTION_LIMITS,
  limitConnections,
  limitPipelining,
} from './connection-limits.ts';
import { type HttpListenAddress, isPrivate, startListening } from './listen.ts';
import { createRequestHandler } from './request-handler.ts';
import { createRequestMetrics } from './request-metrics.ts';
import { createScopeCheck, type ScopeCheck } from './scopes.ts';
import type { TlsMaterial } from './tls.ts';

export interface HttpServerOptions {
  readonly listen: HttpListenAddress;
  /** Absent: HTTP without TLS. */
  readonly tls?: TlsMaterial | undefined;
  readonly agent: AgentHandle;
  readonly info: AgentInfo;
  /** A scope without a token, its own or of a lower scope, is open: any token is accepted and ignored. */
  readonly tokens: ScopeTokens;
  /** The scope `operator` is open where no token is set; else only on a socket file that no other user can open. */
  readonly openOperator: boolean;
  /** Makes a token of this start, once the listening address is known; `undefined` if it cannot be kept. */
  readonly issueOperatorToken?: (address: string) => Promise<OperatorTokenFile | undefined>;
  /** Serve remote clients without a token. */
  readonly insecure: boolean;
  /** Host names of this agent, beside `localhost` and its addresses. */
  readonly allowedHosts: readonly string[];
  /** Allow legacy clients to write with GET. Source: T13 (docs/consul.md). */
  readonly legacyGetWrites: boolean;
  /** The service as an instance of which every node is shown, or `off`; default `consul`, as Consul's servers. */
  readonly selfService?: string;
  /** Instances on suspected nodes come last where the order is one of preference; true by default. */
  readonly suspectsLast?: boolean;
  /** Reads of the key/value store are 404, as if it were empty, instead of 501. */
  readonly emptyKv?: boolean;
  /** Reads settings and service files again; absent if this agent cannot. */
  readonly reload?: () => Promise<ReloadReport>;
  /** The files of the dashboard, `undefined` where it was not built; absent: it is off. */
  readonly ui?: () => UiFiles | undefined;
  /** Why no run of such a check will be let out; absent: any may be. */
  readonly explainDenial?: (probe: CheckProbe) => string | undefined;
  /** Wall clock in milliseconds, for the uptime. */
  readonly wallClock: () => number;
  /** The clock of the agent, for ages; default `performance.now`. */
  readonly monotonicClock?: () => Millis;
  /** Metrics of the process, for `/v1/agent/metrics`; default: those of this server only. */
  readonly meter?: Meter;
  /** Called for errors that are a fault of the agent. */
  readonly onError?: (error: unknown) => void;
  /** Only tests set them. */
  readonly limits?: Partial<ConnectionLimits>;
}

export interface HttpServer {
  /** `host:port` or `unix:PATH`. */
  readonly address: string;
  /** From now on these tokens count. */
  setTokens(tokens: ScopeTokens): void;
  /** Connections from now on get this certificate; for a server that speaks TLS. Throws if it is not usable. */
  setTls(material: TlsMaterial): void;
  /** Blocking queries are answered with the present state; connections that do not end within a second are closed. */
  close(): Promise<void>;
}

/**
 * Longer than clients keep idle connections, which could write into a closed one otherwise. Source: T2
 * (docs/consul.md).
 */
const KEEP_ALIVE: Millis = 180_000;
const CLOSE_GRACE: Millis = 1000;
const CLOSE_STEP: Millis = 20;
const MAX_HEADER_BYTES = 16 * 1024;

/** Serves until `close`. Throws `AgentError('config')` if it cannot or must not listen on the address. */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  if ('host' in options.listen) validateBindAddress(options.listen.host, options.tokens, options.insecure);
  const { onError = () => undefined } = options;
  const limits = { ...DEFAULT_CONNECTION_LIMITS, ...options.limits };
  const { server, setTls } = await createNodeServer(limits, options.tls);
  let address = '';
  let operatorTokenFile: OperatorTokenFile | undefined;
  const site = createSite(options, () => address);
  const removeReaders = options.agent.addReaders(site.blockingQueries);
  const openOperator = options.openOperator || ('path' in options.listen && isPrivate(options.listen.path));
  const scopesFor = (tokens: ScopeTokens): ScopeCheck =>
    createScopeCheck({ tokens, openOperator, operatorTokenFile: () => operatorTokenFile });
  let checkScope = scopesFor(options.tokens);
  const check: ScopeCheck = (incoming, query, scope) => checkScope(incoming, query, scope);
  server.on('request', limitPipelining(createHandler(options, check, site, onError)));

  await startListening(server, options.listen);
  server.on('error', onError); // a connection that cannot be accepted is no reason to stop
  address = boundAddress(server, options.listen);
  if ('path' in options.listen) chmodSync(options.listen.path, 0o660);
  // Where a token is set nothing is open, so the commands of the agent's own user need one, too.
  const ensureOperatorToken = async (tokens: ScopeTokens): Promise<void> => {
    const isOpen = openOperator && Object.values(tokens).every((token) => token === undefined);
    if (!isOpen) operatorTokenFile ??= await options.issueOperatorToken?.(address);
  };
  await ensureOperatorToken(options.tokens);
  return {
    address,
    setTokens: (tokens) => {
      checkScope = scopesFor(tokens);
      ensureOperatorToken(tokens).catch(onError);
    },
    setTls,
    close: () => {
      removeReaders();
      return closeServer(server, site.blockingQueries);
    },
  };
}

interface NodeServer extends Pick<HttpServer, 'setTls'> {
  readonly server: Server;
}

async function createNodeServer(limits: ConnectionLimits, tls: TlsMaterial | undefined): Promise<NodeServer> {
  const options: ServerOptions = {
    keepAlive: true,
    keepAliveInitialDelay: 30_000,
    keepAliveTimeout: KEEP_ALIVE,
    headersTimeout: limits.headersTimeout,
    requestTimeout: limits.requestTimeout,
    connectionsCheckingInterval: limits.headersTimeout / 3,
    maxHeaderSize: MAX_HEADER_BYTES,
    requireHostHeader: false, // access control is stricter, and a socket file needs none
  };
  const { server, setTls } =
    tls === undefined
      ? { server: createServer(options), setTls: () => {} }
      : await createTls({ ...options, handshakeTimeout: limits.headersTimeout }, tls);
  server.maxHeadersCount = 0; // limited by bytes: a cut list could hide a second Host header
  server.timeout = 0; // a reply may take minutes: T3 (docs/consul.md)
  limitConnections(server, limits, tls !== undefined);
  server.on('clientError', handleClientError);
  // Whoever fails the handshake understands no reply.
  server.removeAllListeners('tlsClientError');
  server.on('tlsClientError', (_error: Error, socket: Socket) => socket.destroy());
  return { server, setTls };
}

async function createTls(options: TlsServerOptions, material: TlsMaterial): Promise<NodeServer> {
  const { createTlsServer, replaceCertificate } = await import('./tls.ts');
  const server = createTlsServer(options, material);
  return { server, setTls: (next) => replaceCertificate(server, next) };
}

function createSite(options: HttpServerOptions, address: () => string): Site {
  const { agent, info, wallClock, reload, emptyKv = false, selfService = 'consul' } = options;
  const { suspectsLast = true } = options;
  const { monotonicClock = () => performance.now(), meter = new Meter() } = options;
  return {
    agent,
    info,
    blockingQueries: new BlockingQueries(agent),
    replyCache: new ReplyCache(monotonicClock),
    keptLists: new KeptLists(),
    meter,
    selfService: selfService === 'off' ? undefined : selfService,
    suspectsLast,
    emptyKv,
    ...(reload === undefined ? {} : { reload }),
    ...(options.ui === undefined ? {} : { ui: options.ui }),
    ...(options.explainDenial === undefined ? {} : { explainDenial: options.explainDenial }),
    wallClock,
    monotonicClock,
    address,
  };
}

function createHandler(
  { listen, allowedHosts, legacyGetWrites }: HttpServerOptions,
  checkScope: ScopeCheck,
  site: Site,
  onError: (error: unknown) => void,
): RequestListener {
  return createRequestHandler({
    site,
    routes: ROUTES,
    checkOrigin: createOriginCheck('path' in listen, allowedHosts),
    checkScope,
    legacyGetWrites,
    onError,
    recordRequest: createRequestMetrics(site.meter, site.blockingQueries),
  });
}

async function closeServer(server: Server, blockingQueries: BlockingQueries): Promise<void> {
  if (!server.listening) return;
  blockingQueries.close();
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  // Connections become idle one by one as their replies are sent.
  const idle = setInterval(() => server.closeIdleConnections(), CLOSE_STEP);
  const rest = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE);
  await closed;
  clearInterval(idle);
  clearTimeout(rest);
}

function boundAddress(server: Server, where: HttpListenAddress): string {
  if ('path' in where) return `unix:${where.path}`;
  const bound = server.address() as AddressInfo;
  return joinHostPort(bound.address, bound.port);
}

/** Replies to requests that the parser rejects, in the same form as other errors. */
function handleClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy();
  const [status, message] = PARSER_ERRORS[error.code ?? ''] ?? [
    '400 Bad Request',
    'This is not an HTTP/1.1 request',
  ];
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\nContent-Length: ${message.length}\r\n\r\n${message}`,
  );
}

const PARSER_ERRORS: Readonly<Record<string, readonly [string, string]>> = {
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', 'The headers are larger than 16 kB'],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'The request did not arrive in time'],
};
