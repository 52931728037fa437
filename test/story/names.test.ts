import { expect, test } from 'vitest';
import { startStory } from './start-story.ts';

test('two live nodes of one name that do not vote: the incumbent stays everywhere, and all report the conflict', () => {
  const { world, addHost, run, member, facts, statusHistory } = startStory('ann bob cat dan', {
    seed: 1,
    all: { serf: { nameVote: false } },
  });
  const incumbent = world.host('bob').address.key;

  addHost('bob2', { name: 'bob' }, { noJoin: true });
  world.command('bob2', {
    kind: 'join',
    seeds: [{ text: 'ann', addresses: [world.host('ann').address] }],
  });
  run('2m');

  for (const observer of ['ann', 'bob', 'cat', 'dan']) {
    expect(member(observer, 'bob')?.address.key).toBe(incumbent);
    if (observer !== 'bob') expect(statusHistory(observer, 'bob')).not.toContain('failed');
  }
  expect(member('bob2', 'bob')?.address.key).toBe(world.host('bob2').address.key);
  expect(facts('nameConflict', 'ann').map(({ node }) => node)).toContain('bob');
});
