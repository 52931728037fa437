/** `/v1/hearsay/render`: documents of proxies. The expected ones are written by hand from the proxies' own references. */
import { describe, expect, test } from 'vitest';
import type { Instance } from '../../../../../src/catalog/types.ts';
import { instance, service } from '../../data.ts';
import { type Answer, FakeAgent, member, type Sent, send, serve, until } from '../../fixture.ts';

type Server = Awaited<ReturnType<typeof serve>>;

function agent(): FakeAgent {
  const found = new FakeAgent(
    member('ann', { tags: new Map([['zone', 'b']]) }),
    member('bob', { tags: new Map([['zone', 'a']]) }),
    member('eve'),
  );
  found.catalog.held = [
    instance('ann', service('web', { id: 'web-1', port: 8080, tags: ['traefik.enable=true'] })),
    instance('bob', service('web', { id: 'web-2', port: 8081, address: 'fd00::5' })),
    instance('bob', service('web', { id: 'web-3', address: 'web.example' }), { status: 'warning' }),
    instance('eve', service('web', { id: 'web-4', port: 8084 })),
    instance('eve', service('web', { id: 'ill' }), { status: 'critical' }),
    instance('eve', service('web', { id: 'drained', draining: true }), { status: 'draining' }),
    instance('eve', service('web', { id: 'portless', port: 0 })),
    instance('eve', service('web', { id: 'idle', weights: { passing: 1, warning: 0 } }), {
      status: 'warning',
    }),
    instance('eve', service('api', { id: 'api-1', port: 1, weights: { passing: 3, warning: 1 } })),
    instance('eve', service('api', { id: 'api-2', port: 2, weights: { passing: 10, warning: 1 } })),
    instance('eve', service('api', { id: 'api-3', port: 3, weights: { passing: 3, warning: 1 } })),
  ];
  return found;
}

const get = (server: Server, path: string, sent: Sent = {}): Promise<Answer> =>
  send(server, `/v1/hearsay/render/${path}`, sent);

const discover = (server: Server, body: unknown): Promise<Answer> =>
  send(server, '/v3/discovery:endpoints', {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });

describe('Caddy', () => {
  test('usable instances with a port and a weight, as upstreams', async () => {
    const { status, headers, body } = await get(await serve(agent()), 'caddy?service=web');
    expect([status, headers['content-type']]).toEqual([200, 'application/json']);
    expect(JSON.parse(body)).toEqual([
      { dial: '10.0.0.1:8080' },
      { dial: '[fd00::5]:8081' },
      { dial: 'web.example:80' },
      { dial: '10.0.0.1:8084' },
    ]);
    expect(headers['x-hearsay-kept']).toBeUndefined();
  });

  test('the zones that are preferred from here come first, as in other answers', async () => {
    const found = agent();
    const zone = { usable: 1, usual: 1, share: 1, returnsAt: null };
    const zones = ['a', 'b'].map((name, i) => ({ ...zone, zone: name, priority: 1 + i }));
    found.zonePlans.set('web', { own: 'a', zones });
    const server = await serve(found);
    expect((await get(server, 'caddy?service=web')).json()).toEqual([
      ...[{ dial: '[fd00::5]:8081' }, { dial: 'web.example:80' }],
      { dial: '10.0.0.1:8080' },
      { dial: '10.0.0.1:8084' },
    ]);
    expect((await get(server, 'traefik?service=web')).body).toMatch(/8081.*8080/);
  });

  test('nobody is an empty list, and so is the self service, at whose port nothing listens', async () => {
    const server = await serve(agent());
    expect((await get(server, 'caddy?service=nobody')).json()).toEqual([]);
    expect((await get(server, 'caddy?service=consul')).json()).toEqual([]);
  });
});

describe('Traefik', () => {
  test('services with their servers, and nothing that tags ask for', async () => {
    expect((await get(await serve(agent()), 'traefik?service=web&service=nobody')).json()).toEqual({
      http: {
        services: {
          web: {
            loadBalancer: {
              servers: [
                { url: 'http://10.0.0.1:8080' },
                { url: 'http://[fd00::5]:8081' },
                { url: 'http://web.example:80' },
                { url: 'http://10.0.0.1:8084' },
              ],
            },
          },
          nobody: { loadBalancer: { servers: [] } },
        },
      },
    });
  });

  test('instances of different weights are a weighted service of services', async () => {
    expect((await get(await serve(agent()), 'traefik?service=api&scheme=https')).json()).toEqual({
      http: {
        services: {
          api: {
            weighted: {
              services: [
                { name: 'api-weight-3', weight: 6 },
                { name: 'api-weight-10', weight: 10 },
              ],
            },
          },
          'api-weight-3': {
            loadBalancer: { servers: [{ url: 'https://10.0.0.1:1' }, { url: 'https://10.0.0.1:3' }] },
          },
          'api-weight-10': { loadBalancer: { servers: [{ url: 'https://10.0.0.1:2' }] } },
        },
      },
    });
  });
});

const TYPE = 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment';
const endpoint = (address: string, port: number, weight = 1): unknown => ({
  endpoint: { address: { socket_address: { address, port_value: port } } },
  load_balancing_weight: weight,
});
const WEB = {
  '@type': TYPE,
  cluster_name: 'web',
  endpoints: [
    { lb_endpoints: [endpoint('10.0.0.1', 8084)], load_balancing_weight: 1 },
    { locality: { zone: 'a' }, lb_endpoints: [endpoint('fd00::5', 8081)], load_balancing_weight: 1 },
    { locality: { zone: 'b' }, lb_endpoints: [endpoint('10.0.0.1', 8080)], load_balancing_weight: 1 },
  ],
};

describe('Envoy', () => {
  test('a DiscoveryResponse with the endpoints by zone, without those whose address is a name', async () => {
    const found = (await get(await serve(agent()), 'envoy?service=web&service=api')).json();
    expect(found).toEqual({
      version_info: expect.stringMatching(/^[\w-]{22}$/),
      resources: [
        WEB,
        {
          '@type': TYPE,
          cluster_name: 'api',
          endpoints: [
            {
              lb_endpoints: [
                endpoint('10.0.0.1', 1, 3),
                endpoint('10.0.0.1', 2, 10),
                endpoint('10.0.0.1', 3, 3),
              ],
              load_balancing_weight: 16,
            },
          ],
        },
      ],
      type_url: TYPE,
      nonce: expect.stringMatching(/^\d+$/),
    });
  });

  /** As HttpSubscriptionImpl of Envoy makes it: names of fields as in the protocol buffers, the node with all it knows. */
  const request = {
    node: {
      ...{
        id: 'edge',
        cluster: 'edge',
        user_agent_name: 'envoy',
        extensions: [{ name: 'x', category: 'y' }],
      },
      locality: { zone: 'a' },
    },
    resource_names: ['web'],
    type_url: TYPE,
  };

  test('POST /v3/discovery:endpoints: the first answer, 304 for its version, and the next when it has changed', async () => {
    const one = agent();
    const server = await serve(one);
    const first = await discover(server, request);
    expect([first.status, first.headers['content-type']]).toEqual([200, 'application/json']);
    const found = first.json() as { version_info: string; nonce: string; resources: unknown[] };
    expect(found.resources).toEqual([WEB]);
    const again = await discover(server, { version_info: found.version_info, ...request });
    expect([again.status, again.body]).toEqual([304, '']);
    const spelled = { versionInfo: found.version_info, resourceNames: ['web'], typeUrl: TYPE };
    expect((await discover(server, spelled)).status).toBe(304);
    one.catalog.held = one.catalog.held.slice(1);
    one.touch(['service:web']);
    const next = await discover(server, { version_info: found.version_info, ...request });
    const changed = next.json() as typeof found;
    expect(next.status).toBe(200);
    expect(changed.resources).toEqual([{ ...WEB, endpoints: WEB.endpoints.slice(0, 2) }]);
    expect(changed.version_info).not.toBe(found.version_info);
    expect(changed.nonce).not.toBe(found.nonce);
  });

  test('an unknown service is an assignment without endpoints, under the name that was asked for', async () => {
    const found = (await discover(await serve(agent()), { resource_names: ['Nobody'] })).json();
    expect(found).toMatchObject({
      resources: [{ '@type': TYPE, cluster_name: 'Nobody', endpoints: [] }],
    });
  });

  test.each([
    ['', /empty/],
    ['[', /./],
    ['7', /JSON object/],
    [{}, /Missing service name: give the names of services in resource_names/],
    [{ resource_names: 'web' }, /resource_names must be a list/],
    [{ resource_names: ['web', 7] }, /resource_names must be a list/],
    [{ resource_names: ['web'], version_info: 7 }, /version_info/],
    [{ resource_names: ['web'], type_url: 'type.googleapis.com/other' }, /only endpoints are served/],
    [{ resource_names: Array.from({ length: 257 }, (_, i) => `s${i}`) }, /At most 256 services/],
  ])('refuses %j', async (body, sentence) => {
    const { status, body: said } = await discover(await serve(agent()), body);
    expect([status, said]).toEqual([400, expect.stringMatching(sentence)]);
  });

  test('an agent that does not know the catalog yet does not say that there is nobody', async () => {
    const one = agent();
    const server = await serve(one);
    one.readiness = { ready: false, reason: 'starting', remembers: false };
    expect((await discover(server, request)).status).toBe(503);
    one.readiness = { ready: false, reason: 'starting', remembers: true };
    expect((await discover(server, request)).status).toBe(200);
    expect((await discover(server, { resource_names: ['nobody'] })).status).toBe(503);
    expect((await get(server, 'envoy?service=web')).status).toBe(200);
    for (const path of ['envoy', 'caddy', 'traefik'])
      expect([path, (await get(server, `${path}?service=nobody`)).status]).toEqual([path, 503]);
  });
});

describe('all of them', () => {
  test.each(['caddy', 'traefik', 'envoy'])(
    '%s: 304 for its own ETag, 200 once it has changed',
    async (kind) => {
      const one = agent();
      const server = await serve(one);
      const etag = String((await get(server, `${kind}?service=web`)).headers['etag']);
      expect(etag).toMatch(/^W\/"[\w-]{22}"$/);
      const headers = { 'If-None-Match': `"x", ${etag}` };
      const same = await get(server, `${kind}?service=web`, { headers });
      expect([same.status, same.body, same.headers['etag']]).toEqual([304, '', etag]);
      expect(same.headers['x-consul-index']).toMatch(/^\d+$/);
      expect((await get(server, `${kind}?service=web`)).status).toBe(200);
      one.touch(['service:web']); // an index that moves for nothing
      expect((await get(server, `${kind}?service=web`, { headers })).status).toBe(304);
      one.catalog.held = one.catalog.held.slice(1);
      expect((await get(server, `${kind}?service=web`, { headers })).status).toBe(200);
    },
  );

  test('waits for the index to move', async () => {
    const one = agent();
    const server = await serve(one);
    const index = (await get(server, 'caddy?service=web')).headers['x-consul-index'];
    const waiting = get(server, `caddy?service=web&index=${String(index)}`);
    await until(() => one.waiting === 1);
    one.catalog.held = one.catalog.held.slice(3);
    one.touch(['service:web']);
    expect((await waiting).json()).toEqual([{ dial: '10.0.0.1:8084' }]);
  });

  test.each([
    ['caddy', /Missing service name: add \?service=NAME/],
    ['traefik?service=', /Missing service name/],
    ['caddy?service=web&service=api', /Name one service/],
    ['envoy?service=web&empty=yes', /Invalid value for empty: use allow/],
    ['traefik?service=web&scheme=ftp', /Invalid scheme: use one of http, https, h2c/],
  ])('refuses %s', async (path, sentence) => {
    const { status, body } = await get(await serve(agent()), path);
    expect([status, body]).toEqual([400, expect.stringMatching(sentence)]);
  });
});

describe('a partition', () => {
  const HEADER = '1 of 1 services would be empty by a partition, and stay as they were before it';
  const lose = (one: Instance): Instance => ({ ...one, up: false, status: 'critical' });
  const onTwo = (): FakeAgent => {
    const one = new FakeAgent(member('ann'), member('bob'), member('eve'));
    one.catalog.held = [instance('bob', service('web')), instance('eve', service('web', { port: 81 }))];
    return one;
  };
  const BOTH = [{ dial: '10.0.0.1:80' }, { dial: '10.0.0.1:81' }];
  const split = (one: FakeAgent, kind: 'partition' | 'deaths' = 'partition'): void => {
    one.catalog.held = one.catalog.held.map(lose);
    one.partitionSummary = { ...one.partitionSummary, kind };
  };

  test('does not empty a list; it stays, and the header says so', async () => {
    const one = onTwo();
    const server = await serve(one);
    expect((await get(server, 'caddy?service=web')).json()).toEqual(BOTH);
    split(one);
    const kept = await get(server, 'caddy?service=web');
    expect(kept.json()).toEqual(BOTH);
    expect(kept.headers['x-hearsay-kept']).toBe(HEADER);
    const posted = await discover(server, { resource_names: ['web'] });
    expect(posted.headers['x-hearsay-kept']).toBe(HEADER);
    expect((await get(server, 'traefik?service=web&service=other')).headers['x-hearsay-kept']).toMatch(
      /^1 of 2/,
    );
    expect((await get(server, 'caddy?service=web&empty=allow')).json()).toEqual([]);
  });

  test('leaves what is left where some are', async () => {
    const one = onTwo();
    const server = await serve(one);
    await get(server, 'caddy?service=web');
    const [bob, eve] = one.catalog.held as [Instance, Instance];
    split(one);
    one.catalog.held = [lose(bob), eve];
    const some = await get(server, 'caddy?service=web');
    expect(some.json()).toEqual([{ dial: '10.0.0.1:81' }]);
    expect(some.headers['x-hearsay-kept']).toBeUndefined();
  });

  test('deaths empty it', async () => {
    const one = onTwo();
    const server = await serve(one);
    await get(server, 'caddy?service=web');
    split(one, 'deaths');
    expect((await get(server, 'caddy?service=web')).json()).toEqual([]);
  });

  test('what fails on this side, was drained or is deregistered does not come back', async () => {
    const one = onTwo();
    const server = await serve(one);
    await get(server, 'caddy?service=web');
    split(one);
    const [bob, eve] = one.catalog.held as [Instance, Instance];
    one.catalog.held = [{ ...bob, up: true }, eve];
    expect((await get(server, 'caddy?service=web')).json()).toEqual([{ dial: '10.0.0.1:81' }]);
    one.catalog.held = [{ ...eve, service: { ...eve.service, draining: true } }];
    expect((await get(server, 'caddy?service=web')).json()).toEqual([]);
  });

  test('a request that waits with an empty list learns that it is one', async () => {
    const one = onTwo();
    const server = await serve(one);
    await get(server, 'caddy?service=web');
    split(one, 'deaths');
    const index = (await get(server, 'caddy?service=web')).headers['x-consul-index'];
    const waiting = get(server, `caddy?service=web&index=${String(index)}`);
    await until(() => one.waiting === 1);
    split(one);
    one.touch(['nodes']);
    expect((await waiting).json()).toEqual(BOTH);
  });
});
