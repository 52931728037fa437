/** Handles requests: admission, access control, target cache, routing, and the conversion of errors into replies. */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { AgentError } from '../../base/errors.ts';
import { MAX_BODY_BYTES } from '../endpoint/body.ts';
import { parseQueryString, type QueryParams } from '../endpoint/query.ts';
import { errorReply, HttpError, HttpReply, textReply } from '../endpoint/reply/reply.ts';
import type { Route } from '../endpoint/route.ts';
import type { Site } from '../endpoint/site.ts';
import { canWriteWithGet, type OriginCheck } from './access.ts';
import { AdmissionQueue } from './admission-queue.ts';
import { originForm } from './host-header.ts';
import type { RecordRequest } from './request-metrics.ts';
import { createRouter, type RouteMatch } from './router.ts';
import type { ScopeCheck } from './scopes.ts';
import { sendReply } from './send.ts';
import { TargetCache } from './target-cache.ts';

export interface RequestHandlerOptions {
  readonly site: Site;
  readonly routes: readonly Route[];
  readonly checkOrigin: OriginCheck;
  readonly checkScope: ScopeCheck;
  /** Allow legacy clients to write with GET. Source: T13 (docs/consul.md). */
  readonly legacyGetWrites: boolean;
  readonly recordRequest: RecordRequest;
  /** Called for errors that are a fault of the agent; the client gets a bare 500. */
  readonly onError: (error: unknown) => void;
}

/** A request with its response; `query` and `routePath` are set as soon as they are known. */
interface Exchange {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  query: QueryParams;
  /** The path of the route as declared, for metrics. */
  routePath: string;
}

const NO_QUERY: QueryParams = new Map();

export function createRequestHandler(options: RequestHandlerOptions): RequestListener {
  const { site, checkOrigin, checkScope, onError, recordRequest } = options;
  const findRoutes = createRouter(options.routes);
  const targetCache = new TargetCache(site);
  const queue = new AdmissionQueue();
  return (incoming, outgoing) => queue.admit(() => handleRequest(incoming, outgoing));

  function handleRequest(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const startedAt = site.monotonicClock();
    const exchange: Exchange = { incoming, outgoing, query: NO_QUERY, routePath: 'none' };
    const abort = (error: unknown): void => {
      onError(error);
      outgoing.destroy();
    };
    const finish = (reply: HttpReply): void => {
      const blocking = exchange.query.has('index') || exchange.query.has('hash');
      const seconds = blocking ? undefined : (site.monotonicClock() - startedAt) / 1000;
      recordRequest(incoming.method ?? '', exchange.routePath, reply.status, seconds);
      try {
        sendReply(incoming, outgoing, reply)?.catch(abort);
      } catch (error) {
        abort(error);
      }
    };
    const fail = (error: unknown): void => finish(toErrorReply(error, onError));
    let reply: HttpReply | Promise<HttpReply>;
    try {
      reply = answer(exchange);
    } catch (error) {
      return fail(error);
    }
    if (reply instanceof Promise) reply.then(finish, fail);
    else finish(reply);
  }

  function answer(exchange: Exchange): HttpReply | Promise<HttpReply> {
    const { incoming } = exchange;
    const raw = incoming.url ?? '';
    const isPlain = incoming.method === 'GET' && !namesScope(incoming);
    const cached = isPlain ? targetCache.get(raw) : undefined;
    if (cached !== undefined) {
      checkOrigin(incoming, cached.query);
      checkScope(incoming, cached.query, cached.scope);
      exchange.routePath = cached.path;
      return cached.reply;
    }
    const target = originForm(raw);
    const { path, search } = splitTarget(target);
    exchange.query = parseQueryString(search);
    checkOrigin(incoming, exchange.query);
    const found = findRoute(path, target, exchange);
    // Without a token nobody learns which paths there are.
    checkScope(incoming, exchange.query, found instanceof HttpReply ? 'read' : found.route.scope);
    if (found instanceof HttpReply) return found;
    const { route, match } = found;
    const reply = callRoute(route, match, exchange, site);
    if (route.cacheable === true && isPlain && reply instanceof HttpReply)
      targetCache.store(raw, { query: exchange.query, path: match.path, scope: route.scope, reply });
    return reply;
  }

  function findRoute(
    path: string,
    target: string,
    exchange: Exchange,
  ): HttpReply | { readonly route: Route; readonly match: RouteMatch } {
    const clean = path.replace(/\/{2,}/g, '/'); // Source: T7 (docs/consul.md)
    if (clean !== path) return textReply(301, '', { Location: clean + target.slice(path.length) });
    const match = findRoutes(path);
    if (match === undefined) return textReply(404, '', { 'X-Consul-Index': '1' });
    exchange.routePath = match.path;
    const route = selectRoute(match.routes, exchange.incoming, options.legacyGetWrites);
    return route instanceof HttpReply ? route : { route, match };
  }
}

/** The reply depends on a header. */
const namesScope = ({ headers }: IncomingMessage): boolean =>
  headers['x-consul-namespace'] !== undefined || headers['x-consul-partition'] !== undefined;

function callRoute(
  route: Route,
  { params }: RouteMatch,
  { incoming, outgoing, query }: Exchange,
  site: Site,
) {
  return route.handle({
    params,
    query,
    site,
    header: (name) => readHeader(incoming, name),
    onDisconnect: (end) => onResponseClose(outgoing, end),
    body: () => readBody(incoming),
  });
}

/** The reply to a client; errors that are a fault of the agent are reported and shown as a bare 500. */
function toErrorReply(error: unknown, onError: (error: unknown) => void): HttpReply {
  const reply = errorReply(error);
  if (reply === undefined) onError(error);
  return reply ?? textReply(500, 'Internal error: this is a fault of the agent, see its log');
}

/** Source: T12, T13 (docs/consul.md). Differs: HEAD is answered as GET, where Consul says 405. */
function selectRoute(
  routes: readonly Route[],
  incoming: IncomingMessage,
  legacyGetWrites: boolean,
): Route | HttpReply {
  const { method = '' } = incoming;
  const wanted = method === 'HEAD' ? 'GET' : method;
  const exact = routes.find((route) => route.method === wanted || route.method === 'ANY');
  if (exact !== undefined) return exact;
  const allow = { Allow: ['OPTIONS', ...routes.map((route) => route.method)].join(',') };
  if (method === 'OPTIONS') return textReply(200, '', allow);
  const write =
    method === 'GET' && legacyGetWrites ? routes.find((route) => route.legacyGetWrite) : undefined;
  if (write !== undefined && canWriteWithGet(incoming)) return write;
  return textReply(405, `method ${method} not allowed`, allow);
}

function readHeader({ headers }: IncomingMessage, name: string): string | undefined {
  const value = headers[name.toLowerCase()];
  return Array.isArray(value) ? value.join(', ') : value;
}

function onResponseClose(outgoing: ServerResponse, end: () => void): () => void {
  if (outgoing.closed || outgoing.destroyed) end();
  outgoing.once('close', end);
  return () => outgoing.off('close', end);
}

/** A body above the limit is read and discarded: the client reads the refusal only when it has sent everything. */
function readBody(incoming: IncomingMessage): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = Number(incoming.headers['content-length'] ?? 0);
    const refuse = (): void => {
      reject(new HttpError(413, `The body is larger than ${MAX_BODY_BYTES} bytes: send less`));
      chunks.length = 0;
      incoming.off('data', onData).resume();
    };
    const onData = (chunk: Buffer): void => {
      length += chunk.length;
      chunks.push(chunk);
      if (length > MAX_BODY_BYTES) refuse();
    };
    if (length > MAX_BODY_BYTES) return refuse();
    length = 0;
    incoming.on('data', onData);
    incoming.once('end', () => resolve(Buffer.concat(chunks)));
    incoming.once('error', () => undefined);
    incoming.once('close', () => reject(new AgentError('badRequest', 'The body ended too early')));
  });
}

function splitTarget(target: string): { path: string; search: string } {
  const at = target.indexOf('?');
  return at < 0 ? { path: target, search: '' } : { path: target.slice(0, at), search: target.slice(at + 1) };
}
