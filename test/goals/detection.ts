/** G1 and G2: the time until all observers know of a crash, and of a leave. */
import type { SwimConfig } from '../../src/config/protocol.ts';
import { createStoryCatalog } from '../../src/sim/scenarios/story-catalog.ts';
import { createCluster } from './cluster.ts';
import type { GoalSample, Scenario } from './goal.ts';

const LIMIT = 120_000;

/** The fastest settings that still suit a network with some loss. */
const FAST: Partial<SwimConfig> = {
  probeInterval: 300,
  probeTimeout: 150,
  gossipInterval: 100,
  suspicionMult: 3,
};

/** The machine loses its power, or with `hostLives` only the process ends. */
function crashes(
  seed: number,
  members: number,
  loss: number,
  swim: Partial<SwimConfig> = {},
  hostLives = false,
): GoalSample {
  const cluster = createCluster({ seed, members, loss, all: { swim } });
  const { world, labels, deaths, timeUntil, rng } = cluster;
  const times: number[] = [];
  const notes: string[] = [];
  for (let i = 0; i < 3; i++) {
    const victim = labels[i * 5 + rng.int(5)] as string;
    const from = deaths.length;
    if (hostLives) world.run(15_000); // the streams of all that are to be watched are open
    world.stop(victim, { powerOff: !hostLives });
    const others = labels.filter((label) => world.host(label).running).length;
    const known = new Set<string>();
    let read = from;
    const time = timeUntil(() => {
      for (; read < deaths.length; read++) {
        const death = deaths[read];
        if (death?.node === victim) known.add(death.observer);
      }
      return known.size >= others;
    }, LIMIT);
    times.push(time);
    if (time > 15_000) notes.push(`${victim} declared dead everywhere after ${Math.round(time)} ms`);
    world.run(2000 * rng.next());
  }
  return cluster.toSample({ times, notes });
}

function leaves(seed: number, members: number, loss: number): GoalSample {
  const cluster = createCluster({ seed, members, loss });
  const { world, labels, timeUntil, rng } = cluster;
  const catalog = createStoryCatalog(world, () => {});
  const leavers = [0, 1, 2].map((i) => labels[i * 5 + rng.int(5)] as string);
  for (const label of leavers) catalog.register(label, `web-${label.slice(1)}`);
  world.run(10_000);
  const times = leavers.map((leaver) => {
    world.command(leaver, { kind: 'leave' });
    const others = labels.filter((label) => !leavers.includes(label));
    const waiting = new Set(others);
    const time = timeUntil(() => {
      for (const label of waiting) {
        const { view } = world.host(label).runningAgent;
        const served = view.catalog.usable('web').some(({ node }) => node === leaver);
        if (!served && view.member(leaver)?.status === 'left') waiting.delete(label);
      }
      return waiting.size === 0;
    }, LIMIT);
    world.run(3000);
    return time;
  });
  return cluster.toSample({ times });
}

const target = 'p50 9 s, p99 15 s';
const limits = { p50: 9000, p99: 15_000 };

export const DETECTION: readonly Scenario[] = [
  {
    goal: 'G1',
    description: 'a crash, 50 agents',
    target,
    limits,
    seeds: 60,
    run: (seed) => crashes(seed, 50, 0),
  },
  {
    goal: 'G1',
    description: 'a crash, 50 agents, 5 % loss',
    target,
    limits,
    seeds: 60,
    run: (seed) => crashes(seed, 50, 0.05),
  },
  {
    goal: 'G1',
    description: 'a crash, 1,000 agents, 0 or 5 % loss',
    target: 'p99 22 s',
    limits: { p99: 22_000 },
    seeds: 4,
    run: (seed) => crashes(seed, 1000, seed % 2 === 0 ? 0.05 : 0),
  },
  {
    goal: 'G1',
    description: 'a crash, 50 agents that probe every 300 ms, suspicion mult 3',
    target: 'p99 4 s',
    limits: { p99: 4000 },
    seeds: 40,
    stretch: true,
    run: (seed) => crashes(seed, 50, 0, FAST),
  },
  {
    goal: 'G1',
    description: 'a process ends, its host lives, 50 agents',
    target: 'p50 1.2 s, p99 2 s',
    limits: { p50: 1200, p99: 2000 },
    seeds: 100,
    run: (seed) => crashes(seed, 50, 0, {}, true),
  },
  {
    goal: 'G1',
    description: 'the same, 10 % loss',
    target: 'p50 1.5 s',
    limits: { p50: 1500 },
    seeds: 60,
    run: (seed) => crashes(seed, 50, 0.1, {}, true),
  },
  {
    goal: 'G2',
    description: 'a leave, 100 agents: members and services',
    target: 'p99 2 s',
    limits: { p99: 2000 },
    seeds: 30,
    run: (seed) => leaves(seed, 100, 0),
  },
  {
    goal: 'G2',
    description: 'the same, 10 % loss',
    target: 'p99 5 s',
    limits: { p99: 5000 },
    seeds: 30,
    run: (seed) => leaves(seed, 100, 0.1),
  },
];
