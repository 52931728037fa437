import { describe, expect, test } from 'vitest';
import { toAddress } from '../../../../../src/base/address.ts';
import { AgentError } from '../../../../../src/base/errors.ts';
import { FakeAgent, INFO, member, put, SEED, send, serve, until } from '../../fixture.ts';

describe('GET /v1/hearsay/members', () => {
  test('lists members with suspicions, incarnations and ages', async () => {
    const bob = member('bob', {
      status: 'suspect',
      since: 3500,
      incarnation: 9,
      tags: new Map([['rack', 'r1']]),
    });
    const server = await serve(new FakeAgent(member('ann'), bob), { monotonicClock: () => 5000.4 });
    const list = (await send(server, '/v1/hearsay/members')).json() as unknown[];
    expect(list[1]).toEqual({
      name: 'bob',
      addr: '10.0.0.1',
      port: 7946,
      status: 'suspect',
      tags: { rack: 'r1' },
      incarnation: 9,
      ageMs: 1500,
      protocol: { min: 1, max: 5, cur: 2 },
      delegate: { min: 2, max: 5, cur: 4 },
      self: false,
    });
    expect(list[0]).toMatchObject({ name: 'ann', self: true });
  });

  test('selects by a filter', async () => {
    const bob = member('bob', { status: 'failed', tags: new Map([['zone', 'z2']]) });
    const server = await serve(new FakeAgent(member('ann'), bob));
    const named = async (filter: string): Promise<string[]> => {
      const answer = await send(server, `/v1/hearsay/members?filter=${encodeURIComponent(filter)}`);
      return (answer.json() as { name: string }[]).map(({ name }) => name);
    };
    expect(await named('tags.zone == z2 and status != alive')).toEqual(['bob']);
    expect(await named('name matches "^a"')).toEqual(['ann']);
    expect((await send(server, '/v1/hearsay/members?filter=ageMs==1')).status).toBe(400);
  });

  test('blocks on all fields, also those that Consul does not show', async () => {
    const agent = new FakeAgent(member('ann'));
    const server = await serve(agent);
    const parked = send(server, `/v1/hearsay/members?index=${SEED}`);
    await until(() => agent.waiting === 1);
    agent.touch(['members']);
    expect((await parked).headers['x-consul-index']).toBe(String(SEED + 1));
  });
});

test('GET /v1/hearsay/info', async () => {
  const agent = new FakeAgent(member('ann'), member('bob', { status: 'failed' }));
  const info = { ...INFO, degraded: () => ['DNS is off: the port was busy'] };
  const server = await serve(agent, { info });
  expect((await send(server, '/v1/hearsay/info')).json()).toEqual({
    version: '1.2.3',
    node: 'ann',
    nodeId: INFO.nodeId,
    datacenter: 'dc1',
    domains: ['hearsay', 'consul'],
    address: { gossip: '10.0.0.1:7946', http: server.address, dns: '127.0.0.1:8600' },
    health: { awareness: 2 },
    members: { alive: 1, suspect: 0, away: 0, leaving: 0, left: 0, failed: 1, total: 2 },
    partitionSummary: expect.objectContaining({ kind: 'whole', sentence: 'no other member is known' }),
    incarnation: 5,
    clocks: { member: 11, event: 12, query: 13 },
    lanes: { membership: 1, intents: 0 },
    encrypted: true,
    leaving: false,
    catalog: { services: 0, instances: 0 },
    local: { services: 0, checks: 0 },
    uptimeMs: 90_000,
    degraded: ['DNS is off: the port was busy'],
    memory: { rssBytes: expect.any(Number) },
    runtime: { node: process.version, pid: process.pid },
  });
});

test('GET /v1/hearsay/health shows the missing members and the partition summary', async () => {
  const agent = new FakeAgent(member('ann'), member('bob', { status: 'failed' }));
  const info = { ...INFO, degraded: () => ['DNS is off: the port was busy'] };
  const server = await serve(agent, { info });
  const [bob, seen] = [toAddress(Uint8Array.of(10, 0, 2, 1), 7946), { known: 2, visible: 1 }];
  agent.partitionSummary = {
    ...{ kind: 'partition', ...seen, minuteAgo: seen, hourAgo: undefined, lostTogether: 1 },
    ...{ network: '10.0.2.0/24', side: 'half', sentence: 'bob is missing' },
    missing: [{ name: 'bob', address: bob, downAt: 3500 }],
  };
  expect((await send(server, '/v1/hearsay/health')).json()).toEqual({
    awareness: 2,
    degraded: ['DNS is off: the port was busy'],
    partitionSummary: {
      ...{ kind: 'partition', ...seen, minuteAgo: seen, hourAgo: null, lostTogether: 1 },
      ...{ network: '10.0.2.0/24', side: 'half', sentence: 'bob is missing' },
      missing: [{ name: 'bob', addr: '10.0.2.1', port: 7946, ageMs: 1500 }],
    },
  });
});

describe('PUT /v1/hearsay/join', () => {
  const join = '/v1/hearsay/join';

  test('passes the seeds on and returns a report', async () => {
    const agent = new FakeAgent(member('ann'));
    const report = { joined: 1, failed: [{ addr: 'cat', error: 'timeout' }] };
    agent.reply = async () => report;
    const answer = await put(await serve(agent), join, { seeds: ['bob:7946', 'cat'] });
    expect([answer.status, answer.json()]).toEqual([200, report]);
    expect(agent.commands).toEqual([{ kind: 'join', seeds: ['bob:7946', 'cat'] }]);
  });

  test('with replay, if it is asked for', async () => {
    const agent = new FakeAgent(member('ann'));
    agent.reply = async () => ({ joined: 1, failed: [] });
    const server = await serve(agent);
    for (const replay of [true, false]) await put(server, join, { seeds: ['bob'], replay });
    expect((await put(server, join, { seeds: ['bob'], replay: 'yes' })).status).toBe(400);
    expect(agent.commands).toEqual([
      { kind: 'join', seeds: ['bob'], replay: true },
      { kind: 'join', seeds: ['bob'] },
    ]);
  });

  test('no seed responded: still 200, and each seed with its error', async () => {
    const agent = new FakeAgent(member('ann'));
    agent.reply = () => Promise.reject(new AgentError('failed', 'bob: refused; cat: timeout'));
    const answer = await put(await serve(agent), join, { seeds: ['bob', 'cat'] });
    expect([answer.status, answer.json()]).toEqual([
      200,
      {
        joined: 0,
        failed: [
          { addr: 'bob', error: 'bob: refused; cat: timeout' },
          { addr: 'cat', error: 'bob: refused; cat: timeout' },
        ],
      },
    ]);
  });

  test('a join that could not be tried is an error with its own status', async () => {
    const agent = new FakeAgent(member('ann'));
    agent.reply = () => Promise.reject(new AgentError('badRequest', 'this agent is leaving'));
    const answer = await put(await serve(agent), join, { seeds: ['bob'] });
    expect([answer.status, answer.body]).toEqual([400, 'this agent is leaving']);
  });

  test.each([
    ['no body', ''],
    ['no JSON', '{seeds}'],
    ['a list', '["bob"]'],
    ['null', 'null'],
    ['no seeds', '{}'],
    ['null seeds', '{"seeds":null}'],
    ['an empty list', '{"seeds":[]}'],
    ['an empty seed', '{"seeds":[""]}'],
    ['a number', '{"seeds":[1]}'],
    ['a string', '{"seeds":"bob"}'],
    ['an unknown key', '{"seeds":["bob"],"wan":true}'],
    ['a key of every object', '{"seeds":["bob"],"__proto__":{"x":1}}'],
    ['too many', JSON.stringify({ seeds: Array(257).fill('bob') })],
  ])('J4 J5 %s is 400 and nothing is tried', async (_, body) => {
    const agent = new FakeAgent(member('ann'));
    const answer = await put(await serve(agent), join, body);
    expect([answer.status, answer.body]).toEqual([400, expect.stringMatching(/^Request decode failed: \S/)]);
    expect(agent.commands).toEqual([]);
  });
});

describe('PUT /v1/hearsay/tags', () => {
  const tags = '/v1/hearsay/tags';

  test('sets and deletes, and returns an object', async () => {
    const agent = new FakeAgent(member('ann'));
    const answer = await put(await serve(agent), tags, { set: { rack: 'r1' }, delete: ['old'] });
    expect([answer.status, answer.body]).toEqual([200, '{}']);
    expect(agent.commands).toEqual([{ kind: 'setTags', set: new Map([['rack', 'r1']]), remove: ['old'] }]);
  });

  test('J1 J3 keys in any case, and null is absent', async () => {
    const agent = new FakeAgent(member('ann'));
    await put(await serve(agent), tags, '{"SET":{"a":"1","b":null},"Delete":null}');
    expect(agent.commands).toEqual([{ kind: 'setTags', set: new Map([['a', '1']]), remove: [] }]);
  });

  test('S18 names that every object inherits are tags like any other', async () => {
    const agent = new FakeAgent(member('ann'));
    await put(await serve(agent), tags, '{"set":{"__proto__":"a","constructor":"b","toString":"c"}}');
    const [asked] = agent.commands;
    expect(asked?.kind === 'setTags' ? [...asked.set] : []).toEqual([
      ['__proto__', 'a'],
      ['constructor', 'b'],
      ['toString', 'c'],
    ]);
    expect(({} as { a?: unknown }).a).toBeUndefined();
  });

  test.each(['{"set":{"a":1}}', '{"set":["a"]}', '{"set":"a"}', '{"delete":{"a":"b"}}', '{"delete":[1]}'])(
    'J5 %s is 400',
    async (body) => {
      const agent = new FakeAgent(member('ann'));
      expect((await put(await serve(agent), tags, body)).status).toBe(400);
      expect(agent.commands).toEqual([]);
    },
  );

  test('a refusal of the agent keeps its status and message', async () => {
    const agent = new FakeAgent(member('ann'));
    agent.reply = () => Promise.reject(new AgentError('tooLarge', 'tags need 600 bytes, 512 are allowed'));
    const answer = await put(await serve(agent), tags, { set: { a: 'b' } });
    expect([answer.status, answer.body]).toEqual([413, 'tags need 600 bytes, 512 are allowed']);
  });
});

describe('PUT /v1/hearsay/forget/:node', () => {
  test('refuses a live member with 409, an unknown one with 404, and prunes on request', async () => {
    const agent = new FakeAgent(member('ann'));
    const server = await serve(agent);
    const answer = await put(server, '/v1/hearsay/forget/bob?prune');
    expect([answer.status, answer.body]).toEqual([200, '']);
    expect(agent.commands).toEqual([{ kind: 'forget', node: 'bob', prune: true, refuseLive: true }]);
    agent.reply = () => Promise.reject(new AgentError('conflict', '"bob" is alive: stop it first'));
    const live = await put(server, '/v1/hearsay/forget/bob');
    expect([live.status, live.body]).toEqual([409, '"bob" is alive: stop it first']);
    agent.reply = () => Promise.reject(new AgentError('notFound', 'no member is called "zoe"'));
    const unknown = await put(server, '/v1/hearsay/forget/zoe');
    expect([unknown.status, unknown.headers['x-consul-index']]).toEqual([404, '1']);
  });
});

test('a fault of the agent is a bare 500, and is reported', async () => {
  const agent = new FakeAgent(member('ann'));
  agent.reply = () => Promise.reject(new Error('secret detail'));
  const faults: unknown[] = [];
  const server = await serve(agent, { onError: (error) => faults.push(error) });
  const answer = await put(server, '/v1/agent/leave');
  expect(answer.status).toBe(500);
  expect(answer.body).not.toContain('secret');
  expect(faults).toMatchObject([{ message: 'secret detail' }]);
});
