/** G7: partitions of any shape and length, and the time until all agree again. */
import { type Rng, shuffle } from '../../src/base/rng.ts';
import type { World } from '../../src/sim/world/world.ts';
import { createCluster, HOUR, logUniform, MINUTE, runRejoinPolicy, seedsByLabel } from './cluster.ts';
import type { GoalSample, Scenario } from './goal.ts';

const SHAPES = ['halves', 'one off', 'thirds', 'one way', 'pieces', 'mesh'] as const;
type Shape = (typeof SHAPES)[number];

const LIMIT = 10 * MINUTE;

function cut(world: World, labels: readonly string[], shape: Shape, rng: Rng): void {
  const shuffled = shuffle([...labels], rng);
  const apart = (groups: number): void => {
    for (let i = 0; i < groups; i++) {
      const near = shuffled.filter((_, at) => at % groups === i);
      world.network.addRule({ from: near, to: shuffled.filter((label) => !near.includes(label)) });
    }
  };
  const half = shuffled.slice(0, shuffled.length >> 1);
  const rest = shuffled.slice(half.length);
  switch (shape) {
    case 'halves':
      return apart(2);
    case 'thirds':
      return apart(3);
    case 'pieces':
      return apart(2 + rng.int(shuffled.length - 2));
    case 'one off':
      world.network.addRule({ from: shuffled.slice(0, 1) });
      world.network.addRule({ to: shuffled.slice(0, 1) });
      return;
    case 'one way':
      world.network.addRule({ from: half, to: rest });
      return;
    case 'mesh':
      for (const from of shuffled)
        for (const to of shuffled)
          if (from < to && rng.int(3) === 0) {
            world.network.addRule({ from: [from], to: [to] });
            world.network.addRule({ from: [to], to: [from] });
          }
  }
}

function partition(seed: number, members: number, span: (rng: Rng) => number, shape?: Shape): GoalSample {
  const cluster = createCluster({ seed, members, all: { disk: true } });
  const { world, labels, rng, timeUntilStable, isAgreed } = cluster;
  runRejoinPolicy(cluster, seedsByLabel(world, labels.slice(0, 3)));
  const chosen = shape ?? (SHAPES[seed % SHAPES.length] as Shape);
  cut(world, labels, chosen, rng);
  const duration = span(rng);
  world.run(duration);
  world.network.heal();
  const time = timeUntilStable(isAgreed, LIMIT);
  const notes =
    time > 45_000
      ? [`${chosen}, ${members} agents, ${Math.round(duration / 1000)} s: ${Math.round(time)} ms`]
      : [];
  return cluster.toSample({ times: [time], notes });
}

const target = 'p99 45 s, max 90 s';
const limits = { p99: 45_000, max: 90_000 };

export const PARTITIONS: readonly Scenario[] = [
  {
    goal: 'G7',
    description: '8 to 32 agents, any shape, 1 s to 1 h',
    target,
    limits,
    seeds: 150,
    run: (seed) => partition(seed, 8 + (seed % 25), (rng) => logUniform(rng, 1000, HOUR)),
  },
  {
    goal: 'G7',
    description: '200 agents, any shape, 1 s to 10 minutes',
    target,
    limits,
    seeds: 6,
    run: (seed) => partition(seed, 200, (rng) => logUniform(rng, 1000, 10 * MINUTE)),
  },
  {
    goal: 'G7',
    description: '6 agents in two halves, 20 to 72 h',
    target,
    limits,
    seeds: 2,
    run: (seed) =>
      partition(seed, 6, (rng) => (seed % 2 === 0 ? 20 : 72) * HOUR * (1 - 0.01 * rng.next()), 'halves'),
  },
];
