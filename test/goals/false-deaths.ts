/** G4, G5 and G6: who is held for dead and lives, in good weather, in bad, and because of one bad node. */

import { shuffle } from '../../src/base/rng.ts';
import type { SwimConfig } from '../../src/config/protocol.ts';
import { disagreements } from '../../src/sim/laws/index.ts';
import { createCluster, type GoalCluster, HOUR, MINUTE, type ObservedDeath } from './cluster.ts';
import type { GoalSample, Scenario } from './goal.ts';

const formatDeaths = (deaths: readonly ObservedDeath[]): string[] =>
  deaths.map(
    ({ at, node, observer, by }) => `${(at / 1000).toFixed(1)} ${node} dead at ${observer} by ${by}`,
  );

/** Nothing happens but loss. */
function quiet(seed: number, members: number, loss: number, span: number): GoalSample {
  const found = createCluster({ seed, members, loss });
  found.world.run(span);
  const wrongly = found.falseDeaths();
  return found.toSample({ wrong: wrongly.length, notes: formatDeaths(wrongly) });
}

const SIZES = [3, 10, 32, 100] as const;
const size = (seed: number): number => SIZES[seed % SIZES.length] as number;

/**
 * Every second datagram is lost for ten minutes; then all are to be found alive again, and stay so. An old incarnation of
 * one that is alive may wait for the next push/pull: no death is left to refute.
 */
function heavyLoss(seed: number): GoalSample {
  const found = createCluster({ seed, members: size(seed), loss: 0.5 });
  const { world, timeUntilStable: untilLasting } = found;
  const allAlive = (): boolean => disagreements(world).every((one) => one.includes(' instead of @'));
  world.run(10 * MINUTE);
  world.network.linkQuality = { ...world.network.linkQuality, loss: 0 };
  return found.toSample({ times: [untilLasting(allAlive, 5 * MINUTE)], wrong: found.falseDeaths().length });
}

/** SWIM with suspicion: neither Lifeguard nor what we added to it. */
const WITHOUT_LIFEGUARD: Partial<SwimConfig> = {
  ...{ awarenessMax: 1, suspicionMaxTimeoutMult: 1, buddy: false },
  ...{ stallGuard: false, lastCall: false },
};
const KINDS = ['stalls', 'mute', 'deaf'] as const;

/** Some nodes stall again and again, or are deaf, or mute; who of the others is held for dead by one of the others? */
function countFalseDeaths(
  seed: number,
  swim: Partial<SwimConfig>,
): { readonly crew: GoalCluster; readonly wrongly: ObservedDeath[] } {
  const members = 16 + ((seed * 7) % 49);
  const found = createCluster({ seed, members, all: { swim } });
  const { world, labels, rng: chance } = found;
  const count = Math.max(1, Math.round(members * (0.01 + 0.24 * chance.next())));
  const bad = shuffle([...labels], chance).slice(0, count);
  const kind = KINDS[seed % KINDS.length];
  for (const label of bad) {
    if (kind === 'mute') world.network.addRule({ from: [label] });
    else if (kind === 'deaf') world.network.addRule({ to: [label] });
    else {
      const stall = (): void => {
        world.pause(label);
        world.schedule(world.now + 100 + 19_900 * chance.next() ** 2, () => {
          world.resume(label);
          world.schedule(world.now + 100 + 1900 * chance.next(), stall);
        });
      };
      world.schedule(world.now + 1000 * chance.next(), stall);
    }
  }
  world.run(3 * MINUTE);
  const wrongly = found.falseDeaths(({ node, observer }) => !bad.includes(node) && !bad.includes(observer));
  return { crew: found, wrongly };
}

function badNodes(seed: number): GoalSample {
  const control = countFalseDeaths(seed, WITHOUT_LIFEGUARD).wrongly.length;
  const { crew: found, wrongly } = countFalseDeaths(seed, {});
  return found.toSample({ wrong: wrongly.length, control, notes: formatDeaths(wrongly).slice(0, 3) });
}

export const FALSE_DEATHS: readonly Scenario[] = [
  ...([3, 10, 32, 100] as const).map(
    (members): Scenario => ({
      goal: 'G4',
      description: `${members} agents, 0 to 5 % loss`,
      target: 'no false death in 100,000 hours',
      limits: { wrongPerHour: 0, hours: 25_000 },
      seeds: members === 100 ? 6 : 20,
      run: (seed) => quiet(seed, members, (seed % 6) / 100, members === 100 ? HOUR / 2 : HOUR),
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
      limits: { wrongPerHour: 1 / hours },
      seeds: 16,
      run: (seed) => quiet(seed, size(seed), loss, HOUR / 2),
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
    limits: { wrongSeeds: 0.001, timesRarer: 50 },
    seeds: 120,
    run: badNodes,
  },
];
