/** G9, G10, G11 and the membership part of G17: restarts of one agent, of all, and of one after the other. */
import type { Millis } from '../../src/base/time.ts';
import { catalogDisagreements } from '../../src/sim/laws/catalog/catalog.ts';
import { createStoryCatalog } from '../../src/sim/scenarios/story-catalog.ts';
import { joinOthers } from '../../src/sim/world/bootstrap.ts';
import {
  createCluster,
  type GoalCluster,
  logUniform,
  MINUTE,
  runRejoinPolicy,
  seedsByLabel,
} from './cluster.ts';
import type { GoalSample, Scenario } from './goal.ts';

const LIMIT = 5 * MINUTE;

/** Agents are killed and started again one after the other. All must see them alive at their new address. */
function restarts(seed: number, newAddress: boolean): GoalSample {
  const cluster = createCluster({ seed, members: 20, all: { disk: true } });
  const { world, labels, rng, timeUntilStable } = cluster;
  runRejoinPolicy(cluster, seedsByLabel(world, labels.slice(0, 3)));
  const failures = countFailures(cluster);
  const times: Millis[] = [];
  const notes: string[] = [];
  let violations = 0;
  for (let i = 0; i < 4; i++) {
    const victim = labels[4 * i + rng.int(4)] as string;
    failures.clear();
    world.stop(victim, { powerOff: rng.int(2) === 0 });
    const down = logUniform(rng, 100, 60_000);
    world.run(down);
    const restore = rng.int(2) === 0;
    world.start(victim, { newAddress, restore });
    if (!restore) joinOthers(world, victim);
    const { key } = world.host(victim).address;
    const time = timeUntilStable(
      () =>
        labels.every((label) => {
          const member = world.host(label).runningAgent.view.member(victim);
          return member?.status === 'alive' && member.address.key === key;
        }),
      LIMIT,
    );
    times.push(time);
    world.run(10_000);
    const twice = [...failures].filter(([pair, count]) => pair.endsWith(`\n${victim}`) && count > 1).length;
    violations += twice;
    if (time > 6000 || twice > 0)
      notes.push(
        `${victim} down ${Math.round(down)} ms${restore ? ', restored' : ''}: ${Math.round(time)} ms, failed twice at ${twice}`,
      );
  }
  return cluster.toSample({ times, violations, notes });
}

/** How often each observer has shown each member as failed. */
function countFailures({ world }: GoalCluster): Map<string, number> {
  const counts = new Map<string, number>();
  world.subscribe({
    onEffects: (host, facts) => {
      for (const fact of facts)
        if (fact.kind === 'memberFailed') {
          const key = `${host.label}\n${fact.node}`;
          counts.set(key, (counts.get(key) ?? 0) + 1);
        }
    },
  });
  return counts;
}

/** A second agent claims a name that is in use. Nobody may ever see the name at the second address. */
function duplicateNames(seed: number): GoalSample {
  const cluster = createCluster({ seed, members: 20 });
  const { world, labels, rng, timeUntil } = cluster;
  const name = labels[rng.int(20)] as string;
  const incumbent = world.host(name).address.key;
  let reported = false;
  let violations = 0;
  world.subscribe({
    onEffects: (host, facts) => {
      if (facts.some((fact) => fact.kind === 'nameConflict' && fact.node === name)) reported = true;
      if (host.label !== 'twin' && host.agent?.view.member(name)?.address.key !== incumbent) violations += 1;
    },
  });
  world.add('twin', { name, disk: false });
  world.start('twin');
  joinOthers(world, 'twin');
  const times = [timeUntil(() => reported, LIMIT)];
  world.run(MINUTE);
  return cluster.toSample({ times, violations });
}

interface Outage {
  readonly members: number;
  readonly newAddress: boolean;
  /** Share of the agents that keep their data directory. */
  readonly kept: number;
  /** Time between the first start and the last. */
  readonly over: Millis;
}

/** All are killed at once and started again. Their incarnations are high by then, as after long use. */
function outage(seed: number, { members, newAddress, kept, over }: Outage): GoalSample {
  const cluster = createCluster({ seed, members, all: { disk: true } });
  const { world, labels, rng, timeUntilStable, isAgreed } = cluster;
  for (let round = 0; round < 5; round++) {
    for (const label of labels) {
      const set = new Map([['round', `${round}`]]);
      world.command(label, { kind: 'setTags', set, remove: [] });
    }
    world.run(5000);
  }
  const seeds = seedsByLabel(world, labels.slice(0, 1));
  runRejoinPolicy(cluster, seeds);
  for (const label of labels) world.stop(label);
  world.run(logUniform(rng, 1000, 10 * MINUTE));
  // Some start at once, and the last at the end.
  labels.forEach((label, i) => {
    const restore = rng.next() < kept;
    const at = world.now + over * (i === 0 ? 0 : i === 1 ? 1 : rng.next());
    world.schedule(at, () => world.start(label, { newAddress, restore }));
  });
  world.run(over);
  const time = timeUntilStable(isAgreed, LIMIT);
  const notes = time > 15_000 ? [`${Math.round(time)} ms`] : [];
  return cluster.toSample({ times: [time], notes });
}

/** Agents are killed and, while the others still know their high incarnations, start again without data. */
function restartsWithoutData(seed: number): GoalSample {
  const cluster = createCluster({ seed, members: 24 });
  const { world, labels, rng, timeUntilStable, isAgreed } = cluster;
  for (let round = 0; round < 10; round++) {
    for (const label of labels)
      world.command(label, { kind: 'setTags', set: new Map([['round', `${round}`]]), remove: [] });
    world.run(3000);
  }
  runRejoinPolicy(cluster, seedsByLabel(world, labels.slice(0, 3)));
  const times: Millis[] = [];
  for (let wave = 0; wave < 3; wave++) {
    const killed = labels.filter(() => rng.int(3) === 0);
    for (const label of killed) world.stop(label);
    world.run(logUniform(rng, 1000, MINUTE));
    for (const label of killed) world.start(label, {});
    times.push(timeUntilStable(isAgreed, LIMIT));
  }
  return cluster.toSample({ times });
}

/**
 * Every five seconds one agent is killed and restarted; half of them are Serf peers. Violations are false deaths, and lookups
 * (five a second at each agent) of a service with two instances that find none.
 */
function rolling(seed: number): GoalSample {
  const members = 50;
  const cluster = createCluster({
    seed,
    members,
    all: { disk: true },
    each: (i) => (i % 2 === 1 ? { serfPeer: true } : {}),
  });
  const { world, labels, rng, timeUntilAgreed, timeUntil } = cluster;
  runRejoinPolicy(cluster, seedsByLabel(world, labels.slice(0, 3)));
  const catalogPeers = labels.filter((_, i) => i % 2 === 0);
  const catalog = createStoryCatalog(world, () => {});
  catalogPeers.forEach((label, i) => {
    catalog.register(label, `web${i >> 1}-${i}`);
  });
  const services = catalogPeers.slice(0, -1).map((_, i) => `web${i >> 1}`);
  world.run(15_000);
  const startedAt = new Map<string, Millis>();
  let empty = 0;
  let done = false;
  const look = (): void => {
    if (done) return;
    for (const label of catalogPeers) {
      const { agent } = world.host(label);
      // The first second after a start is warm-up (G12).
      if (agent === undefined || world.now - (startedAt.get(label) ?? 0) < 1000) continue;
      for (const service of services) if (agent.view.catalog.usable(service).length === 0) empty += 1;
    }
    world.schedule(world.now + 200, look);
  };
  look();
  for (const label of labels) {
    world.stop(label);
    world.run(500 + 1500 * rng.next());
    world.start(label, { restore: true });
    startedAt.set(label, world.now);
    world.run(5000 - (world.now % 5000));
  }
  done = true;
  const isAgreed = timeUntilAgreed(LIMIT);
  const equal = timeUntil(() => catalogDisagreements(world).length === 0, LIMIT);
  const falseDeaths = cluster.falseDeaths();
  const violations = falseDeaths.length + empty + (Number.isFinite(isAgreed + equal) ? 0 : 1);
  const notes =
    violations > 0
      ? [`${falseDeaths.length} false deaths, ${empty} empty answers, equal after ${equal}`]
      : [];
  return cluster.toSample({ times: [isAgreed + equal], violations, notes });
}

export const RESTARTS: readonly Scenario[] = [
  {
    goal: 'G9',
    description: 'killed and back at its address after 0.1 to 60 s, 20 agents',
    target: 'p99 3 s, failed twice nowhere',
    limits: { p99: 3000, violationsPerHour: 0 },
    violationName: 'failed twice',
    seeds: 40,
    run: (seed) => restarts(seed, false),
  },
  {
    goal: 'G10',
    description: 'killed and back at another address after 0.1 to 60 s',
    target: 'p99 6 s',
    limits: { p99: 6000 },
    seeds: 40,
    run: (seed) => restarts(seed, true),
  },
  {
    goal: 'G10',
    description: 'two live agents claim one name: first report',
    target: 'p99 3 s, never two owners',
    limits: { p99: 3000, violationsPerHour: 0 },
    violationName: 'wrong owners',
    seeds: 40,
    run: duplicateNames,
  },
  {
    goal: 'G11',
    description: 'kill -9 of all 50, started within 5 s, data kept',
    target: 'max 15 s',
    limits: { max: 15_000 },
    seeds: 30,
    run: (seed) => outage(seed, { members: 50, newAddress: false, kept: 1, over: 5000 }),
  },
  {
    goal: 'G11',
    description: 'the same, 200 agents',
    target: 'max 15 s',
    limits: { max: 15_000 },
    seeds: 2,
    run: (seed) => outage(seed, { members: 200, newAddress: false, kept: 1, over: 5000 }),
  },
  {
    goal: 'G11',
    description: 'all 50 at other addresses, one seed resolves',
    target: 'max 60 s',
    limits: { max: 60_000 },
    seeds: 30,
    run: (seed) => outage(seed, { members: 50, newAddress: true, kept: 1, over: 5000 }),
  },
  {
    goal: 'G11',
    description: 'the same addresses, 0 to 50 % have their data',
    target: 'max 60 s',
    limits: { max: 60_000 },
    seeds: 30,
    run: (seed) => outage(seed, { members: 50, newAddress: false, kept: (seed % 3) / 4, over: 5000 }),
  },
  {
    goal: 'G11',
    description: 'a third at a time comes back without data, below dead@high',
    target: 'max 15 s, none stuck',
    limits: { max: 15_000 },
    seeds: 60,
    run: restartsWithoutData,
  },
  {
    goal: 'G17',
    description: 'rolling restart of 50, half Serf peers: all equal after it',
    target: 'no false death, no record lost, no empty answer',
    limits: { violationsPerHour: 0 },
    violationName: 'violations',
    seeds: 8,
    run: rolling,
  },
];
