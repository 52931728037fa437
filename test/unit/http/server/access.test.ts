import { describe, expect, test } from 'vitest';
import { AgentError } from '../../../../src/base/errors.ts';
import { startHttpServer } from '../../../../src/http/server/server.ts';
import { FakeAgent, member, options, put, send, serve } from '../fixture.ts';

const TOKEN = '5f1a0c7e5f1a0c7e5f1a0c7e5f1a0c7e5f1a0c7e5f1a0c7e5f1a0c7e5f1a0c7e';

describe('S12 pages of other sites can neither read nor write', () => {
  const tags = { method: 'PUT', body: '{"set":{"a":"b"}}' };
  const host = 'localhost:8500';
  const json = { host, 'content-type': 'application/json' };

  test.each([
    ['an origin of elsewhere', { host, origin: 'http://evil.example' }],
    ['an origin on another port', { host, origin: 'http://localhost:3000' }],
    ['an origin over https', { host, origin: 'https://localhost:8500' }],
    ['the origin null of a sandboxed frame', { host, origin: 'null' }],
    ['an empty origin', { host, origin: '' }],
    ['two origins', { host, origin: 'http://localhost:8500, http://evil.example' }],
    ['a cross-site fetch', { host, 'sec-fetch-site': 'cross-site' }],
    ['a same-site fetch', { host, 'sec-fetch-site': 'same-site' }],
    ['an unheard-of fetch', { host, 'sec-fetch-site': 'x' }],
  ])('S12 %s is refused, for reading and for writing', async (_, headers) => {
    const agent = new FakeAgent(member('ann'));
    const server = await serve(agent);
    expect((await send(server, '/v1/agent/self', { headers })).status).toBe(403);
    expect(
      (await send(server, '/v1/hearsay/tags', { ...tags, headers: { ...json, ...headers } })).status,
    ).toBe(403);
    expect(agent.commands).toEqual([]);
  });

  test('S12 a link of another site opens the dashboard, and nothing else', async () => {
    const server = await serve(new FakeAgent(member('ann')), { ui: () => undefined });
    const link = {
      host,
      'sec-fetch-site': 'cross-site',
      'sec-fetch-mode': 'navigate',
      'sec-fetch-dest': 'document',
    };
    const status = async (path: string, changes: object = {}, method = 'GET'): Promise<number> =>
      (await send(server, path, { method, headers: { ...link, ...changes } })).status;
    expect(await status('/ui/nodes/db-3')).toBe(404); // it was not built here; else 200
    expect(await status('/ui')).toBe(301);
    expect(await status('/', { accept: 'text/html' })).toBe(302);
    for (const path of [
      '/v1/agent/self',
      '/v1/agent/service/deregister/web',
      '/uix',
      '//ui/',
      '/ui/../v1/agent/self',
    ])
      expect([path, await status(path)]).toEqual([path, path.startsWith('/ui/') ? 404 : 403]);
    expect(await status('/ui/', { 'sec-fetch-dest': 'iframe' })).toBe(403);
    expect(await status('/ui/app.js', { 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'script' })).toBe(403);
    expect(await status('/ui/', { origin: 'https://evil.example' })).toBe(403);
    expect(await status('/ui/', {}, 'POST')).toBe(403);
  });

  test('S12 a form of this agent’s origin cannot write, a script can', async () => {
    const agent = new FakeAgent(member('ann'));
    const server = await serve(agent);
    const origin = { host, origin: `http://${host}`, 'sec-fetch-site': 'same-origin' };
    const write = async (headers: Record<string, string>) =>
      (await send(server, '/v1/hearsay/tags', { ...tags, headers })).status;
    expect(await write({ ...origin, 'content-type': 'text/plain' })).toBe(403);
    expect(await write({ ...origin, 'content-type': 'application/x-www-form-urlencoded' })).toBe(403);
    expect(await write(origin)).toBe(403);
    expect(agent.commands).toHaveLength(0);
    expect(await write({ ...origin, 'content-type': 'application/json; charset=utf-8' })).toBe(200);
    expect(await write({ ...origin, 'x-agent-request': '1' })).toBe(200);
    expect(agent.commands).toHaveLength(2);
  });

  test('S12 an address typed into a browser may read, but not write', async () => {
    const server = await serve(new FakeAgent(member('ann')));
    const headers = { host, 'sec-fetch-site': 'none', 'content-type': 'application/json' };
    expect((await send(server, '/v1/agent/self', { headers })).status).toBe(200);
    expect((await send(server, '/v1/hearsay/tags', { ...tags, headers })).status).toBe(403);
  });

  test('S12 T10 a program without Origin may write with any Content-Type, or none', async () => {
    const server = await serve(new FakeAgent(member('ann')));
    expect((await put(server, '/v1/hearsay/tags', { set: { a: 'b' } })).status).toBe(200);
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    expect((await send(server, '/v1/hearsay/tags', { ...tags, headers })).status).toBe(200);
  });
});

describe('S13 tokens', () => {
  const self = '/v1/agent/self';

  test('S13 without the token only the banner is served', async () => {
    const server = await serve(new FakeAgent(member('ann')), { tokens: { all: TOKEN } });
    const status = async (headers: Record<string, string>, path = self) =>
      (await send(server, path, { headers })).status;
    expect(await status({})).toBe(403);
    expect(await status({ 'x-consul-token': 'wrong' })).toBe(403);
    expect(await status({ 'x-consul-token': TOKEN.slice(0, -1) })).toBe(403);
    expect(await status({ 'x-consul-token': TOKEN.toUpperCase() })).toBe(403);
    expect(await status({ authorization: `Basic ${TOKEN}` })).toBe(403);
    expect(await status({}, `${self}?token=`)).toBe(403);
    expect(await status({}, '/v1/nowhere')).toBe(403);
    expect((await put(server, '/v1/agent/leave')).status).toBe(403);
    expect(await status({}, '/')).toBe(200);
  });

  test('S13 the token counts as ?token=, as X-Consul-Token and as Bearer, in this order', async () => {
    const server = await serve(new FakeAgent(member('ann')), { tokens: { all: TOKEN } });
    const status = async (headers: Record<string, string>, path = self) =>
      (await send(server, path, { headers })).status;
    expect(await status({}, `${self}?token=${TOKEN}`)).toBe(200);
    expect(await status({ 'x-consul-token': TOKEN })).toBe(200);
    expect(await status({ authorization: `Bearer ${TOKEN}` })).toBe(200);
    expect(await status({ authorization: `bEARER ${TOKEN}` })).toBe(200);
    expect(await status({ 'x-consul-token': TOKEN }, `${self}?token=wrong`)).toBe(403);
    expect(await status({ 'x-consul-token': 'wrong', authorization: `Bearer ${TOKEN}` })).toBe(403);
  });

  test('without a token set any is accepted, and Basic is no token at all', async () => {
    const server = await serve(new FakeAgent(member('ann')));
    for (const headers of [
      { 'x-consul-token': 'x' },
      { authorization: 'Basic Og==' },
      { authorization: 'Bearer x' },
    ])
      expect((await send(server, `${self}?token=y`, { headers })).status).toBe(200);
  });
});

describe('S13 listening addresses', () => {
  const refusal = async (host: string, changes = {}): Promise<unknown> => {
    const started = startHttpServer(options(new FakeAgent(), { listen: { host, port: 0 }, ...changes }));
    return started.then(
      (server) => server.close(),
      (error: unknown) => error,
    );
  };

  test.each(['0.0.0.0', '::', '192.0.2.1', '::ffff:192.0.2.1', 'example.com', '127.1', ''])(
    'S13 it does not start on %j without a token',
    async (host) => {
      const error = await refusal(host);
      expect(error).toBeInstanceOf(AgentError);
      expect(error).toMatchObject({ code: 'config', message: expect.stringContaining('token') });
    },
  );

  test('S13 it starts with a token or with insecure', async () => {
    expect(await refusal('0.0.0.0', { tokens: { all: TOKEN } })).toBeUndefined();
    expect(await refusal('0.0.0.0', { insecure: true })).toBeUndefined();
  });

  test('S13 an empty token is an error, not a token', async () => {
    expect(await refusal('127.0.0.1', { tokens: { all: '' } })).toMatchObject({ code: 'config' });
  });
});
