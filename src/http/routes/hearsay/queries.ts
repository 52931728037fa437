/**
 * `/v1/hearsay`: queries and their responses, gossip keys, round trips. A query and a key operation take seconds: one
 * request starts them, and blocking reads follow them until they are finished.
 */
import * as v from 'valibot';
import type { KeyOperation, KeyOperationReport } from '../../../agent/contract/commands.ts';
import { copyBytes, decodeUtf8 } from '../../../base/bytes.ts';
import { AgentError } from '../../../base/errors.ts';
import { distance } from '../../../serf/coordinates.ts';
import type { QueryReport } from '../../../serf/types.ts';
import { objectFromMap } from '../../consul/nodes.ts';
import {
  durationParam,
  flagParam,
  listParam,
  type ParamParser,
  textParam,
  uintParam,
} from '../../endpoint/query.ts';
import { route } from '../../endpoint/route.ts';
import type { Site } from '../../endpoint/site.ts';
import { findGossipKey } from '../../hearsay/gossip-keys.ts';
import { requireValue } from '../../pool/selectors.ts';

/** `NAME=EXPRESSION` pairs: a regular expression per tag. */
const tagExpressionsParam: ParamParser<ReadonlyMap<string, string>> = (values) =>
  new Map(
    values.map((value) => {
      const at = value.indexOf('=');
      if (at < 1) throw new AgentError('badRequest', 'Invalid tag: write NAME=EXPRESSION');
      return [value.slice(0, at), value.slice(at + 1)];
    }),
  );

/**
 * `PUT /v1/hearsay/query/:name`: sends a query to all members; the body is the payload. `answers` shows the responses.
 */
export const hearsayQueryStart = route({
  method: 'PUT',
  scope: 'register',
  path: '/v1/hearsay/query/:name...',
  summary: 'Send a query to all members; the body is the payload',
  query: {
    node: listParam,
    tag: tagExpressionsParam,
    timeout: durationParam,
    'no-ack': flagParam,
    'relay-factor': uintParam,
  },
  body: (bytes: Uint8Array) => copyBytes(bytes),
  handler: async ({ params, query, body, site }) => {
    const name = requireValue(params.name, 'name');
    const { node: nodes, tag: tags, timeout } = query;
    const definition = {
      ...{ name, payload: body, nodes, tags, ack: !query['no-ack'], relayFactor: query['relay-factor'] },
      ...(timeout === undefined ? {} : { timeout: validateQueryTimeout(timeout) }),
    };
    return toQueryJson(await site.agent.execute({ kind: 'query', query: definition }));
  },
});

/** `GET /v1/hearsay/answers/:id`: a query of this agent with its acks and responses so far. */
export const hearsayQueryAnswers = route({
  method: 'GET',
  scope: 'read',
  path: '/v1/hearsay/answers/:id',
  summary: 'A query of this agent with its acks and responses so far',
  watch: ({ params: { id } }) => [`query:${parseId(id)}`],
  handler: ({ params: { id }, view }) => {
    const report = view.queryReport(parseId(id));
    if (report === undefined)
      throw new AgentError(
        'notFound',
        `no query ${id} is known here: it finished more than a minute ago, or never existed`,
      );
    return toQueryJson(report);
  },
});

/** `GET /v1/hearsay/queries`: queries of other members that wait for a response of a program on this host. */
export const hearsayPendingQueries = route({
  method: 'GET',
  scope: 'read',
  path: '/v1/hearsay/queries',
  summary: 'Queries of other members that wait for a response here',
  watch: () => ['queries'],
  uncacheable: true,
  handler: ({ view, site }) =>
    view.pendingQueries().map(({ id, name, payload, from, deadline }) => ({
      ...{ id, name, from, ...toPayloadJson(payload) },
      remainingMs: Math.max(0, Math.round(deadline - site.monotonicClock())),
    })),
});

/** `PUT /v1/hearsay/queries/:id`: responds to one of them, once; the body is the response. */
export const hearsayQueryRespond = route({
  method: 'PUT',
  scope: 'register',
  path: '/v1/hearsay/queries/:id',
  summary: 'Respond to a query of another member; the body is the response',
  body: (bytes: Uint8Array) => copyBytes(bytes),
  handler: async ({ params: { id }, body, site }) => {
    await site.agent.execute({ kind: 'respond', id: parseId(id), payload: body });
  },
});

/** `PUT /v1/hearsay/keys/:operation`: `list`, `install`, `use` or `remove` a key at all members; it is in the body. */
export const hearsayKeysOperate = route({
  method: 'PUT',
  scope: 'operator',
  path: '/v1/hearsay/keys/:operation',
  summary: 'List, install, use or remove a gossip key at all members',
  query: { force: flagParam, timeout: durationParam },
  body: v.object({ key: v.optional(v.string()) }),
  handler: async ({ params, query: { force, timeout }, body, site }) => {
    const operation = parseKeyOperation(params.operation);
    return toKeyReportJson(
      await site.agent.execute({
        kind: 'keys',
        operation,
        key: body.key === undefined ? undefined : findGossipKey(body.key, site),
        force,
        timeout: timeout === undefined ? undefined : validateQueryTimeout(timeout),
      }),
    );
  },
});

/** `GET /v1/hearsay/key-reports/:id`: the state of such an operation. */
export const hearsayKeyReport = route({
  method: 'GET',
  scope: 'read',
  path: '/v1/hearsay/key-reports/:id',
  summary: 'The state of an operation on gossip keys',
  watch: ({ params: { id } }) => [`keys:${parseId(id)}`],
  handler: ({ params: { id }, view }) => {
    const report = view.keyOperationReport(parseId(id));
    if (report === undefined) throw new AgentError('notFound', `no key operation ${id} is known here`);
    return toKeyReportJson(report);
  },
});

/** `GET /v1/hearsay/rtt`: the estimated round trip between `a` and `b`, which is this agent by default. */
export const hearsayRtt = route({
  method: 'GET',
  scope: 'read',
  path: '/v1/hearsay/rtt',
  summary: 'The estimated round trip between two members',
  query: { a: textParam, b: textParam },
  handler: ({ query, view, site }) => {
    const a = requireCoordinate(site, requireValue(query.a, 'a'));
    const b = requireCoordinate(site, query.b === '' ? view.node : query.b);
    return { a: a.name, b: b.name, ms: Math.round(distance(a.at, b.at) * 1000) / 1000 };
  },
});

function requireCoordinate({ agent: { view } }: Site, node: string) {
  const name = view.member(node)?.name;
  if (name === undefined)
    throw new AgentError('notFound', `no member is named "${node}": run \`hearsay members\` to list them`);
  const at = view.coordinate(name);
  if (at === undefined)
    throw new AgentError(
      'notFound',
      `"${name}" has no coordinate yet: it has answered no probe of this agent`,
    );
  return { name, at };
}

const toQueryJson = ({ id, name, timeout, finished, expected, acks, responses }: QueryReport): unknown => ({
  ...{ id, name, timeoutMs: timeout, finished, expected, acks },
  responses: responses.map(({ from, payload }) => ({ from, ...toPayloadJson(payload) })),
});

/** The payload as text, and exactly as base64. */
const toPayloadJson = (payload: Uint8Array): { payload: string; base64: string } => ({
  payload: decodeUtf8(payload),
  base64: Buffer.from(payload).toString('base64'),
});

const toKeyReportJson = ({
  errors,
  messages,
  keys,
  primaries,
  refusal,
  ...report
}: KeyOperationReport): unknown => ({
  ...report,
  errors: objectFromMap(errors),
  messages: objectFromMap(messages),
  keys: objectFromMap(keys),
  primaries: objectFromMap(primaries),
  refusal: refusal ?? null,
});

const OPERATIONS: ReadonlySet<string> = new Set(['list', 'install', 'use', 'remove']);

function parseKeyOperation(name: string): KeyOperation {
  if (!OPERATIONS.has(name))
    throw new AgentError('badRequest', `no operation is named "${name}": use list, install, use or remove`);
  return name as KeyOperation;
}

function validateQueryTimeout(timeout: number): number {
  if (timeout < 10 || timeout > 600_000)
    throw new AgentError('badRequest', 'the timeout must be 10ms to 10m');
  return timeout;
}

function parseId(id: string): number {
  if (!/^\d{1,10}$/.test(id)) throw new AgentError('badRequest', `"${id}" is not a number`);
  return Number(id);
}
