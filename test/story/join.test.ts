import { expect, test } from 'vitest';
import { disagreements } from '../../src/sim/laws/index.ts';
import type { PendingCommand } from '../../src/sim/world/types.ts';
import { startStory, withStatus } from './start-story.ts';

/** How many seeds answered; `undefined` if the join was refused or has no result yet. */
const joined = ({ result }: PendingCommand): number | undefined =>
  result?.ok === true && result.value !== undefined && 'joined' in result.value
    ? result.value.joined
    : undefined;

const key = (octet: number): Uint8Array => new Uint8Array(32).fill(octet);

test('a member that joins through a seed is soon known to all, and knows all', () => {
  const { world, addHost, runUntil, statusByObserver } = startStory('ann bob cat dan', { seed: 1 });
  const began = world.now;

  addHost('eve');

  expect(runUntil(() => disagreements(world).length === 0)).toBe(true);
  expect(world.now - began).toBeLessThan(3000);
  expect(statusByObserver('eve')).toEqual(withStatus('ann bob cat dan', 'alive'));
});

test('a join reports how many seeds answered, and why others did not', () => {
  const { world, run, runCommand, stop } = startStory('ann bob cat', { seed: 2 });
  stop('cat');
  run('1s');
  const seeds = ['bob', 'cat'].map((label) => {
    const { address } = world.host(label);
    return { text: label, addresses: [address] };
  });

  expect(runCommand('ann', { kind: 'join', seeds })).toEqual({
    ok: true,
    value: {
      joined: 1,
      failed: [{ addr: 'cat', error: expect.stringContaining('refused') }],
    },
  });
  expect(runCommand('ann', { kind: 'join', seeds: seeds.slice(1) })).toMatchObject({ value: { joined: 0 } });
});

test('two clusters merge into one', () => {
  const { world, join, runUntil, restart } = startStory('ann bob cat dan eve fay', {
    seed: 3,
    bootstrapped: false,
  });
  for (const label of 'ann bob cat dan eve fay'.split(' ')) restart(label, { noJoin: true });
  for (const label of ['bob', 'cat']) join(label, 'ann');
  for (const label of ['eve', 'fay']) join(label, 'dan');
  expect(runUntil(() => world.host('cat').runningAgent.view.members().length === 3)).toBe(true);
  const began = world.now;

  join('ann', 'dan');

  expect(runUntil(() => disagreements(world).length === 0)).toBe(true);
  expect(world.now - began).toBeLessThan(5000);
});

test('an encrypted cluster works like one without keys', () => {
  const { world, stop, run, statusByObserver } = startStory('ann bob cat dan', {
    seed: 4,
    all: { keys: [key(1)] },
  });
  expect(disagreements(world)).toEqual([]);

  stop('bob');
  run('30s');

  expect(statusByObserver('bob')).toEqual(withStatus('ann cat dan', 'failed'));
});

test('a member with another key, or none, cannot join', () => {
  const { world, restart, join, run } = startStory('ann bob cat eve fay', {
    seed: 5,
    bootstrapped: false,
    hosts: {
      ann: { keys: [key(1)] },
      bob: { keys: [key(1)] },
      cat: { keys: [key(1)] },
      eve: { keys: [key(2)] },
    },
  });
  for (const label of 'ann bob cat eve fay'.split(' ')) restart(label, { noJoin: true });
  const asked = ['bob', 'cat', 'eve', 'fay'].map((label) => join(label, 'ann'));
  run('60s');
  const back = ['eve', 'fay'].map((label) => join('ann', label));
  run('60s');

  expect(asked.map(joined)).toEqual([1, 1, 0, 0]);
  expect(back.map(joined)).toEqual([0, 0]);
  const known = (label: string) =>
    world
      .host(label)
      .runningAgent.view.members()
      .map(({ name }) => name);
  for (const label of ['ann', 'bob', 'cat']) expect(known(label)).toEqual(['ann', 'bob', 'cat']);
  expect(known('eve')).toEqual(['eve']);
  expect(known('fay')).toEqual(['fay']);
});

test('a member with another label, or none, cannot join', () => {
  const { world, restart, join, run } = startStory('ann bob eve fay', {
    seed: 6,
    bootstrapped: false,
    hosts: { ann: { gossipLabel: 'blue' }, bob: { gossipLabel: 'blue' }, eve: { gossipLabel: 'red' } },
  });
  for (const label of 'ann bob eve fay'.split(' ')) restart(label, { noJoin: true });
  const asked = ['bob', 'eve', 'fay'].map((label) => join(label, 'ann'));
  run('60s');

  expect(asked.map(joined)).toEqual([1, 0, 0]);
  const known = (label: string) =>
    world
      .host(label)
      .runningAgent.view.members()
      .map(({ name }) => name);
  expect(known('ann')).toEqual(['ann', 'bob']);
  expect(known('eve')).toEqual(['eve']);
  expect(known('fay')).toEqual(['fay']);
});
