import { expect, test } from 'vitest';
import { FakeAgent, member, send, serve } from '../../fixture.ts';

/** Endpoints that need consensus, with their refusals. */
const REFUSALS: readonly [method: string, path: string, status: number, body: string | RegExp][] = [
  ['GET', '/v1/kv', 501, 'keys and values need consensus, which this agent has not'],
  ['GET', '/v1/kv/', 501, /consensus/],
  ['GET', '/v1/kv/fabio/config?consistent=&recurse=', 501, /consensus/],
  ['PUT', '/v1/kv/a%2Fb', 501, /consensus/],
  ['DELETE', '/v1/kv/a', 501, /consensus/],
  ['PUT', '/v1/session/create', 501, /consensus/],
  ['GET', '/v1/session/list', 501, /consensus/],
  ['PUT', '/v1/txn', 501, /consensus/],
  ['GET', '/v1/snapshot', 501, /no state/],
  ['PUT', '/v1/snapshot', 501, /no state/],
  ['GET', '/v1/operator/raft/configuration', 501, /no raft/],
  ['GET', '/v1/operator/autopilot/health', 501, /no raft/],
  ['GET', '/v1/query', 200, '[]'],
  ['POST', '/v1/query', 501, /consensus/],
  ['PUT', '/v1/query/x', 501, /consensus/],
  ['DELETE', '/v1/query/x', 501, /consensus/],
  ['GET', '/v1/query/x', 404, 'Query not found'],
  ['GET', '/v1/query/x/execute', 404, 'Query not found'],
  ['GET', '/v1/query/x/explain', 404, 'Query not found'],
  ['GET', '/v1/acl/tokens', 401, 'ACL support disabled'],
  ['PUT', '/v1/acl/bootstrap', 401, 'ACL support disabled'],
  ['PUT', '/v1/agent/token/default', 401, 'ACL support disabled'],
  ['GET', '/v1/connect/ca/roots', 500, 'Connect must be enabled in order to use this endpoint'],
  ['GET', '/v1/agent/connect/ca/roots', 500, 'Connect must be enabled in order to use this endpoint'],
  ['POST', '/v1/agent/connect/authorize', 501, /no mesh/],
  ['GET', '/v1/config/service-defaults', 200, '[]'],
  ['GET', '/v1/config/service-defaults/web', 501, /consensus/],
  ['PUT', '/v1/config', 501, /consensus/],
  ['DELETE', '/v1/config/service-defaults/web', 501, /consensus/],
  ['GET', '/v1/discovery-chain/web', 501, /no mesh/],
  ['GET', '/v1/peerings', 200, '[]'],
  ['GET', '/v1/peering/x', 501, /do not peer/],
  ['POST', '/v1/peering/token', 501, /do not peer/],
  ['GET', '/v1/internal/ui/nodes', 404, ''],
  ['GET', '/v1/nonsense', 404, ''],
  ['PUT', '/v1/nonsense', 404, ''],
];

test.each(REFUSALS)('%s %s is %d', async (method, path, status, body) => {
  const answer = await send(await serve(new FakeAgent(member('ann'))), path, { method });
  expect(answer.status).toBe(status);
  expect(answer.body).toEqual(typeof body === 'string' ? body : expect.stringMatching(body));
  if (status === 404) expect(answer.headers['x-consul-index']).toBe('1');
});

test('with an empty store reads block and writes are refused', async () => {
  const agent = new FakeAgent(member('ann'));
  const server = await serve(agent, { emptyKv: true });
  const first = await send(server, '/v1/kv/fabio/config?recurse=');
  expect([first.status, first.body, first.headers['x-consul-index']]).toEqual([404, '', '1']);
  const from = performance.now();
  expect((await send(server, '/v1/kv/fabio/config?index=1&wait=200ms')).status).toBe(404);
  expect(performance.now() - from).toBeGreaterThanOrEqual(200);
  expect((await send(server, '/v1/kv/a', { method: 'PUT', body: 'x' })).status).toBe(501);
});

test('every refusal is short enough for node-consul, and a header says what to do instead', async () => {
  const server = await serve(new FakeAgent(member('ann')));
  for (const [method, path, status] of REFUSALS.filter(([, , status]) => status === 501)) {
    const answer = await send(server, path, { method });
    expect([path, answer.status, answer.body.length < 80]).toEqual([path, status, true]);
    expect(answer.headers['x-hearsay-instead']).toMatch(/^(?:Store|Use|Each|See|Protect|Run) /);
  }
});
