import { describe, expect, test } from 'vitest';
import type { KeyOperationReport } from '../../../../../src/agent/contract/commands.ts';
import type { HttpServer } from '../../../../../src/http/server/server.ts';
import { fingerprint } from '../../../../../src/wire/crypt.ts';
import { type Answer, FakeAgent, member, send, serve, until } from '../../fixture.ts';

const bytes = new Uint8Array(32).fill(7);
const KEY = Buffer.from(bytes).toString('base64');
const path = '/v1/operator/keyring';
const TOKEN = 'o'.repeat(40);

const report = (more: Partial<KeyOperationReport>): KeyOperationReport => ({
  ...{ id: 3, operation: 'list', finished: true, step: 'apply', members: 2, answered: 2 },
  ...{ unresponsive: [], errors: new Map(), messages: new Map(), keys: new Map(), primaries: new Map() },
  ...{ refusal: undefined },
  ...more,
});

/** An agent whose next key operation has ended with this report when it is begun. */
async function world(more: Partial<KeyOperationReport>) {
  const agent = new FakeAgent(member('ann'));
  agent.reply = async () => report({ finished: false });
  agent.keyOperationReports.set(3, report(more));
  agent.gossipKeys.set(fingerprint(bytes), bytes);
  return { agent, server: await serve(agent) };
}

/** Node sends a body with DELETE only if its length is told. */
const write = (server: HttpServer, method: string, body: string, query = ''): Promise<Answer> =>
  send(server, path + query, { method, body, headers: { 'content-length': `${body.length}` } });

describe('/v1/operator/keyring', () => {
  test('GET lists the keys in base64, with how many members have and use each', async () => {
    const counts = new Map([[fingerprint(bytes), 2]]);
    const { agent, server } = await world({ keys: counts, primaries: counts });
    const answer = await send(server, `${path}?relay-factor=2&local-only=true`);
    expect([answer.status, answer.json()]).toEqual([
      200,
      [
        {
          ...{ WAN: false, Datacenter: 'dc1', Segment: '', Messages: {} },
          ...{ Keys: { [KEY]: 2 }, PrimaryKeys: { [KEY]: 2 }, NumNodes: 2 },
        },
      ],
    ]);
    expect(agent.commands).toMatchObject([{ kind: 'keys', operation: 'list', key: undefined, force: false }]);
  });

  test.each([
    ['POST', 'install'],
    ['PUT', 'use'],
    ['DELETE', 'remove'],
  ])('%s does %s with the key of the body, and is 200 and empty', async (method, operation) => {
    const { agent, server } = await world({});
    const answer = await write(server, method, JSON.stringify({ Key: KEY }));
    expect([answer.status, answer.body]).toEqual([200, '']);
    expect(agent.commands).toMatchObject([{ kind: 'keys', operation, key: bytes, force: false }]);
  });

  test('a request waits until the operation has ended', async () => {
    const { agent, server } = await world({ finished: false });
    let settled = false;
    const pending = send(server, path).finally(() => {
      settled = true;
    });
    await until(() => agent.waiting === 1);
    expect(settled).toBe(false);
    agent.keyOperationReports.set(3, report({ keys: new Map([['unknown', 1]]) }));
    agent.touch(['keys:3']);
    expect((await pending).json()).toMatchObject([{ Keys: { unknown: 1 } }]);
  });

  test.each<[what: string, Partial<KeyOperationReport>, status: number, sentence: string]>([
    ['a silent member', { unresponsive: ['bob'] }, 500, 'keys use: bob: no answer'],
    ['a member that failed', { errors: new Map([['bob', 'no space']]) }, 500, 'keys use: bob: no space'],
    [
      'a member that would be cut off',
      { refusal: 'bob would be cut off: wait, or use --force to do it anyway' },
      409,
      'bob would be cut off: wait, or use `hearsay keys` with --force to do it anyway',
    ],
  ])('%s makes it an error, with the reason', async (_, more, status, sentence) => {
    const { server } = await world({ operation: 'use', ...more });
    const answer = await write(server, 'PUT', JSON.stringify({ Key: KEY }));
    expect([answer.status, answer.body]).toEqual([status, sentence]);
  });

  test.each([
    ['no key', 'PUT', '', '{}'],
    ['an invalid key', 'PUT', '', '{"Key":"c2hvcnQ="}'],
    ['an empty body', 'PUT', '', ''],
    ['local-only of a write', 'POST', '?local-only=true', JSON.stringify({ Key: KEY })],
    ['a relay factor above 5', 'DELETE', '?relay-factor=6', JSON.stringify({ Key: KEY })],
  ])('%s is 400, and no member is asked', async (_, method, query, body) => {
    const { agent, server } = await world({});
    const answer = await write(server, method, body, query);
    expect([answer.status, agent.commands]).toEqual([400, []]);
    expect(answer.body).not.toContain('c2hvcnQ=');
  });

  test('S13 reading keys needs the scope operator, as writing them does', async () => {
    const agent = new FakeAgent(member('ann'));
    agent.reply = async () => report({});
    const server = await serve(agent, { tokens: { operator: TOKEN }, openOperator: false });
    for (const method of ['GET', 'POST', 'PUT', 'DELETE'])
      expect([method, (await write(server, method, '')).status]).toEqual([method, 403]);
    expect(agent.commands).toEqual([]);
    expect((await send(server, path, { headers: { 'x-consul-token': TOKEN } })).status).toBe(200);
  });
});
