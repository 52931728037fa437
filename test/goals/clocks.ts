/** G13 and G14: suspended processes, and wrong wall clocks. */
import type { Rng } from '../../src/base/rng.ts';
import { clockDifferences } from '../../src/sim/laws/membership/clocks.ts';
import { createCluster, HOUR, logUniform, MINUTE, runRejoinPolicy, seedsByLabel } from './cluster.ts';
import type { GoalSample, Scenario } from './goal.ts';

/** Probe rounds after it resumes in which a process must declare nobody dead. */
const ROUNDS = 2;

function suspended(seed: number, members: number, times: number, span: (rng: Rng) => number): GoalSample {
  const cluster = createCluster({ seed, members, all: { disk: true } });
  const { world, labels, rng, deaths, timeUntilStable, isAgreed } = cluster;
  runRejoinPolicy(cluster, seedsByLabel(world, labels.slice(0, 3)));
  const took: number[] = [];
  const notes: string[] = [];
  let violations = 0;
  for (let i = 0; i < times; i++) {
    const sleeper = labels[rng.int(members)] as string;
    world.pause(sleeper);
    const slept = span(rng);
    world.run(slept);
    const from = deaths.length;
    const resumed = world.now;
    world.resume(sleeper);
    took.push(timeUntilStable(isAgreed, 5 * MINUTE));
    const until = resumed + ROUNDS * world.host(sleeper).swim.probeInterval;
    const accused = deaths
      .slice(from)
      .filter(({ by, at, isFalse }) => by === sleeper && isFalse && at <= until);
    violations += accused.length;
    const last = took[took.length - 1] as number;
    if (last > 10_000 || accused.length > 0)
      notes.push(`slept ${Math.round(slept / 1000)} s: ${Math.round(last)} ms, accused ${accused.length}`);
  }
  return cluster.toSample({ times: took, violations, notes });
}

function underClocks(seed: number): GoalSample {
  const members = 6;
  const minutes = 3;
  const notes = clockDifferences({ seed, members, minutes });
  return { seed, times: [], violations: notes.length, hours: (6 * members * (minutes + 0.5)) / 60, notes };
}

const target = 'max 10 s; it declares nobody dead in 2 rounds';
const limits = { max: 10_000, violationsPerHour: 0 };

export const CLOCKS: readonly Scenario[] = [
  {
    goal: 'G13',
    description: 'suspended for 0.5 s to 10 minutes, 16 agents',
    target,
    limits,
    seeds: 40,
    run: (seed) => suspended(seed, 16, 4, (rng) => logUniform(rng, 500, 10 * MINUTE)),
  },
  {
    goal: 'G13',
    description: 'suspended for 12 h, 6 agents',
    target,
    limits,
    seeds: 2,
    run: (seed) => suspended(seed, 6, 1, () => 12 * HOUR),
  },
  {
    goal: 'G14',
    description: 'clocks ten years off, both ways, each different, smeared: the same facts in the same order',
    target: 'no difference',
    limits: { violationsPerHour: 0 },
    violationName: 'differences',
    seeds: 20,
    run: underClocks,
  },
];
