/** I11: lanes are bounded by what there is to say, however often it is said. */
import { expect, test } from 'vitest';
import { startStory } from './start-story.ts';

const rumors = (lanes: Readonly<Record<string, number>>): number =>
  (lanes['urgent'] ?? 0) + (lanes['catalog'] ?? 0);

test('a host that is alone for an hour queues nothing, however often its check flips', () => {
  const story = startStory('ann bob', { seed: 41 });
  const { world, register, setCheck, stop, restart, run, runUntil, passing, lawChecker } = story;
  register('ann', 'web-1');
  run('2s');
  stop('bob');
  run('30s');

  for (let i = 0; i < 360; i++) {
    setCheck('ann', 'of-web-1', i % 2 === 0 ? 'critical' : 'passing', `look ${i}`);
    run('10s');
    expect(rumors(world.host('ann').runningAgent.view.health().lanes)).toBe(0);
  }

  expect(lawChecker.judgments['I11 of a lone host']).toBeGreaterThan(3500); // each second

  restart('bob');
  expect(runUntil(() => passing('bob', 'web').length === 1, '3s')).toBe(true);
  run('3s');
  expect(rumors(world.host('ann').runningAgent.view.health().lanes)).toBe(0);
});

test('the first catalog peer that a lone agent meets among Serf agents gets its ledger', () => {
  const { world, register, addHost, run, runUntil, passing } = startStory('ann serf', {
    seed: 42,
    hosts: { serf: { serfPeer: true } },
  });
  register('ann', 'web-1');
  run('5s');
  // bob joins by way of serf alone, and no push/pull of his with ann comes soon.
  addHost('bob', { swim: { pushPullInterval: 600_000 } }, { noJoin: true });
  world.command('bob', { kind: 'join', seeds: [{ text: 'serf', addresses: [world.host('serf').address] }] });

  expect(runUntil(() => passing('bob', 'web').length === 1, '5s')).toBe(true);
});

test('among others a check that flips all the time has one rumor at a time, and the last word is known at once', () => {
  const { world, register, setCheck, run, runUntil, everywhere, instance } = startStory(
    'ann bob cat dan eve',
    {
      seed: 43,
    },
  );
  register('ann', 'web-1');
  run('3s');
  const { streams } = world.counts;

  for (let i = 0; i < 400; i++) {
    setCheck('ann', 'of-web-1', i % 2 === 0 ? 'critical' : 'passing', `look ${i}`);
    world.run(25);
    for (const host of world.hosts)
      expect(rumors(host.runningAgent.view.health().lanes)).toBeLessThanOrEqual(1);
  }

  const isLast = (label: string): boolean => instance(label, 'web-1')?.checks[0]?.output === 'look 399';
  expect(runUntil(() => everywhere(isLast), '1s')).toBe(true);
  // Nobody has a gap that it must pull for: each rumor begins where the one that it replaces began.
  expect(world.counts.streams - streams).toBeLessThan(40);
});
