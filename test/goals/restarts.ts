/** G9, G10, G11 and the membership half of G17: agents that come back, one, all, or one after the other. */
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

/** One after the other is killed and started again. Everybody must hold it as alive where it now is. */
function restarts(seed: number, newAddress: boolean): GoalSample {
  const found = createCluster({ seed, members: 20, all: { disk: true } });
  const { world, labels, rng: chance, timeUntilStable: untilLasting } = found;
  runRejoinPolicy(found, seedsByLabel(world, labels.slice(0, 3)));
  const failures = countFailures(found);
  const times: Millis[] = [];
  const notes: string[] = [];
  let wrong = 0;
  for (let i = 0; i < 4; i++) {
    const who = labels[4 * i + chance.int(4)] as string;
    failures.clear();
    world.stop(who, { powerOff: chance.int(2) === 0 });
    const down = logUniform(chance, 100, 60_000);
    world.run(down);
    const restore = chance.int(2) === 0;
    world.start(who, { newAddress, restore });
    if (!restore) joinOthers(world, who);
    const { key } = world.host(who).address;
    const took = untilLasting(
      () =>
        labels.every((label) => {
          const member = world.host(label).runningAgent.view.member(who);
          return member?.status === 'alive' && member.address.key === key;
        }),
      LIMIT,
    );
    times.push(took);
    world.run(10_000);
    const twice = [...failures].filter(([key_, count]) => key_.endsWith(`\n${who}`) && count > 1).length;
    wrong += twice;
    if (took > 6000 || twice > 0)
      notes.push(
        `${who} down ${Math.round(down)} ms${restore ? ', remembers' : ''}: ${Math.round(took)} ms, failed twice at ${twice}`,
      );
  }
  return found.toSample({ times, wrong, notes });
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

/** A second agent claims a name that is in use. Nobody may ever hold it at the second address. */
function duplicateNames(seed: number): GoalSample {
  const found = createCluster({ seed, members: 20 });
  const { world, labels, rng: chance, timeUntil: until } = found;
  const name = labels[chance.int(20)] as string;
  const incumbent = world.host(name).address.key;
  let told = false;
  let wrong = 0;
  world.subscribe({
    onEffects: (host, facts) => {
      if (facts.some((fact) => fact.kind === 'nameConflict' && fact.node === name)) told = true;
      if (host.label !== 'twin' && host.agent?.view.member(name)?.address.key !== incumbent) wrong += 1;
    },
  });
  world.add('twin', { name, disk: false });
  world.start('twin');
  joinOthers(world, 'twin');
  const times = [until(() => told, LIMIT)];
  world.run(MINUTE);
  return found.toSample({ times, wrong });
}

interface Outage {
  readonly members: number;
  readonly newAddress: boolean;
  /** Share of those that come back with their data directory. */
  readonly kept: number;
  /** Between the first start and the last. */
  readonly over: Millis;
}

/** All are killed at once and started again. Their incarnations are high by then, as after a long life. */
function outage(seed: number, { members, newAddress, kept, over }: Outage): GoalSample {
  const found = createCluster({ seed, members, all: { disk: true } });
  const { world, labels, rng: chance, timeUntilStable: untilLasting, isAgreed: agreed } = found;
  for (let round = 0; round < 5; round++) {
    for (const label of labels) {
      const set = new Map([['round', `${round}`]]);
      world.command(label, { kind: 'setTags', set, remove: [] });
    }
    world.run(5000);
  }
  const seeds = seedsByLabel(world, labels.slice(0, 1));
  runRejoinPolicy(found, seeds);
  for (const label of labels) world.stop(label);
  world.run(logUniform(chance, 1000, 10 * MINUTE));
  // Some start at once, and the last at the end.
  labels.forEach((label, i) => {
    const restore = chance.next() < kept;
    const at = world.now + over * (i === 0 ? 0 : i === 1 ? 1 : chance.next());
    world.schedule(at, () => world.start(label, { newAddress, restore }));
  });
  world.run(over);
  const took = untilLasting(agreed, LIMIT);
  const notes = took > 15_000 ? [`${Math.round(took)} ms`] : [];
  return found.toSample({ times: [took], notes });
}

/** Each is killed and, while the others remember its high incarnation, comes back with nothing. */
function restartsWithoutData(seed: number): GoalSample {
  const found = createCluster({ seed, members: 24 });
  const { world, labels, rng: chance, timeUntilStable: untilLasting, isAgreed: agreed } = found;
  for (let round = 0; round < 10; round++) {
    for (const label of labels)
      world.command(label, { kind: 'setTags', set: new Map([['round', `${round}`]]), remove: [] });
    world.run(3000);
  }
  runRejoinPolicy(found, seedsByLabel(world, labels.slice(0, 3)));
  const times: Millis[] = [];
  for (let wave = 0; wave < 3; wave++) {
    const struck = labels.filter(() => chance.int(3) === 0);
    for (const label of struck) world.stop(label);
    world.run(logUniform(chance, 1000, MINUTE));
    for (const label of struck) world.start(label, {});
    times.push(untilLasting(agreed, LIMIT));
  }
  return found.toSample({ times });
}

/**
 * One each five seconds is killed and started anew, half of all plain Serf-like peers. Wrong is who is held for dead
 * while it runs, and each look (five a second at each agent) that finds a service of two instances without any.
 */
function rolling(seed: number): GoalSample {
  const members = 50;
  const found = createCluster({
    seed,
    members,
    all: { disk: true },
    each: (i) => (i % 2 === 1 ? { serfPeer: true } : {}),
  });
  const { world, labels, rng: chance, timeUntilAgreed: untilAgreed, timeUntil: until } = found;
  runRejoinPolicy(found, seedsByLabel(world, labels.slice(0, 3)));
  const capable = labels.filter((_, i) => i % 2 === 0);
  const words = createStoryCatalog(world, () => {});
  capable.forEach((label, i) => {
    words.register(label, `web${i >> 1}-${i}`);
  });
  const services = capable.slice(0, -1).map((_, i) => `web${i >> 1}`);
  world.run(15_000);
  const startedAt = new Map<string, Millis>();
  let empty = 0;
  let done = false;
  const look = (): void => {
    if (done) return;
    for (const label of capable) {
      const { agent } = world.host(label);
      // Its first second is warm-up (G12).
      if (agent === undefined || world.now - (startedAt.get(label) ?? 0) < 1000) continue;
      for (const service of services) if (agent.view.catalog.usable(service).length === 0) empty += 1;
    }
    world.schedule(world.now + 200, look);
  };
  look();
  for (const label of labels) {
    world.stop(label);
    world.run(500 + 1500 * chance.next());
    world.start(label, { restore: true });
    startedAt.set(label, world.now);
    world.run(5000 - (world.now % 5000));
  }
  done = true;
  const agreed = untilAgreed(LIMIT);
  const equal = until(() => catalogDisagreements(world).length === 0, LIMIT);
  const wrongly = found.falseDeaths();
  const wrong = wrongly.length + empty + (Number.isFinite(agreed + equal) ? 0 : 1);
  const notes =
    wrong > 0 ? [`${wrongly.length} false deaths, ${empty} empty answers, equal after ${equal}`] : [];
  return found.toSample({ times: [agreed + equal], wrong, notes });
}

export const RESTARTS: readonly Scenario[] = [
  {
    goal: 'G9',
    description: 'killed and back at its address after 0.1 to 60 s, 20 agents',
    target: 'p99 3 s, failed twice nowhere',
    limits: { p99: 3000, wrongPerHour: 0 },
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
    limits: { p99: 3000, wrongPerHour: 0 },
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
    description: 'rolling restart of 50, half Serf-like: all equal after it',
    target: 'no false death, no record lost, no empty answer',
    limits: { wrongPerHour: 0 },
    seeds: 8,
    run: rolling,
  },
];
