/** The listening side of the HTTP door: sockets, timeouts, start and stop. What is answered is app.ts' business. */
import { chmodSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { AgentHandle } from '../../agent/contract/door.ts';
import { joinHostPort } from '../../base/address.ts';
import { Meter } from '../../base/meter.ts';
import type { Millis } from '../../base/time.ts';
import type { AgentInfo } from '../endpoint/agent-info.ts';
import { BlockingQueries } from '../endpoint/blocking.ts';
import { ReplyCache } from '../endpoint/reply/reply-cache.ts';
import type { Site } from '../endpoint/site.ts';
import { ROUTES } from '../routes/index.ts';
import { createAccessCheck, validateBindAddress } from './access.ts';
import {
  type ConnectionLimits,
  DEFAULT_CONNECTION_LIMITS,
  limitConnections,
  limitPipelining,
} from './connection-limits.ts';
import { type HttpListenAddress, startListening } from './listen.ts';
import { createRequestHandler } from './request-handler.ts';
import { createRequestMetrics } from './request-metrics.ts';

export interface HttpServerOptions {
  readonly listen: HttpListenAddress;
  readonly agent: AgentHandle;
  readonly info: AgentInfo;
  /** Every request but the banner must carry it; absent: any token is accepted and ignored. */
  readonly token?: string;
  /** Serve strangers although there is no token. */
  readonly insecure: boolean;
  /** Names by which programs may call us in `Host`, beside `localhost` and addresses. */
  readonly allowedHosts: readonly string[];
  /** Let clients of old write with GET (T13 in docs/consul.md). */
  readonly legacyGetWrites: boolean;
  /** Under which name each node shows itself as a service, or `off`; default `consul`, as Consul's servers do. */
  readonly selfService?: string;
  /** Reads of the key/value store are 404 as if it were empty, instead of 501. */
  readonly emptyKv?: boolean;
  /** Reads the settings again; absent: it cannot. */
  readonly reload?: () => Promise<void>;
  /** Wall clock, milliseconds: for the uptime. */
  readonly wallClock: () => number;
  /** The clock the agent is fed with, for ages of states; default `performance.now`. */
  readonly monotonicClock?: () => Millis;
  /** Where requests are counted, and what `/v1/agent/metrics` tells; default: our own figures only. */
  readonly meter?: Meter;
  /** Told of errors that are our own fault; default: nobody. */
  readonly onError?: (error: unknown) => void;
  /** Only tests set them. */
  readonly limits?: Partial<ConnectionLimits>;
}

export interface HttpServer {
  /** `host:port` or `unix:PATH`. */
  readonly address: string;
  /** Parked queries are answered with what there is; what does not end within a second is cut. */
  close(): Promise<void>;
}

/** Idle connections live longer than any client keeps them, or the client would write into a closed one. T2. */
const KEEP_ALIVE: Millis = 180_000;
const CLOSE_GRACE: Millis = 1000;
const CLOSE_STEP: Millis = 20;
const MAX_HEADER_BYTES = 16 * 1024;

/** Serves until `close`. Throws `AgentError('config')` if it cannot, or must not, listen there. */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const unix = 'path' in options.listen;
  if ('host' in options.listen) validateBindAddress(options.listen.host, options.token, options.insecure);
  const report = options.onError ?? (() => undefined);
  const limits = { ...DEFAULT_CONNECTION_LIMITS, ...options.limits };
  const watchers = new BlockingQueries(options.agent);
  const server = createServer({
    keepAlive: true,
    keepAliveInitialDelay: 30_000,
    keepAliveTimeout: KEEP_ALIVE,
    headersTimeout: limits.headersTimeout,
    requestTimeout: limits.requestTimeout,
    connectionsCheckingInterval: limits.headersTimeout / 3,
    maxHeaderSize: MAX_HEADER_BYTES,
    requireHostHeader: false, // ours is stricter, and there is none on a socket file
  });
  server.maxHeadersCount = 0; // bytes bound them: many must not hide the one that matters
  server.timeout = 0; // an answer may park for minutes: T3
  limitConnections(server, limits);
  server.on('clientError', handleClientError);

  let address = '';
  const {
    selfService = 'consul',
    monotonicClock: clock = () => performance.now(),
    meter = new Meter(),
  } = options;
  const site: Site = {
    agent: options.agent,
    info: options.info,
    blockingQueries: watchers,
    replyCache: new ReplyCache(clock),
    meter,
    selfService: selfService === 'off' ? undefined : selfService,
    emptyKv: options.emptyKv ?? false,
    ...(options.reload === undefined ? {} : { reload: options.reload }),
    wallClock: options.wallClock,
    monotonicClock: clock,
    address: () => address,
  };
  const { allowedHosts, token, legacyGetWrites: getWrites } = options;
  const guard = createAccessCheck({ unix, allowedHosts, ...(token === undefined ? {} : { token }) });
  const count = createRequestMetrics(meter, watchers);
  server.on(
    'request',
    limitPipelining(
      createRequestHandler({
        site,
        routes: ROUTES,
        checkAccess: guard,
        legacyGetWrites: getWrites,
        onError: report,
        recordRequest: count,
      }),
    ),
  );

  await startListening(server, options.listen);
  server.on('error', report); // a connection that could not be accepted is no reason to stop
  address = boundAddress(server, options.listen);
  if ('path' in options.listen) chmodSync(options.listen.path, 0o660);
  return { address, close: () => closeServer(server, watchers) };
}

async function closeServer(server: Server, watchers: BlockingQueries): Promise<void> {
  if (!server.listening) return;
  watchers.close();
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  // Connections fall idle one by one as their answers go out.
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

/** What the parser refuses, in our one shape of error. */
function handleClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy();
  const [status, sentence] = BROKEN[error.code ?? ''] ?? [
    '400 Bad Request',
    'This is not an HTTP/1.1 request',
  ];
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\nContent-Length: ${sentence.length}\r\n\r\n${sentence}`,
  );
}

const BROKEN: Readonly<Record<string, readonly [string, string]>> = {
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', 'The headers are larger than 16 kB'],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'The request did not arrive in time'],
};
