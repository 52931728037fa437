/**
 * What Nomad sends to its Consul agent, in its order, to a real agent of hearsay.
 *
 * Source: Nomad client/fingerprint/consul.go; command/agent/consul/service_client.go; nomad/server.go, setupConsulSyncer
 * (written from knowledge of them; no Nomad was run: docs/guides/nomad.md).
 */
import { expect, onTestFinished, test } from 'vitest';
import { resolveConfig } from '../../../src/config/resolve.ts';
import { startAgent } from '../../../src/main.ts';
import { type Answer, send } from './fixture.ts';

async function agent() {
  const flags = {
    ...{
      node: 'host-1',
      bind: '127.0.0.1:0',
      http: '127.0.0.1:0',
      dns: 'off',
      preset: 'local',
      logLevel: 'error',
    },
  };
  const { config } = resolveConfig({ flags, env: {}, files: [], hostname: 'host', terminal: false });
  const running = await startAgent(config);
  onTestFinished(() => running.stop());
  const server = {
    address: running.http ?? '',
    setTokens: () => undefined,
    setTls: () => undefined,
    close: async () => undefined,
  };
  const get = (path: string): Promise<Answer> => send(server, path);
  const put = async (path: string, body?: unknown): Promise<Answer> => {
    const answer = await send(server, path, {
      method: 'PUT',
      body: body === undefined ? '' : JSON.stringify(body),
    });
    expect([path, answer.status, answer.body]).toEqual([path, 200, '']);
    return answer;
  };
  return { get, put };
}

const TASK = '_nomad-task-0c1b7d2e-5a0f-4c1e-9d55-0f7f8f5d7a11-group-web-api-http';
const CHECK = '_nomad-check-5f1c8b0d1e2f3a4b5c6d7e8f90a1b2c3d4e5f601';

/** Go's client sends zero values of pointers as null, and leaves out the others. */
const SERVICE = {
  ...{
    ID: TASK,
    Name: 'api',
    Tags: ['v1'],
    Port: 23_456,
    Address: '10.0.0.5',
    Meta: { 'external-source': 'nomad' },
  },
  TaggedAddresses: {
    lan_ipv4: { Address: '10.0.0.5', Port: 23_456 },
    wan_ipv4: { Address: '10.0.0.5', Port: 23_456 },
  },
  ...{ Check: null, Checks: null },
};

test('the fingerprint: every field that Nomad asserts is there, with its type', async () => {
  const { get } = await agent();
  const self = (await get('/v1/agent/self')).json() as Record<string, Record<string, unknown>>;
  const { Config = {} } = self;
  expect(Object.fromEntries(Object.entries(Config).map(([key, value]) => [key, typeof value]))).toMatchObject(
    {
      ...{
        Server: 'boolean',
        Version: 'string',
        Revision: 'string',
        NodeName: 'string',
        Datacenter: 'string',
      },
    },
  );
  // The constraint that jobs with services get: ${attr.consul.version} semver ">= 1.8.0".
  const [major = 0, minor = 0] = String(Config['Version']).split('.').map(Number);
  expect(major > 1 || (major === 1 && minor >= 8)).toBe(true);
  expect(self['Member']).toMatchObject({ Tags: expect.any(Object) });
});

test('servers register themselves, and find one another', async () => {
  const { get, put } = await agent();
  await put('/v1/agent/service/register', {
    ...{ ID: '_nomad-server-x', Name: 'nomad', Tags: ['serf'], Port: 4648, Address: '10.0.0.5' },
    ...{ Check: null, Checks: null, EnableTagOverride: false },
  });
  await put('/v1/agent/check/register', {
    ...{
      ID: '_nomad-check-s',
      Name: 'Nomad Server Serf Check',
      ServiceID: '_nomad-server-x',
      Status: 'passing',
    },
    ...{ TCP: '127.0.0.1:1', Interval: '10s', Timeout: '2s' },
  });
  expect((await get('/v1/catalog/datacenters')).json()).toEqual(['dc1']);
  const servers = await get('/v1/catalog/service/nomad?dc=dc1&near=_agent&stale=&tag=serf&wait=2000ms');
  expect(servers.json()).toMatchObject([{ ServiceAddress: '10.0.0.5', ServicePort: 4648 }]);
});

test('a task comes, is compared, changes, and goes', async () => {
  const { get, put } = await agent();
  expect((await get('/v1/agent/services')).json()).toEqual({});
  expect((await get('/v1/agent/checks')).json()).toEqual({});
  const registered = await put('/v1/agent/service/register', SERVICE);
  expect(registered.headers['x-hearsay-warning']).toBeUndefined();
  await put('/v1/agent/check/register', {
    ...{ ID: CHECK, Name: 'service: "api" check', ServiceID: TASK, Status: 'critical', TTL: '31s' },
  });

  // What differs in one of these fields is registered again, every 30 s.
  const services = (await get('/v1/agent/services')).json() as Record<string, unknown>;
  expect(services[TASK]).toMatchObject({
    ...{ ID: TASK, Service: 'api', Tags: ['v1'], Port: 23_456, Address: '10.0.0.5' },
    ...{ EnableTagOverride: false, Meta: SERVICE.Meta, TaggedAddresses: SERVICE.TaggedAddresses },
  });
  expect((await get('/v1/agent/checks')).json()).toMatchObject({
    [CHECK]: { ServiceID: TASK, Status: 'critical' },
  });

  await put(`/v1/agent/check/update/${CHECK}`, { Status: 'passing', Output: 'ok' });
  await put('/v1/agent/service/register', { ...SERVICE, Tags: ['v1', 'canary'] });
  expect((await get('/v1/health/service/api?passing=1&stale=')).json()).toMatchObject([
    { Service: { Tags: ['v1', 'canary'] }, Checks: [{ CheckID: 'serfHealth' }, { Output: 'ok' }] },
  ]);

  await put(`/v1/agent/check/deregister/${CHECK}`);
  await put(`/v1/agent/service/deregister/${TASK}`);
  expect((await get('/v1/agent/services')).json()).toEqual({});
});

test('a sidecar is told that there is no mesh', async () => {
  const { put } = await agent();
  const answer = await put('/v1/agent/service/register', {
    ...SERVICE,
    Connect: { SidecarService: { Port: 21_000 } },
  });
  expect(answer.headers['x-hearsay-warning']).toBe(
    'Connect of a service is not kept: there is no service mesh',
  );
});
