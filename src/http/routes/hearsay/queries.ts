/**
 * `/v1/hearsay`: queries and their answers, the gossip keys of all members, distances. A query and a change of keys
 * take seconds: they are started, and then looked at with blocking reads until they are over.
 */
import * as v from 'valibot';
import type { KeyOperation, KeyOperationReport } from '../../../agent/contract/commands.ts';
import { copyBytes, decodeUtf8 as textOf } from '../../../base/bytes.ts';
import { AgentError } from '../../../base/errors.ts';
import { distance } from '../../../serf/coordinates.ts';
import type { QueryReport } from '../../../serf/types.ts';
import { parseKey } from '../../../wire/crypt.ts';
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
import { requireValue } from '../../pool/selectors.ts';

/** `k=v` pairs: each an expression for a tag. */
const tagExpressionsParam: ParamParser<ReadonlyMap<string, string>> = (values) =>
  new Map(
    values.map((value) => {
      const at = value.indexOf('=');
      if (at < 1) throw new AgentError('badRequest', 'Invalid tag: write NAME=EXPRESSION');
      return [value.slice(0, at), value.slice(at + 1)];
    }),
  );

/** `PUT /v1/hearsay/query/:name`: asks all members; the body is the payload. What comes of it is at `answers`. */
export const hearsayQueryStart = route({
  method: 'PUT',
  path: '/v1/hearsay/query/:name...',
  summary: 'Ask all members; the body is the payload',
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

/** `GET /v1/hearsay/answers/:id`: a query of this agent, as far as it has come. Blocks on `index`. */
export const hearsayQueryAnswers = route({
  method: 'GET',
  path: '/v1/hearsay/answers/:id',
  summary: 'What came of a query of this agent',
  watch: ({ params: { id } }) => [`query:${parseId(id)}`],
  handler: ({ params: { id }, view }) => {
    const question = view.queryReport(parseId(id));
    if (question === undefined)
      throw new AgentError('notFound', `no query ${id}: it was over a minute ago, or never was`);
    return toQueryJson(question);
  },
});

/** `GET /v1/hearsay/queries`: of others, which wait for an answer of a program here. Blocks on `index`. */
export const hearsayPendingQueries = route({
  method: 'GET',
  path: '/v1/hearsay/queries',
  summary: 'Queries of others that wait for an answer here',
  watch: () => ['queries'],
  uncacheable: true,
  handler: ({ view, site }) =>
    view.pendingQueries().map(({ id, name, payload, from, deadline }) => ({
      ...{ id, name, from, ...toPayloadJson(payload) },
      remainingMs: Math.max(0, Math.round(deadline - site.monotonicClock())),
    })),
});

/** `PUT /v1/hearsay/queries/:id`: answers one of them, once; the body is the answer. */
export const hearsayQueryRespond = route({
  method: 'PUT',
  path: '/v1/hearsay/queries/:id',
  summary: 'Answer one of them; the body is the answer',
  body: (bytes: Uint8Array) => copyBytes(bytes),
  handler: async ({ params: { id }, body, site }) => {
    await site.agent.execute({ kind: 'respond', id: parseId(id), payload: body });
  },
});

/** `PUT /v1/hearsay/keys/:operation`: `list`, `install`, `use` or `remove` at all members; the key is in the body. */
export const hearsayKeysOperate = route({
  method: 'PUT',
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
        key: body.key === undefined ? undefined : parseGossipKey(body.key),
        force,
        timeout: timeout === undefined ? undefined : validateQueryTimeout(timeout),
      }),
    );
  },
});

/** `GET /v1/hearsay/key-reports/:id`: such an operation as far as it has come. Blocks on `index`. */
export const hearsayKeyReport = route({
  method: 'GET',
  path: '/v1/hearsay/key-reports/:id',
  summary: 'What came of such an operation',
  watch: ({ params: { id } }) => [`keys:${parseId(id)}`],
  handler: ({ params: { id }, view }) => {
    const report = view.keyOperationReport(parseId(id));
    if (report === undefined) throw new AgentError('notFound', `no operation ${id} on keys is known here`);
    return toKeyReportJson(report);
  },
});

/** `GET /v1/hearsay/rtt`: the estimated round trip between `a` and `b`, which is this agent unless it is given. */
export const hearsayRtt = route({
  method: 'GET',
  path: '/v1/hearsay/rtt',
  summary: 'The estimated round trip between two members',
  query: { a: textParam, b: textParam },
  handler: ({ query, view, site }) => {
    const a = requireCoordinate(site, requireValue(query.a, 'a'));
    const b = requireCoordinate(site, query.b === '' ? view.node : query.b);
    return { a: a.name, b: b.name, ms: Math.round(distance(a.at, b.at) * 1000) / 1000 };
  },
});

function requireCoordinate({ agent: { view } }: Site, asked: string) {
  const name = view.member(asked)?.name;
  if (name === undefined) throw new AgentError('notFound', `no member is called "${asked}"`);
  const at = view.coordinate(name);
  if (at === undefined)
    throw new AgentError(
      'notFound',
      `it is not known yet where "${name}" is: it has answered no probe of this agent`,
    );
  return { name, at };
}

const toQueryJson = ({ id, name, timeout, finished, expected, acks, responses }: QueryReport): unknown => ({
  ...{ id, name, timeoutMs: timeout, finished, expected, acks },
  responses: responses.map(({ from, payload }) => ({ from, ...toPayloadJson(payload) })),
});

/** As text, and exactly. */
const toPayloadJson = (payload: Uint8Array): { payload: string; base64: string } => ({
  payload: textOf(payload),
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

function parseKeyOperation(word: string): KeyOperation {
  if (!OPERATIONS.has(word))
    throw new AgentError('badRequest', `no operation is called "${word}": list, install, use or remove`);
  return word as KeyOperation;
}

/** Never quotes the key. */
function parseGossipKey(base64: string): Uint8Array {
  try {
    return parseKey(base64);
  } catch {
    throw new AgentError('badRequest', 'a key is base64 of 16, 24 or 32 bytes: `hearsay keygen` makes one');
  }
}

function validateQueryTimeout(timeout: number): number {
  if (timeout < 10 || timeout > 600_000)
    throw new AgentError('badRequest', 'the timeout must be 10ms to 10m');
  return timeout;
}

function parseId(id: string): number {
  if (!/^\d{1,10}$/.test(id)) throw new AgentError('badRequest', `"${id}" is no number`);
  return Number(id);
}
