import { expect, test } from 'vitest';
import { drawFaults, scheduleFaults } from '../../src/sim/faults/index.ts';
import { createStory } from '../../src/sim/scenarios/story.ts';

/** The hash of a minute with loss and faults, over every octet. */
const hash = (seed: number): string => {
  const labels = Array.from({ length: 12 }, (_, i) => `n${i}`);
  const { world, run } = createStory(labels.join(' '), {
    seed,
    linkQuality: { loss: 0.05, duplicate: 0.05, reorder: 0.1 },
  });
  scheduleFaults(world, drawFaults(world.rng.fork(), { hosts: labels, span: 60_000, count: 8 }));
  run('70s');
  expect(world.counts.packets).toBeGreaterThan(1000);
  return world.trace.hash;
};

test('same seed, same bytes at the same instants, twice over; another seed differs', () => {
  expect(hash(7)).toBe(hash(7));
  expect(hash(7)).not.toBe(hash(8));
});
