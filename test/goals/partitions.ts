/** G7: partitions of any shape and length, and how long until all agree again. */
import { type Rng, shuffle } from '../../src/base/rng.ts';
import type { World } from '../../src/sim/world/world.ts';
import { createCluster, HOUR, logUniform, MINUTE, runRejoinPolicy, seedsByLabel } from './cluster.ts';
import type { GoalSample, Scenario } from './goal.ts';

const SHAPES = ['halves', 'one off', 'thirds', 'one way', 'pieces', 'mesh'] as const;
type Shape = (typeof SHAPES)[number];

const LIMIT = 10 * MINUTE;

function cut(world: World, labels: readonly string[], shape: Shape, rng: Rng): void {
  const mixed = shuffle([...labels], rng);
  const apart = (groups: number): void => {
    for (let i = 0; i < groups; i++) {
      const near = mixed.filter((_, at) => at % groups === i);
      world.network.addRule({ from: near, to: mixed.filter((label) => !near.includes(label)) });
    }
  };
  const half = mixed.slice(0, mixed.length >> 1);
  const rest = mixed.slice(half.length);
  switch (shape) {
    case 'halves':
      return apart(2);
    case 'thirds':
      return apart(3);
    case 'pieces':
      return apart(2 + rng.int(mixed.length - 2));
    case 'one off':
      world.network.addRule({ from: mixed.slice(0, 1) });
      world.network.addRule({ to: mixed.slice(0, 1) });
      return;
    case 'one way':
      world.network.addRule({ from: half, to: rest });
      return;
    case 'mesh':
      for (const from of mixed)
        for (const to of mixed)
          if (from < to && rng.int(3) === 0) {
            world.network.addRule({ from: [from], to: [to] });
            world.network.addRule({ from: [to], to: [from] });
          }
  }
}

function partition(seed: number, members: number, span: (rng: Rng) => number, shape?: Shape): GoalSample {
  const found = createCluster({ seed, members, all: { disk: true } });
  const { world, labels, rng: chance, timeUntilStable: untilLasting, isAgreed: agreed } = found;
  runRejoinPolicy(found, seedsByLabel(world, labels.slice(0, 3)));
  const as = shape ?? (SHAPES[seed % SHAPES.length] as Shape);
  cut(world, labels, as, chance);
  const lasted = span(chance);
  world.run(lasted);
  world.network.heal();
  const took = untilLasting(agreed, LIMIT);
  const notes =
    took > 45_000 ? [`${as}, ${members} agents, ${Math.round(lasted / 1000)} s: ${Math.round(took)} ms`] : [];
  return found.toSample({ times: [took], notes });
}

const asked = 'p99 45 s, max 90 s';
const limits = { p99: 45_000, max: 90_000 };

export const PARTITIONS: readonly Scenario[] = [
  {
    goal: 'G7',
    description: '8 to 32 agents, any shape, 1 s to 1 h',
    target: asked,
    limits,
    seeds: 150,
    run: (seed) => partition(seed, 8 + (seed % 25), (rng) => logUniform(rng, 1000, HOUR)),
  },
  {
    goal: 'G7',
    description: '200 agents, any shape, 1 s to 10 minutes',
    target: asked,
    limits,
    seeds: 6,
    run: (seed) => partition(seed, 200, (rng) => logUniform(rng, 1000, 10 * MINUTE)),
  },
  {
    goal: 'G7',
    description: '6 agents in two halves, 20 to 72 h',
    target: asked,
    limits,
    seeds: 2,
    run: (seed) =>
      partition(seed, 6, (rng) => (seed % 2 === 0 ? 20 : 72) * HOUR * (1 - 0.01 * rng.next()), 'halves'),
  },
];
