/**
 * How an endpoint is declared: what it takes, what it watches, what it answers. Parsing, blocking, headers and
 * errors are done here, once. Which route a request belongs to is app.ts' business.
 */

import type * as v from 'valibot';
import type { Topic, View } from '../../agent/contract/view.ts';
import { AgentError } from '../../base/errors.ts';
import { blockOf, type Gone } from './blocking.ts';
import { type BodySchema, type Decoder, decodeBody } from './body.ts';
import { compileFilter, type Filter } from './filter/filter.ts';
import { duration, first, type Query, type QueryOf, type QuerySpec, readQuery } from './query.ts';
import { readHeaders } from './reply/headers.ts';
import { errorReply, json, Reply, StreamReply } from './reply/reply.ts';
import type { Schema } from './schema.ts';
import type { Site } from './site.ts';

/** One request, decoded as far as all routes need it. */
export interface Call {
  readonly params: Readonly<Record<string, string>>;
  readonly query: Query;
  readonly site: Site;
  header(name: string): string | undefined;
  /** Tells when the client went away. */
  readonly gone: Gone;
  /** Throws `AgentError` above `MAX_BODY_BYTES`. */
  body(): Promise<Uint8Array>;
}

export type Method = 'GET' | 'PUT' | 'POST' | 'DELETE';

export interface Route {
  readonly method: Method | 'ANY';
  /** `:name` is one segment, `:name...` the rest of the path, slashes included, possibly empty. */
  readonly path: string;
  /** Clients of old write with GET here. Source: T13. */
  readonly oldClients: boolean;
  readonly about: About;
  /** The answer depends on nothing but the target and what readers can see: the same as long as that is the same. */
  readonly lasting?: boolean;
  /** A promise only if it has to wait. */
  handle(call: Call): Reply | Promise<Reply>;
}

/** What `/v1/openapi.json` tells of a route. */
export interface About {
  /** One sentence, without its full stop. */
  readonly summary: string;
  /** Own parameters, beside those that all reads share. */
  readonly query: readonly string[];
  /** `state`: it carries an index; `blocking`: it can wait for the next one. */
  readonly reads?: 'state' | 'blocking';
  readonly filters?: boolean;
  readonly takes?: Schema;
  /** Absent: no body, or a plain text. */
  readonly shows?: Schema;
  /** Always refused, with this status. */
  readonly refused?: number;
}

/** Names of the parameters in a path. */
export type Params<P extends string> = { readonly [K in ParamNames<P>]: string };
type ParamNames<P extends string> = P extends `${infer Head}/${infer Tail}`
  ? ParamName<Head> | ParamNames<Tail>
  : ParamName<P>;
type ParamName<S extends string> = S extends `:${infer N}...` ? N : S extends `:${infer N}` ? N : never;

/** What a route's functions get. */
export interface Ask<P extends string, Q extends QuerySpec> {
  readonly params: Params<P>;
  readonly query: QueryOf<Q>;
  readonly view: View;
  readonly site: Site;
  /** Does `filter=` want this element? Always, unless the route `filters`. */
  readonly matches: Filter;
  header(name: string): string | undefined;
  readonly gone: Gone;
}

type NoQuery = Readonly<Record<never, never>>;
type Body = BodySchema | Decoder<unknown> | undefined;
type BodyOf<B> = B extends BodySchema ? v.InferOutput<B> : B extends Decoder<infer T> ? T : undefined;

export interface ReadSpec<P extends string, Q extends QuerySpec> {
  readonly method: 'GET';
  readonly path: P;
  /** One sentence, without its full stop. */
  readonly summary: string;
  readonly query?: Q;
  /** What `filter=` selects in; absent: a filter is refused. `answer` applies it. */
  readonly filters?: Schema;
  /** The shape of the answer; absent: it is a text. */
  readonly shows?: Schema;
  /** What the answer depends on: it carries their index, and blocks on it. Absent: local state, no index. */
  watch?(ask: Ask<P, Q>): readonly Topic[];
  /** `false`: the index is told, but nobody waits for it. */
  readonly blocks?: boolean;
  /** It tells ages or the like, which differ at one and the same index: made anew for everybody. */
  readonly fleeting?: boolean;
  /** JSON, or a whole `Reply`; a promise of it only where nothing is watched: what is watched is in memory. */
  answer(ask: Ask<P, Q>): unknown;
}

export interface WriteSpec<P extends string, Q extends QuerySpec, B extends Body> {
  readonly method: 'PUT' | 'POST' | 'DELETE';
  readonly path: P;
  readonly summary: string;
  readonly query?: Q;
  readonly body?: B;
  /** The shape of the body. */
  readonly takes?: Schema;
  /** The shape of the answer; absent: it is empty. */
  readonly shows?: Schema;
  readonly oldClients?: boolean;
  /** JSON, a whole `Reply`, or nothing: 200 with an empty body. */
  act(ask: Ask<P, Q> & { readonly body: BodyOf<B> }): unknown;
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
    oldClients: spec.method !== 'GET' && spec.oldClients === true,
    about: aboutOf(spec),
    lasting: spec.method === 'GET' && spec.watch !== undefined && spec.fleeting !== true,
    handle: (call) => (spec.method === 'GET' ? read(spec, call) : write(spec, call)),
  };
}

function aboutOf(spec: ReadSpec<string, QuerySpec> | WriteSpec<string, QuerySpec, Body>): About {
  const common = {
    summary: spec.summary,
    query: Object.keys(spec.query ?? {}),
    ...(spec.shows === undefined ? {} : { shows: spec.shows }),
  };
  if (spec.method !== 'GET') return { ...common, ...(spec.takes === undefined ? {} : { takes: spec.takes }) };
  const reads = spec.blocks === false ? 'state' : 'blocking';
  return { ...common, filters: spec.filters !== undefined, ...(spec.watch === undefined ? {} : { reads }) };
}

function read(spec: ReadSpec<string, QuerySpec>, call: Call): Reply | Promise<Reply> {
  const ask = askOf(spec, call);
  if (spec.watch === undefined) {
    const value = spec.answer(ask);
    return value instanceof Promise ? value.then((later) => finish(later, call)) : finish(value, call);
  }
  refuseForeign(call);
  const topics = spec.watch(ask);
  const block = spec.blocks === false ? undefined : blockOf(call.query);
  if (block === undefined || block.index === 0) return show(spec, ask, call, topics);
  // Asked again: what it depends on may itself have changed.
  const again = (): readonly Topic[] => spec.watch?.(ask) ?? topics;
  return call.site.watchers.until(topics, block, call.gone).then(() => show(spec, ask, call, again()));
}

function show(
  spec: ReadSpec<string, QuerySpec>,
  ask: Ask<string, QuerySpec>,
  call: Call,
  topics: readonly Topic[],
): Reply {
  // Read before the answer: should they ever differ, the client wakes once too often, never too late.
  const index = ask.view.indexOf(topics);
  const key = keyOf(spec, call);
  const kept = spec.fleeting === true ? undefined : call.site.answers.get(key, index);
  if (kept !== undefined) return kept;
  const headers = readHeaders(index, call.query.has('cached'));
  try {
    const reply = finish(spec.answer(ask), call, headers);
    if (spec.fleeting !== true) call.site.answers.keep(key, index, reply);
    return reply;
  } catch (error) {
    const reply = errorReply(error, headers);
    if (reply === undefined) throw error;
    return reply;
  }
}

/** Everything of a request that its answer depends on, beside the index. */
function keyOf({ path, query = {} }: ReadSpec<string, QuerySpec>, call: Call): string {
  const asked = [...Object.keys(query), 'filter'].map((name) => call.query.get(name) ?? null);
  return JSON.stringify([path, call.params, asked, call.query.has('pretty'), call.query.has('cached')]);
}

async function write(spec: WriteSpec<string, QuerySpec, Body>, call: Call): Promise<Reply> {
  const ask = askOf(spec, call);
  const body = spec.body === undefined ? undefined : decode(await call.body(), spec.body);
  return finish(await spec.act({ ...ask, body }), call);
}

const decode = (bytes: Uint8Array, body: BodySchema | Decoder<unknown>): unknown =>
  typeof body === 'function' ? body(bytes) : decodeBody(bytes, body);

function askOf(
  spec: { readonly query?: QuerySpec; readonly filters?: Schema },
  call: Call,
): Ask<string, QuerySpec> {
  const query = readQuery(spec.query ?? {}, call.query);
  const { params, site, header, gone } = call;
  return {
    params,
    query,
    view: site.door.view,
    site,
    matches: filterOf(spec.filters, call.query),
    header,
    gone,
  };
}

/** Empty is no filter, blanks are a wrong one. Source: http.md section 15. */
function filterOf(root: Schema | undefined, query: Query): Filter {
  const [source = '', ...more] = query.get('filter') ?? [];
  if (more.length > 0) throw new AgentError('badRequest', 'Give one filter: join several with "and"');
  if (source === '') return () => true;
  if (root !== undefined) return compileFilter(source, root);
  throw new AgentError('badRequest', 'This endpoint has no filter: ask without it and select');
}

function finish(value: unknown, call: Call, headers: Record<string, string> = {}): Reply {
  if (value === undefined) return new Reply(200, '', headers);
  if (value instanceof StreamReply) return value;
  if (value instanceof Reply) return new Reply(value.status, value.body, { ...headers, ...value.headers });
  return json(value, call.query.has('pretty'), headers);
}

/** Other datacenters, namespaces and contradicting modes of consistency. Source: http.md section 2. */
function refuseForeign({ query, site }: Call): void {
  const datacenter = first(query, 'datacenter') || first(query, 'dc');
  if (datacenter !== '' && datacenter.toLowerCase() !== site.info.datacenter.toLowerCase())
    throw new AgentError('failed', 'No path to datacenter');
  for (const mode of ['stale', 'cached'])
    if (query.has('consistent') && query.has(mode))
      throw new AgentError('badRequest', `Cannot specify ${mode} with consistent, conflicting semantics.`);
  duration(query.get('max_stale') ?? [], 'max_stale');
  for (const name of ['ns', 'namespace', 'partition', 'ap'])
    if (!['', 'default'].includes(first(query, name).toLowerCase()))
      throw new AgentError(
        'badRequest',
        `Invalid query parameter: "${name}" is not known here, there is only one`,
      );
}
