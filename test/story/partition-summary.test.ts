/** What each side of a partition reports of the other, what is reported of deaths, and that it ends when all are back. */
import { expect, test } from 'vitest';
import { createStory } from '../../src/sim/scenarios/story.ts';

const NAMES = 'ann bob cat dan eve fay gus hal';

test('both sides report a partition once, each with its side, and report its end', () => {
  const story = createStory(NAMES, { seed: 11 });
  const [many, few] = [
    ['ann', 'bob', 'cat', 'dan', 'eve'],
    ['fay', 'gus', 'hal'],
  ];
  story.run('70s');
  story.partition(many, few);
  story.run('90s');

  for (const [side, known, names] of [
    ['majority', 5, many],
    ['minority', 3, few],
  ] as const)
    for (const name of names) {
      const summary = story.world.host(name).runningAgent.view.partitionSummary();
      expect(summary, name).toMatchObject({ kind: 'partition', known: 8, visible: known, side });
      expect(
        story.facts('membersMissing', name).map(({ cause }) => cause),
        name,
      ).toEqual(['partition']);
    }

  story.heal();
  story.run('150s');
  for (const name of NAMES.split(' ')) {
    expect(story.world.host(name).runningAgent.view.partitionSummary(), name).toMatchObject({
      kind: 'whole',
      visible: 8,
    });
    expect(story.facts('allMembersVisible', name)).toHaveLength(1);
    expect(story.facts('membersMissing', name)).toHaveLength(1);
  }
});

test('a member that is cut off alone says so, and the others report one death', () => {
  const story = createStory(NAMES, { seed: 12 });
  story.run('5s');
  story.cut('ann', '*');
  story.run('150s');
  const noJoin = story.world.host('ann').runningAgent.view.partitionSummary();
  expect(noJoin).toMatchObject({ kind: 'partition', visible: 1, side: 'minority' });
  expect(noJoin.sentence).toBe('all 7 other members are missing: this agent seems to be cut off');
  for (const name of NAMES.split(' ').slice(1))
    expect(story.world.host(name).runningAgent.view.partitionSummary()).toMatchObject({
      kind: 'deaths',
      visible: 7,
      lostTogether: 1,
    });
});

test('single deaths, minutes apart, are deaths; a member that leaves is not missing', () => {
  const story = createStory(NAMES, { seed: 13 });
  for (const name of ['bob', 'eve', 'hal']) {
    story.stop(name);
    story.run('60s');
  }
  story.leave('gus');
  story.run('60s');
  const summary = story.world.host('ann').runningAgent.view.partitionSummary();
  expect(summary).toMatchObject({ kind: 'deaths', known: 7, visible: 4, lostTogether: 1 });
  expect(summary.missing.map(({ name }) => name)).toEqual(['hal', 'eve', 'bob']);
  expect(story.facts('membersMissing', 'ann')).toHaveLength(1);
});

test('the restart of a whole cluster is not reported as a partition afterwards', () => {
  const story = createStory('ann bob cat dan', { seed: 14 });
  story.run('10s');
  const others = ['bob', 'cat', 'dan'];
  for (const name of others) story.stop(name);
  for (const name of others) story.restart(name);
  story.run('90s');
  for (const name of ['ann', ...others])
    expect(story.world.host(name).runningAgent.view.partitionSummary(), name).toMatchObject({
      kind: 'whole',
      known: 4,
    });
  expect(story.facts('membersMissing')).toEqual([]);
});

test('members that announce their leave by memberlist alone are not missing, however many at once', () => {
  const story = createStory(NAMES, { seed: 15 });
  story.run('70s');
  story.cut('*', '*', { kinds: ['serf:leave'] });
  const leavers = ['bob', 'eve', 'hal'];
  for (const name of leavers) story.leave(name);
  story.run('60s');
  for (const name of NAMES.split(' ').filter((one) => !leavers.includes(one))) {
    expect(story.world.host(name).runningAgent.view.partitionSummary(), name).toMatchObject({
      ...{ kind: 'whole', known: 5, visible: 5 },
    });
    expect(story.facts('membersMissing', name)).toEqual([]);
  }
});
