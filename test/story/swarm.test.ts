import { expect, test } from 'vitest';
import { drawFaults, unleash } from '../../src/sim/faults/index.ts';
import { disagreements } from '../../src/sim/laws/index.ts';
import { keepJoining } from '../../src/sim/world/bootstrap.ts';
import { tell } from './tell.ts';

// Safety first, while troubles come and go; then they stop, and all must agree.
test.each([1, 2, 3, 4, 5, 6, 7, 8])('a small swarm through three minutes of troubles (seed %i)', (seed) => {
  const labels = Array.from({ length: 12 }, (_, i) => `n${i}`);
  const { world, pass, until } = tell(labels.join(' '), {
    seed,
    detail: 'facts',
    weather: { loss: 0.02, reorder: 0.05 },
  });
  keepJoining(world, labels.slice(0, 3));

  unleash(world, drawFaults(world.rng.fork(), { hosts: labels, span: 180_000, count: 25 }));
  for (let minute = 0; minute < 3; minute++) pass('1m');
  until(() => disagreements(world).length === 0, '3m');

  expect(disagreements(world)).toEqual([]);
});
