import { expect, test } from 'vitest';
import { instance, localCheck, service } from '../../data.ts';
import { FakeAgent, member, put, serve } from '../../fixture.ts';

async function world() {
  const agent = new FakeAgent(member('ann'), member('bob'));
  agent.catalog.held = [instance('bob', service('api'))];
  agent.catalog.external = ['ann', 'bob', 'cat'].map((owner) => ({
    ...{ name: `of-${owner}`, address: '192.0.2.1', taggedAddresses: new Map(), meta: new Map(), id: '' },
    ...{ registeredAt: 1, owner, up: owner !== 'cat' },
  }));
  agent.local.put(service('web'), localCheck('c1', { serviceId: 'web' }));
  const server = await serve(agent);
  const say = async (path: string, body: unknown) => {
    const { status, body: text } = await put(server, path, body);
    return [status, text] as const;
  };
  return { agent, server, say };
}

const REGISTER = '/v1/catalog/register';

test('catalog/register of a node that is no member is one command, in Consul’s shape', async () => {
  const { agent, say } = await world();
  const whole = {
    ...{ ID: '', Node: 'x', Address: '192.0.2.9', TaggedAddresses: null, Datacenter: 'DC1' },
    NodeMeta: { 'external-node': 'true' },
    Service: { ID: 's-1', Service: 's', Tags: ['a'], Port: 9, Weights: { Passing: 0, Warning: 0 } },
    Check: {
      ...{ Node: 'x', CheckID: 's-1-up', Name: 'up', Status: 'passing', ServiceID: 's-1', ServiceName: 's' },
      Definition: { HTTP: 'http://192.0.2.9/', IntervalDuration: 10_000_000_000, Timeout: '5s', Body: '' },
    },
    Checks: [{ CheckID: 'node', Name: 'node', Status: 'warning', Output: 'hot' }],
  };
  expect(await say(REGISTER, whole)).toEqual([200, 'true']);
  expect(agent.commands).toMatchObject([
    {
      kind: 'registerNode',
      registration: {
        node: { name: 'x', address: '192.0.2.9', meta: new Map([['external-node', 'true']]) },
        keepNode: false,
        service: { id: 's-1', name: 's', port: 9, weights: { passing: 1, warning: 1 } },
        checks: [
          {
            definition: {
              ...{ id: 's-1-up', serviceId: 's-1', interval: 10_000, timeout: 5000, initial: 'passing' },
              probe: { kind: 'http', url: 'http://192.0.2.9/' },
            },
          },
          {
            definition: { id: 'node', serviceId: '', initial: 'warning', probe: { kind: 'reported' } },
            output: 'hot',
          },
        ],
      },
    },
  ]);
});

test.each<[what: string, body: unknown, status: number, sentence: string]>([
  ['no address', { Node: 'x' }, 400, 'Must provide node and address'],
  [
    'no address of an unknown node',
    { Node: 'x', SkipNodeUpdate: true },
    400,
    'Must provide node and address',
  ],
  ['a list', [], 400, 'object'],
  ['an unknown key', { Node: 'x', Address: 'a', Serivce: {} }, 400, 'did you mean service?'],
  ['another datacenter', { Node: 'x', Address: 'a', Datacenter: 'dc9' }, 500, 'No path to datacenter'],
  ['no service name', { Node: 'x', Address: 'a', Service: { Port: 1 } }, 400, 'Missing service name'],
  ['a status', { Node: 'x', Address: 'a', Check: { Name: 'c', Status: 'fine' } }, 400, 'Bad check status'],
  [
    'a script',
    { Node: 'x', Address: 'a', Check: { Name: 'c', Definition: { ScriptArgs: ['x'], Interval: '1s' } } },
    400,
    'Scripts are disabled',
  ],
  ['a member', { Node: 'BOB', Address: 'a' }, 501, 'the node is a member: it registers its own services'],
  ['the node of a live owner', { Node: 'of-bob', Address: 'a' }, 409, 'another agent has this node: bob'],
])('catalog/register of %s is refused, and nothing is registered', async (_, body, status, sentence) => {
  const { agent, say } = await world();
  expect(await say(REGISTER, body)).toEqual([status, expect.stringContaining(sentence)]);
  expect(agent.commands).toEqual([]);
});

test('the node of another agent is removed with ?owner, also when that one is away; without it the answer says so', async () => {
  const { agent, server, say } = await world();
  const path = '/v1/catalog/deregister';
  for (const node of ['of-bob', 'of-cat'])
    expect(await put(server, path, { Node: node })).toMatchObject({
      status: 409,
      body: `another agent has this node: ${node.slice(3)}`,
      headers: { 'x-hearsay-instead': expect.stringContaining('?owner') },
    });
  expect(agent.commands).toEqual([]);
  for (const node of ['Of-Bob', 'of-cat'])
    expect(await say(`${path}?owner`, { Node: node })).toEqual([200, 'true']);
  expect(agent.commands).toEqual([
    { kind: 'deregisterNode', node: 'Of-Bob', anyOwner: true },
    { kind: 'deregisterNode', node: 'of-cat', anyOwner: true },
  ]);
  expect(await say(`${path}?owner`, { Node: 'bob' })).toMatchObject([501, expect.any(String)]);
});

test('a service or check on the node of another agent is removed there: the answer has the command', async () => {
  const { agent, server } = await world();
  for (const query of ['', '?owner'])
    expect(
      await put(server, `/v1/catalog/deregister${query}`, { Node: 'of-bob', ServiceID: "é's" }),
    ).toMatchObject({
      status: 409,
      body: 'another agent has this node: bob',
      headers: {
        'x-hearsay-instead': expect.stringContaining(
          `curl -X PUT http://127.0.0.1:8500/v1/catalog/deregister -d '{"Node":"of-bob","ServiceID":"\\u00e9\\u0027s"}'`,
        ),
      },
    });
  expect(agent.commands).toEqual([]);
});

test('the node of an owner that is away is taken over', async () => {
  const { agent, say } = await world();
  expect(await say(REGISTER, { Node: 'of-cat', Address: '192.0.2.3' })).toEqual([200, 'true']);
  expect(await say('/v1/catalog/deregister', { Node: 'Of-Ann', CheckID: 'c' })).toEqual([200, 'true']);
  expect(agent.commands).toMatchObject([
    { kind: 'registerNode' },
    { kind: 'deregisterNode', node: 'Of-Ann', check: 'c' },
  ]);
});

test('catalog/deregister is true when nothing matched; of what would be here only once earlier removals are stored', async () => {
  const { agent, server, say } = await world();
  const path = '/v1/catalog/deregister';
  expect(await say(path, {})).toEqual([400, 'Missing node']);
  for (const body of [
    { node: 'nobody' },
    { Node: 'bob', ServiceID: 'nope' },
    { Node: 'ANN', ServiceID: 'nope' },
  ])
    expect(await say(path, body)).toEqual([200, 'true']);
  expect(agent.commands).toEqual([
    { kind: 'deregisterNode', node: 'nobody' },
    { kind: 'deregisterNode', node: 'ANN', service: 'nope' },
  ]);
  agent.reply = async () => ({ unsaved: 'ENOSPC' });
  for (const body of [{ Node: 'nobody' }, { Node: 'ann', CheckID: 'nope' }])
    expect(await put(server, path, body)).toMatchObject({ headers: { 'x-hearsay-unsaved': 'ENOSPC' } });
});

test('an entry of this agent is removed, one of another agent is refused with its name', async () => {
  const { agent, say } = await world();
  const path = '/v1/catalog/deregister';
  expect(await say(path, { Node: 'ann', ServiceID: 'web' })).toEqual([200, 'true']);
  expect(await say(path, { Node: 'ann', CheckID: 'c1' })).toEqual([200, 'true']);
  expect(agent.commands).toEqual([
    { kind: 'deregisterService', id: 'web' },
    { kind: 'deregisterCheck', id: 'c1' },
  ]);
  for (const body of [{ Node: 'bob', ServiceID: 'api' }, { Node: 'bob' }, { Node: 'ann' }])
    expect(await say(path, body)).toMatchObject([501, expect.stringMatching(/^(bob|ann) owns its entries/)]);
});
