import { describe, expect, test } from 'vitest';
import type { KeyOperationReport } from '../../../../src/agent/contract/commands.ts';
import type { EvidenceEntry, EvidenceFact } from '../../../../src/agent/contract/evidence.ts';
import type { LinkSurvey } from '../../../../src/agent/contract/links.ts';
import type { SyncStatus } from '../../../../src/agent/contract/sync-status.ts';
import {
  createOpenApiDocument,
  type JsonObject,
  QUERY_PARAMETERS,
  toOpenApiPath,
} from '../../../../src/http/endpoint/openapi.ts';
import { ROUTES } from '../../../../src/http/routes/index.ts';
import type { JobView } from '../../../../src/jobs/types.ts';
import { check, instance, localCheck, service } from '../data.ts';
import { FakeAgent, member, send, serve } from '../fixture.ts';

/** One evidence fact of each kind. */
const FACTS: readonly EvidenceFact[] = [
  { kind: 'agentStarted', node: 'ann', address: '10.0.0.1:7946', encrypted: true },
  { kind: 'stalled', latenessMs: 300 },
  { kind: 'awarenessChanged', awareness: 1 },
  { kind: 'unrefutableAccusation', incarnation: 3, source: '10.0.0.2:7946', until: 9000 },
  { kind: 'suspicionRefuted', incarnation: 2, by: 'bob', source: '10.0.0.2:7946' },
  { kind: 'leaveIntentRefuted', ltime: 7 },
  { kind: 'linkOneWay', node: 'bob', rounds: 4, by: 'relay' },
  { kind: 'nameConflict', node: 'ann', current: '10.0.0.1:7946', claimed: '10.0.0.9:7946' },
  { kind: 'nameConflictVote', node: 'ann', votesForUs: 2, votesAgainst: 0 },
  { kind: 'nameConflictLost', node: 'ann', other: '10.0.0.9:7946' },
  { kind: 'memberReaped', node: 'ann', status: 'failed' },
  { kind: 'gossipMessageRefused', node: 'ann', reason: 'incarnation 9' },
  {
    kind: 'memberDeclaredDead',
    ...{ node: 'ann', by: 'bob', incarnation: 1, left: false },
    reason: { kind: 'message', by: 'bob', source: '10.0.0.2:7946' },
  },
  {
    kind: 'suspicionConfirmed',
    ...{ node: 'ann', by: 'bob', confirmations: 1, deadline: 9000 },
    reason: { kind: 'pushPull', state: 'dead', source: '10.0.0.2:7946' },
  },
];
const ENTRIES: readonly EvidenceEntry[] = FACTS.map((fact, i) => ({
  ...{ at: 100 * i, lastAt: 100 * i + 1, count: 1 + (i % 2) },
  fact,
}));

const document = createOpenApiDocument(ROUTES, '1.2.3');
type Operation = { parameters: JsonObject[]; responses: Record<string, JsonObject> };
const paths = document['paths'] as Record<string, Record<string, Operation>>;
const schemas = (document['components'] as { schemas: Record<string, JsonObject> }).schemas;

test('/v1/openapi.json is served, and names every route with all its methods and parameters', async () => {
  const server = await serve(new FakeAgent(member('ann')));
  const served = (await send(server, '/v1/openapi.json')).json() as JsonObject;
  expect(served).toMatchObject({ openapi: '3.1.0', info: { version: '1.2.3' } });
  expect(Object.keys(served['paths'] as object)).toEqual(Object.keys(paths));
  for (const { method, path, description: about } of ROUTES) {
    const operation = paths[toOpenApiPath(path)]?.[method === 'ANY' ? 'get' : method.toLowerCase()];
    expect(operation, `${method} ${path}`).toBeDefined();
    const told = operation?.parameters.map(({ name }) => name);
    if (about.refusedStatus === undefined) expect(told).toEqual(expect.arrayContaining([...about.query]));
  }
});

test('every parameter is described, and no other', () => {
  const used = new Set(
    Object.values(paths)
      .flatMap((item) => Object.values(item))
      .flatMap(({ parameters }) => parameters)
      .filter((one) => one['in'] === 'query')
      .map(({ name }) => name),
  );
  expect([...used].sort()).toEqual(Object.keys(QUERY_PARAMETERS).sort());
});

test('all references of the document are in it', () => {
  const refs = [...JSON.stringify(document).matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(
    ([, name]) => name,
  );
  expect(refs.length).toBeGreaterThan(20);
  for (const name of refs) expect(schemas[name as string]).toBeDefined();
});

const SURVEY: LinkSurvey = {
  ...{ id: 1, finished: true, expected: ['ann', 'bob'], answered: ['ann'] },
  links: [
    {
      ...{ from: 'ann', to: 'bob', sent: 16, answered: 16, heard: 16, heardBack: 0, longest: 1472 },
      ...{ blocked: 0, roundTrip: 0.512, clockAhead: undefined, seenFrom: '', tcp: 'acked', at: 0 },
    },
  ],
};
const KEY_REPORT: KeyOperationReport = {
  ...{ id: 1, operation: 'list', finished: true, step: 'apply', members: 1, answered: 1, unresponsive: [] },
  ...{ errors: new Map(), messages: new Map(), keys: new Map([['k', 1]]), primaries: new Map([['k', 1]]) },
  refusal: undefined,
};

const JOB: JobView = {
  definition: {
    ...{ name: 'web', schedule: { kind: 'every', every: 60_000 }, place: {}, timeout: 1000, retries: 0 },
    ...{ overlap: 'skip', jitter: 0, catchUp: 'one', quorum: 1, registeredAt: 1 },
    action: { kind: 'post', url: 'http://127.0.0.1/' },
  },
  ...{
    owners: ['ann'],
    paused: false,
    nextTick: 60_000,
    eligible: ['ann'],
    nextOwner: 'ann',
    clockDiffers: [],
    output: 'done',
  },
  runs: [
    {
      node: 'ann',
      run: {
        ...{ tick: 1000, attempt: 1, state: 'succeeded', claimedAt: 1000, startedAt: 1500, endedAt: 1600 },
        ...{ exit: 200, token: 16_000 },
      },
    },
  ],
};

const SYNC_STATUS: SyncStatus = {
  ...{ id: 1, finished: true, done: false, known: ['ann'], sentence: '1 of 2 know; bob is away' },
  missing: [{ node: 'bob', reason: 'away', forMs: 1.5, message: 'bob is away' }],
  apart: [{ node: 's', reason: 'serf', message: 's does not take part' }],
};

describe('replies match their schemas', () => {
  const bad = check('c2', { serviceId: 'web-1', status: 'critical' });
  const web = service('web', {
    id: 'web-1',
    address: '10.1.0.1',
    tags: ['v1'],
    meta: new Map([['k', 'v']]),
    taggedAddresses: new Map([['x', { address: '10.2.0.1', port: 1 }]]),
  });
  const agent = (): FakeAgent => {
    const one = new FakeAgent(member('ann', { tags: new Map([['rack', 'r1']]) }), member('bob'));
    one.catalog.held = [
      instance('ann', web, { checks: [bad], status: 'critical', nodeChecks: [check('n1')] }),
      instance('bob', service('api', { draining: true }), { status: 'draining' }),
      instance('ghost', service('api')),
    ];
    one.local.put(web, localCheck('c1', { serviceId: 'web-1' }));
    one.nodeEvidence.set('ann', { node: 'ann', dropped: 1, isComplete: true, entries: ENTRIES });
    one.reply = async () => (one.commands.at(-1)?.kind === 'openSync' ? SYNC_STATUS : KEY_REPORT);
    one.linkSurveys.set(KEY_REPORT.id, SURVEY);
    one.jobs.set('web', JOB);
    const worker = { node: 'ann', id: 'web-1' };
    one.pools.set('web:2', {
      ...{ service: 'web', count: 2, quorum: 1, workers: [{ ...worker, usable: true }] },
      partitions: [
        { partition: 0, state: 'held', holder: worker, token: 7, next: undefined },
        { partition: 1, state: 'free', holder: undefined, token: undefined, next: worker },
      ],
    });
    one.coordinates.set('ann', { vec: [0, 0, 0, 0, 0, 0, 0, 0], error: 1.5, adjustment: 0, height: 1e-5 });
    return one;
  };
  const VALUES: Readonly<Record<string, string>> = {
    service: 'web',
    node: 'ann',
    state: 'any',
    id: 'web-1',
    name: 'web',
    count: '2',
  };
  const QUERY: Readonly<Record<string, string>> = {
    '/v1/hearsay/why': '?service=web',
    '/v1/hearsay/owner/{service}': '?key=k',
    '/v1/hearsay/render/caddy': '?service=web',
    '/v1/hearsay/render/traefik': '?service=web',
    '/v1/hearsay/render/envoy': '?service=web',
    '/v1/hearsay/why/{node}': '?ask=false',
  };
  const reads = Object.entries(paths).flatMap(([path, { get }]) => {
    const schema = (get?.responses['200'] as { content?: Record<string, { schema: JsonObject }> } | undefined)
      ?.content?.['application/json']?.schema;
    return schema === undefined ? [] : [[path, schema] as const];
  });

  test('there are many', () => {
    expect(reads.length).toBeGreaterThan(35);
  });

  test.each(reads)('GET %s', async (path, schema) => {
    const asked = path.replace(/\{(\w+)\}/g, (_, name: string) => VALUES[name] ?? 'x') + (QUERY[path] ?? '');
    const answer = await send(await serve(agent()), asked);
    expect(flaws(answer.json(), schema)).toEqual([]);
  });

  test('GET /v1/hearsay/events: each event', async () => {
    const reply = paths['/v1/hearsay/events']?.['get']?.responses['200'];
    const { schema } = (reply as { content: Record<string, { schema: JsonObject }> }).content[
      'text/event-stream'
    ] as { schema: JsonObject };
    const server = await serve(agent());
    const stream = await fetch(`http://${server.address}/v1/hearsay/events`);
    let text = '';
    for await (const chunk of stream.body ?? []) {
      text += Buffer.from(chunk as Uint8Array).toString();
      if (text.includes('event: synced')) break;
    }
    const events = [...text.matchAll(/^event: (\w+)\n(?:id: \d+\n)?data: (.*)$/gm)].map(
      ([, event, data]) => ({ event, data: JSON.parse(data as string) as unknown }),
    );
    expect(new Set(events.map(({ event }) => event))).toEqual(
      new Set(['resync', 'member', 'service', 'synced']),
    );
    expect(flaws(events, schema)).toEqual([]);
  });

  test('the validator finds flaws', () => {
    const schema = { $ref: '#/components/schemas/Node' };
    expect(flaws({}, schema)).toContain('$.ID: missing');
    expect(flaws([{ Nope: 1 }], { type: 'array', items: { type: 'string' } })).toEqual(['$[0]: not string']);
    expect(flaws({ a: 1 }, { type: 'object', properties: {} })).toEqual(['$.a: not in the schema']);
  });
});

/** The flaws of a value against its schema; unknown properties are flaws, too. */
function flaws(value: unknown, schema: JsonObject, at = '$'): string[] {
  const { $ref: ref, anyOf, type } = schema as { $ref?: string; anyOf?: JsonObject[]; type?: string };
  if (ref !== undefined) return flaws(value, schemas[ref.slice(ref.lastIndexOf('/') + 1)] as JsonObject, at);
  if (anyOf !== undefined) {
    const each = anyOf.map((one) => flaws(value, one, at));
    return each.some((one) => one.length === 0) ? [] : (each[0] ?? []);
  }
  if (type === undefined) return [];
  const actual = value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;
  if (type !== actual && !(type === 'integer' && Number.isInteger(value))) return [`${at}: not ${type}`];
  if (type === 'array')
    return (value as unknown[]).flatMap((one, i) => flaws(one, schema['items'] as JsonObject, `${at}[${i}]`));
  const words = schema['enum'] as string[] | undefined;
  if (words !== undefined && !words.includes(value as string)) return [`${at}: none of ${words.join(' ')}`];
  if (type !== 'object') return [];
  const properties = (schema['properties'] ?? {}) as Record<string, JsonObject>;
  const others = schema['additionalProperties'] as JsonObject | undefined;
  const missing = ((schema['required'] ?? []) as string[]).filter(
    (name) => !Object.hasOwn(value as object, name),
  );
  return [
    ...missing.map((name) => `${at}.${name}: missing`),
    ...Object.entries(value as object).flatMap(([key, one]) => {
      const of = Object.hasOwn(properties, key) ? properties[key] : others;
      return of === undefined ? [`${at}.${key}: not in the schema`] : flaws(one, of, `${at}.${key}`);
    }),
  ];
}
