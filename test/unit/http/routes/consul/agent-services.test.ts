import { describe, expect, test } from 'vitest';
import { toAddress } from '../../../../../src/base/address.ts';
import { deriveNodeId } from '../../../../../src/http/consul/nodes.ts';
import type { HttpServerOptions } from '../../../../../src/http/server/server.ts';
import { check, instance, service } from '../../data.ts';
import { FakeAgent, member, SEED, send, serve, until } from '../../fixture.ts';

type Json = Record<string, unknown>;

const blue = service('web', {
  id: 'web-1',
  tags: ['Blue', 'v1'],
  address: '10.1.0.1',
  port: 8080,
  meta: new Map([['team', 'x']]),
});

/** Nodes ann and bob are alive, cat has failed, dan has left; web runs on the first three. */
function world(): FakeAgent {
  const agent = new FakeAgent(
    member('ann', { tags: new Map([['rack', 'r1']]) }),
    member('bob', { address: toAddress(Uint8Array.of(10, 0, 0, 2), 7946) }),
    member('cat', { status: 'failed', state: 'dead' }),
    member('dan', { status: 'left', state: 'left' }),
  );
  agent.catalog.held = [
    instance('ann', blue),
    instance('bob', service('web', { id: 'web-2', tags: ['v1'] })),
    instance('bob', service('Db', { id: 'db' })),
    instance('cat', service('web', { id: 'web-3' }), { up: false, status: 'critical' }),
    instance('dan', service('web', { id: 'web-4' })),
  ];
  return agent;
}

const open = (agent: FakeAgent, changes: Partial<HttpServerOptions> = {}) => serve(agent, changes);
const ids = (list: unknown): unknown[] => (list as Json[]).map((one) => one['ServiceID']);

describe('GET /v1/catalog/services', () => {
  const path = '/v1/catalog/services';

  test('names with the tags of all instances, the self service among them', async () => {
    const server = await open(world());
    expect((await send(server, path)).json()).toEqual({ Db: [], web: ['Blue', 'v1'], consul: [] });
  });

  test('the self service has the configured name, or is off', async () => {
    const named = await open(world(), { selfService: 'hearsay' });
    expect(Object.keys((await send(named, path)).json() as Json)).toContain('hearsay');
    expect((await send(named, '/v1/catalog/service/consul')).body).toBe('[]');
    const off = await open(world(), { selfService: 'off' });
    expect((await send(off, path)).json()).toEqual({ Db: [], web: ['Blue', 'v1'] });
    expect((await send(off, '/v1/catalog/service/consul')).body).toBe('[]');
  });

  test('a registered service of that name is listed once', async () => {
    const agent = world();
    agent.catalog.held.push(instance('ann', service('Consul', { tags: ['own'] })));
    const services = (await send(await open(agent), path)).json();
    expect(services).toEqual({ Consul: ['own'], Db: [], web: ['Blue', 'v1'] });
  });

  test('node-meta: only instances on such nodes', async () => {
    const server = await open(world());
    expect((await send(server, `${path}?node-meta=rack:r1`)).json()).toEqual({
      web: ['Blue', 'v1'],
      consul: [],
    });
    expect((await send(server, `${path}?node-meta=rack:r2`)).json()).toEqual({});
  });

  test('B5 checks do not wake it, a change of a service does', async () => {
    const agent = world();
    const server = await open(agent);
    const parked = send(server, `${path}?index=${SEED}`);
    await until(() => agent.waiting === 1);
    agent.touch(['checks', 'service:web', 'entries:ann', 'nodes']);
    expect(agent.waiting).toBe(1);
    agent.touch(['services', 'service:new']);
    expect((await parked).headers['x-consul-index']).toBe(String(SEED + 2));
  });
});

describe('GET /v1/catalog/service/:name', () => {
  const path = '/v1/catalog/service/web';

  test('CatalogService, flat', async () => {
    const agent = world();
    const server = await open(agent);
    agent.touch(['service:web', 'entries:ann']);
    const [first, second] = (await send(server, path)).json() as Json[];
    expect(first).toEqual({
      ID: deriveNodeId('dc1', 'ann'),
      Node: 'ann',
      Address: '10.0.0.1',
      Datacenter: 'dc1',
      TaggedAddresses: { lan: '10.0.0.1', lan_ipv4: '10.0.0.1', wan: '10.0.0.1', wan_ipv4: '10.0.0.1' },
      NodeMeta: { rack: 'r1' },
      ServiceKind: '',
      ServiceID: 'web-1',
      ServiceName: 'web',
      ServiceTags: ['Blue', 'v1'],
      ServiceAddress: '10.1.0.1',
      ServiceTaggedAddresses: {
        lan_ipv4: { Address: '10.1.0.1', Port: 8080 },
        wan_ipv4: { Address: '10.1.0.1', Port: 8080 },
      },
      ServiceWeights: { Passing: 1, Warning: 1 },
      ServiceMeta: { team: 'x' },
      ServicePort: 8080,
      ServiceSocketPath: '',
      ServiceEnableTagOverride: false,
      ServiceProxy: {},
      ServiceConnect: {},
      CreateIndex: SEED + 1,
      ModifyIndex: SEED + 1,
    });
    expect(second).toMatchObject({ ServiceAddress: '', Address: '10.0.0.2' });
    expect(second).not.toHaveProperty('ServiceTaggedAddresses');
  });

  test('a failed node’s instances stay, those of a node that left are gone', async () => {
    expect(ids((await send(await open(world()), path)).json())).toEqual(['web-1', 'web-2', 'web-3']);
  });

  test('T8 names match in any case and come back as registered; unknown: [], empty: 400', async () => {
    const server = await open(world());
    const list = (await send(server, '/v1/catalog/service/DB')).json() as Json[];
    expect(list.map((one) => one['ServiceName'])).toEqual(['Db']);
    expect((await send(server, '/v1/catalog/service/nope')).body).toBe('[]');
    const empty = await send(server, '/v1/catalog/service/');
    expect([empty.status, empty.body]).toEqual([400, 'Missing service name']);
  });

  test.each([
    ['tag=v1', ['web-1', 'web-2']],
    ['tag=V1&tag=blue', ['web-1']],
    ['tag=', []],
    ['tag=v1&tag=', []],
    ['tag=nope', []],
    ['node-meta=rack:r1', ['web-1']],
    ['near=_agent', ['web-1', 'web-2', 'web-3']],
    ['peer=other', []],
  ])('%s gives %j', async (query, expected) => {
    expect(ids((await send(await open(world()), `${path}?${query}`)).json())).toEqual(expected);
  });

  test('the self service: every member that has not left, with serfHealth as its only check', async () => {
    const agent = world();
    agent.catalog.held.push(instance('ann', service('x'), { nodeChecks: [check('disk')] }));
    const server = await open(agent);
    const list = (await send(server, '/v1/catalog/service/CONSUL')).json() as Json[];
    expect(
      list.map((one) => [one['Node'], one['ServiceID'], one['ServiceName'], one['ServicePort']]),
    ).toEqual([
      ['ann', 'consul', 'consul', 8300],
      ['bob', 'consul', 'consul', 8300],
      ['cat', 'consul', 'consul', 8300],
    ]);
    const passing = (await send(server, '/v1/health/service/consul?passing')).json() as Json[];
    expect(passing.map((one) => (one['Node'] as Json)['Node'])).toEqual(['ann', 'bob']);
    expect(passing[0]?.['Checks']).toMatchObject([{ CheckID: 'serfHealth' }]);
    const parked = send(server, `/v1/catalog/service/consul?index=${SEED}`);
    await until(() => agent.waiting === 1);
    agent.touch(['nodes']);
    expect((await parked).status).toBe(200);
  });
});

describe('blocking on one service', () => {
  const path = '/v1/catalog/service/Web';

  test('B1 B4 clients can wait for a service that does not exist, and nothing else wakes them', async () => {
    const agent = world();
    const server = await open(agent);
    const before = await send(server, '/v1/catalog/service/Nope');
    expect(Number(before.headers['x-consul-index'])).toBeGreaterThanOrEqual(1);
    const parked = send(server, `/v1/catalog/service/Nope?index=${before.headers['x-consul-index']}`);
    await until(() => agent.waiting === 1);
    agent.touch(['service:web', 'services', 'checks', 'nodes', 'node:ann']);
    expect(agent.waiting).toBe(1);
    agent.catalog.held.push(instance('ann', service('nope')));
    agent.touch(['service:nope']);
    expect(ids((await parked).json())).toEqual(['nope']);
  });

  test('B5 it depends on the address and meta of the nodes it runs on, not on those of others', async () => {
    const agent = world();
    const server = await open(agent);
    const parked = send(server, `${path}?index=${SEED}`);
    await until(() => agent.waiting === 1);
    agent.touch(['node:eve', 'nodes']);
    expect(agent.waiting).toBe(1);
    agent.rows.set('bob', member('bob', { tags: new Map([['rack', 'r9']]) }));
    agent.touch(['node:bob', 'nodes']);
    const answer = await parked;
    expect(answer.headers['x-consul-index']).toBe(String(SEED + 2));
    expect((answer.json() as Json[])[1]).toMatchObject({ NodeMeta: { rack: 'r9' } });
  });

  test('B5 on many nodes a change of any node wakes it, which is allowed and cheaper than a topic for each', async () => {
    const agent = world();
    agent.catalog.held = Array.from({ length: 17 }, (_, i) => instance(`n${i}`, service('web')));
    const server = await open(agent);
    const parked = send(server, `${path}?index=${SEED}`);
    await until(() => agent.waiting === 1);
    agent.touch(['nodes', 'node:eve']);
    expect((await parked).headers['x-consul-index']).toBe(String(SEED + 1));
  });

  test('the index covers nodes that joined the list while the request was parked', async () => {
    const agent = world();
    const server = await open(agent);
    const parked = send(server, `/v1/catalog/service/db?index=${SEED}`);
    await until(() => agent.waiting === 1);
    agent.catalog.held.push(instance('ann', service('db', { id: 'db-2' })));
    agent.touch(['service:db']);
    agent.touch(['node:ann', 'nodes']);
    expect((await parked).headers['x-consul-index']).toBe(String(SEED + 2));
  });
});

describe('GET /v1/catalog/node/:node', () => {
  test('its services by id, in any case of its name; unknown or left: null', async () => {
    const server = await open(world());
    const bob = (await send(server, '/v1/catalog/node/BOB')).json() as {
      Node: Json;
      Services: Record<string, Json>;
    };
    expect(bob.Node).toMatchObject({ Node: 'bob', Address: '10.0.0.2' });
    expect(Object.keys(bob.Services)).toEqual(['web-2', 'db', 'consul']);
    expect(bob.Services['web-2']).toEqual({
      ID: 'web-2',
      Service: 'web',
      Tags: ['v1'],
      Address: '',
      Meta: {},
      Port: 80,
      Weights: { Passing: 1, Warning: 1 },
      EnableTagOverride: false,
      Proxy: {},
      Connect: {},
      CreateIndex: SEED,
      ModifyIndex: SEED,
    });
    for (const name of ['nobody', 'dan']) {
      const answer = await send(server, `/v1/catalog/node/${name}`);
      expect([answer.status, answer.body, answer.headers['x-consul-index']]).toEqual([
        200,
        'null',
        String(SEED),
      ]);
      expect((await send(server, `/v1/catalog/node-services/${name}`)).body).toBe(
        '{"Node":null,"Services":null}',
      );
    }
    expect((await send(server, '/v1/catalog/node/')).status).toBe(400);
  });

  test('node-services is the same as a list', async () => {
    const bob = (await send(await open(world()), '/v1/catalog/node-services/bob')).json() as Json;
    expect((bob['Services'] as Json[]).map((one) => one['ID'])).toEqual(['web-2', 'db', 'consul']);
  });

  test('blocks on what the node has and on the node itself; on any node while it is unknown', async () => {
    const agent = world();
    const server = await open(agent);
    for (const topic of ['entries:bob', 'node:bob'] as const) {
      const index = (await send(server, '/v1/catalog/node/bob')).headers['x-consul-index'];
      const parked = send(server, `/v1/catalog/node/bob?index=${index}`);
      await until(() => agent.waiting === 1);
      agent.touch(['entries:ann', 'node:ann', 'services', 'checks']);
      expect(agent.waiting).toBe(1);
      agent.touch([topic]);
      expect((await parked).status).toBe(200);
    }
    const index = (await send(server, '/v1/catalog/node/EVE')).headers['x-consul-index'];
    const parked = send(server, `/v1/catalog/node/EVE?index=${index}`);
    await until(() => agent.waiting === 1);
    agent.rows.set('eve', member('eve'));
    agent.touch(['nodes', 'node:eve']);
    expect((await parked).json()).toMatchObject({ Node: { Node: 'eve' } });
  });
});

test.each([
  '/v1/catalog/connect/web',
  '/v1/catalog/gateway-services/gw',
  '/v1/health/connect/web',
  '/v1/health/ingress/web',
])('%s is empty, and blocks', async (path) => {
  const agent = world();
  const server = await open(agent);
  const answer = await send(server, path);
  expect([answer.status, answer.body]).toEqual([200, '[]']);
  const parked = send(server, `${path}?index=${answer.headers['x-consul-index']}&wait=100ms`);
  await until(() => agent.waiting === 1);
  expect((await parked).body).toBe('[]');
});
