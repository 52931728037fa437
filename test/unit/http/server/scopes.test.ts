import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { SCOPES } from '../../../../src/access/scope.ts';
import type { Route } from '../../../../src/http/endpoint/route.ts';
import { UNSUPPORTED_ROUTES } from '../../../../src/http/routes/consul/unsupported.ts';
import { ROUTES } from '../../../../src/http/routes/index.ts';
import type { HttpServer } from '../../../../src/http/server/server.ts';
import { FakeAgent, member, send, serve } from '../fixture.ts';

const tokenOf = (scope: string): string => `${scope}-`.padEnd(40, '0');
const READ = '/v1/agent/self';
const REGISTER = '/v1/agent/maintenance?enable=true';
const OPERATOR = '/v1/agent/leave';

/** The statuses of a read, a registration and an operator's order. */
async function statuses(server: HttpServer, token?: string): Promise<number[]> {
  const headers: Record<string, string> = token === undefined ? {} : { 'x-consul-token': token };
  const ask = async (method: string, path: string) => (await send(server, path, { method, headers })).status;
  return [await ask('GET', READ), await ask('PUT', REGISTER), await ask('PUT', OPERATOR)];
}

/** Their protocol has the question in the body. */
const READS_BY_POST = ['/v3/discovery:endpoints'];

describe('S13 routes', () => {
  const offered = ROUTES.filter((route) => !UNSUPPORTED_ROUTES.includes(route));

  test('S13 every route declares its scope', () => {
    for (const { path, scope } of ROUTES)
      expect([path, SCOPES]).toEqual([path, expect.arrayContaining([scope])]);
    expect(offered.filter(({ scope }) => scope === 'public').map(({ path }) => path)).toEqual([
      '/',
      '/ui',
      '/ui/:path...',
    ]);
  });

  test('S13 reading needs read, and nothing that writes does with it', () => {
    const withSecrets = ({ path }: Route): boolean => path === '/v1/operator/keyring';
    const isRead = ({ method, path }: Route): boolean => method === 'GET' || READS_BY_POST.includes(path);
    for (const one of offered.filter((each) => !withSecrets(each)))
      expect([one.path, one.scope === 'public' || one.scope === 'read']).toEqual([one.path, isRead(one)]);
  });

  test('S13 members, keys, tags, settings and the end of the agent are for operators', () => {
    const operators = offered.filter(({ scope }) => scope === 'operator').map(({ path }) => path);
    expect(operators.sort()).toEqual([
      '/v1/agent/force-leave/:node...',
      '/v1/agent/join/:addr...',
      '/v1/agent/leave',
      '/v1/agent/reload',
      '/v1/hearsay/forget/:node...',
      '/v1/hearsay/join',
      '/v1/hearsay/keys/:operation',
      '/v1/hearsay/reload',
      '/v1/hearsay/tags',
      ...Array(4).fill('/v1/operator/keyring'),
    ]);
  });
});

describe('S13 scopes', () => {
  const ann = () => new FakeAgent(member('ann'));

  test.each([
    ['no token, operators open', {}, true, [200, 200, 200]],
    ['no token', {}, false, [200, 200, 403]],
    ['an operator token', { operator: tokenOf('operator') }, true, [200, 200, 403]],
    ['a register token', { register: tokenOf('register') }, true, [200, 403, 403]],
    ['a read token', { read: tokenOf('read') }, true, [403, 403, 403]],
    ['a token for all', { all: tokenOf('all') }, true, [403, 403, 403]],
  ])('S13 with %s configured, this is what needs one', async (_, tokens, openOperator, expected) => {
    const server = await serve(ann(), { tokens, openOperator });
    expect(await statuses(server)).toEqual(expected);
    expect(await statuses(server, tokenOf('unknown'))).toEqual(expected);
  });

  test('S13 a token has the scopes below its own', async () => {
    const tokens = Object.fromEntries(
      ['all', 'read', 'register', 'operator'].map((one) => [one, tokenOf(one)]),
    );
    const server = await serve(ann(), { tokens, openOperator: false });
    expect(await statuses(server, tokenOf('read'))).toEqual([200, 403, 403]);
    expect(await statuses(server, tokenOf('register'))).toEqual([200, 200, 403]);
    expect(await statuses(server, tokenOf('operator'))).toEqual([200, 200, 200]);
    expect(await statuses(server, tokenOf('all'))).toEqual([200, 200, 200]);
  });

  test('S13 what is refused changes nothing, and the refusal says what to do next', async () => {
    const agent = ann();
    const tokens = { register: tokenOf('register') };
    const issueOperatorToken = async () => ({ token: tokenOf('local'), path: '/run/a b/operator-token' });
    const server = await serve(agent, { tokens, openOperator: false, issueOperatorToken });
    const leave = (headers = {}) => send(server, OPERATOR, { method: 'PUT', headers });
    const refused = await leave();
    expect(refused.body).toBe(
      "Permission denied: this needs a token of the scope operator: send it as X-Consul-Token or as Authorization: Bearer; the agent's user and root find one in /run/a b/operator-token",
    );
    expect(refused.headers['x-hearsay-token-file']).toBe('/run/a%20b/operator-token');
    expect((await leave({ 'x-consul-token': tokenOf('register') })).body).toContain(
      'this needs the scope operator, and the token has only the scope register',
    );
    expect((await leave({ 'x-consul-token': 'x' })).body).toContain('the token is not known here');
    expect(agent.commands).toEqual([]);
    expect((await leave({ 'x-consul-token': tokenOf('local') })).status).toBe(200);
    expect(agent.commands).toEqual([{ kind: 'leave' }]);
  });

  test('S13 T13 a GET that writes needs the scope of the write', async () => {
    const agent = ann();
    const server = await serve(agent, { openOperator: false });
    expect((await send(server, '/v1/agent/join/10.0.0.2')).status).toBe(403);
    expect((await send(server, '/v1/agent/force-leave/bob')).status).toBe(403);
    expect((await send(server, '/v1/agent/check/pass/c')).status).not.toBe(403);
    expect(agent.commands.map(({ kind }) => kind)).not.toContain('join');
  });

  test('S13 without a token that reads nobody learns which paths there are', async () => {
    const server = await serve(ann(), { tokens: { read: tokenOf('read') } });
    for (const path of ['/v1/nowhere', '//v1/agent/self', '/v1/agent/leave'])
      expect([path, (await send(server, path)).status]).toEqual([path, 403]);
  });

  test('S15 a check may read, and not write', async () => {
    const agent = ann();
    const server = await serve(agent);
    const headers = { 'x-hearsay-check': '1' };
    expect((await send(server, READ, { headers })).status).toBe(200);
    for (const path of [REGISTER, OPERATOR])
      expect((await send(server, path, { method: 'PUT', headers })).status).toBe(403);
    expect((await send(server, '/v1/agent/service/deregister/web', { headers })).status).toBe(403);
    expect(agent.commands).toEqual([]);
  });

  test('S13 operators need no token on a socket file that only the agent’s user can open', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'hearsay-scopes-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const at = async (name: string, mode: number) => {
      chmodSync(folder, mode);
      return serve(ann(), { listen: { path: join(folder, name) }, openOperator: false });
    };
    expect(await statuses(await at('private.sock', 0o700))).toEqual([200, 200, 200]);
    expect(await statuses(await at('group.sock', 0o750))).toEqual([200, 200, 403]);
    expect(await statuses(await at('all.sock', 0o701))).toEqual([200, 200, 403]);
  });
});
