import { expect, test } from 'vitest';
import { drawFaults, scheduleFaults } from '../../src/sim/faults/index.ts';
import { disagreements } from '../../src/sim/laws/index.ts';
import { simulateRejoinPolicy } from '../../src/sim/world/bootstrap.ts';
import { startStory } from './start-story.ts';

// Laws are checked while faults occur; after them all must agree.
test.each([1, 2, 4, 5])('a small swarm through three minutes of faults (seed %i)', (seed) => {
  const labels = Array.from({ length: 12 }, (_, i) => `n${i}`);
  const { world, run, runUntil } = startStory(labels.join(' '), {
    seed,
    detail: 'facts',
    linkQuality: { loss: 0.02, reorder: 0.05 },
  });
  simulateRejoinPolicy(world, labels.slice(0, 3));

  scheduleFaults(world, drawFaults(world.rng.fork(), { hosts: labels, span: 180_000, count: 25 }));
  for (let minute = 0; minute < 3; minute++) run('1m');
  runUntil(() => disagreements(world).length === 0, '3m');

  expect(disagreements(world)).toEqual([]);
});
