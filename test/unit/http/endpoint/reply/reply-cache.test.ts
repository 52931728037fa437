import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { HttpReply } from '../../../../../src/http/endpoint/reply/reply.ts';
import { ReplyCache } from '../../../../../src/http/endpoint/reply/reply-cache.ts';
import { instance, service } from '../../data.ts';
import { type Answer, FakeAgent, member, SEED, send, serve, until } from '../../fixture.ts';

const path = '/v1/health/service/web';

function world(instances = 1): FakeAgent {
  const agent = new FakeAgent(member('ann', { tags: new Map([['rack', 'r1']]) }));
  agent.catalog.held = Array.from({ length: instances }, (_, i) =>
    instance('ann', service('web', { id: `web-${i}`, tags: [`t${i}`] })),
  );
  return agent;
}

describe('one reply for equal requests', () => {
  test('requests that a change wakes share one reply, whatever their index and wait', async () => {
    const agent = world();
    const server = await serve(agent);
    const parked = Array.from({ length: 40 }, (_, i) =>
      send(server, `${path}?index=${SEED}&wait=${60 + i}s&stale=&unknown=${i}`),
    );
    await until(() => agent.catalog.reads === 40);
    await until(() => agent.waiting === 40);
    agent.catalog.held.push(instance('ann', service('web', { id: 'new' })));
    agent.touch(['service:web']);
    const answers = await Promise.all(parked);
    expect(new Set(answers.map(({ body }) => body)).size).toBe(1);
    expect(answers[0]?.body).toContain('"new"');
    expect(new Set(answers.map(({ headers }) => headers['x-consul-index']))).toEqual(
      new Set([`${SEED + 1}`]),
    );
    // Topics read the instances too, twice per request: at its start and at its end.
    expect(agent.catalog.reads).toBe(2 * 40 + 1);
  });

  test('requests that differ in anything relevant have different keys', async () => {
    const server = await serve(world(2));
    const bodies = new Set<string>();
    for (const query of ['', '?tag=t0', '?tag=t1', '?tag=t0&tag=t1', '?pretty', '?peer=x&pretty'])
      bodies.add((await send(server, path + query)).body);
    expect(bodies.size).toBe(6);
    expect((await send(server, `${path}?cached`)).headers['x-cache']).toBe('HIT');
    expect((await send(server, path)).headers['x-cache']).toBeUndefined();
    expect((await send(server, '/v1/health/service/web2')).body).toBe('[]');
    expect((await send(server, `${path}?passing`)).status).toBe(200);
    expect((await send(server, `${path}?passing=x`)).status).toBe(400);
    expect((await send(server, `${path}?dc=other`)).status).toBe(500);
  });

  test('replies with ages are made anew for each request', async () => {
    let clock = 5000;
    const server = await serve(world(), { monotonicClock: () => clock });
    const age = async () =>
      ((await send(server, '/v1/hearsay/members')).json() as { ageMs: number }[])[0]?.ageMs;
    expect(await age()).toBe(5000);
    clock = 5100;
    expect(await age()).toBe(5100);
  });

  test('a reply expires: an index that fails to move does harm for a second at most', async () => {
    let clock = 0;
    const agent = world();
    const server = await serve(agent, { monotonicClock: () => clock });
    const before = await send(server, path);
    agent.catalog.held = [];
    clock = 1000;
    expect((await send(server, path)).body).toBe(before.body);
    clock = 1001;
    expect((await send(server, path)).body).toBe('[]');
  });
});

describe('ReplyCache', () => {
  const reply = (length = 1): HttpReply => new HttpReply(200, 'x'.repeat(length));

  test('a reply is found by its key and its index, the latest only', () => {
    const answers = new ReplyCache(() => 0);
    const [first, second] = [reply(), reply()];
    answers.store('a', 1, first);
    expect([answers.get('a', 1), answers.get('a', 2), answers.get('b', 1)]).toEqual([
      first,
      undefined,
      undefined,
    ]);
    answers.store('a', 2, second);
    expect([answers.get('a', 1), answers.get('a', 2)]).toEqual([undefined, second]);
  });

  test('at most 256 are kept, the oldest go first', () => {
    const answers = new ReplyCache(() => 0);
    for (let i = 0; i < 300; i++) answers.store(`q${i}`, 1, reply());
    const kept = Array.from({ length: 300 }, (_, i) => answers.get(`q${i}`, 1) !== undefined);
    expect([kept.indexOf(true), kept.filter(Boolean).length]).toEqual([44, 256]);
  });

  test('together they have at most 8 MiB, but the newest is kept whatever its size', () => {
    const answers = new ReplyCache(() => 0);
    const megabyte = 1024 * 1024;
    for (let i = 0; i < 10; i++) answers.store(`q${i}`, 1, reply(megabyte));
    expect([answers.get('q1', 1), answers.get('q2', 1)]).toEqual([undefined, expect.any(HttpReply)]);
    answers.store('huge', 1, reply(9 * megabyte));
    expect([answers.get('q9', 1), answers.get('huge', 1)]).toEqual([undefined, expect.any(HttpReply)]);
    answers.store('small', 1, reply());
    expect([answers.get('huge', 1), answers.get('small', 1)]).toEqual([undefined, expect.any(HttpReply)]);
  });
});

describe('T14 gzip', () => {
  const ask = async (instances: number, encoding?: string, method = 'GET'): Promise<Answer> =>
    send(await serve(world(instances)), path, {
      method,
      headers: encoding === undefined ? {} : { 'accept-encoding': encoding },
    });

  test.each(['gzip', 'gzip, deflate', 'deflate;q=0.5, GZIP;q=1.0', 'gzip;q=0.1'])(
    'T14 a long reply is compressed for clients that send %s',
    async (encoding) => {
      const plain = await ask(20);
      const packed = await ask(20, encoding);
      expect(packed.headers).toMatchObject({
        'content-encoding': 'gzip',
        'content-type': 'application/json',
        'content-length': String(packed.bytes.length),
        vary: 'Accept-Encoding',
        'x-consul-index': String(SEED),
      });
      expect(gunzipSync(packed.bytes).toString()).toBe(plain.body);
      expect(packed.bytes.length).toBeLessThan(plain.bytes.length / 4);
    },
  );

  test.each([undefined, '', 'identity', 'deflate', 'gzip;q=0', 'gzip; q=0.000', 'xgzip'])(
    'T14 not for %s',
    async (encoding) => {
      const answer = await ask(20, encoding);
      expect([answer.headers['content-encoding'], answer.headers.vary]).toEqual([
        undefined,
        'Accept-Encoding',
      ]);
      expect(answer.json()).toHaveLength(20);
    },
  );

  test('T14 a short reply is not compressed', async () => {
    const answer = await ask(0, 'gzip');
    expect([answer.headers['content-encoding'], answer.body]).toEqual([undefined, '[]']);
  });

  test('T14 HEAD has the headers of the compressed reply', async () => {
    const get = await ask(20, 'gzip');
    const head = await ask(20, 'gzip', 'HEAD');
    expect([head.bytes.length, head.headers['content-length'], head.headers['content-encoding']]).toEqual([
      0,
      get.headers['content-length'],
      'gzip',
    ]);
  });
});
