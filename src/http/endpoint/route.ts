/**
 * Declares an endpoint: its parameters, the topics it depends on and its handler. Parsing, blocking, caching, headers
 * and errors are the same for all of them and live here.
 */

import type * as v from 'valibot';
import type { Scope } from '../../access/scope.ts';
import type { SavedCommand } from '../../agent/contract/commands.ts';
import type { Topic, View } from '../../agent/contract/view.ts';
import { AgentError } from '../../base/errors.ts';
import { type OnDisconnect, parseBlockingParams } from './blocking.ts';
import { type BodyDecoder, type BodySchema, decodeBody } from './body.ts';
import { compileFilter, type FilterPredicate } from './filter/filter.ts';
import {
  durationParam,
  firstValue,
  parseQueryParams,
  type QueryParams,
  type QuerySpec,
  type QueryValues,
} from './query.ts';
import { dependsOnPool, isEmptyAnswer, notReadyError, restoredHeaders } from './readiness.ts';
import { indexHeaders } from './reply/headers.ts';
import { errorReply, HttpReply, jsonReply, type ReplyHeaders, StreamReply } from './reply/reply.ts';
import type { Schema } from './schema.ts';
import type { Site } from './site.ts';

/** A request, decoded as far as all routes need it. */
export interface HttpRequest {
  readonly params: Readonly<Record<string, string>>;
  readonly query: QueryParams;
  readonly site: Site;
  header(name: string): string | undefined;
  readonly onDisconnect: OnDisconnect;
  /** Throws `AgentError` above `MAX_BODY_BYTES`. */
  body(): Promise<Uint8Array>;
}

export type Method = 'GET' | 'PUT' | 'POST' | 'DELETE';

export interface Route {
  readonly method: Method | 'ANY';
  /** `:name` is one segment, `:name...` the rest of the path, slashes included, possibly empty. */
  readonly path: string;
  /** What a request must be allowed to do. */
  readonly scope: Scope;
  /** Legacy clients may write with GET here. Source: T13 (docs/consul.md). */
  readonly legacyGetWrite: boolean;
  readonly description: RouteDescription;
  /** The reply depends on nothing but the request target and the view. */
  readonly cacheable?: boolean;
  /** Returns a promise only if it has to wait. */
  handle(request: HttpRequest): HttpReply | Promise<HttpReply>;
}

/** The description of a route in `/v1/openapi.json`. */
export interface RouteDescription {
  /** One sentence, without its full stop. */
  readonly summary: string;
  /** Parameters of its own, beside those that all reads share. */
  readonly query: readonly string[];
  /** `state`: the reply has an index; `blocking`: a request can wait for the next one. */
  readonly reads?: 'state' | 'blocking';
  readonly filterable?: boolean;
  readonly requestSchema?: Schema;
  /** Absent: the reply is empty or plain text. */
  readonly responseSchema?: Schema;
  /** The reply is a stream of server-sent events: the schema of each event's data, by its name. */
  readonly eventSchemas?: Readonly<Record<string, Schema>>;
  /** The route is not supported and always refused with this status. */
  readonly refusedStatus?: number;
}

/** Names of the parameters in a path. */
export type PathParams<P extends string> = { readonly [K in ParamNames<P>]: string };
type ParamNames<P extends string> = P extends `${infer Head}/${infer Tail}`
  ? ParamName<Head> | ParamNames<Tail>
  : ParamName<P>;
type ParamName<S extends string> = S extends `:${infer N}...` ? N : S extends `:${infer N}` ? N : never;

/** The argument of a route's handler. */
export interface RouteContext<P extends string, Q extends QuerySpec> {
  readonly params: PathParams<P>;
  readonly query: QueryValues<Q>;
  readonly view: View;
  readonly site: Site;
  /** Whether an element matches `filter=`; always true on routes without a `filterSchema`. */
  readonly matches: FilterPredicate;
  header(name: string): string | undefined;
  readonly onDisconnect: OnDisconnect;
}

type NoQuery = Readonly<Record<never, never>>;
type Body = BodySchema | BodyDecoder<unknown> | undefined;
type BodyOf<B> = B extends BodySchema ? v.InferOutput<B> : B extends BodyDecoder<infer T> ? T : undefined;

export interface ReadSpec<P extends string, Q extends QuerySpec> {
  readonly method: 'GET';
  readonly scope: Scope;
  readonly path: P;
  /** One sentence, without its full stop. */
  readonly summary: string;
  readonly query?: Q;
  /** The elements that `filter=` selects from; absent: a filter is refused. The handler applies it. */
  readonly filterSchema?: Schema;
  /** Absent: the reply is plain text. */
  readonly responseSchema?: Schema;
  /** The reply is a stream of these server-sent events, by name. */
  readonly eventSchemas?: Readonly<Record<string, Schema>>;
  /**
   * The topics that the reply depends on: it has their index, and requests block on it. Absent: local state, no index.
   */
  watch?(context: RouteContext<P, Q>): readonly Topic[];
  /** `false`: the reply has an index, but requests cannot wait for it. */
  readonly blocking?: boolean;
  /** The reply says nothing about other members, so it is right from the first moment. */
  readonly ownOnly?: boolean;
  /** Whether a reply of this value tells that there is nothing; by default empty lists, maps and `null` do. */
  isEmpty?(value: unknown): boolean;
  /** The reply contains ages or the like, which change without the index: it is made anew for each request. */
  readonly uncacheable?: boolean;
  /** Returns JSON or an `HttpReply`; a promise only on routes without `watch`, since topics are about memory. */
  handler(context: RouteContext<P, Q>): unknown;
}

export interface WriteContext {
  /** Executes a command whose change is kept in the data directory. If it cannot be, the reply says so. */
  change(command: SavedCommand): Promise<void>;
  /** Adds a sentence to the reply, for what was done and is probably not meant. It quotes nothing of the request (S17). */
  warn(sentence: string): void;
}

export interface WriteSpec<P extends string, Q extends QuerySpec, B extends Body> {
  readonly method: 'PUT' | 'POST' | 'DELETE';
  readonly scope: Scope;
  readonly path: P;
  readonly summary: string;
  readonly query?: Q;
  readonly body?: B;
  readonly requestSchema?: Schema;
  /** Absent: the reply is empty. */
  readonly responseSchema?: Schema;
  readonly legacyGetWrite?: boolean;
  /** Returns JSON, an `HttpReply`, or nothing: 200 with an empty body. */
  handler(context: RouteContext<P, Q> & WriteContext & { readonly body: BodyOf<B> }): unknown;
}

export function route<const P extends string, const Q extends QuerySpec = NoQuery>(
  spec: ReadSpec<P, Q>,
): Route;
export function route<
  const P extends string,
  const Q extends QuerySpec = NoQuery,
  const B extends Body = undefined,
>(spec: WriteSpec<P, Q, B>): Route;
export function route(spec: ReadSpec<string, QuerySpec> | WriteSpec<string, QuerySpec, Body>): Route {
  return {
    method: spec.method,
    scope: spec.scope,
    path: spec.path,
    legacyGetWrite: spec.method !== 'GET' && spec.legacyGetWrite === true,
    description: describeRoute(spec),
    cacheable: spec.method === 'GET' && spec.watch !== undefined && spec.uncacheable !== true,
    handle: (request) => (spec.method === 'GET' ? handleRead(spec, request) : handleWrite(spec, request)),
  };
}

function describeRoute(
  spec: ReadSpec<string, QuerySpec> | WriteSpec<string, QuerySpec, Body>,
): RouteDescription {
  const common = {
    summary: spec.summary,
    query: Object.keys(spec.query ?? {}),
    ...(spec.responseSchema === undefined ? {} : { responseSchema: spec.responseSchema }),
  };
  if (spec.method !== 'GET')
    return { ...common, ...(spec.requestSchema === undefined ? {} : { requestSchema: spec.requestSchema }) };
  const reads = spec.blocking === false ? 'state' : 'blocking';
  return {
    ...common,
    filterable: spec.filterSchema !== undefined,
    ...(spec.eventSchemas === undefined ? {} : { eventSchemas: spec.eventSchemas }),
    ...(spec.watch === undefined ? {} : { reads }),
  };
}

function handleRead(spec: ReadSpec<string, QuerySpec>, request: HttpRequest): HttpReply | Promise<HttpReply> {
  rejectForeignScope(request);
  const context = createContext(spec, request);
  if (spec.watch === undefined) {
    const value = spec.handler(context);
    return value instanceof Promise
      ? value.then((result) => toReply(result, request))
      : toReply(value, request);
  }
  rejectForeignDatacenter(request);
  const topics = spec.watch(context);
  const blocking = spec.blocking === false ? undefined : parseBlockingParams(request.query);
  if (blocking === undefined || blocking.index === 0) return cachedReply(spec, context, request, topics);
  // The topics are computed again after the wait: they may themselves have changed.
  const current = (): readonly Topic[] => spec.watch?.(context) ?? topics;
  const isAnswerable = (): boolean => {
    if (context.view.readiness().ready) return true;
    return cachedReply(spec, context, request, current()).status < 500;
  };
  return request.site.blockingQueries
    .waitForIndex(topics, blocking, request.onDisconnect, isAnswerable)
    .then(() => cachedReply(spec, context, request, current()));
}

function cachedReply(
  spec: ReadSpec<string, QuerySpec>,
  context: RouteContext<string, QuerySpec>,
  request: HttpRequest,
  topics: readonly Topic[],
): HttpReply {
  // The index is read before the reply is made: should they ever differ, the client is woken once too often, never too
  // late.
  const index = context.view.indexOf(topics);
  const key = replyCacheKey(spec, request);
  const { replyCache } = request.site;
  const cached = spec.uncacheable === true ? undefined : replyCache.get(key, index);
  if (cached !== undefined) return cached;
  const headers = {
    ...indexHeaders(index, request.query.has('cached')),
    ...restoredHeaders(topics, request.site),
  };
  try {
    const reply = toReply(answerRead(spec, context, topics, headers), request, headers);
    if (spec.uncacheable !== true) replyCache.store(key, index, reply);
    return reply;
  } catch (error) {
    const reply = errorReply(error, headers);
    if (reply === undefined) throw error;
    return reply;
  }
}

/** What the handler returns. Throws while the agent is not ready and this would be a guess. */
function answerRead(
  spec: ReadSpec<string, QuerySpec>,
  context: RouteContext<string, QuerySpec>,
  topics: readonly Topic[],
  headers: ReplyHeaders,
): unknown {
  const readiness = context.view.readiness();
  if (readiness.ready || spec.ownOnly === true || !dependsOnPool(topics)) return spec.handler(context);
  const refusal = notReadyError(spec.path, readiness.reason, headers);
  if (!readiness.remembers) throw refusal;
  const value = spec.handler(context);
  // An empty answer would be a guess: a member may know more than was restored.
  if ((spec.isEmpty ?? isEmptyAnswer)(value)) throw refusal;
  return value;
}

/** Everything in a request that its reply depends on, beside the index. */
function replyCacheKey({ path, query = {} }: ReadSpec<string, QuerySpec>, request: HttpRequest): string {
  const values = [...Object.keys(query), 'filter'].map((name) => request.query.get(name) ?? null);
  const { params } = request;
  return JSON.stringify([path, params, values, request.query.has('pretty'), request.query.has('cached')]);
}

async function handleWrite(
  spec: WriteSpec<string, QuerySpec, Body>,
  request: HttpRequest,
): Promise<HttpReply> {
  rejectForeignScope(request);
  const context = createContext(spec, request);
  const body = spec.body === undefined ? undefined : decode(await request.body(), spec.body);
  const headers: Record<string, string> = {};
  const change = async (command: SavedCommand): Promise<void> => {
    const failure = await request.site.agent.execute(command);
    if (failure !== undefined) headers['X-Hearsay-Unsaved'] = failure.unsaved;
  };
  const warn = (sentence: string): void => {
    const before = headers['X-Hearsay-Warning'];
    const all = `${before === undefined ? '' : `${before}; `}${sentence.replace(/[^\x20-\x7e]/g, '?')}`;
    headers['X-Hearsay-Warning'] = all.slice(0, MAX_WARNING_CHARS);
  };
  return toReply(await spec.handler({ ...context, body, change, warn }), request, headers);
}

/** Proxies refuse long headers. */
const MAX_WARNING_CHARS = 1024;

const decode = (bytes: Uint8Array, body: BodySchema | BodyDecoder<unknown>): unknown =>
  typeof body === 'function' ? body(bytes) : decodeBody(bytes, body);

function createContext(
  spec: { readonly query?: QuerySpec; readonly filterSchema?: Schema },
  { params, query, site, header, onDisconnect }: HttpRequest,
): RouteContext<string, QuerySpec> {
  return {
    params,
    query: parseQueryParams(spec.query ?? {}, query),
    view: site.agent.view,
    site,
    matches: parseFilterParam(spec.filterSchema, query),
    header,
    onDisconnect,
  };
}

/** An empty value is no filter; blanks are an invalid one. Source: Consul HTTP API, "Filtering". */
function parseFilterParam(root: Schema | undefined, query: QueryParams): FilterPredicate {
  const [source = '', ...more] = query.get('filter') ?? [];
  if (more.length > 0) throw new AgentError('badRequest', 'Give one filter: join several with "and"');
  if (source === '') return () => true;
  if (root !== undefined) return compileFilter(source, root);
  throw new AgentError('badRequest', 'This endpoint has no filter: send the request without it');
}

function toReply(value: unknown, { query }: HttpRequest, headers: ReplyHeaders = {}): HttpReply {
  if (value === undefined) return new HttpReply(200, '', headers);
  if (value instanceof StreamReply) return new StreamReply(value.stream, { ...headers, ...value.headers });
  if (value instanceof HttpReply)
    return new HttpReply(value.status, value.body, { ...headers, ...value.headers });
  return jsonReply(value, query.has('pretty'), headers);
}

/**
 * Rejects other datacenters, and contradicting consistency modes.
 *
 * Source: Consul HTTP API, "Consistency Modes".
 */
function rejectForeignDatacenter({ query, site }: HttpRequest): void {
  const datacenter = firstValue(query, 'datacenter') || firstValue(query, 'dc');
  if (datacenter !== '' && datacenter.toLowerCase() !== site.info.datacenter.toLowerCase())
    throw new AgentError('failed', 'No path to datacenter');
  for (const mode of ['stale', 'cached'])
    if (query.has('consistent') && query.has(mode))
      throw new AgentError('badRequest', `Cannot specify ${mode} with consistent, conflicting semantics.`);
  durationParam(query.get('max_stale') ?? [], 'max_stale');
}

/** Rejects other namespaces and partitions, in reads and writes: there is only the default one of each. */
function rejectForeignScope({ query, header }: HttpRequest): void {
  for (const name of ['ns', 'namespace', 'partition', 'ap'])
    requireDefaultScope(firstValue(query, name), `Invalid query parameter: "${name}"`);
  for (const name of ['X-Consul-Namespace', 'X-Consul-Partition'])
    requireDefaultScope(header(name.toLowerCase()) ?? '', `Invalid header: "${name}"`);
}

function requireDefaultScope(value: string, what: string): void {
  if (value !== '' && value.toLowerCase() !== 'default')
    throw new AgentError('badRequest', `${what} is not supported, there is only the default one`);
}
