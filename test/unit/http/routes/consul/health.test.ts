import { describe, expect, test } from 'vitest';
import { deriveNodeId } from '../../../../../src/http/consul/nodes.ts';
import { check, instance, service } from '../../data.ts';
import { FakeAgent, member, SEED, send, serve, until } from '../../fixture.ts';

type Json = Record<string, unknown>;
interface Entry {
  readonly Node: Json;
  readonly Service: Json;
  readonly Checks: readonly Json[];
}

const http = check('service:web-1', { serviceId: 'web-1', type: 'http', interval: '10s', timeout: '1s' });

/** web-1 on ann passes, web-2 on bob warns, with a passing disk check; web-3 is on cat, which failed; dan left. */
function world(): FakeAgent {
  const agent = new FakeAgent(
    member('ann', { tags: new Map([['rack', 'r1']]) }),
    member('bob'),
    member('cat', { status: 'failed', state: 'dead' }),
    member('dan', { status: 'left', state: 'left' }),
  );
  const disk = check('disk');
  agent.catalog.held = [
    instance('ann', service('web', { id: 'web-1', tags: ['v1'] }), { checks: [http] }),
    instance('bob', service('web', { id: 'web-2' }), {
      checks: [check('a:web-2', { serviceId: 'web-2', status: 'warning', output: 'slow' })],
      nodeChecks: [disk],
      status: 'warning',
    }),
    instance('cat', service('web', { id: 'web-3' }), { up: false, status: 'critical' }),
    instance('dan', service('web', { id: 'web-4' })),
  ];
  return agent;
}

const serviceIds = (list: unknown): unknown[] => (list as Entry[]).map(({ Service }) => Service['ID']);
const checkIds = (list: unknown): unknown[] => (list as Json[]).map((one) => one['CheckID']);

describe('GET /v1/health/service/:name', () => {
  const path = '/v1/health/service/web';

  test('ServiceEntry, with the node’s own health and checks beside its own', async () => {
    const agent = world();
    const server = await serve(agent);
    agent.touch(['service:web', 'entries:ann']);
    const [ann, bob] = (await send(server, path)).json() as Entry[];
    expect(ann?.Node).toMatchObject({ ID: deriveNodeId('dc1', 'ann'), Node: 'ann', Meta: { rack: 'r1' } });
    expect(ann?.Service).toEqual({
      ID: 'web-1',
      Service: 'web',
      Tags: ['v1'],
      Address: '',
      Meta: {},
      Port: 80,
      Weights: { Passing: 1, Warning: 1 },
      EnableTagOverride: false,
      Proxy: {},
      Connect: {},
      CreateIndex: SEED + 1,
      ModifyIndex: SEED + 1,
    });
    expect(ann?.Checks).toEqual([
      {
        Node: 'ann',
        CheckID: 'serfHealth',
        Name: 'Serf Health Status',
        Status: 'passing',
        Notes: '',
        Output: 'Agent alive and reachable',
        ServiceID: '',
        ServiceName: '',
        ServiceTags: [],
        Type: '',
        Interval: '',
        Timeout: '',
        ExposedPort: 0,
        Definition: {},
        CreateIndex: SEED + 1,
        ModifyIndex: SEED + 1,
      },
      {
        Node: 'ann',
        CheckID: 'service:web-1',
        Name: 'check service:web-1',
        Status: 'passing',
        Notes: '',
        Output: '',
        ServiceID: 'web-1',
        ServiceName: 'web',
        ServiceTags: ['v1'],
        Type: 'http',
        Interval: '10s',
        Timeout: '1s',
        ExposedPort: 0,
        Definition: {},
        CreateIndex: SEED + 1,
        ModifyIndex: SEED + 1,
      },
    ]);
    expect(checkIds(bob?.Checks)).toEqual(['serfHealth', 'disk', 'a:web-2']);
  });

  test('a failed node keeps its instances with serfHealth critical, one that left is gone', async () => {
    const list = (await send(await serve(world()), path)).json() as Entry[];
    expect(serviceIds(list)).toEqual(['web-1', 'web-2', 'web-3']);
    expect(list[2]?.Checks).toMatchObject([
      { CheckID: 'serfHealth', Status: 'critical', Output: 'Agent not live or unreachable' },
    ]);
  });

  test.each([
    ['passing', ['web-1']],
    ['passing=', ['web-1']],
    ['passing=1', ['web-1']],
    ['passing=true', ['web-1']],
    ['passing=false', ['web-1', 'web-2', 'web-3']],
    ['passing=F', ['web-1', 'web-2', 'web-3']],
    ['tag=V1', ['web-1']],
    ['node-meta=rack%3Ar1&near=_agent', ['web-1']],
    ['peer=x', []],
  ])('%s gives %j', async (query, expected) => {
    expect(serviceIds((await send(await serve(world()), `${path}?${query}`)).json())).toEqual(expected);
  });

  test('passing=maybe is 400, unknown is [], no name is 400', async () => {
    const server = await serve(world());
    expect((await send(server, `${path}?passing=maybe`)).status).toBe(400);
    expect((await send(server, '/v1/health/service/nope')).body).toBe('[]');
    const empty = await send(server, '/v1/health/service/');
    expect([empty.status, empty.body]).toEqual([400, 'Missing service name']);
  });

  test('one critical check of the node takes all its services out of passing', async () => {
    const agent = world();
    const down = check('_node_maintenance', { status: 'critical', type: 'maintenance' });
    agent.catalog.held[0] = instance('ann', service('web'), { nodeChecks: [down], status: 'maintenance' });
    expect((await send(await serve(agent), `${path}?passing`)).body).toBe('[]');
  });

  test('a draining instance has a critical check, so that every client excludes it', async () => {
    const agent = world();
    const leaving = service('web', { id: 'web-1', draining: true });
    agent.catalog.held[0] = instance('ann', leaving, { checks: [http], status: 'draining' });
    const server = await serve(agent);
    expect((await send(server, `${path}?passing`)).body).toBe('[]');
    const draining = {
      CheckID: '_service_draining:web-1',
      Name: 'Service Draining',
      Status: 'critical',
      Type: 'maintenance',
      ServiceID: 'web-1',
      ServiceName: 'web',
    };
    const [entry] = (await send(server, path)).json() as Entry[];
    expect(entry?.Checks.at(-1)).toMatchObject(draining);
    for (const other of ['/v1/health/checks/web', '/v1/health/node/ann', '/v1/health/state/critical'])
      expect((await send(server, other)).json()).toContainEqual(expect.objectContaining(draining));
  });

  test('an entry restored from before a restart says so, and passes if its node does', async () => {
    const agent = world();
    agent.catalog.held = [
      instance('eve', service('web'), { up: false, unconfirmed: true, status: 'critical' }),
      instance('ann', service('web', { id: 'w' }), { unconfirmed: true }),
    ];
    const server = await serve(agent);
    const [eve, ann] = (await send(server, path)).json() as Entry[];
    expect(eve?.Node).toMatchObject({ Node: 'eve', Address: '', ID: deriveNodeId('dc1', 'eve') });
    expect(eve?.Checks).toMatchObject([{ Status: 'critical', Output: 'Agent not live or unreachable' }]);
    expect(ann?.Checks).toMatchObject([
      { Status: 'passing', Output: 'Unconfirmed: restored from before the restart' },
    ]);
    expect(checkIds((await send(server, '/v1/health/node/eve')).json())).toEqual(['serfHealth']);
    expect((await send(server, '/v1/health/state/critical')).json()).toMatchObject([
      { Node: 'cat' },
      { Node: 'eve' },
    ]);
  });

  test('T8 a node that differs in case only from an unconfirmed one is not treated as that one', async () => {
    const agent = world();
    agent.catalog.held = [
      instance('ANN', service('web'), { up: false, unconfirmed: true, status: 'critical' }),
    ];
    const [entry] = (await send(await serve(agent), path)).json() as Entry[];
    expect(entry?.Node).toMatchObject({ Node: 'ANN', Address: '' });
  });
});

describe('GET /v1/health/checks/:name', () => {
  test('checks of the instances, without those of their nodes', async () => {
    const server = await serve(world());
    expect(checkIds((await send(server, '/v1/health/checks/WEB')).json())).toEqual([
      'service:web-1',
      'a:web-2',
    ]);
    expect(checkIds((await send(server, '/v1/health/checks/web?node-meta=rack:r1')).json())).toEqual([
      'service:web-1',
    ]);
    expect((await send(server, '/v1/health/checks/nope')).body).toBe('[]');
    expect((await send(server, '/v1/health/checks/')).status).toBe(400);
  });
});

describe('GET /v1/health/node/:node', () => {
  test('serfHealth first, then by id', async () => {
    const server = await serve(world());
    expect(checkIds((await send(server, '/v1/health/node/Bob')).json())).toEqual([
      'serfHealth',
      'a:web-2',
      'disk',
    ]);
    expect((await send(server, '/v1/health/node/cat')).json()).toMatchObject([{ Status: 'critical' }]);
    for (const name of ['nobody', 'dan'])
      expect((await send(server, `/v1/health/node/${name}`)).body).toBe('[]');
    expect((await send(server, '/v1/health/node/')).status).toBe(400);
  });
});

describe('GET /v1/health/state/:state', () => {
  const state = async (path: string) => {
    const list = (await send(await serve(world()), `/v1/health/state/${path}`)).json() as Json[];
    return list.map((one) => `${one['Node']} ${one['CheckID']}`);
  };

  test('any is all checks of nodes that have not left; other states select', async () => {
    expect(await state('any')).toEqual([
      'ann serfHealth',
      'ann service:web-1',
      'bob serfHealth',
      'bob a:web-2',
      'bob disk',
      'cat serfHealth',
    ]);
    expect(await state('warning')).toEqual(['bob a:web-2']);
    expect(await state('critical')).toEqual(['cat serfHealth']);
    expect(await state('passing?node-meta=rack:r1')).toEqual(['ann serfHealth', 'ann service:web-1']);
    expect(await state('any?peer=x')).toEqual([]);
    expect(await state('nonsense')).toEqual([]);
    const empty = await send(await serve(world()), '/v1/health/state/');
    expect([empty.status, empty.body]).toEqual([400, 'Missing check state']);
  });

  test('B5 checks and nodes wake it, and nothing else', async () => {
    const agent = world();
    const server = await serve(agent);
    for (const topic of ['checks', 'nodes'] as const) {
      const index = (await send(server, '/v1/health/state/any')).headers['x-consul-index'];
      const parked = send(server, `/v1/health/state/any?index=${index}`);
      await until(() => agent.waiting === 1);
      agent.touch(['services', 'members', 'service:web']);
      expect(agent.waiting).toBe(1);
      agent.touch([topic]);
      expect((await parked).status).toBe(200);
    }
  });

  test('checks of a node without services, and of an unconfirmed node, are listed too', async () => {
    const agent = world();
    agent.catalog.bare = [
      { node: 'ann', up: true, unconfirmed: false, instances: [], checks: [check('lonely')] },
      { node: 'old', up: false, unconfirmed: true, instances: [], checks: [check('past')] },
    ];
    agent.catalog.held = [];
    const list = (await send(await serve(agent), '/v1/health/state/any')).json() as Json[];
    expect(list.map((one) => `${one['Node']} ${one['CheckID']}`)).toEqual([
      'ann serfHealth',
      'ann lonely',
      'bob serfHealth',
      'cat serfHealth',
      'old serfHealth',
      'old past',
    ]);
  });
});
