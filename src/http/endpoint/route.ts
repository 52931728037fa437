/**
 * How an endpoint is declared: what it takes, what it watches, what it answers. Parsing, blocking, headers and
 * errors are done here, once. Which route a request belongs to is app.ts' business.
 */

import type * as v from 'valibot';
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
import { indexHeaders } from './reply/headers.ts';
import { errorReply, HttpReply, jsonReply, StreamReply } from './reply/reply.ts';
import type { Schema } from './schema.ts';
import type { Site } from './site.ts';

/** One request, decoded as far as all routes need it. */
export interface HttpRequest {
  readonly params: Readonly<Record<string, string>>;
  readonly query: QueryParams;
  readonly site: Site;
  header(name: string): string | undefined;
  /** Tells when the client went away. */
  readonly onDisconnect: OnDisconnect;
  /** Throws `AgentError` above `MAX_BODY_BYTES`. */
  body(): Promise<Uint8Array>;
}

export type Method = 'GET' | 'PUT' | 'POST' | 'DELETE';

export interface Route {
  readonly method: Method | 'ANY';
  /** `:name` is one segment, `:name...` the rest of the path, slashes included, possibly empty. */
  readonly path: string;
  /** Clients of old write with GET here. Source: T13. */
  readonly legacyGetWrite: boolean;
  readonly description: RouteDescription;
  /** The answer depends on nothing but the target and what readers can see: the same as long as that is the same. */
  readonly cacheable?: boolean;
  /** A promise only if it has to wait. */
  handle(call: HttpRequest): HttpReply | Promise<HttpReply>;
}

/** What `/v1/openapi.json` tells of a route. */
export interface RouteDescription {
  /** One sentence, without its full stop. */
  readonly summary: string;
  /** Own parameters, beside those that all reads share. */
  readonly query: readonly string[];
  /** `state`: it carries an index; `blocking`: it can wait for the next one. */
  readonly reads?: 'state' | 'blocking';
  readonly filterable?: boolean;
  readonly requestSchema?: Schema;
  /** Absent: no body, or a plain text. */
  readonly responseSchema?: Schema;
  /** Always refused, with this status. */
  readonly refusedStatus?: number;
}

/** Names of the parameters in a path. */
export type PathParams<P extends string> = { readonly [K in ParamNames<P>]: string };
type ParamNames<P extends string> = P extends `${infer Head}/${infer Tail}`
  ? ParamName<Head> | ParamNames<Tail>
  : ParamName<P>;
type ParamName<S extends string> = S extends `:${infer N}...` ? N : S extends `:${infer N}` ? N : never;

/** What a route's functions get. */
export interface RouteContext<P extends string, Q extends QuerySpec> {
  readonly params: PathParams<P>;
  readonly query: QueryValues<Q>;
  readonly view: View;
  readonly site: Site;
  /** Does `filter=` want this element? Always, unless the route `filters`. */
  readonly matches: FilterPredicate;
  header(name: string): string | undefined;
  readonly onDisconnect: OnDisconnect;
}

type NoQuery = Readonly<Record<never, never>>;
type Body = BodySchema | BodyDecoder<unknown> | undefined;
type BodyOf<B> = B extends BodySchema ? v.InferOutput<B> : B extends BodyDecoder<infer T> ? T : undefined;

export interface ReadSpec<P extends string, Q extends QuerySpec> {
  readonly method: 'GET';
  readonly path: P;
  /** One sentence, without its full stop. */
  readonly summary: string;
  readonly query?: Q;
  /** What `filter=` selects in; absent: a filter is refused. `answer` applies it. */
  readonly filterSchema?: Schema;
  /** The shape of the answer; absent: it is a text. */
  readonly responseSchema?: Schema;
  /** What the answer depends on: it carries their index, and blocks on it. Absent: local state, no index. */
  watch?(ask: RouteContext<P, Q>): readonly Topic[];
  /** `false`: the index is told, but nobody waits for it. */
  readonly blocking?: boolean;
  /** It tells ages or the like, which differ at one and the same index: made anew for everybody. */
  readonly uncacheable?: boolean;
  /** JSON, or a whole `Reply`; a promise of it only where nothing is watched: what is watched is in memory. */
  handler(ask: RouteContext<P, Q>): unknown;
}

export interface WriteSpec<P extends string, Q extends QuerySpec, B extends Body> {
  readonly method: 'PUT' | 'POST' | 'DELETE';
  readonly path: P;
  readonly summary: string;
  readonly query?: Q;
  readonly body?: B;
  /** The shape of the body. */
  readonly requestSchema?: Schema;
  /** The shape of the answer; absent: it is empty. */
  readonly responseSchema?: Schema;
  readonly legacyGetWrite?: boolean;
  /** JSON, a whole `Reply`, or nothing: 200 with an empty body. */
  handler(ask: RouteContext<P, Q> & { readonly body: BodyOf<B> }): unknown;
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
    path: spec.path,
    legacyGetWrite: spec.method !== 'GET' && spec.legacyGetWrite === true,
    description: describeRoute(spec),
    cacheable: spec.method === 'GET' && spec.watch !== undefined && spec.uncacheable !== true,
    handle: (call) => (spec.method === 'GET' ? handleRead(spec, call) : handleWrite(spec, call)),
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
    ...(spec.watch === undefined ? {} : { reads }),
  };
}

function handleRead(spec: ReadSpec<string, QuerySpec>, call: HttpRequest): HttpReply | Promise<HttpReply> {
  const ask = createContext(spec, call);
  if (spec.watch === undefined) {
    const value = spec.handler(ask);
    return value instanceof Promise ? value.then((later) => toReply(later, call)) : toReply(value, call);
  }
  rejectForeignScope(call);
  const topics = spec.watch(ask);
  const block = spec.blocking === false ? undefined : parseBlockingParams(call.query);
  if (block === undefined || block.index === 0) return cachedReply(spec, ask, call, topics);
  // Asked again: what it depends on may itself have changed.
  const again = (): readonly Topic[] => spec.watch?.(ask) ?? topics;
  return call.site.blockingQueries
    .waitForIndex(topics, block, call.onDisconnect)
    .then(() => cachedReply(spec, ask, call, again()));
}

function cachedReply(
  spec: ReadSpec<string, QuerySpec>,
  ask: RouteContext<string, QuerySpec>,
  call: HttpRequest,
  topics: readonly Topic[],
): HttpReply {
  // Read before the answer: should they ever differ, the client wakes once too often, never too late.
  const index = ask.view.indexOf(topics);
  const key = replyCacheKey(spec, call);
  const kept = spec.uncacheable === true ? undefined : call.site.replyCache.get(key, index);
  if (kept !== undefined) return kept;
  const headers = indexHeaders(index, call.query.has('cached'));
  try {
    const reply = toReply(spec.handler(ask), call, headers);
    if (spec.uncacheable !== true) call.site.replyCache.store(key, index, reply);
    return reply;
  } catch (error) {
    const reply = errorReply(error, headers);
    if (reply === undefined) throw error;
    return reply;
  }
}

/** Everything of a request that its answer depends on, beside the index. */
function replyCacheKey({ path, query = {} }: ReadSpec<string, QuerySpec>, call: HttpRequest): string {
  const asked = [...Object.keys(query), 'filter'].map((name) => call.query.get(name) ?? null);
  return JSON.stringify([path, call.params, asked, call.query.has('pretty'), call.query.has('cached')]);
}

async function handleWrite(spec: WriteSpec<string, QuerySpec, Body>, call: HttpRequest): Promise<HttpReply> {
  const ask = createContext(spec, call);
  const body = spec.body === undefined ? undefined : decode(await call.body(), spec.body);
  return toReply(await spec.handler({ ...ask, body }), call);
}

const decode = (bytes: Uint8Array, body: BodySchema | BodyDecoder<unknown>): unknown =>
  typeof body === 'function' ? body(bytes) : decodeBody(bytes, body);

function createContext(
  spec: { readonly query?: QuerySpec; readonly filterSchema?: Schema },
  call: HttpRequest,
): RouteContext<string, QuerySpec> {
  const query = parseQueryParams(spec.query ?? {}, call.query);
  const { params, site, header, onDisconnect: gone } = call;
  return {
    params,
    query,
    view: site.agent.view,
    site,
    matches: parseFilterParam(spec.filterSchema, call.query),
    header,
    onDisconnect: gone,
  };
}

/** Empty is no filter, blanks are a wrong one. Source: Consul HTTP API, "Filtering". */
function parseFilterParam(root: Schema | undefined, query: QueryParams): FilterPredicate {
  const [source = '', ...more] = query.get('filter') ?? [];
  if (more.length > 0) throw new AgentError('badRequest', 'Give one filter: join several with "and"');
  if (source === '') return () => true;
  if (root !== undefined) return compileFilter(source, root);
  throw new AgentError('badRequest', 'This endpoint has no filter: ask without it and select');
}

function toReply(value: unknown, call: HttpRequest, headers: Record<string, string> = {}): HttpReply {
  if (value === undefined) return new HttpReply(200, '', headers);
  if (value instanceof StreamReply) return value;
  if (value instanceof HttpReply)
    return new HttpReply(value.status, value.body, { ...headers, ...value.headers });
  return jsonReply(value, call.query.has('pretty'), headers);
}

/** Other datacenters, namespaces and contradicting modes of consistency. Source: Consul HTTP API, "Consistency Modes". */
function rejectForeignScope({ query, site }: HttpRequest): void {
  const datacenter = firstValue(query, 'datacenter') || firstValue(query, 'dc');
  if (datacenter !== '' && datacenter.toLowerCase() !== site.info.datacenter.toLowerCase())
    throw new AgentError('failed', 'No path to datacenter');
  for (const mode of ['stale', 'cached'])
    if (query.has('consistent') && query.has(mode))
      throw new AgentError('badRequest', `Cannot specify ${mode} with consistent, conflicting semantics.`);
  durationParam(query.get('max_stale') ?? [], 'max_stale');
  for (const name of ['ns', 'namespace', 'partition', 'ap'])
    if (!['', 'default'].includes(firstValue(query, name).toLowerCase()))
      throw new AgentError(
        'badRequest',
        `Invalid query parameter: "${name}" is not known here, there is only one`,
      );
}
