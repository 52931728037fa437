import { expect, test } from 'vitest';
import { startStory } from './start-story.ts';

test('two live nodes of one name that do not vote: the incumbent is kept everywhere, and all are told', () => {
  const {
    world,
    addHost: arrive,
    run: pass,
    member: view,
    facts,
    statusHistory: saw,
  } = startStory('ann bob cat dan', {
    seed: 1,
    all: { serf: { nameVote: false } },
  });
  const incumbent = world.host('bob').address.key;

  arrive('bob2', { name: 'bob' }, { noJoin: true });
  world.command('bob2', {
    kind: 'join',
    seeds: [{ text: 'ann', addresses: [world.host('ann').address] }],
  });
  pass('2m');

  for (const observer of ['ann', 'bob', 'cat', 'dan']) {
    expect(view(observer, 'bob')?.address.key).toBe(incumbent);
    if (observer !== 'bob') expect(saw(observer, 'bob')).not.toContain('failed');
  }
  expect(view('bob2', 'bob')?.address.key).toBe(world.host('bob2').address.key);
  expect(facts('nameConflict', 'ann').map(({ node }) => node)).toContain('bob');
});
