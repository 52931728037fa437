/** Rules that need a real agent behind the server: registrations, and how indexes move. */
import { expect, onTestFinished, test } from 'vitest';
import { resolveConfig } from '../../../src/config/resolve.ts';
import { startAgent } from '../../../src/main.ts';
import { type Answer, send } from './fixture.ts';

type Json = Record<string, unknown>;

async function agent(name = 'ann', env: Record<string, string> = {}) {
  const flags = {
    node: name,
    bind: '127.0.0.1:0',
    http: '127.0.0.1:0',
    dns: 'off',
    preset: 'local',
    logLevel: 'error',
  };
  const { config } = resolveConfig({ flags, env, files: [], hostname: 'host', terminal: false });
  const running = await startAgent(config);
  onTestFinished(() => running.stop());
  const server = {
    address: running.http ?? '',
    setTokens: () => undefined,
    setTls: () => undefined,
    close: async () => undefined,
  };
  const get = (path: string): Promise<Answer> => send(server, path);
  const put = async (path: string, body?: unknown): Promise<void> => {
    const answer = await send(server, path, {
      method: 'PUT',
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    expect([path, answer.status, answer.body]).toEqual([path, 200, '']);
  };
  const fire = (name: string, payload: string): Promise<Answer> =>
    send(server, `/v1/event/fire/${name}`, { method: 'PUT', body: payload });
  const index = async (path: string): Promise<number> => Number((await get(path)).headers['x-consul-index']);
  const answerToPut = (path: string, body: unknown): Promise<Answer> =>
    send(server, path, { method: 'PUT', body: JSON.stringify(body) });
  return { get, put, answerToPut, fire, index, server };
}
const register = '/v1/agent/service/register';
const indexOf = (answer: Answer): number => Number(answer.headers['x-consul-index']);

test('R4 R5: alone, an agent shows a registration before the 200 is sent', async () => {
  const { get, put } = await agent();
  await put(register, { Name: 'web', ID: 'a/b c', Port: 80, Check: { TTL: '30s', Status: 'passing' } });
  expect((await get('/v1/health/service/web?passing')).json()).toMatchObject([
    {
      Node: { Node: 'ann' },
      Service: { ID: 'a/b c' },
      Checks: [{ CheckID: 'serfHealth' }, { CheckID: 'service:a/b c' }],
    },
  ]);
  await put('/v1/agent/service/deregister/a/b%20c');
  expect((await get('/v1/health/service/web')).json()).toEqual([]);
});

test('B1 B2 B7: the index grows with every change, removal included, and none of them is missed', async () => {
  const { get, put, index } = await agent();
  const path = '/v1/health/service/web';
  const changes: (() => Promise<void>)[] = [
    () => put(register, { Name: 'web', Check: { TTL: '30s', Status: 'passing' } }),
    () => put('/v1/agent/check/fail/service:web'),
    () => put('/v1/agent/check/pass/service:web'),
    () => put(register, { Name: 'web', Tags: ['v1'] }),
    () => put('/v1/agent/service/maintenance/web?enable=true'),
    () => put('/v1/agent/service/maintenance/web?enable=false'),
    () => put('/v1/agent/maintenance?enable=true&reason=r'),
    () => put('/v1/agent/maintenance?enable=false'),
    () => put('/v1/hearsay/drain/web?enable=true'),
    () => put('/v1/agent/check/deregister/service:web'),
    () => put('/v1/agent/service/deregister/web'),
  ];
  let held = await index(path);
  expect(held).toBeGreaterThanOrEqual(1);
  for (const change of changes) {
    const parked = get(`${path}?index=${held}&wait=1m`);
    await new Promise((resolve) => setTimeout(resolve, 20));
    await change();
    const answer = await parked;
    expect(indexOf(answer)).toBeGreaterThan(held);
    held = await index(path);
    expect(answer.body).toBe((await get(path)).body);
  }
});

test('B4 B6: another service, the same registration, or a TTL update without a change wakes no request', async () => {
  const { get, put, index } = await agent();
  const web = { Name: 'web', Check: { TTL: '30s', Status: 'passing' } };
  await put(register, web);
  const path = '/v1/health/service/web';
  const held = await index(path);
  const from = performance.now();
  const parked = get(`${path}?index=${held}&wait=400ms`);
  await put(register, { Name: 'api' });
  await put(register, web);
  await put('/v1/agent/check/pass/service:web');
  const answer = await parked;
  expect(performance.now() - from).toBeGreaterThanOrEqual(400);
  expect(indexOf(answer)).toBe(held);
});

test('J1 J2 J3 J6 J7: keys in any case and with _, null as absent, Go durations and nanoseconds', async () => {
  const { get, put } = await agent();
  await put(register, {
    name: 'py',
    enabletagoverride: true,
    tagged_addresses: { lan: { address: '10.0.0.9', port: 7 } },
    PORT: -1,
    Meta: null,
    Checks: null,
    check: {
      name: 'h',
      http: 'http://127.0.0.1:1/',
      interval: '1h0.5m',
      timeout: 30_000_000_000,
      deregister_critical_service_after: '2m',
      tls_skip_verify: true,
      Notes: null,
    },
  });
  expect((await get('/v1/agent/service/py')).json()).toMatchObject({
    EnableTagOverride: true,
    Port: -1,
    Meta: {},
    TaggedAddresses: { lan: { Address: '10.0.0.9', Port: 7 } },
  });
  expect((await get('/v1/agent/checks')).json()).toMatchObject({
    'service:py': { Name: 'h', Interval: '1h30s', Timeout: '30s', Status: 'critical' },
  });
});

test('C7: a check has its type', async () => {
  const { get, put } = await agent();
  const timed = { Interval: '1h', Timeout: '1s' };
  const kinds: Record<string, object> = {
    http: { HTTP: 'http://127.0.0.1:1/', ...timed },
    tcp: { TCP: '127.0.0.1:1', ...timed },
    udp: { UDP: '127.0.0.1:1', ...timed },
    ttl: { TTL: '1h' },
    grpc: { GRPC: '127.0.0.1:1', ...timed },
    h2ping: { H2PING: '127.0.0.1:1', ...timed },
    alias: { AliasService: 'web' },
  };
  await put(register, { Name: 'web' });
  for (const [kind, check] of Object.entries(kinds))
    await put('/v1/agent/check/register', { ID: kind, Name: kind, ...check });
  await put('/v1/agent/maintenance?enable=true');
  const checks = (await get('/v1/agent/checks')).json() as Record<string, Json>;
  for (const kind of Object.keys(kinds)) expect(checks[kind]?.['Type']).toBe(kind);
  expect(checks['_node_maintenance']).toMatchObject({ Type: 'maintenance', Name: 'Node Maintenance Mode' });
  const [serf] = (await get('/v1/health/node/ann')).json() as Json[];
  expect(serf).toMatchObject({ CheckID: 'serfHealth', Type: '', Name: 'Serf Health Status' });
});

test('a check ID of another service is taken, as in Consul, and the answer says so', async () => {
  const { answerToPut: put } = await agent();
  const check = { CheckID: 'c', TTL: '1h' };
  expect((await put(register, { Name: 'web', Check: check })).headers['x-hearsay-warning']).toBeUndefined();
  expect((await put(register, { Name: 'web', Check: check })).headers['x-hearsay-warning']).toBeUndefined();
  const taken = await put(register, { Name: 'db', Check: check });
  expect([taken.status, taken.headers['x-hearsay-warning']]).toEqual([
    200,
    expect.stringMatching(/belonged to another service, which lost its check/),
  ]);
  const alone = await put('/v1/agent/check/register', { ...check, Name: 'beat', ServiceID: 'web' });
  expect(alone.headers['x-hearsay-warning']).toBeDefined();
});

test('/v1/hearsay/why: since when a check fails, and the node that reports it', async () => {
  const { get, put } = await agent();
  await put(register, { Name: 'web', Check: { Name: 'beat', TTL: '1h', Status: 'passing' } });
  const why = async () =>
    ((await get('/v1/hearsay/why?service=web')).json() as { instances: { reasons: Json[] }[] }).instances[0]
      ?.reasons;
  expect(await why()).toEqual([]);
  await put('/v1/agent/check/fail/service:web?note=no%20heart');
  expect(await why()).toEqual([
    {
      kind: 'check',
      excludes: true,
      message: 'its check service:web ("beat") is critical (no heart)',
      source: 'ann',
      sinceMs: expect.any(Number),
      check: 'service:web',
      status: 'critical',
    },
  ]);
  await put('/v1/agent/check/fail/service:web?note=no%20pulse'); // others see it minutes later
  expect(await why()).toMatchObject([{ message: 'its check service:web ("beat") is critical (no pulse)' }]);
  await put('/v1/agent/check/pass/service:web');
  expect(await why()).toEqual([]);
});

test('named ports are in every form of the service, and resolve by name', async () => {
  const { get, put } = await agent();
  const Ports = [
    { Name: 'http', Port: 80, Default: true },
    { Name: 'metrics', Port: 9100, Default: false },
  ];
  await put(register, { Name: 'web', Address: '10.0.0.9', Ports });
  expect((await get('/v1/agent/services')).json()).toMatchObject({ web: { Port: 80, Ports } });
  expect((await get('/v1/catalog/service/web')).json()).toMatchObject([
    { ServicePort: 80, ServicePorts: Ports },
  ]);
  expect((await get('/v1/health/service/web')).json()).toMatchObject([{ Service: { Port: 80, Ports } }]);
  const resolved = async (query: string) => (await get(`/v1/hearsay/resolve/web${query}`)).json();
  expect(await resolved('?port=Metrics')).toMatchObject([{ address: '10.0.0.9', port: 9100 }]);
  expect(await resolved('')).toMatchObject([{ address: '10.0.0.9', port: 80 }]);
  expect(await resolved('?port=nope')).toEqual([]);
});

test('12: the index of a list of events is that of its last id, so a watch hands on each event once', async () => {
  const { get, fire } = await agent();
  const toIndex = (id: string): number => {
    const hex = id.replaceAll('-', '');
    return Number(BigInt(`0x${hex.slice(0, 16)}`) ^ BigInt(`0x${hex.slice(16)}`));
  };
  let seen = indexOf(await get('/v1/event/list?name=deploy'));
  const handed: string[] = [];
  for (const payload of ['1', '2', '3']) {
    const fired = (await fire('deploy', payload)).json() as { ID: string };
    await fire('other', payload);
    const answer = await get(`/v1/event/list?name=deploy&index=${seen}&wait=1m`);
    const events = answer.json() as { ID: string; Payload: string }[];
    expect(events.at(-1)?.ID).toBe(fired.ID);
    expect(indexOf(answer)).toBe(toIndex(fired.ID));
    // As api/watch/funcs.go of Consul: what follows the event whose index was seen last is new.
    const from = events.findIndex(({ ID }) => toIndex(ID) === seen) + 1;
    handed.push(...events.slice(from).map(({ Payload }) => Buffer.from(Payload, 'base64').toString()));
    seen = indexOf(answer);
  }
  expect(handed).toEqual(['1', '2', '3']);
  const all = await get('/v1/event/list');
  expect(indexOf(all)).toBe(toIndex((all.json() as { ID: string }[]).at(-1)?.ID ?? ''));
});

test('8: every counter of agent/metrics has a whole number as Count, which Go decodes as int', async () => {
  const { get } = await agent();
  const { Counters, Samples } = (await get('/v1/agent/metrics')).json() as Record<
    string,
    { Count: number }[]
  >;
  expect(Counters?.length).toBeGreaterThan(10);
  for (const one of [...(Counters ?? []), ...(Samples ?? [])])
    expect(one).toMatchObject({ Count: Math.trunc(one.Count) });
});

test('a gossip key is replaced by operator/keyring, as by the CLI of Consul', async () => {
  const [before, after] = [1, 2].map((byte) => Buffer.alloc(32, byte).toString('base64')) as [string, string];
  const env = { HEARSAY_GOSSIP_KEY: before, HEARSAY_OPEN_OPERATOR: 'true' };
  const { get, server } = await agent('ann', env);
  const write = async (method: string, key: string): Promise<number> => {
    const body = JSON.stringify({ Key: key });
    const headers = { 'content-length': `${body.length}` };
    return (await send(server, '/v1/operator/keyring', { method, body, headers })).status;
  };
  const keyring = async (): Promise<unknown> => (await get('/v1/operator/keyring')).json();
  expect(await keyring()).toMatchObject([
    { Keys: { [before]: 1 }, PrimaryKeys: { [before]: 1 }, NumNodes: 1 },
  ]);
  expect(await write('POST', after)).toBe(200);
  expect(await write('DELETE', before)).toBe(409); // it is in use
  expect(await write('PUT', after)).toBe(200);
  expect(await write('DELETE', before)).toBe(200);
  expect(await keyring()).toMatchObject([{ Keys: { [after]: 1 }, PrimaryKeys: { [after]: 1 }, WAN: false }]);
  expect(JSON.stringify(await keyring())).not.toContain(before);
});

test('9 a node that is no member is registered, read everywhere, and gone when it is deregistered', async () => {
  const { get, answerToPut } = await agent();
  const external = (more: object) =>
    answerToPut('/v1/catalog/register', { Node: 'Ext-1', Address: '192.0.2.9', ...more });
  const service = { Service: 'es', ID: 'es-1', Port: 9, Weights: { Passing: 0, Warning: 0 } };
  const check = {
    Name: 'es alive',
    CheckID: 'es-1-alive',
    ServiceID: 'es-1',
    Status: 'passing',
    Output: 'fine',
  };
  const answer = await external({ Service: service, Check: check, NodeMeta: { external: 'true' } });
  expect([answer.status, answer.body]).toEqual([200, 'true']);
  expect((await get('/v1/health/service/es?passing')).json()).toMatchObject([
    {
      Node: {
        Node: 'Ext-1',
        Address: '192.0.2.9',
        Meta: { external: 'true' },
        TaggedAddresses: { lan: '192.0.2.9' },
      },
      Service: { ID: 'es-1', Address: '', Port: 9, Weights: { Passing: 1, Warning: 1 } },
      Checks: [{ Node: 'Ext-1', CheckID: 'es-1-alive', Output: 'fine', Type: '', ServiceName: 'es' }],
    },
  ]);
  expect((await get('/v1/catalog/nodes?node-meta=external:true')).json()).toMatchObject([{ Node: 'Ext-1' }]);
  expect((await get('/v1/catalog/node/ext-1')).json()).toMatchObject({ Services: { 'es-1': { Port: 9 } } });
  expect((await get('/v1/catalog/services')).json()).toMatchObject({ es: [] });
  expect((await get('/v1/agent/services')).json()).toEqual({});
  expect((await get('/v1/hearsay/prometheus?service=es')).json()).toMatchObject([
    { targets: ['192.0.2.9:9'] },
  ]);
  expect((await get('/v1/hearsay/resolve/es')).json()).toMatchObject([{ address: '192.0.2.9', port: 9 }]);

  await external({ Check: { ...check, Status: 'critical', Output: 'down' } });
  expect((await get('/v1/health/service/es?passing')).json()).toEqual([]);
  await external({ Service: { ...service, ID: 'es-2', Port: 10 }, SkipNodeUpdate: true });
  expect((await get('/v1/catalog/service/es')).json()).toHaveLength(2);
  expect((await get('/v1/catalog/nodes?node-meta=external:true')).json()).toEqual([]); // the second one had no meta

  const remove = (what: object) => answerToPut('/v1/catalog/deregister', { Node: 'ext-1', ...what });
  expect((await remove({ ServiceID: 'es-1' })).body).toBe('true');
  expect((await get('/v1/catalog/service/es')).json()).toMatchObject([{ ServiceID: 'es-2' }]);
  expect((await remove({})).body).toBe('true');
  expect((await get('/v1/catalog/node/ext-1')).json()).toBe(null);
  expect((await get('/v1/catalog/nodes')).json()).toHaveLength(1);
  expect((await remove({})).body).toBe('true');
});

test('9 a bare node, without service or check, is listed; what runs in its Definition is run by the owner', async () => {
  const { get, answerToPut } = await agent();
  await answerToPut('/v1/catalog/register', { Node: 'bare', Address: 'db.example.com' });
  expect((await get('/v1/catalog/node/bare')).json()).toMatchObject({
    Node: { Address: 'db.example.com', TaggedAddresses: {} },
    Services: {},
  });
  expect((await get('/v1/health/node/bare')).json()).toEqual([]);
  const Definition = { TCP: '127.0.0.1:1', Interval: '1s', Timeout: '1s' };
  const Check = { CheckID: 'tcp', Name: 'port 1', Status: 'passing', Definition };
  const answer = await answerToPut('/v1/catalog/register', { Node: 'bare', SkipNodeUpdate: true, Check });
  expect([answer.status, answer.headers['x-hearsay-warning']]).toEqual([200, undefined]);
  await expect
    .poll(async () => (await get('/v1/health/node/bare')).json(), { timeout: 10_000 })
    .toMatchObject([{ CheckID: 'tcp', Status: 'critical', Type: 'tcp', Interval: '1s' }]);
});
