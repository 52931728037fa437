/** Routes on hono: which route a request belongs to, what stands in the way, and what an error looks like. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HttpBindings } from '@hono/node-server';
import { type Context, Hono } from 'hono';
import { AgentError } from '../base/errors.ts';
import { MAX_BODY_BYTES } from './body.ts';
import { type Guard, mayWriteByGet } from './guards.ts';
import { parseQuery, type Query } from './query.ts';
import { errorReply, plain, Refusal, Reply, respond, respondTo } from './reply.ts';
import type { CountRequest } from './request-counts.ts';
import type { Route, Site } from './route.ts';

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

type Env = { Bindings: HttpBindings; Variables: { query: Query; path: string } };

export function createApp(options: AppOptions): Hono<Env> {
  const app = new Hono<Env>();
  app.onError((error) => failure(error, options.report));
  app.notFound(() => respond(plain(404, '', { 'X-Consul-Index': '1' })));
  app.use(async (c, next) => {
    const began = options.site.clock();
    await next();
    const waited = c.get('query')?.has('index') || c.get('query')?.has('hash');
    const seconds = waited ? undefined : (options.site.clock() - began) / 1000;
    options.count(c.req.method, c.get('path') ?? 'none', c.res.status, seconds);
  });
  app.use(async (c, next) => {
    const target = c.env.incoming.url ?? '';
    if (!target.startsWith('/'))
      throw new AgentError('badRequest', 'Send the path only, not a whole address');
    const query = parseQuery(split(target).search);
    options.guard(c.env.incoming, query);
    const clean = cleaned(target);
    if (clean !== undefined) return respond(plain(301, '', { Location: clean }));
    c.set('query', query);
    await next();
    return undefined;
  });
  for (const [path, routes] of byPath(options.routes))
    app.all(honoPath(path), (c) => dispatch(c, routes, options));
  return app;
}

/** What a client sees of an error. Also for those that happen before hono: hence not part of the app. */
export function failure(error: unknown, report: (error: unknown) => void): Response {
  const reply = errorReply(error);
  if (reply === undefined) report(error);
  return respond(reply ?? plain(500, 'Internal error: this is a fault of the agent, see its log'));
}

async function dispatch(c: Context<Env>, routes: readonly Route[], options: AppOptions): Promise<Response> {
  c.set('path', routes[0]?.path ?? 'none');
  const route = choose(c.req.method, routes, c.env.incoming, options.getWrites);
  if (route instanceof Reply) return respond(route);
  const reply = await route.handle({
    params: c.req.param(),
    query: c.get('query'),
    site: options.site,
    header: (name) => c.req.header(name),
    gone: (end) => whenGone(c.env.outgoing, end),
    body: () => readBody(c.env.incoming),
  });
  return respondTo(c.req.header('accept-encoding'), reply);
}

/** Source: http.md T12, T13. Differs: HEAD is answered as GET, where Consul says 405; hono drops the body. */
function choose(
  method: string,
  routes: readonly Route[],
  incoming: IncomingMessage,
  getWrites: boolean,
): Route | Reply {
  const wanted = method === 'HEAD' ? 'GET' : method;
  const exact = routes.find((route) => route.method === wanted || route.method === 'ANY');
  if (exact !== undefined) return exact;
  const allow = { Allow: ['OPTIONS', ...routes.map((route) => route.method)].join(',') };
  if (method === 'OPTIONS') return plain(200, '', allow);
  const write = method === 'GET' && getWrites ? routes.find((route) => route.oldClients) : undefined;
  if (write !== undefined && mayWriteByGet(incoming)) return write;
  return plain(405, `method ${method} not allowed`, allow);
}

/** Not by the request's own signal: that costs a request of the web's kind for each who waits. */
function whenGone(outgoing: ServerResponse, end: () => void): () => void {
  if (outgoing.closed || outgoing.destroyed) end();
  outgoing.once('close', end);
  return () => outgoing.off('close', end);
}

async function readBody(incoming: IncomingMessage): Promise<Uint8Array> {
  const tooLarge = (): Refusal =>
    new Refusal(413, `The body is larger than ${MAX_BODY_BYTES} bytes: send less`);
  if (Number(incoming.headers['content-length'] ?? 0) > MAX_BODY_BYTES) throw tooLarge();
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of incoming) {
      length += (chunk as Buffer).length;
      if (length > MAX_BODY_BYTES) throw tooLarge();
      chunks.push(chunk as Buffer);
    }
  } catch (error) {
    throw error instanceof Refusal ? error : new AgentError('badRequest', 'The body ended before its time');
  }
  return Buffer.concat(chunks);
}

/** Routes of one path together; paths of fixed words before those with parameters, which would swallow them. */
function byPath(routes: readonly Route[]): [string, Route[]][] {
  const paths = new Map<string, Route[]>();
  for (const route of routes) paths.set(route.path, [...(paths.get(route.path) ?? []), route]);
  return [...paths].sort(([a], [b]) => openness(a) - openness(b));
}

/** 0: fixed words; then by how late the first parameter comes, and the rest of a path after everything else. */
function openness(path: string): number {
  const at = path.indexOf(':');
  return at < 0 ? 0 : (path.endsWith('...') ? 2 : 1) * 1000 - path.slice(0, at).split('/').length;
}

const honoPath = (path: string): string => path.replace(/:(\w+)\.\.\.$/, ':$1{.*}');

function split(target: string): { path: string; search: string } {
  const at = target.indexOf('?');
  return at < 0 ? { path: target, search: '' } : { path: target.slice(0, at), search: target.slice(at + 1) };
}

/** The same target without doubled slashes; `undefined` if there are none. Source: http.md T7. */
function cleaned(target: string): string | undefined {
  const { path } = split(target);
  const clean = path.replace(/\/{2,}/g, '/');
  return clean === path ? undefined : clean + target.slice(path.length);
}
