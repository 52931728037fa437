/** From a request to its answer: what stands in the way, which route it belongs to, and what an error looks like. */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { AgentError } from '../../base/errors.ts';
import { MAX_BODY_BYTES } from '../endpoint/body.ts';
import { parseQueryString, type QueryParams } from '../endpoint/query.ts';
import { errorReply, HttpError, HttpReply, textReply } from '../endpoint/reply/reply.ts';
import type { Route } from '../endpoint/route.ts';
import type { Site } from '../endpoint/site.ts';
import { type AccessCheck, canWriteWithGet } from './access.ts';
import { AdmissionQueue } from './admission-queue.ts';
import type { RecordRequest } from './request-metrics.ts';
import { createRouter, type RouteMatch } from './router.ts';
import { sendReply } from './send.ts';
import { TargetCache } from './target-cache.ts';

export interface RequestHandlerOptions {
  readonly site: Site;
  readonly routes: readonly Route[];
  readonly checkAccess: AccessCheck;
  /** Let clients of old write with GET. Source: T13 (docs/consul.md). */
  readonly legacyGetWrites: boolean;
  readonly recordRequest: RecordRequest;
  /** Told of errors that are our own fault, which the client sees as a bare 500. */
  readonly onError: (error: unknown) => void;
}

/** One request and the way back. What is known of it grows on the way. */
interface Exchange {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  query: QueryParams;
  /** Of the route as declared. */
  routePath: string;
}

const NO_QUERY: QueryParams = new Map();

export function createRequestHandler(options: RequestHandlerOptions): RequestListener {
  const { site, checkAccess: guard, onError: report, recordRequest: count } = options;
  const find = createRouter(options.routes);
  const shortcuts = new TargetCache(site);
  const turns = new AdmissionQueue();
  return (incoming, outgoing) => turns.admit(() => begin(incoming, outgoing));

  function begin(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const began = site.monotonicClock();
    const exchange: Exchange = { incoming, outgoing, query: NO_QUERY, routePath: 'none' };
    const broken = (error: unknown): void => {
      report(error);
      outgoing.destroy();
    };
    const end = (reply: HttpReply): void => {
      const waited = exchange.query.has('index') || exchange.query.has('hash');
      const seconds = waited ? undefined : (site.monotonicClock() - began) / 1000;
      count(incoming.method ?? '', exchange.routePath, reply.status, seconds);
      try {
        sendReply(incoming, outgoing, reply)?.catch(broken);
      } catch (error) {
        broken(error);
      }
    };
    const fail = (error: unknown): void => end(toErrorReply(error, report));
    let reply: HttpReply | Promise<HttpReply>;
    try {
      reply = answer(exchange);
    } catch (error) {
      return fail(error);
    }
    if (reply instanceof Promise) reply.then(end, fail);
    else end(reply);
  }

  function answer(exchange: Exchange): HttpReply | Promise<HttpReply> {
    const { incoming } = exchange;
    const target = incoming.url ?? '';
    const short = incoming.method === 'GET' ? shortcuts.get(target) : undefined;
    if (short !== undefined) {
      guard(incoming, short.query);
      exchange.routePath = short.path;
      return short.reply;
    }
    if (!target.startsWith('/'))
      throw new AgentError('badRequest', 'Send the path only, not a whole address');
    const { path, search } = split(target);
    exchange.query = parseQueryString(search);
    guard(incoming, exchange.query);
    const clean = path.replace(/\/{2,}/g, '/'); // Source: T7 (docs/consul.md)
    if (clean !== path) return textReply(301, '', { Location: clean + target.slice(path.length) });
    const place = find(path);
    if (place === undefined) return textReply(404, '', { 'X-Consul-Index': '1' });
    exchange.routePath = place.path;
    const route = selectRoute(place.routes, incoming, options.legacyGetWrites);
    if (route instanceof HttpReply) return route;
    const reply = handle(route, place, exchange, site);
    if (route.cacheable === true && incoming.method === 'GET' && reply instanceof HttpReply)
      shortcuts.store(target, { query: exchange.query, path: place.path, reply });
    return reply;
  }
}

function handle(route: Route, place: RouteMatch, { incoming, outgoing, query }: Exchange, site: Site) {
  return route.handle({
    params: place.params,
    query,
    site,
    header: (name) => readHeader(incoming, name),
    onDisconnect: (end) => onResponseClose(outgoing, end),
    body: () => readBody(incoming),
  });
}

/** What a client sees of an error. */
function toErrorReply(error: unknown, report: (error: unknown) => void): HttpReply {
  const reply = errorReply(error);
  if (reply === undefined) report(error);
  return reply ?? textReply(500, 'Internal error: this is a fault of the agent, see its log');
}

/** Source: T12, T13 (docs/consul.md). Differs: HEAD is answered as GET, where Consul says 405. */
function selectRoute(
  routes: readonly Route[],
  incoming: IncomingMessage,
  getWrites: boolean,
): Route | HttpReply {
  const { method = '' } = incoming;
  const wanted = method === 'HEAD' ? 'GET' : method;
  const exact = routes.find((route) => route.method === wanted || route.method === 'ANY');
  if (exact !== undefined) return exact;
  const allow = { Allow: ['OPTIONS', ...routes.map((route) => route.method)].join(',') };
  if (method === 'OPTIONS') return textReply(200, '', allow);
  const write = method === 'GET' && getWrites ? routes.find((route) => route.legacyGetWrite) : undefined;
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

/** What comes above the limit is read and dropped, or the client would never get to read the refusal. */
function readBody(incoming: IncomingMessage): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = Number(incoming.headers['content-length'] ?? 0);
    const refuse = (): void => {
      reject(new HttpError(413, `The body is larger than ${MAX_BODY_BYTES} bytes: send less`));
      chunks.length = 0;
      incoming.off('data', take).resume();
    };
    const take = (chunk: Buffer): void => {
      length += chunk.length;
      chunks.push(chunk);
      if (length > MAX_BODY_BYTES) refuse();
    };
    if (length > MAX_BODY_BYTES) return refuse();
    length = 0;
    incoming.on('data', take);
    incoming.once('end', () => resolve(Buffer.concat(chunks)));
    incoming.once('error', () => undefined);
    incoming.once('close', () => reject(new AgentError('badRequest', 'The body ended before its time')));
  });
}

function split(target: string): { path: string; search: string } {
  const at = target.indexOf('?');
  return at < 0 ? { path: target, search: '' } : { path: target.slice(0, at), search: target.slice(at + 1) };
}
