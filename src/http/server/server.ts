/** The listening side of the HTTP door: sockets, timeouts, start and stop. What is answered is app.ts' business. */
import { chmodSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Door } from '../../agent/contract/door.ts';
import { joinHostPort } from '../../base/address.ts';
import { Meter } from '../../base/meter.ts';
import type { Millis } from '../../base/time.ts';
import type { AgentInfo } from '../endpoint/agent-info.ts';
import { Watchers } from '../endpoint/blocking.ts';
import { Answers } from '../endpoint/reply/reply-cache.ts';
import type { Site } from '../endpoint/site.ts';
import { ROUTES } from '../routes/index.ts';
import { checkBind, guards } from './access.ts';
import { LIMITS, type Limits, limitConnections, limitPipelining } from './connection-limits.ts';
import { type Listen, listen } from './listen.ts';
import { createApp } from './request-handler.ts';
import { requestCounts } from './request-metrics.ts';

export interface HttpOptions {
  readonly listen: Listen;
  readonly door: Door;
  readonly info: AgentInfo;
  /** Every request but the banner must carry it; absent: any token is accepted and ignored. */
  readonly token?: string;
  /** Serve strangers although there is no token. */
  readonly insecure: boolean;
  /** Names by which programs may call us in `Host`, beside `localhost` and addresses. */
  readonly allowedHosts: readonly string[];
  /** Let clients of old write with GET (http.md T13). */
  readonly getWrites: boolean;
  /** Under which name each node shows itself as a service, or `off`; default `consul`, as Consul's servers do. */
  readonly selfService?: string;
  /** Reads of the key/value store are 404 as if it were empty, instead of 501. */
  readonly emptyKv?: boolean;
  /** Reads the settings again; absent: it cannot. */
  readonly reload?: () => Promise<void>;
  /** Wall clock, milliseconds: for the uptime. */
  readonly now: () => number;
  /** The clock the agent is fed with, for ages of states; default `performance.now`. */
  readonly clock?: () => Millis;
  /** Where requests are counted, and what `/v1/agent/metrics` tells; default: our own figures only. */
  readonly meter?: Meter;
  /** Told of errors that are our own fault; default: nobody. */
  readonly report?: (error: unknown) => void;
  /** Only tests set them. */
  readonly limits?: Partial<Limits>;
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
export async function startHttp(options: HttpOptions): Promise<HttpServer> {
  const unix = 'path' in options.listen;
  if ('host' in options.listen) checkBind(options.listen.host, options.token, options.insecure);
  const report = options.report ?? (() => undefined);
  const limits = { ...LIMITS, ...options.limits };
  const watchers = new Watchers(options.door);
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
  server.on('clientError', answerBrokenRequest);

  let address = '';
  const { selfService = 'consul', clock = () => performance.now(), meter = new Meter() } = options;
  const site: Site = {
    door: options.door,
    info: options.info,
    watchers,
    answers: new Answers(clock),
    meter,
    selfService: selfService === 'off' ? undefined : selfService,
    emptyKv: options.emptyKv ?? false,
    ...(options.reload === undefined ? {} : { reload: options.reload }),
    now: options.now,
    clock,
    address: () => address,
  };
  const { allowedHosts, token, getWrites } = options;
  const guard = guards({ unix, allowedHosts, ...(token === undefined ? {} : { token }) });
  const count = requestCounts(meter, watchers);
  server.on('request', limitPipelining(createApp({ site, routes: ROUTES, guard, getWrites, report, count })));

  await listen(server, options.listen);
  server.on('error', report); // a connection that could not be accepted is no reason to stop
  address = addressOf(server, options.listen);
  if ('path' in options.listen) chmodSync(options.listen.path, 0o660);
  return { address, close: () => close(server, watchers) };
}

async function close(server: Server, watchers: Watchers): Promise<void> {
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

function addressOf(server: Server, where: Listen): string {
  if ('path' in where) return `unix:${where.path}`;
  const bound = server.address() as AddressInfo;
  return joinHostPort(bound.address, bound.port);
}

/** What the parser refuses, in our one shape of error. */
function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Socket): void {
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
