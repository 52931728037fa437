import { describe, expect, test } from 'vitest';
import { toAddress } from '../../../../../src/base/address.ts';
import { AgentError } from '../../../../../src/base/errors.ts';
import type { ReloadReport } from '../../../../../src/config/reload.ts';
import { deriveNodeId } from '../../../../../src/http/consul/nodes.ts';
import { FakeAgent, INFO, member, put, send, serve } from '../../fixture.ts';

type Json = Record<string, unknown>;

describe('GET /v1/agent/self', () => {
  test('every top-level value is an object or null', async () => {
    const server = await serve(new FakeAgent(member('ann', { tags: new Map([['rack', 'r1']]) })));
    const self = (await send(server, '/v1/agent/self')).json() as Json;
    expect(Object.keys(self)).toEqual(['Config', 'DebugConfig', 'Coord', 'Member', 'Stats', 'Meta']);
    for (const value of Object.values(self)) {
      expect(typeof value).toBe('object');
      expect(Array.isArray(value)).toBe(false);
    }
    expect(self['Meta']).toEqual({ rack: 'r1' });
    for (const group of Object.values(self['Stats'] as Record<string, Json>))
      for (const value of Object.values(group)) expect(typeof value).toBe('string');
  });

  test('HashiCorp’s own tests join the address of gossip that DebugConfig has, behind tcp://', async () => {
    const { DebugConfig } = (
      await send(await serve(new FakeAgent(member('ann'))), '/v1/agent/self')
    ).json() as { DebugConfig: Json };
    expect(DebugConfig['SerfAdvertiseAddrLAN']).toBe(`tcp://${INFO.gossipAddress}`);
  });

  test('Nomad asserts the types of five fields', async () => {
    const { Config } = (await send(await serve(new FakeAgent(member('ann'))), '/v1/agent/self')).json() as {
      Config: Json;
    };
    expect(Config).toEqual({
      Datacenter: 'dc1',
      PrimaryDatacenter: 'dc1',
      NodeName: 'ann',
      NodeID: INFO.nodeId,
      Revision: 'abc1234',
      Server: true,
      Version: '1.22.0',
      HearsayVersion: '1.2.3',
      BuildDate: '2026-01-02T03:04:05Z',
    });
  });
});

describe('GET /v1/agent/members', () => {
  const rows = () =>
    new FakeAgent(
      member('ann'),
      member('bob', { status: 'suspect', state: 'suspect' }),
      member('cat', { status: 'leaving' }),
      member('dan', { status: 'left', state: 'left' }),
      member('eve', {
        status: 'failed',
        state: 'dead',
        tags: new Map([
          ['role', 'db'],
          ['__proto__', 'x'],
        ]),
      }),
    );

  test('lists all members, and a suspect as alive', async () => {
    const members = (await send(await serve(rows()), '/v1/agent/members?segment=_all')).json() as Json[];
    expect(members.map((one) => [one['Name'], one['Status']])).toEqual([
      ['ann', 1],
      ['bob', 1],
      ['cat', 2],
      ['dan', 3],
      ['eve', 4],
    ]);
  });

  test('a member has the fields and the tags that tools print; its own tags take precedence', async () => {
    const answer = await send(await serve(rows()), '/v1/agent/members');
    const [ann, , , , eve] = answer.json() as Json[];
    expect(ann).toEqual({
      Name: 'ann',
      Addr: '10.0.0.1',
      Port: 7946,
      Tags: {
        role: 'node',
        dc: 'dc1',
        id: INFO.nodeId,
        build: '1.22.0:',
        segment: '',
        vsn: '2',
        vsn_min: '1',
        vsn_max: '5',
      },
      Status: 1,
      ProtocolMin: 1,
      ProtocolMax: 5,
      ProtocolCur: 2,
      DelegateMin: 2,
      DelegateMax: 5,
      DelegateCur: 4,
    });
    const tags = eve?.['Tags'] as Json;
    expect([tags['role'], tags['build']]).toEqual(['db', ':']);
    expect(answer.body).toContain('"__proto__":"x"');
  });

  test('there is no WAN pool', async () => {
    expect((await send(await serve(rows()), '/v1/agent/members?wan=1')).body).toBe('[]');
  });
});

test('nodeId is one UUID per datacenter and name, the same from every agent', () => {
  const id = deriveNodeId('dc1', 'ann');
  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(deriveNodeId('dc1', 'ann')).toBe(id);
  expect(
    new Set([id, deriveNodeId('dc1', 'bob'), deriveNodeId('dc2', 'ann'), deriveNodeId('dc1', 'Ann')]).size,
  ).toBe(4);
});

test('version and host reply as their clients decode them', async () => {
  const server = await serve(new FakeAgent(member('ann')));
  expect((await send(server, '/v1/agent/version')).json()).toEqual({
    SHA: 'abc1234',
    BuildDate: '2026-01-02T03:04:05Z',
    HumanVersion: '1.22.0',
    HearsayVersion: '1.2.3',
    FIPS: '',
  });
  const host = (await send(server, '/v1/agent/host')).json() as Json;
  expect(Object.keys(host)).toEqual(['Memory', 'CPU', 'Host', 'Disk', 'CollectionTime', 'Errors']);
});

describe('PUT /v1/agent/*', () => {
  test('join passes the address on, decoded, and replies 200 without a body', async () => {
    const agent = new FakeAgent(member('ann'));
    agent.reply = async () => ({ joined: 1, failed: [] });
    const server = await serve(agent);
    const answer = await put(server, '/v1/agent/join/127.0.0.2%3A8301');
    expect([answer.status, answer.body, answer.headers['content-length']]).toEqual([200, '', '0']);
    expect(agent.commands).toEqual([{ kind: 'join', seeds: ['127.0.0.2:8301'] }]);
  });

  test('a join without a response is 500 with the reason, in whatever form the agent reports it', async () => {
    const agent = new FakeAgent(member('ann'));
    const server = await serve(agent);
    agent.reply = async () => ({ joined: 0, failed: [{ addr: 'bob', error: 'connection refused' }] });
    const told = await put(server, '/v1/agent/join/bob');
    expect([told.status, told.body]).toEqual([500, 'bob: connection refused']);
    agent.reply = () => Promise.reject(new AgentError('failed', 'no seed answered'));
    const thrown = await put(server, '/v1/agent/join/bob');
    expect([thrown.status, thrown.body]).toEqual([500, 'bob: no seed answered']);
  });

  test('join without an address, or into a WAN pool, is 400', async () => {
    const agent = new FakeAgent(member('ann'));
    const server = await serve(agent);
    expect((await put(server, '/v1/agent/join/')).status).toBe(400);
    expect((await put(server, '/v1/agent/join/bob?wan=1')).status).toBe(400);
    expect(agent.commands).toEqual([]);
  });

  test('leave is answered when the agent has left', async () => {
    const agent = new FakeAgent(member('ann'));
    const answer = await put(await serve(agent), '/v1/agent/leave');
    expect([answer.status, answer.body]).toEqual([200, '']);
    expect(agent.commands).toEqual([{ kind: 'leave' }]);
  });

  test('force-leave takes live members too, prunes on request, and an unknown node is 500', async () => {
    const agent = new FakeAgent(member('ann'));
    const server = await serve(agent);
    expect((await put(server, '/v1/agent/force-leave/bob')).status).toBe(200);
    expect((await put(server, '/v1/agent/force-leave/bob?prune')).status).toBe(200);
    expect(agent.commands).toEqual([
      { kind: 'forget', node: 'bob', prune: false, refuseLive: false },
      { kind: 'forget', node: 'bob', prune: true, refuseLive: false },
    ]);
    agent.reply = () => Promise.reject(new AgentError('notFound', 'nobody'));
    expect((await put(server, '/v1/agent/force-leave/zoe')).status).toBe(500);
    expect((await put(server, '/v1/agent/force-leave/')).status).toBe(400);
  });
});

test('leader and peers are never empty, and IPv6 stands in brackets', async () => {
  const agent = new FakeAgent(member('ann'));
  const server = await serve(agent);
  expect((await send(server, '/v1/status/leader')).body).toBe('"10.0.0.1:8300"');
  expect((await send(server, '/v1/status/peers')).body).toBe('["10.0.0.1:8300"]');
  const octets = new Uint8Array(16);
  octets.set([0xfd, 0x00], 0);
  octets[15] = 5;
  Object.assign(agent.view, { address: toAddress(octets, 7946) });
  expect((await send(server, '/v1/status/leader')).body).toBe('"[fd00::5]:8300"');
});

describe('PUT /v1/agent/reload and /v1/hearsay/reload', () => {
  const paths = ['/v1/agent/reload', '/v1/hearsay/reload'];
  const REPORT: ReloadReport = {
    changes: [{ kind: 'service', name: 'web', text: 'service web was changed: port' }],
    needsRestart: ['bind'],
    warnings: [],
  };
  const reload = async (options: { reload?: () => Promise<ReloadReport> }) => {
    const server = await serve(new FakeAgent(member('ann')), options);
    return Promise.all(
      paths.map(async (path) => {
        const { status, body } = await put(server, path);
        return [status, body];
      }),
    );
  };

  test('read settings and service files again, and report what has changed', async () => {
    expect(await reload({ reload: async () => REPORT })).toEqual([
      [200, ''],
      [200, JSON.stringify(REPORT)],
    ]);
  });

  test('report what is invalid', async () => {
    const broken = () => Promise.reject(new AgentError('failed', 'agent.yaml:3: nodes: no such setting'));
    const refused = [500, 'agent.yaml:3: nodes: no such setting'];
    expect(await reload({ reload: broken })).toEqual([refused, refused]);
  });

  test('an agent without settings says so', async () => {
    const refused = [501, expect.stringContaining('no settings')];
    expect(await reload({})).toEqual([refused, refused]);
  });
});

test('a changed token counts from the next request on', async () => {
  const server = await serve(new FakeAgent(member('ann')), { tokens: { all: 'old' } });
  const statuses = (): Promise<number[]> =>
    Promise.all(
      ['old', 'new'].map(async (token) => {
        const headers = { 'x-consul-token': token };
        return (await send(server, '/v1/agent/self', { headers })).status;
      }),
    );
  expect(await statuses()).toEqual([200, 403]);
  server.setTokens({ all: 'new' });
  expect(await statuses()).toEqual([403, 200]);
  server.setTokens({});
  expect(await statuses()).toEqual([200, 200]);
});
