import { describe, expect, test } from 'vitest';
import type { KeyOperationReport } from '../../../../../src/agent/contract/commands.ts';
import { encodeUtf8 } from '../../../../../src/base/bytes.ts';
import type { QueryReport } from '../../../../../src/serf/types.ts';
import { FakeAgent, member, put, send, serve } from '../../fixture.ts';

const KEY = Buffer.alloc(32, 7).toString('base64');
const asked: QueryReport = {
  ...{ id: 9, name: 'load', timeout: 3200, finished: false, expected: 2 },
  acks: ['ann'],
  responses: [{ from: 'bob', payload: encodeUtf8('0.7') }],
};
const report: KeyOperationReport = {
  ...{
    id: 3,
    operation: 'use',
    finished: false,
    step: 'check',
    members: 2,
    answered: 1,
    unresponsive: ['bob'],
  },
  errors: new Map(),
  messages: new Map([['ann', 'in memory only']]),
  keys: new Map([['0123456789abcdef', 1]]),
  primaries: new Map(),
  refusal: undefined,
};

describe('queries', () => {
  test('a query has the parameters of the request; the reply has its id', async () => {
    const ann = new FakeAgent(member('ann'));
    ann.reply = async () => asked;
    const server = await serve(ann);

    const answer = await put(
      server,
      '/v1/hearsay/query/load?node=ann&node=bob&tag=role=^web=&timeout=2s&no-ack&relay-factor=2',
      'now',
    );

    expect(answer.json()).toMatchObject({ id: 9, timeoutMs: 3200, finished: false });
    expect(ann.commands).toEqual([
      {
        kind: 'query',
        query: {
          ...{ name: 'load', payload: encodeUtf8('now'), nodes: ['ann', 'bob'], ack: false, relayFactor: 2 },
          ...{ tags: new Map([['role', '^web=']]), timeout: 2000 },
        },
      },
    ]);
  });

  test('an invalid request is refused with a message, and no command is sent', async () => {
    const ann = new FakeAgent(member('ann'));
    const server = await serve(ann);
    for (const query of [
      'query/',
      'query/a?tag=role',
      'query/a?timeout=1h',
      'query/a?timeout=x',
      'query/a?relay-factor=x',
    ])
      expect((await put(server, `/v1/hearsay/${query}`)).status, query).toBe(400);
    expect(ann.commands).toEqual([]);
  });

  test('clients can wait for its responses; an unknown one is 404', async () => {
    const ann = new FakeAgent(member('ann'));
    ann.queryReports.set(9, asked);
    const server = await serve(ann);

    const first = await send(server, '/v1/hearsay/answers/9');
    expect(first.json()).toMatchObject({
      acks: ['ann'],
      responses: [{ from: 'bob', payload: '0.7', base64: 'MC43' }],
    });
    const next = send(server, `/v1/hearsay/answers/9?index=${first.headers['x-consul-index']}&wait=30s`);
    await expect.poll(() => ann.waiting).toBe(1);
    ann.queryReports.set(9, { ...asked, finished: true });
    ann.touch(['query:9']);
    expect((await next).json()).toMatchObject({ finished: true });

    expect((await send(server, '/v1/hearsay/answers/10')).status).toBe(404);
    expect((await send(server, '/v1/hearsay/answers/x')).status).toBe(400);
  });

  test('a program here lists pending queries and responds to one', async () => {
    const ann = new FakeAgent(member('ann'));
    ann.waitingQueries = [
      { id: 7, ltime: 3, name: 'load', payload: encodeUtf8('?'), from: 'bob', deadline: 6000 },
    ];
    const server = await serve(ann);

    expect((await send(server, '/v1/hearsay/queries')).json()).toEqual([
      { id: 7, name: 'load', from: 'bob', payload: '?', base64: 'Pw==', remainingMs: 1000 },
    ]);
    expect((await put(server, '/v1/hearsay/queries/7', 'fine')).status).toBe(200);
    expect(ann.commands).toEqual([{ kind: 'respond', id: 7, payload: encodeUtf8('fine') }]);
  });
});

describe('keys', () => {
  test('an operation takes the key in the body, and never returns it', async () => {
    const ann = new FakeAgent(member('ann'));
    ann.reply = async () => report;
    ann.keyOperationReports.set(3, report);
    const server = await serve(ann);

    const started = await put(server, '/v1/hearsay/keys/use?force', { key: KEY });
    expect(started.json()).toMatchObject({
      id: 3,
      step: 'check',
      messages: { ann: 'in memory only' },
      refusal: null,
    });
    expect(ann.commands).toEqual([
      { kind: 'keys', operation: 'use', key: new Uint8Array(32).fill(7), force: true, timeout: undefined },
    ]);
    expect((await send(server, '/v1/hearsay/key-reports/3')).json()).toMatchObject({
      keys: { '0123456789abcdef': 1 },
      unresponsive: ['bob'],
    });
    expect(started.body).not.toContain(KEY);
  });

  test('a fingerprint of the list names a key; one that is not known is 404, with the next step', async () => {
    const ann = new FakeAgent(member('ann'));
    ann.reply = async () => report;
    ann.gossipKeys.set('0123456789abcdef', new Uint8Array(32).fill(7));
    const server = await serve(ann);

    const started = await put(server, '/v1/hearsay/keys/remove', { key: '0123456789abcdef' });
    expect(started.status).toBe(200);
    expect(started.body).not.toContain(KEY);
    expect(ann.commands).toEqual([
      {
        kind: 'keys',
        operation: 'remove',
        key: new Uint8Array(32).fill(7),
        force: false,
        timeout: undefined,
      },
    ]);
    const unknown = await put(server, '/v1/hearsay/keys/remove', { key: 'fedcba9876543210' });
    expect(unknown.status).toBe(404);
    expect(unknown.body).toContain('hearsay keys list');
  });

  test('no key, an invalid key, an unknown operation: 400, without the key in the message', async () => {
    const ann = new FakeAgent(member('ann'));
    const server = await serve(ann);
    const wrong = await put(server, '/v1/hearsay/keys/use', { key: 'c2hvcnQ=' });
    expect(wrong.status).toBe(400);
    expect(wrong.body).not.toContain('c2hvcnQ=');
    expect((await put(server, '/v1/hearsay/keys/rotate', { key: KEY })).status).toBe(400);
    expect((await send(server, '/v1/hearsay/key-reports/4')).status).toBe(404);
    expect(ann.commands).toEqual([]);
  });
});

describe('rtt', () => {
  const at = (x: number) => ({ vec: [x, 0, 0, 0, 0, 0, 0, 0], error: 0.1, adjustment: 0, height: 1e-3 });

  test('S28 the estimate between two members, or from this agent; without a coordinate it is 404', async () => {
    const ann = new FakeAgent(member('ann'), member('bob'), member('cat'));
    ann.coordinates.set('ann', at(0));
    ann.coordinates.set('bob', at(0.01));
    const server = await serve(ann);

    expect((await send(server, '/v1/hearsay/rtt?a=bob')).json()).toEqual({ a: 'bob', b: 'ann', ms: 12 });
    expect((await send(server, '/v1/hearsay/rtt?a=BOB&b=bob')).json()).toEqual({ a: 'bob', b: 'bob', ms: 2 });
    expect((await send(server, '/v1/hearsay/rtt?a=cat')).status).toBe(404);
    expect((await send(server, '/v1/hearsay/rtt?a=dan')).status).toBe(404);
    expect((await send(server, '/v1/hearsay/rtt?a=nosuch')).body).toBe(
      'no member is named "nosuch": run `hearsay members` to list them',
    );
    expect((await send(server, '/v1/hearsay/rtt')).status).toBe(400);
  });
});
