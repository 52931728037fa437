import { describe, expect, test } from 'vitest';
import { toAddress } from '../../../src/base/address.ts';
import { instancesChecksum } from '../../../src/catalog/placement.ts';
import { instance, service } from './data.ts';
import { FakeAgent, member, SEED, send, serve, until } from './fixture.ts';

interface Owner {
  readonly owners: readonly { id: string; node: string; address: string; port: number }[];
  readonly checksum: string;
  readonly instances: number;
}

function world(): FakeAgent {
  const agent = new FakeAgent(
    member('ann'),
    member('bob', { address: toAddress(Uint8Array.of(10, 0, 0, 2), 7946) }),
  );
  agent.catalog.held = [
    instance('ann', service('web', { id: 'web-1', address: '10.1.0.1', port: 8080 })),
    instance('bob', service('web', { id: 'web-2', weights: { passing: 1, warning: 3 } }), {
      status: 'warning',
    }),
    instance('bob', service('web', { id: 'web-3' }), { status: 'critical' }),
    instance('bob', service('web', { id: 'web-4', draining: true }), { status: 'draining' }),
  ];
  return agent;
}

describe('GET /v1/hearsay/owner/:service', () => {
  const path = '/v1/hearsay/owner/web';

  test('lists usable instances with their addresses, and a checksum to compare', async () => {
    const agent = world();
    const server = await serve(agent);
    const answer = (await send(server, `${path}?key=user%3A7&n=9`)).json() as Owner;
    expect(answer).toEqual({
      key: 'user:7',
      service: 'web',
      owners: expect.arrayContaining([
        { id: 'web-1', node: 'ann', address: '10.1.0.1', port: 8080 },
        { id: 'web-2', node: 'bob', address: '10.0.0.2', port: 80 },
      ]),
      checksum: instancesChecksum(agent.catalog.usable('web')),
      instances: 2,
    });
    expect(answer.owners).toHaveLength(2);
    const one = (await send(server, `${path}?key=user%3A7`)).json() as Owner;
    expect(one.owners).toEqual(answer.owners.slice(0, 1));
  });

  test('no instance to own it is no error', async () => {
    const server = await serve(world());
    const answer = (await send(server, '/v1/hearsay/owner/nope?key=k')).json();
    expect(answer).toMatchObject({ key: 'k', service: 'nope', owners: [], instances: 0 });
  });

  test('blocks: it wakes when the instances change', async () => {
    const agent = world();
    const server = await serve(agent);
    const parked = send(server, `${path}?key=k&index=${SEED}`);
    await until(() => agent.waiting === 1);
    agent.catalog.held = agent.catalog.held.slice(1);
    agent.touch(['service:web']);
    expect((await parked).json()).toMatchObject({ owners: [{ id: 'web-2' }], instances: 1 });
  });

  test.each([
    '',
    '?key=',
    '?key=k&n=0',
    '?key=k&n=101',
    '?key=k&n=x',
    '?key=k&n=-1',
    `?key=${'k'.repeat(5000)}`,
  ])('%s is 400', async (query) => {
    expect((await send(await serve(world()), path + query)).status).toBe(400);
  });
});

describe('GET /v1/hearsay/resolve/:service', () => {
  test('usable instances with their addresses, nearest first', async () => {
    const server = await serve(world());
    expect((await send(server, '/v1/hearsay/resolve/WEB')).json()).toEqual([
      {
        ...{ id: 'web-1', node: 'ann', address: '10.1.0.1', port: 8080, status: 'passing', rtt: null },
        ...{ zone: null, priority: 1, weight: 1 },
      },
      {
        ...{ id: 'web-2', node: 'bob', address: '10.0.0.2', port: 80, status: 'warning', rtt: null },
        ...{ zone: null, priority: 1, weight: 3 },
      },
    ]);
    expect((await send(server, '/v1/hearsay/resolve/nope')).body).toBe('[]');
    expect((await send(server, '/v1/hearsay/resolve/')).status).toBe(400);
  });

  test('instances without an address are left out; the self service resolves while its node is up', async () => {
    const agent = world();
    agent.rows.set('cat', member('cat', { status: 'failed', state: 'dead' }));
    agent.catalog.held = [instance('stranger', service('web'))];
    const server = await serve(agent);
    expect((await send(server, '/v1/hearsay/resolve/web')).body).toBe('[]');
    const own = (await send(server, '/v1/hearsay/resolve/consul')).json() as { node: string }[];
    expect(own.map(({ node }) => node)).toEqual(['ann', 'bob']);
  });

  test('N26 the self service has no port here, since nothing listens at that of Consul; one that is registered has', async () => {
    const agent = world();
    agent.catalog.held = [instance('bob', service('consul', { port: 8300 }))];
    const server = await serve(agent);
    const ports = (await send(server, '/v1/hearsay/resolve/consul')).json() as {
      node: string;
      port: number;
    }[];
    expect(Object.fromEntries(ports.map(({ node, port }) => [node, port]))).toMatchObject({
      ann: 0,
      bob: 8300,
    });
    const owner = (await send(server, '/v1/hearsay/owner/consul?key=k&n=9')).json() as {
      owners: { node: string; port: number }[];
    };
    expect(owner.owners.find(({ node }) => node === 'ann')?.port).toBe(0);
    // Consul's own API keeps it, since its clients expect it.
    const health = (await send(server, '/v1/health/service/consul')).json() as {
      Service: { Port: number };
    }[];
    expect(health.every(({ Service }) => Service.Port === 8300)).toBe(true);
  });
});
