import { describe, expect, test } from 'vitest';
import type { KeyOperationReport } from '../../../src/agent/contract/commands.ts';
import { toAddress } from '../../../src/base/address.ts';
import { AgentError } from '../../../src/base/errors.ts';
import type { QueryReport } from '../../../src/serf/types.ts';
import { FakeAgent, member, until } from '../http/fixture.ts';
import { serveRpc } from './fixture.ts';

const named = (name: string, status: 'alive' | 'failed', tags: Record<string, string> = {}) => {
  const row = member(name, { tags: new Map(Object.entries(tags)) });
  return { ...row, serf: { ...row.serf, status } };
};

describe('members', () => {
  const agent = () =>
    new FakeAgent(
      named('web-1', 'alive', { role: 'web' }),
      named('web-2', 'failed', { role: 'web' }),
      named('db-1', 'alive'),
    );
  const namesOf = (body: unknown) =>
    (body as { Members: { Name: string }[] }).Members.map(({ Name }) => Name);

  test('each with its address in octets and its versions', async () => {
    const at = toAddress(Uint8Array.of(10, 0, 0, 7), 7946);
    const client = await (await serveRpc(new FakeAgent(member('ann', { address: at })))).ready();
    expect((await client.call('members', undefined, true)).body).toEqual({
      Members: [
        {
          ...{ Name: 'ann', Addr: Buffer.of(10, 0, 0, 7), Port: 7946, Tags: {}, Status: 'alive' },
          ...{
            ProtocolMin: 1,
            ProtocolMax: 5,
            ProtocolCur: 2,
            DelegateMin: 2,
            DelegateMax: 5,
            DelegateCur: 4,
          },
        },
      ],
    });
  });

  test.each([
    [{}, ['web-1', 'web-2', 'db-1']],
    [{ Name: 'web' }, []],
    [{ Name: 'web.*' }, ['web-1', 'web-2']],
    [{ Status: 'alive' }, ['web-1', 'db-1']],
    [{ Tags: { role: 'w.b' } }, ['web-1', 'web-2']],
    [{ Tags: { role: '' } }, ['db-1']],
    [{ Name: 'web-1|db' }, ['web-1', 'db-1'].slice(0, 1)],
  ])('filtered by %j', async (filter, expected) => {
    const client = await (await serveRpc(agent())).ready();
    expect(namesOf((await client.call('members-filtered', filter, true)).body)).toEqual(expected);
  });

  test('an expression that is none, or too dear, is an error with an empty list', async () => {
    const client = await (await serveRpc(agent())).ready();
    const bad = await client.call('members-filtered', { Status: '(' }, true);
    expect(bad.error).toMatch(/^the expression for the status/);
    expect(bad.body).toEqual({ Members: [] });
    const dear = new FakeAgent(
      ...Array.from({ length: 300 }, (_, i) => named(`${'a'.repeat(120)}${i}`, 'alive')),
    );
    const slow = await (await serveRpc(dear)).ready();
    expect((await slow.call('members-filtered', { Name: '((a?){30}){30}b' }, true)).error).toMatch(
      /take too long/,
    );
  });
});

describe('queries', () => {
  const report = (changes: Partial<QueryReport> = {}): QueryReport => ({
    ...{ id: 7, name: 'q', timeout: 1000, finished: false, expected: 2, acks: [], responses: [] },
    ...changes,
  });

  test('acks and responses come as they come, and then the end', async () => {
    const agent = new FakeAgent();
    agent.reply = async () => report();
    agent.queryReports.set(7, report({ acks: ['ann'] }));
    const client = await (await serveRpc(agent)).ready();
    const seq = client.send('query', {
      ...{ FilterNodes: ['ann'], FilterTags: { role: 'web' }, RequestAck: true, RelayFactor: 2 },
      ...{ Timeout: 2_000_000_000, Name: 'q', Payload: 'hi' },
    });
    const header = { Error: '', Seq: seq };
    expect(await client.take(3)).toEqual([header, header, { Type: 'ack', From: 'ann', Payload: null }]);
    expect(agent.commands).toEqual([
      {
        kind: 'query',
        query: {
          ...{
            name: 'q',
            payload: Uint8Array.of(104, 105),
            nodes: ['ann'],
            tags: new Map([['role', 'web']]),
          },
          ...{ ack: true, relayFactor: 2, timeout: 2000 },
        },
      },
    ]);
    const responses = [{ from: 'bob', payload: Uint8Array.of(1, 255) }];
    agent.queryReports.set(7, report({ acks: ['ann'], responses }));
    agent.touch(['query:7']);
    expect(await client.take(2)).toEqual([
      header,
      { Type: 'response', From: 'bob', Payload: Buffer.of(1, 255) },
    ]);
    agent.queryReports.set(7, report({ acks: ['ann', 'bob'], responses, finished: true }));
    agent.touch(['query:7']);
    expect(await client.take(4)).toEqual([
      ...[header, { Type: 'ack', From: 'bob', Payload: null }],
      ...[header, { Type: 'done', From: '', Payload: null }],
    ]);
    expect(agent.waiting).toBe(0);
  });

  test('a client that goes is forgotten with its queries and streams', async () => {
    const agent = new FakeAgent();
    agent.reply = async () => report();
    agent.queryReports.set(7, report());
    const rpc = await serveRpc(agent);
    const client = await rpc.ready();
    await client.call('query', { Name: 'q' });
    await client.call('stream', { Type: '*' });
    expect([agent.waiting, rpc.events.followers.size]).toEqual([1, 1]);
    client.close();
    await until(() => agent.waiting === 0 && rpc.events.followers.size === 0);
  });

  test('one that is refused opens no stream', async () => {
    const agent = new FakeAgent();
    agent.reply = async () => {
      throw new AgentError('badRequest', 'reserved');
    };
    const client = await (await serveRpc(agent)).ready();
    for (let i = 0; i < 100; i++)
      expect((await client.call('query', { Name: '_serf_x' })).error).toBe('reserved');
  });

  test("an answer to a query that is over has Serf's words", async () => {
    const agent = new FakeAgent();
    const client = await (await serveRpc(agent)).ready();
    expect((await client.call('respond', { ID: 4_000_000_000, Payload: 'x' })).error).toBe('');
    expect(agent.commands).toEqual([{ kind: 'respond', id: 4_000_000_000, payload: Uint8Array.of(120) }]);
    agent.reply = async () => {
      throw new AgentError('notFound', 'gone');
    };
    expect((await client.call('respond', { ID: 1, Payload: 'x' })).error).toBe(
      'No pending queries matching ID',
    );
  });
});

describe('streams', () => {
  const payload = Uint8Array.of(1);
  const user = (name: string) =>
    ({ kind: 'user', event: { ltime: 2 ** 33, name, payload, coalesce: true } }) as const;
  const web = named('web-1', 'alive');

  test('events by filter, each with its fields', async () => {
    const rpc = await serveRpc();
    const client = await rpc.ready();
    expect((await client.call('stream', { Type: 'nonsense' })).error).toBe('Invalid event filter');
    const seq = client.send('stream', { Type: 'user:deploy,member-join,query' }, 50);
    const header = { Error: '', Seq: seq };
    expect(await client.take(1)).toEqual([header]);
    client.send('stream', { Type: '*' }, 50);
    expect(await client.take(1)).toEqual([{ Error: 'Stream with given sequence exists', Seq: 50 }]);
    rpc.events.send(user('other'));
    rpc.events.send(user('deploy'));
    rpc.events.send({ kind: 'members', change: 'leave', members: [web.serf] });
    rpc.events.send({ kind: 'members', change: 'join', members: [web.serf] });
    rpc.events.send({
      kind: 'query',
      query: { id: 9, ltime: 3, name: 'q', payload, from: 'x', deadline: 1 },
    });
    const records = (await client.take(6)).filter((_, i) => i % 2 === 1);
    expect(records).toEqual([
      { Event: 'user', LTime: 2 ** 33, Name: 'deploy', Payload: Buffer.of(1), Coalesce: true },
      { Event: 'member-join', Members: [expect.objectContaining({ Name: 'web-1', Status: 'alive' })] },
      { Event: 'query', ID: 9, LTime: 3, Name: 'q', Payload: Buffer.of(1) },
    ]);
    expect((await client.call('stop', { Stop: 50 })).error).toBe('');
    expect((await client.call('stop', { Stop: 51 })).error).toBe('');
    expect(rpc.events.followers.size).toBe(0);
  });

  test("the log in the form of Serf's, the lines before first; one monitor for each client", async () => {
    const rpc = await serveRpc();
    const line = (level: string, msg: string) =>
      `${JSON.stringify({ level, time: '2026-01-02T03:04:05.678Z', component: 'serf', node: 'a b', msg })}\n`;
    rpc.recent.push(line('info', 'before'));
    const client = await rpc.ready();
    expect((await client.call('monitor', { LogLevel: 'nonsense' })).error).toBe(
      'Unknown log level: NONSENSE',
    );
    await client.call('monitor', { LogLevel: 'debug' });
    rpc.lines.send(line('error', 'broken'));
    const logs = (await client.take(4))
      .filter((_, i) => i % 2 === 1)
      .map((one) => (one as { Log: string }).Log);
    expect(logs[0]).toMatch(/^2026\/01\/0[123] \d\d:\d\d:05 \[INFO\] serf: before node="a b"$/);
    expect(logs[1]).toMatch(/\[ERR\] serf: broken/);
    expect((await client.call('monitor', { LogLevel: 'INFO' })).error).toBe('Monitor already exists');
  });

  test('sixteen clients can follow the log, and one has 64 streams', async () => {
    const rpc = await serveRpc();
    const followers = [];
    for (let i = 0; i < 16; i++) {
      const client = await rpc.ready();
      expect((await client.call('monitor', { LogLevel: 'INFO' })).error).toBe('');
      followers.push(client);
    }
    const late = await rpc.ready();
    expect((await late.call('monitor', { LogLevel: 'INFO' })).error).toMatch(/at most 16/);
    followers[0]?.close();
    await until(() => rpc.lines.followers.size === 15);
    expect((await late.call('monitor', { LogLevel: 'INFO' })).error).toBe('');
    for (let i = 0; i < 63; i++) expect((await late.call('stream', { Type: 'user' })).error).toBe('');
    expect((await late.call('stream', { Type: 'user' })).error).toMatch(/at most 64/);
  });
});

describe('keys', () => {
  const done: KeyOperationReport = {
    ...{ id: 3, operation: 'list', finished: true, step: 'apply', members: 3, answered: 3, unresponsive: [] },
    ...{ errors: new Map(), messages: new Map(), primaries: new Map(), refusal: undefined },
    keys: new Map([['0123456789abcdef', 3]]),
  };
  const key = Buffer.alloc(16, 7).toString('base64');

  test('are listed in base64 once all have answered', async () => {
    const agent = new FakeAgent();
    agent.gossipKeys.set('0123456789abcdef', Buffer.from(key, 'base64'));
    agent.reply = async () => ({ ...done, finished: false });
    agent.keyOperationReports.set(3, { ...done, finished: false });
    const client = await (await serveRpc(agent)).ready();
    const answer = client.call('list-keys', undefined, true);
    await until(() => agent.waiting === 1);
    agent.keyOperationReports.set(3, done);
    agent.touch(['keys:3']);
    expect(await answer).toEqual({
      error: '',
      body: { Messages: {}, Keys: { [key]: 3 }, NumNodes: 3, NumErr: 0, NumResp: 3 },
    });
    expect(agent.waiting).toBe(0);
  });

  test.each([
    [{ errors: new Map([['a', 'no']]) }, '1/3 nodes reported failure', { a: 'no' }],
    [{ answered: 2 }, '2/3 nodes reported success', {}],
    [{ messages: new Map([['a', 'memory only']]) }, '', { a: 'memory only' }],
  ])('what went wrong: %j', async (changes, error, messages) => {
    const agent = new FakeAgent();
    const report = { ...done, ...changes } as KeyOperationReport;
    agent.reply = async () => report;
    agent.keyOperationReports.set(3, report);
    const client = await (await serveRpc(agent)).ready();
    const answer = await client.call('use-key', { Key: key }, true);
    expect(answer).toMatchObject({ error, body: { Messages: messages, Keys: null } });
    expect(agent.commands).toMatchObject([{ kind: 'keys', operation: 'use', force: true }]);
  });

  test('what is no key is not sent, and not repeated', async () => {
    const agent = new FakeAgent();
    const client = await (await serveRpc(agent)).ready();
    const { error } = await client.call('install-key', { Key: 'secret' }, true);
    expect(error).toMatch(/base64/);
    expect(error).not.toContain('secret');
    expect(agent.commands).toEqual([]);
  });
});

describe('the agent', () => {
  test('joins: some seed is enough, and none is an error with the reason of each', async () => {
    const agent = new FakeAgent();
    agent.reply = async () => ({ joined: 1, failed: [{ addr: 'b', error: 'refused' }] });
    const client = await (await serveRpc(agent)).ready();
    expect(await client.call('join', { Existing: ['a', 'b'], Replay: true }, true)).toEqual({
      error: '',
      body: { Num: 1 },
    });
    expect(agent.commands).toEqual([{ kind: 'join', seeds: ['a', 'b'], replay: true }]);
    agent.reply = async () => ({ joined: 0, failed: [{ addr: 'b', error: 'refused' }] });
    expect(await client.call('join', { Existing: ['b'] }, true)).toEqual({
      error: '1 error occurred:\n\t* Failed to join b: refused\n\n',
      body: { Num: 0 },
    });
  });

  test('leaves, forgets, and changes tags', async () => {
    const agent = new FakeAgent();
    const client = await (await serveRpc(agent)).ready();
    await client.call('tags', { Tags: { a: '1' }, DeleteTags: ['b'] });
    await client.call('force-leave', { Node: 'x', Prune: true });
    await client.call('leave');
    expect(agent.commands).toEqual([
      { kind: 'setTags', set: new Map([['a', '1']]), remove: ['b'] },
      { kind: 'forget', node: 'x', prune: true, refuseLive: false },
      { kind: 'leave' },
    ]);
    agent.reply = async () => {
      throw new AgentError('notFound', 'nobody');
    };
    expect((await client.call('force-leave', { Node: 'nobody' })).error).toBe('');
  });

  test('tells its statistics as a map of maps of texts', async () => {
    const agent = new FakeAgent(named('ann', 'alive', { role: 'web' }), named('bob', 'failed'));
    const rpc = await serveRpc(agent, {
      handlers: () => [
        { on: ['user:deploy', '*'], run: ['/bin/deploy', 'now'], timeout: 1 },
        { on: ['query'], run: [], webhook: 'http://h/', timeout: 1 },
      ],
    });
    const client = await rpc.ready();
    const { body } = await client.call('stats', undefined, true);
    expect(body).toMatchObject({
      agent: { name: 'ann' },
      serf: { members: '2', failed: '1', left: '0', event_time: '12', encrypted: 'true', intent_queue: '0' },
      tags: { role: 'web' },
      event_handlers: { 'user:deploy': '/bin/deploy now', '*:': '/bin/deploy now', 'query:': 'http://h/' },
    });
    for (const section of Object.values(body as object))
      for (const value of Object.values(section)) expect(typeof value).toBe('string');
  });

  test('coordinates, and that there is none', async () => {
    const agent = new FakeAgent();
    agent.coordinates.set('ann', { vec: [1, 2], error: 0.5, adjustment: -1, height: 0.1 });
    const client = await (await serveRpc(agent)).ready();
    expect((await client.call('get-coordinate', { Node: 'ann' }, true)).body).toEqual({
      Coord: { Vec: [1, 2], Error: 0.5, Adjustment: -1, Height: 0.1 },
      Ok: true,
    });
    expect((await client.call('get-coordinate', { Node: 'bob' }, true)).body).toMatchObject({ Ok: false });
  });
});
