import { describe, expect, test } from 'vitest';
import { AgentError } from '../../../src/base/errors.ts';
import { RPC_COMMANDS } from '../../../src/rpc/commands/index.ts';
import { startRpcServer } from '../../../src/rpc/server/server.ts';
import { FakeAgent, member, until } from '../http/fixture.ts';
import { pack, serveRpc } from './fixture.ts';

const KEY = 'k'.repeat(40);
const READ = 'r'.repeat(40);

describe('the handshake', () => {
  test('comes first, once, and with version 1', async () => {
    const rpc = await serveRpc();
    const hasty = await rpc.connect();
    expect((await hasty.call('members')).error).toBe('Handshake required');
    await hasty.closedByServer();

    const client = await rpc.connect();
    expect((await client.call('handshake', { Version: 2 })).error).toBe('Unsupported IPC version');
    expect((await client.call('handshake', { Version: 1 })).error).toBe('');
    expect((await client.call('handshake', { Version: 1 })).error).toBe('Handshake already performed');
    expect((await client.call('frobnicate')).error).toBe('Unsupported command');
    await client.closedByServer();
  });

  test('all commands of Serf are offered, each with its scope', () => {
    const scopes = Object.fromEntries([...RPC_COMMANDS].map(([name, { scope }]) => [name, scope]));
    expect(scopes).toEqual({
      ...{ members: 'read', 'members-filtered': 'read', 'get-coordinate': 'read', stats: 'read' },
      ...{ stream: 'read', monitor: 'read', stop: 'read' },
      ...{ event: 'register', query: 'register', respond: 'register' },
      ...{ join: 'operator', leave: 'operator', 'force-leave': 'operator', tags: 'operator' },
      ...{
        'list-keys': 'operator',
        'install-key': 'operator',
        'use-key': 'operator',
        'remove-key': 'operator',
      },
    });
  });
});

describe('S13 keys', () => {
  test('S13 where a key is set nothing is answered without it, and the body is still read', async () => {
    const rpc = await serveRpc(new FakeAgent(member('ann')), { tokens: { rpc: KEY } });
    const client = await rpc.ready();
    expect((await client.call('tags', { Tags: { a: 'b' } })).error).toBe('Authentication required');
    expect((await client.call('members')).error).toBe('Authentication required');
    expect((await client.call('auth', { AuthKey: 'wrong' })).error).toBe('Invalid authentication token');
    expect((await client.call('auth', { AuthKey: KEY })).error).toBe('');
    expect((await client.call('members', undefined, true)).error).toBe('');
    expect((await client.call('tags', { Tags: { a: 'b' } })).error).toBe('');
    expect(rpc.agent.commands).toEqual([{ kind: 'setTags', set: new Map([['a', 'b']]), remove: [] }]);
  });

  test('S13 operators need a key where a program of another account could be the client', async () => {
    const token = `127.0.0.1:7373!${'0'.repeat(64)}`;
    const rpc = await serveRpc(new FakeAgent(member('ann')), {
      openOperator: false,
      issueOperatorToken: async () => ({ token, path: '/run/token' }),
    });
    const client = await rpc.ready();
    expect((await client.call('members', undefined, true)).error).toBe('');
    const { error } = await client.call('leave');
    expect(error).toMatch(
      /^Authentication required: this needs a key of the scope operator.*-rpc-auth.*\/run\/token/,
    );
    // Serf's own client waits for a body after any other error.
    expect((await client.call('join', { Existing: ['a'] }, true)).body).toEqual({ Num: 0 });
    expect(rpc.agent.commands).toEqual([]);
    expect((await client.call('auth', { AuthKey: token })).error).toBe('');
    expect((await client.call('leave')).error).toBe('');
  });

  test('S13 a token of HTTP has its scope here', async () => {
    const rpc = await serveRpc(new FakeAgent(member('ann')), { tokens: { rpc: KEY, read: READ } });
    const client = await rpc.ready();
    expect((await client.call('auth', { AuthKey: READ })).error).toBe('');
    expect((await client.call('members', undefined, true)).error).toBe('');
    expect((await client.call('event', { Name: 'e' })).error).toMatch(/has only read/);
  });

  test('S13 who guesses is cut off, and a changed key counts at once', async () => {
    const rpc = await serveRpc(new FakeAgent(member('ann')), { tokens: { rpc: KEY } });
    const guesser = await rpc.ready();
    for (let i = 0; i < 8; i++) await guesser.call('auth', { AuthKey: String(i) });
    await guesser.closedByServer();
    expect(rpc.closed).toEqual(['it sent too many wrong keys']);

    rpc.server.setTokens({ rpc: READ });
    const client = await rpc.ready();
    expect((await client.call('auth', { AuthKey: KEY })).error).not.toBe('');
    expect((await client.call('auth', { AuthKey: READ })).error).toBe('');
  });

  test('S13 it does not listen beyond loopback without a key', async () => {
    const start = (changes: object) =>
      startRpcServer({
        ...{ listen: { host: '0.0.0.0', port: 0 }, agent: new FakeAgent(), tokens: {}, openOperator: true },
        ...{ insecure: false, events: { follow: () => () => {} }, logs: { follow: () => () => {} } },
        ...{ handlers: () => [], issueOperatorToken: async () => undefined },
        ...{ onClientClosed: () => {}, onError: () => {} },
        ...changes,
      });
    await expect(start({})).rejects.toThrow(/open to the network: set HEARSAY_RPC_AUTH/);
    await (await start({ insecure: true })).close();
    await (await start({ tokens: { rpc: KEY } })).close();
  });
});

describe('hostile clients', () => {
  test("bytes that are no request end the connection, a web page's first", async () => {
    const rpc = await serveRpc();
    const header = pack({ Command: 'handshake', Seq: 1 });
    const hostile = [
      Buffer.from('POST / HTTP/1.1\r\nHost: 127.0.0.1:7373\r\n\r\n'),
      Buffer.concat([header, pack('no map')]),
      Buffer.concat([header, Buffer.of(0xdf, 0xff, 0xff, 0xff, 0xff)]),
      pack({ Command: { a: 1 }, Seq: 1 }),
      Buffer.from([0xc1]),
    ];
    for (const bytes of hostile) {
      const client = await rpc.connect();
      client.socket.write(bytes);
      await client.closedByServer();
    }
    expect(rpc.closed).toHaveLength(hostile.length);
    expect(rpc.closed.every((reason) => reason.startsWith('it sent a wrong request'))).toBe(true);
  });

  test('who does not shake hands, or does not finish a request, has a time limit; who is idle has none', async () => {
    const rpc = await serveRpc(new FakeAgent(member('ann')), { limits: { timeout: 300 } });
    const idle = await rpc.ready();
    const silent = await rpc.connect();
    const dripping = await rpc.ready();
    dripping.socket.write(pack({ Command: 'event', Seq: 2 }));
    await silent.closedByServer();
    await dripping.closedByServer();
    expect(rpc.closed).toEqual(Array.from({ length: 2 }, () => 'it did not finish its request in time'));
    expect((await idle.call('members', undefined, true)).error).toBe('');
  });

  test('connections are limited, and freed as they close', async () => {
    const rpc = await serveRpc(new FakeAgent(member('ann')), { limits: { maxConnections: 2 } });
    const first = await rpc.ready();
    await rpc.ready();
    const third = await rpc.connect();
    await third.closedByServer();
    expect(rpc.closed).toEqual(['there are too many connections']);
    first.close();
    await until(() => first.isClosed);
    const fourth = await rpc.ready();
    expect((await fourth.call('members', undefined, true)).error).toBe('');
  });

  test('who does not read its stream is cut off, and nothing else is buffered for it', async () => {
    const rpc = await serveRpc(new FakeAgent(member('ann')), { limits: { maxUnread: 100_000 } });
    const slow = await rpc.ready();
    await slow.call('monitor', { LogLevel: 'DEBUG' });
    const other = await rpc.ready();
    await other.call('monitor', { LogLevel: 'DEBUG' });
    slow.socket.pause();
    const line = `${JSON.stringify({ level: 'info', time: '2026-01-02T03:04:05.000Z', msg: 'x'.repeat(10_000) })}\n`;
    let sent = 0;
    while (rpc.closed.length === 0 && sent < 2000) {
      for (let i = 0; i < 5; i++) rpc.lines.send(line); // less than the other may leave unread
      sent += 5;
      await until(() => other.values.length >= 2 * sent);
    }
    expect(rpc.closed).toEqual(['it reads its records too slowly']);
    expect(rpc.lines.followers.size).toBe(1);
  });

  test('who pipelines and reads no reply is not answered further, and cut off in the end', async () => {
    const many = Array.from({ length: 500 }, (_, i) => member(`member-${i}`));
    const rpc = await serveRpc(new FakeAgent(...many), { limits: { timeout: 500 } });
    const client = await rpc.ready();
    client.socket.pause();
    for (let i = 0; i < 2000; i++) client.send('members');
    await until(() => rpc.closed.length > 0);
    expect(rpc.closed).toEqual(['it does not read a reply']);
  });
});

test('a failure of the agent is answered in the form of the command', async () => {
  const faults: unknown[] = [];
  const agent = new FakeAgent();
  agent.reply = async () => {
    throw new Error('broken');
  };
  const rpc = await serveRpc(agent, { onError: (error) => faults.push(error) });
  const client = await rpc.ready();
  const { error, body } = await client.call('join', { Existing: ['a'] }, true);
  expect(error).toMatch(/^the agent failed/);
  expect(body).toEqual({ Num: 0 });
  expect(faults).toEqual([new Error('broken')]);

  agent.reply = async () => {
    throw new AgentError('badRequest', 'no such tag');
  };
  expect((await client.call('tags', { Tags: { a: 'b' } })).error).toBe('no such tag');
});

test('a close waits for the reply of the request that was begun', async () => {
  const agent = new FakeAgent();
  let finish = (): void => undefined;
  agent.reply = () =>
    new Promise((resolve) => {
      finish = () => resolve(undefined);
    });
  const rpc = await serveRpc(agent);
  const client = await rpc.ready();
  client.send('leave', undefined, 9);
  await until(() => agent.commands.length === 1);
  const closing = rpc.server.close();
  finish();
  expect(await client.take(1)).toEqual([{ Error: '', Seq: 9 }]);
  await closing;
  await client.closedByServer();
});
