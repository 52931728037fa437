import { describe, expect, test } from 'vitest';
import { localCheck, service } from './data.ts';
import { type Answer, FakeAgent, member, send, serve, until } from './fixture.ts';

type Json = Record<string, unknown>;

const web = service('web', {
  id: 'web-1',
  tags: ['a', 'b'],
  address: '10.1.0.1',
  port: 8080,
  meta: new Map([['__proto__', 'x']]),
  taggedAddresses: new Map([['wan', { address: '192.0.2.1', port: 80 }]]),
  weights: { passing: 10, warning: 2 },
});

const WEB = {
  ID: 'web-1',
  Service: 'web',
  Tags: ['a', 'b'],
  Address: '10.1.0.1',
  TaggedAddresses: {
    lan_ipv4: { Address: '10.1.0.1', Port: 8080 },
    wan_ipv4: { Address: '10.1.0.1', Port: 8080 },
    wan: { Address: '192.0.2.1', Port: 80 },
  },
  Meta: Object.fromEntries([['__proto__', 'x']]),
  Port: 8080,
  Weights: { Passing: 10, Warning: 2 },
  EnableTagOverride: false,
  Datacenter: 'dc1',
};

async function world() {
  const agent = new FakeAgent(member('ann'));
  agent.local.put(web, localCheck('service:web-1', { serviceId: 'web-1', name: "Service 'web' check" }));
  return { agent, server: await serve(agent) };
}

describe('GET /v1/agent/services', () => {
  test('AgentService by id, without the self service, which is not registered', async () => {
    const { server } = await world();
    expect((await send(server, '/v1/agent/services')).json()).toEqual({ 'web-1': WEB });
  });

  test('nothing registered is an object, and an address that was not given stays empty', async () => {
    const agent = new FakeAgent(member('ann'));
    const server = await serve(agent);
    expect((await send(server, '/v1/agent/services')).body).toBe('{}');
    expect((await send(server, '/v1/agent/checks')).body).toBe('{}');
    agent.local.put(service('bare'));
    const { bare } = (await send(server, '/v1/agent/services')).json() as { bare: Json };
    expect(bare).toEqual({
      ID: 'bare',
      Service: 'bare',
      Tags: [],
      Address: '',
      Meta: {},
      Port: 80,
      Weights: { Passing: 1, Warning: 1 },
      EnableTagOverride: false,
      Datacenter: 'dc1',
    });
  });
});

describe('GET /v1/agent/service/:id', () => {
  const path = '/v1/agent/service/web-1';
  const hashOf = (answer: Answer): string => String((answer.json() as Json)['ContentHash']);

  test('the service with its hash; 404 for an unknown one', async () => {
    const { server } = await world();
    const answer = await send(server, path);
    expect(answer.json()).toEqual({ ...WEB, ContentHash: answer.headers['x-consul-contenthash'] });
    expect(hashOf(answer)).toMatch(/^[0-9a-f]{16}$/);
    const unknown = await send(server, '/v1/agent/service/web');
    expect([unknown.status, unknown.headers['content-type']]).toEqual([404, 'text/plain; charset=utf-8']);
    expect((await send(server, '/v1/agent/service/')).status).toBe(400);
  });

  test('it waits on its own hash until the content changes', async () => {
    const { agent, server } = await world();
    const hash = hashOf(await send(server, path));
    let done = false;
    const parked = send(server, `${path}?hash=${hash}&wait=5m`).finally(() => {
      done = true;
    });
    await until(() => agent.waiting === 1);
    agent.touch(['entries:ann']);
    await until(() => agent.waiting === 1);
    await send(server, '/');
    expect(done).toBe(false);
    agent.local.put({ ...web, port: 8081 });
    agent.touch(['entries:ann']);
    const answer = await parked;
    expect((answer.json() as Json)['Port']).toBe(8081);
    expect(hashOf(answer)).not.toBe(hash);
  });

  test('another hash gets a reply at once, the same hash after the wait, a removed service is 404', async () => {
    const { agent, server } = await world();
    expect((await send(server, `${path}?hash=other&wait=5m`)).status).toBe(200);
    const hash = hashOf(await send(server, path));
    const start = performance.now();
    expect(hashOf(await send(server, `${path}?hash=${hash}&wait=300ms`))).toBe(hash);
    expect(performance.now() - start).toBeGreaterThanOrEqual(300);
    const parked = send(server, `${path}?hash=${hash}`);
    await until(() => agent.waiting === 1);
    agent.local.services().clear();
    agent.touch(['entries:ann']);
    expect((await parked).status).toBe(404);
    expect((await send(server, `${path}?hash=x&wait=10`)).status).toBe(400);
  });
});

describe('GET /v1/agent/checks', () => {
  test('HealthCheck by id, with indexes 0 and its type, without serfHealth', async () => {
    const { agent, server } = await world();
    const probe = {
      kind: 'tcp',
      target: 'x:1',
      tls: false,
      tlsServerName: '',
      tlsSkipVerify: false,
    } as const;
    agent.local.put(
      service('db'),
      localCheck(
        'db-tcp',
        { probe, serviceId: 'db', notes: 'n', interval: 10_000, timeout: 90_000 },
        { status: 'warning', output: 'slow' },
      ),
      localCheck('script', { probe: { kind: 'exec', argv: ['x'] } }),
    );
    const checks = (await send(server, '/v1/agent/checks')).json() as Record<string, Json>;
    expect(Object.keys(checks)).toEqual(['db-tcp', 'script', 'service:web-1']);
    expect(checks['db-tcp']).toEqual({
      Node: 'ann',
      CheckID: 'db-tcp',
      Name: 'check db-tcp',
      Status: 'warning',
      Notes: 'n',
      Output: 'slow',
      ServiceID: 'db',
      ServiceName: 'db',
      ServiceTags: [],
      Type: 'tcp',
      Interval: '10s',
      Timeout: '1m30s',
      ExposedPort: 0,
      Definition: {},
      CreateIndex: 0,
      ModifyIndex: 0,
    });
    expect(checks['service:web-1']).toMatchObject({ Type: 'ttl', Interval: '', ServiceTags: ['a', 'b'] });
    expect(checks['script']).toMatchObject({ Type: 'script', ServiceID: '', ServiceTags: [] });
  });
});

describe('GET /v1/agent/health/service', () => {
  const id = '/v1/agent/health/service/id/web-1';
  const name = '/v1/agent/health/service/name/web';

  async function withStatus(status: 'passing' | 'warning' | 'critical') {
    const agent = new FakeAgent(member('ann'));
    agent.local.put(web, localCheck('c', { serviceId: 'web-1' }, { status }));
    agent.local.put(service('other'), localCheck('o', { serviceId: 'other' }, { status: 'critical' }));
    return { agent, server: await serve(agent) };
  }

  test.each([
    ['passing', 200],
    ['warning', 429],
    ['critical', 503],
  ] as const)('%s is %d, by id and by name, as JSON and as text', async (status, code) => {
    const { server } = await withStatus(status);
    const byId = await send(server, id);
    const expected = {
      AggregatedStatus: status,
      Service: WEB,
      Checks: [expect.objectContaining({ CheckID: 'c', Status: status })],
    };
    expect([byId.status, byId.headers['x-consul-reason'], byId.json()]).toEqual([code, status, expected]);
    const byName = await send(server, `${name}?format=json`);
    expect([byName.status, byName.json()]).toEqual([code, [expected]]);
    for (const path of [id, '/v1/agent/health/service/name/WEB']) {
      const word = await send(server, `${path}?format=text`);
      expect([word.status, word.body]).toEqual([code, status]);
      const asked = await send(server, path, { headers: { accept: 'text/plain' } });
      expect([asked.body, asked.headers['content-type']]).toEqual([status, 'text/plain; charset=utf-8']);
    }
  });

  test('checks of the node count, and maintenance comes before all others', async () => {
    const { agent, server } = await withStatus('passing');
    agent.local.checks().set('disk', localCheck('disk', {}, { status: 'warning' }));
    expect((await send(server, id)).status).toBe(429);
    const maintenance = { probe: { kind: 'maintenance' }, serviceId: 'web-1' } as const;
    agent.local
      .checks()
      .set('m', localCheck('_service_maintenance:web-1', maintenance, { status: 'critical' }));
    expect((await send(server, `${id}?format=text`)).body).toBe('maintenance');
    expect((await send(server, id)).status).toBe(503);
    agent.local.checks().delete('m');
    agent.local
      .checks()
      .set('m', localCheck('_node_maintenance', { probe: { kind: 'maintenance' } }, { status: 'critical' }));
    expect((await send(server, `${id}?format=text`)).body).toBe('maintenance');
  });

  test('a draining instance is critical for all readers', async () => {
    const { agent, server } = await withStatus('passing');
    agent.local.put({ ...web, draining: true });
    const answer = await send(server, id);
    expect(answer.status).toBe(503);
    expect((answer.json() as Json)['Checks']).toMatchObject([
      {
        CheckID: '_service_draining:web-1',
        Name: 'Service Draining',
        Type: 'maintenance',
        Status: 'critical',
      },
      { CheckID: 'c', Status: 'passing' },
    ]);
    expect(Object.keys((await send(server, '/v1/agent/checks')).json() as Json)).toContain(
      '_service_draining:web-1',
    );
  });

  test('the worst of several instances of one name decides', async () => {
    const { agent, server } = await withStatus('passing');
    agent.local.put({ ...web, id: 'web-2' }, localCheck('c2', { serviceId: 'web-2' }, { status: 'warning' }));
    const answer = await send(server, name);
    expect(answer.status).toBe(429);
    expect((answer.json() as Json[]).map((one) => one['AggregatedStatus'])).toEqual(['passing', 'warning']);
    expect((await send(server, id)).status).toBe(200);
  });

  test('an unknown service is 404 in the requested format', async () => {
    const { server } = await withStatus('passing');
    const byId = await send(server, '/v1/agent/health/service/id/web');
    expect([byId.status, byId.body]).toEqual([
      404,
      '{"AggregatedStatus":"critical","Service":null,"Checks":null}',
    ]);
    const byName = await send(server, '/v1/agent/health/service/name/nope');
    expect([byName.status, byName.body, byName.headers['x-consul-index']]).toEqual([404, '[]', '1']);
    expect((await send(server, '/v1/agent/health/service/id/web?format=text')).status).toBe(404);
    expect((await send(server, '/v1/agent/health/service/id/')).status).toBe(400);
  });
});
