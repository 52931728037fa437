import { expect, test } from 'vitest';
import { disagreements } from '../../src/sim/laws/index.ts';
import { startStory } from './start-story.ts';

const names = Array.from({ length: 20 }, (_, i) => `n${i}`).join(' ');

test.each([1, 2, 3])('twenty members, 10 % loss, five minutes: no false death (seed %i)', (seed) => {
  const { world, run, facts } = startStory(names, {
    seed,
    linkQuality: { loss: 0.1, duplicate: 0.02, reorder: 0.05 },
    detail: 'facts',
    bootstrapped: 'byPushPull',
  });

  run('5m');

  expect(facts('memberDeclaredDead')).toEqual([]);
  world.network.linkQuality = { ...world.network.linkQuality, loss: 0 };
  run('30s');
  expect(disagreements(world)).toEqual([]);
});

test('50 % loss for two minutes: all agree again afterwards', () => {
  const { world, run, runUntil } = startStory(names, {
    seed: 7,
    detail: 'facts',
    bootstrapped: 'byPushPull',
  });
  const usual = world.network.linkQuality;

  world.network.linkQuality = { ...usual, loss: 0.5 };
  run('2m');
  world.network.linkQuality = usual;

  expect(runUntil(() => disagreements(world).length === 0, '30s')).toBe(true);
});
