/** I11 of rumors, against agents that violate it. */
import { expect, test } from 'vitest';
import { createStory } from '../../../../src/sim/scenarios/story.ts';
import { pair, type ScriptedAgent } from '../scripted-agent.ts';

const PEER = { tags: new Map([['hearsay', '1']]) };

const brokenBy = (misbehave: (ann: ScriptedAgent) => void): readonly string[] => {
  const { ann, world, poke, broken } = pair();
  misbehave(ann);
  poke('ann');
  world.run(1500);
  return broken().filter((law) => law === 'I11');
};

test.each<[string, (ann: ScriptedAgent) => void]>([
  [
    'more rumors than there is to say: two for each owner, and no entries',
    (ann) => {
      ann.show('bob', PEER);
      Object.assign(ann.lanes, { urgent: 2, catalog: 3 });
    },
  ],
  ['a rumor while there is nobody to tell', (ann) => Object.assign(ann.lanes, { catalog: 1 })],
  [
    'a reminder while the only peer is down',
    (ann) => {
      ann.show('bob', { ...PEER, state: 'dead' });
      Object.assign(ann.lanes, { reminders: 1 });
    },
  ],
])('I11: %s', (_what, misbehave) => {
  expect(brokenBy(misbehave)).not.toEqual([]);
});

test('I11: as many rumors as there is to say are no violation', () => {
  const misbehave = (ann: ScriptedAgent): void => {
    ann.show('bob', PEER);
    Object.assign(ann.lanes, { urgent: 2, catalog: 2, reminders: 2 });
  };
  expect(brokenBy(misbehave)).toEqual([]);
});

test('I11: what was removed long ago is nothing to say any more', () => {
  const story = createStory('ann bob', { seed: 44 });
  for (let i = 0; i < 5; i++) story.register('ann', `web-${i}`);
  story.run('5s');
  for (let i = 0; i < 5; i++) story.world.command('ann', { kind: 'deregisterService', id: `web-${i}` });
  story.run('90s');
  const { view } = story.world.host('ann').runningAgent;
  const health = view.health();
  // Twelve rumors: allowed when ten entries and two owners were there, and not now.
  Object.assign(view, { health: () => ({ ...health, lanes: { ...health.lanes, catalog: 12 } }) });
  expect(() => story.run('2s')).toThrow(/I11 at ann 12 rumors wait, and the bound is/);
});
