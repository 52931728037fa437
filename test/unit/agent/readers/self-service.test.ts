import { expect, test } from 'vitest';
import { isSelfService, selfInstances } from '../../../../src/agent/readers/self-service.ts';
import { instance, service } from '../../http/data.ts';
import { FakeAgent, member } from '../../http/fixture.ts';

test('every member is an instance on Consul’s server port, up while membership says so', () => {
  const { view } = new FakeAgent(
    member('ann'),
    member('bob', { status: 'suspect' }),
    member('cat', { status: 'failed' }),
    member('dan', { status: 'left' }),
  );
  const all = [...selfInstances(view, 'consul')].map(({ member: { name }, instance: one }) => [
    name,
    one.node,
    one.service.port,
    one.up,
    one.status,
  ]);
  expect(all).toEqual([
    ['ann', 'ann', 8300, true, 'passing'],
    ['bob', 'bob', 8300, true, 'passing'],
    ['cat', 'cat', 8300, false, 'critical'],
    ['dan', 'dan', 8300, false, 'critical'],
  ]);
});

test('a node that registers a service of that name is an instance only once', () => {
  const agent = new FakeAgent(member('ann'), member('bob'));
  agent.catalog.held = [instance('ann', service('consul'))];
  expect([...selfInstances(agent.view, 'consul')].map(({ instance: one }) => one.node)).toEqual(['bob']);
});

test('its name matches in any case, and none does when it is turned off', () => {
  expect(isSelfService({ selfService: 'consul' }, 'CONSUL')).toBe(true);
  expect(isSelfService({ selfService: 'consul' }, 'web')).toBe(false);
  expect(isSelfService({ selfService: undefined }, 'consul')).toBe(false);
});
