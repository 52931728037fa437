import { expect, test } from 'vitest';
import { instance, localCheck, service } from '../../data.ts';
import { FakeAgent, member, put, serve } from '../../fixture.ts';

async function world() {
  const agent = new FakeAgent(member('ann'), member('bob'));
  agent.catalog.held = [instance('bob', service('api'))];
  agent.local.put(service('web'), localCheck('c1', { serviceId: 'web' }));
  const server = await serve(agent);
  const say = async (path: string, body: unknown) => {
    const { status, body: text } = await put(server, path, body);
    return [status, text] as const;
  };
  return { agent, say };
}

test('catalog/register is refused, and says where to register instead', async () => {
  const { agent, say } = await world();
  const path = '/v1/catalog/register';
  expect(await say(path, { Node: 'x' })).toEqual([400, 'Must provide node and address']);
  expect(await say(path, '[]')).toMatchObject([400, expect.stringContaining('object')]);
  const known = { Node: 'x', SkipNodeUpdate: true, Service: { Service: 's' } };
  expect(await say(path, known)).toMatchObject([501, expect.any(String)]);
  const whole = { ID: '', Node: 'x', Address: '192.0.2.9', TaggedAddresses: null, Service: { Service: 's' } };
  expect(await say(path, whole)).toMatchObject([
    501,
    'catalog/register is not offered: an agent owns each entry',
  ]);
  expect(agent.commands).toEqual([]);
});

test('catalog/deregister is true when nothing matched', async () => {
  const { agent, say } = await world();
  const path = '/v1/catalog/deregister';
  expect(await say(path, {})).toEqual([400, 'Missing node']);
  for (const body of [
    { node: 'nobody' },
    { Node: 'bob', ServiceID: 'nope' },
    { Node: 'ANN', ServiceID: 'nope' },
  ])
    expect(await say(path, body)).toEqual([200, 'true']);
  expect(agent.commands).toEqual([]);
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
