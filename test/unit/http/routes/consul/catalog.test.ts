import { describe, expect, test } from 'vitest';
import { toAddress } from '../../../../../src/base/address.ts';
import { deriveNodeId } from '../../../../../src/http/consul/nodes.ts';
import { FakeAgent, member, SEED, send, serve } from '../../fixture.ts';

const nodes = '/v1/catalog/nodes';
const v6 = Uint8Array.of(0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5);
const agent = () =>
  new FakeAgent(
    member('ann', { tags: new Map([['rack', 'r1']]) }),
    member('bob', {
      status: 'suspect',
      tags: new Map([
        ['rack', 'r1'],
        ['os', ''],
      ]),
    }),
    member('cat', { status: 'leaving' }),
    member('dan', { status: 'left' }),
    member('eve', { status: 'failed', address: toAddress(v6, 7946) }),
  );

async function names(query = ''): Promise<string[]> {
  const answer = await send(await serve(agent()), `${nodes}?${query}`);
  return (answer.json() as { Node: string }[]).map((node) => node.Node);
}

describe('GET /v1/catalog/nodes', () => {
  test('lists nodes that have not left', async () => {
    expect(await names()).toEqual(['ann', 'bob', 'cat', 'eve']);
  });

  test('a node has an id of its own, its addresses by family, its tags as meta', async () => {
    const world = agent();
    const server = await serve(world);
    world.touch(['node:eve', 'nodes']);
    const list = (await send(server, nodes)).json() as unknown[];
    expect(list[0]).toEqual({
      ID: deriveNodeId('dc1', 'ann'),
      Node: 'ann',
      Address: '10.0.0.1',
      Datacenter: 'dc1',
      TaggedAddresses: { lan: '10.0.0.1', lan_ipv4: '10.0.0.1', wan: '10.0.0.1', wan_ipv4: '10.0.0.1' },
      Meta: { rack: 'r1' },
      CreateIndex: SEED,
      ModifyIndex: SEED,
    });
    expect(list[3]).toMatchObject({
      Address: 'fd00::5',
      TaggedAddresses: { lan: 'fd00::5', lan_ipv6: 'fd00::5', wan: 'fd00::5', wan_ipv6: 'fd00::5' },
      Meta: {},
      ModifyIndex: SEED + 1,
    });
  });

  test('node-meta: all pairs must match, the last of a key counts, a key alone means the empty value', async () => {
    expect(await names('node-meta=rack:r1')).toEqual(['ann', 'bob']);
    expect(await names('node-meta=rack%3Ar1&node-meta=os')).toEqual(['bob']);
    expect(await names('node-meta=rack:r2&node-meta=rack:r1')).toEqual(['ann', 'bob']);
    expect(await names('node-meta=zone')).toEqual([]);
    expect(await names('node-meta=__proto__:x')).toEqual([]);
  });

  test('near without coordinates changes nothing, a peer has no nodes here', async () => {
    expect(await names('near=_agent')).toHaveLength(4);
    expect(await names('near=nobody')).toHaveLength(4);
    expect(await names('peer=other')).toEqual([]);
  });

  test('the headers of a read', async () => {
    const { headers } = await send(await serve(agent()), `${nodes}?cached`);
    expect(headers).toMatchObject({
      'x-consul-index': String(SEED),
      'x-consul-lastcontact': '0',
      'x-consul-knownleader': 'true',
      'x-consul-effective-consistency': 'stale',
      'x-consul-default-acl-policy': 'allow',
      'x-cache': 'HIT',
      age: '0',
      'content-type': 'application/json',
    });
  });
});

describe('parameters of all reads', () => {
  const ask = async (query: string) => {
    const { status, body } = await send(await serve(agent()), `${nodes}?${query}`);
    return status === 200 ? 200 : [status, body];
  };

  test('dc: the name of this datacenter in any case is accepted, another is 500; datacenter takes precedence', async () => {
    expect(await ask('dc=dc1')).toBe(200);
    expect(await ask('dc=DC1')).toBe(200);
    expect(await ask('dc=')).toBe(200);
    expect(await ask('dc=dc2')).toEqual([500, 'No path to datacenter']);
    expect(await ask('dc=dc1&datacenter=dc2')).toEqual([500, 'No path to datacenter']);
    expect(await ask('dc=dc2&datacenter=dc1')).toBe(200);
  });

  test('modes of consistency are accepted, but not two that contradict', async () => {
    for (const query of [
      'stale',
      'stale=',
      'consistent=',
      'leader',
      'cached',
      'stale=1&cached=',
      'max_stale=10s',
    ])
      expect(await ask(query)).toBe(200);
    expect(await ask('stale&consistent')).toMatchObject([400, expect.any(String)]);
    expect(await ask('cached&consistent')).toMatchObject([400, expect.any(String)]);
    expect(await ask('max_stale=x')).toMatchObject([400, expect.any(String)]);
  });

  test('there is one namespace and one partition', async () => {
    for (const query of [
      'ns=',
      'ns=default',
      'namespace=default',
      'partition=default',
      'ap=',
      'segment=x',
      'merge-central-config',
      'sg=x',
      'local-only=1',
      'sdc=x',
    ])
      expect(await ask(query)).toBe(200);
    for (const query of ['ns=team', 'namespace=x', 'partition=x', 'ap=x'])
      expect(await ask(query)).toMatchObject([400, expect.any(String)]);
  });
});

test('another namespace is refused in reads and writes, by parameter and by header', async () => {
  const server = await serve(agent());
  const registration = { method: 'PUT', body: '{"Name":"x"}' } as const;
  const foreign = { headers: { 'X-Consul-Namespace': 'team' } };
  const register = '/v1/agent/service/register';
  expect((await send(server, '/v1/catalog/services')).status).toBe(200); // and so it is cached
  for (const [path, options] of [
    ['/v1/catalog/services', foreign],
    ['/v1/agent/services?ns=team', {}],
    [`${register}?ns=team`, registration],
    [register, { ...registration, headers: { 'X-Consul-Namespace': 'team' } }],
    [register, { ...registration, headers: { 'X-Consul-Partition': 'team' } }],
  ] as const)
    expect((await send(server, path, options)).status, path).toBe(400);
  expect(
    (await send(server, '/v1/catalog/services', { headers: { 'X-Consul-Namespace': 'default' } })).status,
  ).toBe(200);
});

test('GET /v1/catalog/datacenters is the datacenter of this agent', async () => {
  expect((await send(await serve(agent()), '/v1/catalog/datacenters')).body).toBe('["dc1"]');
});
