import { expect, test } from 'vitest';
import { findDisagreements } from '../../../../src/sim/laws/membership/agreement.ts';
import { FormerAddresses } from '../../../../src/sim/laws/membership/former-addresses.ts';
import { World } from '../../../../src/sim/world/world.ts';
import { ScriptedAgent } from '../scripted-agent.ts';

/** An agent, ann, and a Serf peer, eve, which both see all as they are: bob, who has moved, too. */
function cluster() {
  const world = new World({ seed: 1, makeAgent: (options) => new ScriptedAgent(options) });
  for (const label of ['ann', 'bob', 'eve']) {
    world.add(label, { serfPeer: label === 'eve' });
    world.start(label);
  }
  const formerly = world.host('bob').address;
  world.stop('bob');
  world.start('bob', { newAddress: true });
  const agentOf = (label: string): ScriptedAgent => world.host(label).runningAgent as ScriptedAgent;
  for (const observer of world.hosts)
    for (const { label, address } of world.hosts)
      if (label !== observer.label) agentOf(observer.label).show(label, { address });
  const former = new FormerAddresses(world);
  const left = (): string[] => former.withoutMoved(findDisagreements(world)).map(({ what }) => what);
  return { world, formerly, former, left, ann: agentOf('ann'), eve: agentOf('eve') };
}

test('all agree, and nothing is held anywhere else', () => {
  const { former, left } = cluster();
  expect(left()).toEqual([]);
  expect(former.heldUntil).toBe(0);
});

test('a Serf peer may hold a member at its former address, and an agent may not', () => {
  const { world, formerly, left, ann, eve } = cluster();
  eve.show('bob', { address: formerly });
  ann.show('bob', { address: formerly });
  expect(findDisagreements(world)).toHaveLength(2);
  expect(left()).toEqual([`ann sees bob at ${formerly.key} instead of ${world.host('bob').address.key}`]);
});

test('a Serf peer that has held it there may show it as failed, and then not at all', () => {
  const { formerly, left, eve } = cluster();
  eve.show('bob', { state: 'dead', address: formerly });
  expect(left()).toEqual([]);
  eve.hide('bob');
  expect(left()).toEqual([]);
});

test('a Serf peer may not be wrong about a member that it holds at its address', () => {
  const { world, left, eve } = cluster();
  eve.show('bob', { state: 'dead', address: world.host('bob').address });
  expect(left()).toEqual(['eve sees bob as failed']);
});

test('it is held for three passes, the longest suspicion, the time of the dead, and until the next push/pull', () => {
  const { world, formerly, former, left, eve } = cluster();
  world.run(5000);
  eve.show('bob', { address: formerly });
  left();
  world.run(5000);
  left();
  // ann answers in one interval; bob takes 8, and one less after each pass, in which ann has answered.
  const passes = (1 + 8 + 1 + 7 + 1 + 6) * 1000;
  expect(former.heldUntil).toBe(5000 + passes + 24_000 + 30_000 + 30_000);
});
