/** G4, G5 and G6: false deaths on good links, on lossy links, and because of a few faulty nodes. */

import { shuffle } from '../../src/base/rng.ts';
import type { SwimConfig } from '../../src/config/protocol.ts';
import { disagreements } from '../../src/sim/laws/index.ts';
import { createCluster, type GoalCluster, HOUR, MINUTE, type ObservedDeath } from './cluster.ts';
import type { GoalSample, Scenario } from './goal.ts';

const formatDeaths = (deaths: readonly ObservedDeath[]): string[] =>
  deaths.map(
    ({ at, node, observer, by }) => `${(at / 1000).toFixed(1)} ${node} dead at ${observer} by ${by}`,
  );

/** Datagrams are lost, and nothing else happens. */
function lossOnly(seed: number, members: number, loss: number, span: number): GoalSample {
  const cluster = createCluster({ seed, members, loss });
  cluster.world.run(span);
  const falseDeaths = cluster.falseDeaths();
  return cluster.toSample({ violations: falseDeaths.length, notes: formatDeaths(falseDeaths) });
}

const SIZES = [3, 10, 32, 100] as const;
const size = (seed: number): number => SIZES[seed % SIZES.length] as number;

/**
 * Half of the datagrams are lost for ten minutes; then all members must become alive again everywhere, and stay so. An old
 * incarnation of an alive member may wait for the next push/pull, since no death is left to refute.
 */
function heavyLoss(seed: number): GoalSample {
  const cluster = createCluster({ seed, members: size(seed), loss: 0.5 });
  const { world, timeUntilStable } = cluster;
  const allAlive = (): boolean => disagreements(world).every((one) => one.includes(' instead of @'));
  world.run(10 * MINUTE);
  world.network.linkQuality = { ...world.network.linkQuality, loss: 0 };
  return cluster.toSample({
    times: [timeUntilStable(allAlive, 5 * MINUTE)],
    violations: cluster.falseDeaths().length,
  });
}

/** SWIM with suspicion, without Lifeguard and without hearsay's additions to it. */
const WITHOUT_LIFEGUARD: Partial<SwimConfig> = {
  ...{ awarenessMax: 1, suspicionMaxTimeoutMult: 1, buddy: false },
  ...{ stallGuard: false, lastCall: false, watchedMembers: 0 },
};
const KINDS = ['stalls', 'mute', 'deaf'] as const;

/** Some nodes stall again and again, receive nothing, or send nothing. Counts false deaths among the other nodes. */
function countFalseDeaths(
  seed: number,
  swim: Partial<SwimConfig>,
): { readonly cluster: GoalCluster; readonly falseDeaths: ObservedDeath[] } {
  const members = 16 + ((seed * 7) % 49);
  const cluster = createCluster({ seed, members, all: { swim } });
  const { world, labels, rng } = cluster;
  const count = Math.max(1, Math.round(members * (0.01 + 0.24 * rng.next())));
  const faulty = shuffle([...labels], rng).slice(0, count);
  const kind = KINDS[seed % KINDS.length];
  for (const label of faulty) {
    if (kind === 'mute') world.network.addRule({ from: [label] });
    else if (kind === 'deaf') world.network.addRule({ to: [label] });
    else {
      const stall = (): void => {
        world.pause(label);
        world.schedule(world.now + 100 + 19_900 * rng.next() ** 2, () => {
          world.resume(label);
          world.schedule(world.now + 100 + 1900 * rng.next(), stall);
        });
      };
      world.schedule(world.now + 1000 * rng.next(), stall);
    }
  }
  world.run(3 * MINUTE);
  const falseDeaths = cluster.falseDeaths(
    ({ node, observer }) => !faulty.includes(node) && !faulty.includes(observer),
  );
  return { cluster, falseDeaths };
}

function faultyNodes(seed: number): GoalSample {
  const control = countFalseDeaths(seed, WITHOUT_LIFEGUARD).falseDeaths.length;
  const { cluster, falseDeaths } = countFalseDeaths(seed, {});
  return cluster.toSample({
    violations: falseDeaths.length,
    control,
    notes: formatDeaths(falseDeaths).slice(0, 3),
  });
}

export const FALSE_DEATHS: readonly Scenario[] = [
  ...([3, 10, 32, 100] as const).map(
    (members): Scenario => ({
      goal: 'G4',
      description: `${members} agents, 0 to 5 % loss`,
      target: 'no false death in 100,000 hours',
      limits: { violationsPerHour: 0, hours: 25_000 },
      seeds: members === 100 ? 6 : 20,
      run: (seed) => lossOnly(seed, members, (seed % 6) / 100, members === 100 ? HOUR / 2 : HOUR),
    }),
  ),
  ...(
    [
      [0.1, 10_000],
      [0.2, 1000],
      [0.3, 20],
    ] as const
  ).map(
    ([loss, hours]): Scenario => ({
      goal: 'G5',
      description: `${100 * loss} % loss, 3 to 100 agents`,
      target: `1 false death in ${hours.toLocaleString('en')} hours`,
      limits: { violationsPerHour: 1 / hours },
      seeds: 16,
      run: (seed) => lossOnly(seed, size(seed), loss, HOUR / 2),
    }),
  ),
  {
    goal: 'G5',
    description: '50 % loss for 10 minutes: all alive again after it',
    target: 'max 30 s',
    limits: { max: 30_000 },
    seeds: 24,
    run: heavyLoss,
  },
  {
    goal: 'G6',
    description: '16 to 64 agents, 1 to 25 % stall, mute or deaf; without: Lifeguard off',
    target: 'false deaths of the healthy in 0.1 % of seeds, 50 times fewer than without',
    limits: { violatingSeeds: 0.001, timesRarer: 50 },
    seeds: 120,
    run: faultyNodes,
  },
];
