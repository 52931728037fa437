/** G3 and user events by size and loss: the time until the last agent knows of a change of the catalog, or of an event. */
import { createStoryCatalog } from '../../src/sim/scenarios/story-catalog.ts';
import { makeService } from '../../src/sim/workload/definitions.ts';
import { createCluster } from './cluster.ts';
import type { GoalLimits, GoalSample, Scenario } from './goal.ts';

const LIMIT = 120_000;
const SIZES = [2, 3, 5, 7, 9, 10, 12, 30, 100];
/** The longest time at no loss, and the 99th percentile at the others. */
const LOSSES: readonly (readonly [number, GoalLimits, string])[] = [
  [0, { max: 2000 }, 'max 2 s'],
  [0.1, { p99: 1000 }, 'p99 1 s'],
  [0.3, { p99: 3000 }, 'p99 3 s'],
];
/** Changes of one seed: enough that the start of the cluster costs little. */
const CHANGES = 40;
/** A change is over, and the queues are empty, after this. */
const PAUSE = 2500;

/** One change of the catalog after the other: a registration and a deregistration in turn, each at another agent. */
export function catalogChanges(seed: number, members: number, loss: number, changes = CHANGES): GoalSample {
  const cluster = createCluster({ seed, members, loss });
  const { world, labels, rng } = cluster;
  const catalog = createStoryCatalog(world, () => {});
  const times: number[] = [];
  const notes: string[] = [];
  for (let i = 0; i < changes; i++) {
    const by = labels[Math.floor(i / 2) % members] as string;
    const id = `web-${i >> 1}`;
    const isThere = i % 2 === 0;
    if (isThere) catalog.register(by, makeService(id), []);
    else catalog.deregister(by, id);
    const known = catalog.timeUntilEach(
      (label) => catalog.known(label, 'web').includes(id) === isThere,
      LIMIT,
    );
    const last = known.size < members ? Number.POSITIVE_INFINITY : Math.max(...known.values());
    times.push(last);
    if (last > 2000) notes.push(`change ${i} of ${by} known everywhere after ${Math.round(last)} ms`);
    world.run(PAUSE * (0.5 + rng.next()));
  }
  return cluster.toSample({ times, notes });
}

/** User events, each by another agent. */
export function userEvents(seed: number, members: number, loss: number, events = CHANGES): GoalSample {
  const cluster = createCluster({ seed, members, loss });
  const { world, labels, rng } = cluster;
  const catalog = createStoryCatalog(world, () => {});
  const times: number[] = [];
  for (let i = 0; i < events; i++) {
    const by = labels[i % members] as string;
    const name = `deploy-${i}`;
    world.command(by, { kind: 'fireEvent', name, payload: new Uint8Array(8), coalesce: false });
    const known = catalog.timeUntilEach(
      (label) => world.host(label).runningAgent.view.userEvents().at(-1)?.name === name,
      LIMIT,
    );
    times.push(known.size < members ? Number.POSITIVE_INFINITY : Math.max(...known.values()));
    world.run(PAUSE * (0.5 + rng.next()));
  }
  return cluster.toSample({ times });
}

const percent = (loss: number): string => `${loss * 100} % loss`;

export const SPREAD: readonly Scenario[] = SIZES.flatMap((members) =>
  LOSSES.flatMap(([loss, limits, target]) => [
    {
      goal: 'G3',
      description: `a change of the catalog, ${members} agents, ${percent(loss)}`,
      ...{ target, limits, seeds: members < 100 ? 10 : 2 },
      run: (seed: number) => catalogChanges(seed, members, loss),
    },
    {
      goal: 'events',
      description: `a user event, ${members} agents, ${percent(loss)}`,
      ...{ target: 'p50 0.1 s', limits: { p50: 100 }, seeds: 1 },
      run: (seed: number) => userEvents(seed, members, loss),
    },
  ]),
);
