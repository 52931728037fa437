/**
 * `/v1/hearsay`: queries and their answers, the gossip keys of all members, distances. A query and a change of keys
 * take seconds: they are started, and then looked at with blocking reads until they are over.
 */
import * as v from 'valibot';
import type { KeyOperation, KeyReport } from '../../../agent/contract/commands.ts';
import { copyOf, text as textOf } from '../../../base/bytes.ts';
import { AgentError } from '../../../base/errors.ts';
import { distance } from '../../../serf/coordinates.ts';
import type { AskedQuestion } from '../../../serf/types.ts';
import { parseKey } from '../../../wire/crypt.ts';
import { objectOf } from '../../consul/nodes.ts';
import { duration, flag, list, type Param, text, uint } from '../../endpoint/query.ts';
import { route } from '../../endpoint/route.ts';
import type { Site } from '../../endpoint/site.ts';
import { required } from '../../pool/selectors.ts';

/** `k=v` pairs: each an expression for a tag. */
const expressions: Param<ReadonlyMap<string, string>> = (values) =>
  new Map(
    values.map((value) => {
      const at = value.indexOf('=');
      if (at < 1) throw new AgentError('badRequest', 'Invalid tag: write NAME=EXPRESSION');
      return [value.slice(0, at), value.slice(at + 1)];
    }),
  );

/** `PUT /v1/hearsay/query/:name`: asks all members; the body is the payload. What comes of it is at `answers`. */
export const queryAsk = route({
  method: 'PUT',
  path: '/v1/hearsay/query/:name...',
  summary: 'Ask all members; the body is the payload',
  query: { node: list, tag: expressions, timeout: duration, 'no-ack': flag, 'relay-factor': uint },
  body: (bytes: Uint8Array) => copyOf(bytes),
  act: async ({ params, query, body, site }) => {
    const name = required(params.name, 'name');
    const { node: nodes, tag: tags, timeout } = query;
    const question = {
      ...{ name, payload: body, nodes, tags, ack: !query['no-ack'], relayFactor: query['relay-factor'] },
      ...(timeout === undefined ? {} : { timeout: within(timeout) }),
    };
    return shapeOf(await site.door.ask({ kind: 'query', question }));
  },
});

/** `GET /v1/hearsay/answers/:id`: a query of this agent, as far as it has come. Blocks on `index`. */
export const queryAnswers = route({
  method: 'GET',
  path: '/v1/hearsay/answers/:id',
  summary: 'What came of a query of this agent',
  watch: ({ params: { id } }) => [`question:${numberOf(id)}`],
  answer: ({ params: { id }, view }) => {
    const question = view.question(numberOf(id));
    if (question === undefined)
      throw new AgentError('notFound', `no query ${id}: it was over a minute ago, or never was`);
    return shapeOf(question);
  },
});

/** `GET /v1/hearsay/queries`: of others, which wait for an answer of a program here. Blocks on `index`. */
export const queriesWaiting = route({
  method: 'GET',
  path: '/v1/hearsay/queries',
  summary: 'Queries of others that wait for an answer here',
  watch: () => ['queries'],
  fleeting: true,
  answer: ({ view, site }) =>
    view.waitingQueries().map(({ id, name, payload, from, deadline }) => ({
      ...{ id, name, from, ...payloadShape(payload) },
      leftMs: Math.max(0, Math.round(deadline - site.clock())),
    })),
});

/** `PUT /v1/hearsay/queries/:id`: answers one of them, once; the body is the answer. */
export const queryRespond = route({
  method: 'PUT',
  path: '/v1/hearsay/queries/:id',
  summary: 'Answer one of them; the body is the answer',
  body: (bytes: Uint8Array) => copyOf(bytes),
  act: async ({ params: { id }, body, site }) => {
    await site.door.ask({ kind: 'respond', id: numberOf(id), payload: body });
  },
});

/** `PUT /v1/hearsay/keys/:operation`: `list`, `install`, `use` or `remove` at all members; the key is in the body. */
export const keysOperate = route({
  method: 'PUT',
  path: '/v1/hearsay/keys/:operation',
  summary: 'List, install, use or remove a gossip key at all members',
  query: { force: flag, timeout: duration },
  body: v.object({ key: v.optional(v.string()) }),
  act: async ({ params, query: { force, timeout }, body, site }) => {
    const operation = operationOf(params.operation);
    return reportOf(
      await site.door.ask({
        kind: 'keys',
        operation,
        key: body.key === undefined ? undefined : keyOf(body.key),
        force,
        timeout: timeout === undefined ? undefined : within(timeout),
      }),
    );
  },
});

/** `GET /v1/hearsay/key-reports/:id`: such an operation as far as it has come. Blocks on `index`. */
export const keysReport = route({
  method: 'GET',
  path: '/v1/hearsay/key-reports/:id',
  summary: 'What came of such an operation',
  watch: ({ params: { id } }) => [`keys:${numberOf(id)}`],
  answer: ({ params: { id }, view }) => {
    const report = view.keyReport(numberOf(id));
    if (report === undefined) throw new AgentError('notFound', `no operation ${id} on keys is known here`);
    return reportOf(report);
  },
});

/** `GET /v1/hearsay/rtt`: the estimated round trip between `a` and `b`, which is this agent unless it is given. */
export const roundTrip = route({
  method: 'GET',
  path: '/v1/hearsay/rtt',
  summary: 'The estimated round trip between two members',
  query: { a: text, b: text },
  answer: ({ query, view, site }) => {
    const a = placeOf(site, required(query.a, 'a'));
    const b = placeOf(site, query.b === '' ? view.node : query.b);
    return { a: a.name, b: b.name, ms: Math.round(distance(a.at, b.at) * 1000) / 1000 };
  },
});

function placeOf({ door: { view } }: Site, asked: string) {
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

const shapeOf = ({ id, name, timeout, finished, expected, acks, responses }: AskedQuestion): unknown => ({
  ...{ id, name, timeoutMs: timeout, finished, expected, acks },
  responses: responses.map(({ from, payload }) => ({ from, ...payloadShape(payload) })),
});

/** As text, and exactly. */
const payloadShape = (payload: Uint8Array): { payload: string; base64: string } => ({
  payload: textOf(payload),
  base64: Buffer.from(payload).toString('base64'),
});

const reportOf = ({ errors, notes, keys, primaries, refused, ...report }: KeyReport): unknown => ({
  ...report,
  errors: objectOf(errors),
  notes: objectOf(notes),
  keys: objectOf(keys),
  primaries: objectOf(primaries),
  refused: refused ?? null,
});

const OPERATIONS: ReadonlySet<string> = new Set(['list', 'install', 'use', 'remove']);

function operationOf(word: string): KeyOperation {
  if (!OPERATIONS.has(word))
    throw new AgentError('badRequest', `no operation is called "${word}": list, install, use or remove`);
  return word as KeyOperation;
}

/** Never quotes the key. */
function keyOf(base64: string): Uint8Array {
  try {
    return parseKey(base64);
  } catch {
    throw new AgentError('badRequest', 'a key is base64 of 16, 24 or 32 bytes: `hearsay keygen` makes one');
  }
}

function within(timeout: number): number {
  if (timeout < 10 || timeout > 600_000)
    throw new AgentError('badRequest', 'the timeout must be 10ms to 10m');
  return timeout;
}

function numberOf(id: string): number {
  if (!/^\d{1,10}$/.test(id)) throw new AgentError('badRequest', `"${id}" is no number`);
  return Number(id);
}
