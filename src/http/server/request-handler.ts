/** From a request to its answer: what stands in the way, which route it belongs to, and what an error looks like. */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { AgentError } from '../../base/errors.ts';
import { MAX_BODY_BYTES } from '../endpoint/body.ts';
import { parseQuery, type Query } from '../endpoint/query.ts';
import { errorReply, plain, Refusal, Reply } from '../endpoint/reply/reply.ts';
import type { Route } from '../endpoint/route.ts';
import type { Site } from '../endpoint/site.ts';
import { type Guard, mayWriteByGet } from './access.ts';
import { Turns } from './admission-queue.ts';
import type { CountRequest } from './request-metrics.ts';
import { type Place, router } from './router.ts';
import { send } from './send.ts';
import { Shortcuts } from './target-cache.ts';

export interface AppOptions {
  readonly site: Site;
  readonly routes: readonly Route[];
  readonly guard: Guard;
  /** Let clients of old write with GET. Source: http.md T13. */
  readonly getWrites: boolean;
  readonly count: CountRequest;
  /** Told of errors that are our own fault, which the client sees as a bare 500. */
  readonly report: (error: unknown) => void;
}

/** One request and the way back. What is known of it grows on the way. */
interface Exchange {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  query: Query;
  /** Of the route as declared. */
  path: string;
}

const NO_QUERY: Query = new Map();

export function createApp(options: AppOptions): RequestListener {
  const { site, guard, report, count } = options;
  const find = router(options.routes);
  const shortcuts = new Shortcuts(site);
  const turns = new Turns();
  return (incoming, outgoing) => turns.take(() => begin(incoming, outgoing));

  function begin(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const began = site.clock();
    const exchange: Exchange = { incoming, outgoing, query: NO_QUERY, path: 'none' };
    const broken = (error: unknown): void => {
      report(error);
      outgoing.destroy();
    };
    const end = (reply: Reply): void => {
      const waited = exchange.query.has('index') || exchange.query.has('hash');
      const seconds = waited ? undefined : (site.clock() - began) / 1000;
      count(incoming.method ?? '', exchange.path, reply.status, seconds);
      try {
        send(incoming, outgoing, reply)?.catch(broken);
      } catch (error) {
        broken(error);
      }
    };
    const fail = (error: unknown): void => end(failure(error, report));
    let reply: Reply | Promise<Reply>;
    try {
      reply = answer(exchange);
    } catch (error) {
      return fail(error);
    }
    if (reply instanceof Promise) reply.then(end, fail);
    else end(reply);
  }

  function answer(exchange: Exchange): Reply | Promise<Reply> {
    const { incoming } = exchange;
    const target = incoming.url ?? '';
    const short = incoming.method === 'GET' ? shortcuts.get(target) : undefined;
    if (short !== undefined) {
      guard(incoming, short.query);
      exchange.path = short.path;
      return short.reply;
    }
    if (!target.startsWith('/'))
      throw new AgentError('badRequest', 'Send the path only, not a whole address');
    const { path, search } = split(target);
    exchange.query = parseQuery(search);
    guard(incoming, exchange.query);
    const clean = path.replace(/\/{2,}/g, '/'); // Source: http.md T7
    if (clean !== path) return plain(301, '', { Location: clean + target.slice(path.length) });
    const place = find(path);
    if (place === undefined) return plain(404, '', { 'X-Consul-Index': '1' });
    exchange.path = place.path;
    const route = choose(place.routes, incoming, options.getWrites);
    if (route instanceof Reply) return route;
    const reply = handle(route, place, exchange, site);
    if (route.lasting === true && incoming.method === 'GET' && reply instanceof Reply)
      shortcuts.keep(target, { query: exchange.query, path: place.path, reply });
    return reply;
  }
}

function handle(route: Route, place: Place, { incoming, outgoing, query }: Exchange, site: Site) {
  return route.handle({
    params: place.params,
    query,
    site,
    header: (name) => headerOf(incoming, name),
    gone: (end) => whenGone(outgoing, end),
    body: () => readBody(incoming),
  });
}

/** What a client sees of an error. */
function failure(error: unknown, report: (error: unknown) => void): Reply {
  const reply = errorReply(error);
  if (reply === undefined) report(error);
  return reply ?? plain(500, 'Internal error: this is a fault of the agent, see its log');
}

/** Source: http.md T12, T13. Differs: HEAD is answered as GET, where Consul says 405. */
function choose(routes: readonly Route[], incoming: IncomingMessage, getWrites: boolean): Route | Reply {
  const { method = '' } = incoming;
  const wanted = method === 'HEAD' ? 'GET' : method;
  const exact = routes.find((route) => route.method === wanted || route.method === 'ANY');
  if (exact !== undefined) return exact;
  const allow = { Allow: ['OPTIONS', ...routes.map((route) => route.method)].join(',') };
  if (method === 'OPTIONS') return plain(200, '', allow);
  const write = method === 'GET' && getWrites ? routes.find((route) => route.oldClients) : undefined;
  if (write !== undefined && mayWriteByGet(incoming)) return write;
  return plain(405, `method ${method} not allowed`, allow);
}

function headerOf({ headers }: IncomingMessage, name: string): string | undefined {
  const value = headers[name.toLowerCase()];
  return Array.isArray(value) ? value.join(', ') : value;
}

function whenGone(outgoing: ServerResponse, end: () => void): () => void {
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
      reject(new Refusal(413, `The body is larger than ${MAX_BODY_BYTES} bytes: send less`));
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
