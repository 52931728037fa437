import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { toRequests } from '../../../../src/cli/api/consul-import.ts';
import { resolveConfig } from '../../../../src/config/resolve.ts';
import { startAgent } from '../../../../src/main.ts';
import { hearsay, startFakeAgent, unusedUrl } from '../helper.ts';

/** A real agent, which is a Consul for who reads from it. */
async function agent(node: string): Promise<string> {
  const flags = {
    ...{ node, bind: '127.0.0.1:0', http: '127.0.0.1:0', dns: 'off', preset: 'local', logLevel: 'error' },
  };
  const { config } = resolveConfig({ flags, env: {}, files: [], hostname: 'host', terminal: false });
  const running = await startAgent(config);
  onTestFinished(() => running.stop());
  return `http://${running.http}`;
}

async function call(url: string, path: string, body?: object): Promise<unknown> {
  const answer = await fetch(url + path, {
    ...(body === undefined ? {} : { method: 'PUT', body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  expect([path, answer.status, text.slice(0, 200)]).toEqual([path, 200, expect.anything()]);
  return text === '' ? undefined : JSON.parse(text);
}

const passing = async (url: string, service: string): Promise<string[]> =>
  ((await call(url, `/v1/health/service/${service}?passing`)) as { Node: { Node: string } }[]).map(
    ({ Node: { Node } }) => Node,
  );

test('what a Consul has is registered, changed and removed with it; members are skipped', async () => {
  const [consul, own] = await Promise.all([agent('old-1'), agent('new-1')]);
  const register = '/v1/agent/service/register';
  await call(consul, register, {
    Name: 'web',
    Tags: ['v1'],
    Port: 80,
    Check: { TTL: '1h', Status: 'passing' },
  });
  await call(consul, '/v1/catalog/register', {
    Node: 'new-1',
    Address: '192.0.2.7',
    Service: { Service: 'web' },
  });
  const run = () => hearsay(['import', 'consul', consul, '--http-addr', own]);

  const first = await run();
  expect(first).toEqual({
    code: 0,
    out: 'imported 1 nodes with 1 services, removed 0, skipped 1\n',
    err: 'skipped new-1: it is a member, which registers its own services\n',
  });
  expect(await passing(own, 'web')).toEqual(['old-1']);
  expect(await call(own, '/v1/catalog/service/web')).toMatchObject([
    { Node: 'old-1', ServiceTags: ['v1'], ServicePort: 80, NodeMeta: { 'imported-from': 'consul' } },
  ]);

  await call(consul, '/v1/agent/check/fail/service:web', {});
  await call(consul, register, { Name: 'db' });
  expect((await run()).code).toBe(0);
  expect([await passing(own, 'web'), await passing(own, 'db')]).toEqual([[], ['old-1']]);

  await call(consul, '/v1/agent/service/deregister/web', {});
  expect((await run()).code).toBe(0);
  expect(await call(own, '/v1/catalog/services')).toEqual({ consul: [], db: [] });
});

test('a dump is a file for the same command, and what it does not have is removed', async () => {
  const [consul, own] = await Promise.all([agent('old-1'), agent('new-1')]);
  await call(consul, '/v1/agent/service/register', { Name: 'web' });
  const dump = await hearsay(['import', 'consul', consul, '--dump']);
  const dir = await mkdtemp(join(tmpdir(), 'hearsay-import-'));
  onTestFinished(() => rm(dir, { recursive: true }));
  const file = join(dir, 'consul.json');
  await writeFile(file, dump.out);
  expect(await hearsay(['import', 'consul', file, '--http-addr', own])).toMatchObject({ code: 0 });
  expect(await passing(own, 'web')).toEqual(['old-1']);
  await writeFile(file, '{"nodes": []}');
  const gone = await hearsay(['import', 'consul', file, '--http-addr', own, '--json']);
  expect(JSON.parse(gone.out)).toEqual({
    imported: [],
    services: 0,
    skipped: [],
    removed: ['old-1'],
    failed: [],
  });
  expect(await passing(own, 'web')).toEqual([]);
});

test.each([
  ['a file that is not there', ['/nonexistent/x.json'], 2, 'cannot be read'],
  ['no Consul', ['URL'], 3, 'no Consul answers'],
  ['half a URL', ['http://'], 2, 'is not a URL'],
])('%s is told, and nothing is registered', async (_, words, code, sentence) => {
  const { url, requests } = await startFakeAgent({});
  const free = await unusedUrl();
  const args = words.map((word) => (word === 'URL' ? free : word));
  const ran = await hearsay(['import', 'consul', ...args, '--http-addr', url]);
  expect([ran.code, ran.err, requests]).toEqual([code, expect.stringContaining(sentence), []]);
});

test("the agent's token is not sent to Consul, and Consul's not to the agent", async () => {
  const consul = await startFakeAgent({ 'GET /v1/health/state/any': [], 'GET /v1/catalog/nodes': [] });
  const own = await startFakeAgent({
    'GET /v1/hearsay/members': [],
    'GET /v1/catalog/nodes': [],
  });
  const env = { HEARSAY_HTTP_TOKEN: 'ours', CONSUL_HTTP_TOKEN: 'theirs' };
  const ran = await hearsay(['import', 'consul', consul.url, '--http-addr', own.url], { env });
  expect(ran).toMatchObject({ code: 0, err: '' });
  const tokens = (requests: readonly { headers: Record<string, unknown> }[]) =>
    new Set(requests.map(({ headers }) => headers['x-consul-token']));
  expect([tokens(consul.requests), tokens(own.requests)]).toEqual([new Set(['theirs']), new Set(['ours'])]);
});

test('a node is one request for each service with its checks, and none of what Consul has for itself', () => {
  const check = (CheckID: string, ServiceID: string, Definition = {}) => ({
    ...{ CheckID, ServiceID, Definition, Name: CheckID, Status: 'passing', Notes: '', Output: '' },
  });
  const requests = toRequests({
    node: { Node: 'a', Address: '192.0.2.1', Meta: { rack: 'r1', 'consul-version': '1.22.0' } },
    services: ['web', 'db', 'consul'].map((Service) => ({ ID: Service, Service, CreateIndex: 7 })),
    checks: [
      ...[
        check('serfHealth', ''),
        check('disk', ''),
        check('c', 'web', { HTTP: 'http://a/', Interval: '5s' }),
      ],
    ],
  });
  expect(requests).toMatchObject([
    {
      NodeMeta: { rack: 'r1' },
      Service: { ID: 'web' },
      Checks: [{ CheckID: 'disk' }, { CheckID: 'c', Definition: { HTTP: 'http://a/' } }],
    },
    { Service: { ID: 'db' }, Checks: [] },
  ]);
  expect(JSON.stringify(requests)).not.toMatch(/serfHealth|CreateIndex|consul-version/);
});

test('import config says of each key of Consul what it becomes here, and of which there is none', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'hearsay-import-'));
  onTestFinished(() => rm(dir, { recursive: true }));
  const file = join(dir, 'consul.json');
  const lines = [
    '{',
    ' "datacenter": "dc1",',
    ' "node_name": "n1",',
    ' "server": true,',
    ' "ports": {"serf_lan": 8301, "grpc": 8502},',
    ' "nonsense": 1',
    '}',
  ];
  await writeFile(file, lines.join('\n'));
  const ran = await hearsay(['import', 'config', file]);
  expect([ran.code, ran.err]).toEqual([0, '']);
  expect(ran.out.trimEnd().split('\n')).toEqual([
    `${file}:2: datacenter: is the same here`,
    expect.stringMatching(/:3: node_name: .*is `node` here$/),
    expect.stringMatching(/:4: server: .*has no counterpart .*every agent is alike/),
    expect.stringMatching(/:5: ports: .*`ports.serf_lan` is the port in `bind` here$/),
    expect.stringMatching(/:5: ports: .*`ports.grpc` has no counterpart/),
    expect.stringMatching(/:6: nonsense: is not known/),
    '3 of 6 keys have a counterpart',
  ]);
  const rows = JSON.parse((await hearsay(['import', 'config', file, '--json'])).out);
  expect(rows[1]).toMatchObject({ file, line: 3, key: 'node_name', hasCounterpart: true });
});

test('import config --yaml prints a configuration of Serf as ours, which an agent takes', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'hearsay-import-'));
  onTestFinished(() => rm(dir, { recursive: true }));
  const file = join(dir, 'serf.json');
  await writeFile(
    file,
    JSON.stringify({
      ...{ node_name: 'n1', tags: { role: 'web' }, encrypt_key: 'c2VjcmV0', discover: 'x' },
      statsd_addr: 'y',
    }),
  );
  const ran = await hearsay(['import', 'config', file, '--yaml']);
  expect([ran.code, ran.out]).toEqual([
    0,
    'bind: "0.0.0.0:7946"\nrpc: "127.0.0.1:7373"\nrejoinAfterLeave: false\nnode: "n1"\ntag: {"role":"web"}\ndiscover: "x"\n',
  ]);
  expect(ran.err).toMatch(/serf.json:1: encrypt_key: put it into HEARSAY_GOSSIP_KEY/);
  expect(ran.err).toMatch(/serf.json:1: Serf's `statsd_addr` has no counterpart/);
  const ours = join(dir, 'ours.yaml');
  await writeFile(ours, ran.out);
  expect((await hearsay(['config', 'check', ours])).code).toBe(0);

  await writeFile(file, '{"bind": 5}');
  const refused = await hearsay(['import', 'config', file, '--yaml']);
  expect([refused.code, refused.err]).toEqual([
    78,
    expect.stringContaining('serf.json:1: bind: must be a string'),
  ]);
});
