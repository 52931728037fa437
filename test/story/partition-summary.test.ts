/** What each side of a partition says of the other, what is said of deaths, and that it ends when all are back. */
import { expect, test } from 'vitest';
import { createStory } from '../../src/sim/scenarios/story.ts';

const NAMES = 'ann bob cat dan eve fay gus hal';

test('a partition is called one on both sides, with the side each is on, once; and it ends with it', () => {
  const tale = createStory(NAMES, { seed: 11 });
  const [many, few] = [
    ['ann', 'bob', 'cat', 'dan', 'eve'],
    ['fay', 'gus', 'hal'],
  ];
  tale.run('70s');
  tale.partition(many, few);
  tale.run('90s');

  for (const [side, known, names] of [
    ['majority', 5, many],
    ['minority', 3, few],
  ] as const)
    for (const name of names) {
      const summary = tale.world.host(name).runningAgent.view.partitionSummary();
      expect(summary, name).toMatchObject({ kind: 'partition', known: 8, visible: known, side });
      expect(
        tale.facts('membersMissing', name).map(({ cause }) => cause),
        name,
      ).toEqual(['partition']);
    }

  tale.heal();
  tale.run('150s');
  for (const name of NAMES.split(' ')) {
    expect(tale.world.host(name).runningAgent.view.partitionSummary(), name).toMatchObject({
      kind: 'whole',
      visible: 8,
    });
    expect(tale.facts('allMembersVisible', name)).toHaveLength(1);
    expect(tale.facts('membersMissing', name)).toHaveLength(1);
  }
});

test('who is cut off alone says so, and the others call it one death', () => {
  const tale = createStory(NAMES, { seed: 12 });
  tale.run('5s');
  tale.cut('ann', '*');
  tale.run('150s');
  const noJoin = tale.world.host('ann').runningAgent.view.partitionSummary();
  expect(noJoin).toMatchObject({ kind: 'partition', visible: 1, side: 'minority' });
  expect(noJoin.sentence).toBe('all 7 other members are missing: this agent is cut off, it seems');
  for (const name of NAMES.split(' ').slice(1))
    expect(tale.world.host(name).runningAgent.view.partitionSummary()).toMatchObject({
      kind: 'deaths',
      visible: 7,
      lostTogether: 1,
    });
});

test('single deaths, minutes apart, are deaths; who leaves is not missing', () => {
  const tale = createStory(NAMES, { seed: 13 });
  for (const name of ['bob', 'eve', 'hal']) {
    tale.stop(name);
    tale.run('60s');
  }
  tale.leave('gus');
  tale.run('60s');
  const summary = tale.world.host('ann').runningAgent.view.partitionSummary();
  expect(summary).toMatchObject({ kind: 'deaths', known: 7, visible: 4, lostTogether: 1 });
  expect(summary.missing.map(({ name }) => name)).toEqual(['hal', 'eve', 'bob']);
  expect(tale.facts('membersMissing', 'ann')).toHaveLength(1);
});

test('when a whole cluster starts again nobody calls it a partition afterwards', () => {
  const tale = createStory('ann bob cat dan', { seed: 14 });
  tale.run('10s');
  const others = ['bob', 'cat', 'dan'];
  for (const name of others) tale.stop(name);
  for (const name of others) tale.restart(name);
  tale.run('90s');
  for (const name of ['ann', ...others])
    expect(tale.world.host(name).runningAgent.view.partitionSummary(), name).toMatchObject({
      kind: 'whole',
      known: 4,
    });
  expect(tale.facts('membersMissing')).toEqual([]);
});
