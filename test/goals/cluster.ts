/** A world for one seed of a goal: agents that know one another, what they say of each other, seeds they come back to. */
import { createAgent } from '../../src/agent/agent.ts';
import type { Seed } from '../../src/agent/contract/commands.ts';
import type { Agent } from '../../src/agent/contract/machine.ts';
import type { AgentOptions } from '../../src/agent/contract/options.ts';
import {
  isPossiblyIsolated,
  rejoinProbability,
  seedsWithoutMember,
} from '../../src/agent/operations/rejoin-policy.ts';
import { parseAddress } from '../../src/base/address.ts';
import type { Rng } from '../../src/base/rng.ts';
import type { Millis } from '../../src/base/time.ts';
import { disagreements } from '../../src/sim/laws/index.ts';
import { SerfPeer } from '../../src/sim/peers/serf-peer.ts';
import { bootstrapByPushPull, toSeed } from '../../src/sim/world/bootstrap.ts';
import type { SimHost, SimHostOptions } from '../../src/sim/world/host.ts';
import { World } from '../../src/sim/world/world.ts';
import type { GoalSample } from './goal.ts';

/** Somebody was declared dead at an observer. */
export interface ObservedDeath {
  readonly at: Millis;
  readonly observer: string;
  readonly node: string;
  readonly by: string;
  readonly incarnation: number;
  /** An agent of that name ran at that moment. */
  readonly isFalse: boolean;
}

export interface GoalCluster {
  readonly world: World;
  readonly labels: readonly string[];
  readonly rng: Rng;
  /** Since all knew one another. */
  readonly deaths: readonly ObservedDeath[];
  /** Living members that were declared dead, each once for every time they fell, however many held them so. */
  falseDeaths(by?: (death: ObservedDeath) => boolean): ObservedDeath[];
  /** Milliseconds until `done`, or `Infinity` if that took longer than `limit`. */
  timeUntil(done: () => boolean, limit: Millis): Millis;
  /** Until `done`, and never not so again for ten seconds. */
  timeUntilStable(done: () => boolean, limit: Millis): Millis;
  /** Until all who run agree on who is there. */
  timeUntilAgreed(limit: Millis): Millis;
  isAgreed(): boolean;
  toSample(over: Partial<GoalSample>): GoalSample;
}

export interface GoalClusterOptions {
  readonly seed: number;
  readonly members: number;
  /** From the moment all know one another. */
  readonly loss?: number;
  readonly all?: SimHostOptions;
  readonly each?: (i: number) => SimHostOptions;
}

const STEP: Millis = 20;
/** What holds for so long will last. */
const LASTING: Millis = 10_000;

export function createCluster({ seed, members, loss = 0, all = {}, each }: GoalClusterOptions): GoalCluster {
  const world = new World({ seed, makeAgent: createAgentFor });
  const labels = Array.from({ length: members }, (_, i) => `n${i}`);
  labels.forEach((label, i) => {
    world.add(label, { disk: false, ...all, ...each?.(i) });
  });
  bootstrapByPushPull(world, labels);
  const chance = world.rng.fork();
  world.network.linkQuality = { ...world.network.linkQuality, loss };
  const began = world.now;
  const deaths: ObservedDeath[] = [];
  world.subscribe({
    onEffects: (host, facts) => {
      for (const fact of facts)
        if (fact.kind === 'memberDeclaredDead' && !fact.left) {
          const { node, by, incarnation } = fact;
          const wrong = [...world.hosts].some((one) => one.name === node && one.running);
          deaths.push({ at: world.now, observer: host.label, node, by, incarnation, isFalse: wrong });
        }
    },
  });
  world.run(chance.next() * 3000);
  const agreed = (): boolean => disagreements(world).length === 0;
  const until = (done: () => boolean, limit: Millis): Millis => {
    const from = world.now;
    return world.runUntil(done, limit, STEP) ? world.now - from : Number.POSITIVE_INFINITY;
  };
  return {
    world,
    labels,
    rng: chance,
    deaths,
    falseDeaths: (by = () => true) => {
      const seen = new Set<string>();
      return deaths.filter((death) => {
        const key = `${death.node}@${death.incarnation}`;
        if (!death.isFalse || seen.has(key) || !by(death)) return false;
        seen.add(key);
        return true;
      });
    },
    timeUntil: until,
    timeUntilStable: (done, limit) => {
      const from = world.now;
      let since: Millis | undefined;
      const lasts = (): boolean => {
        if (!done()) since = undefined;
        else since ??= world.now;
        return since !== undefined && world.now - since >= LASTING;
      };
      if (!world.runUntil(lasts, limit + LASTING, STEP)) return Number.POSITIVE_INFINITY;
      return (since ?? Number.POSITIVE_INFINITY) - from;
    },
    timeUntilAgreed: (limit) => until(agreed, limit),
    isAgreed: agreed,
    toSample: (over) => ({
      seed,
      times: [],
      wrong: 0,
      hours: ((world.now - began) / 3_600_000) * members,
      notes: [],
      ...over,
    }),
  };
}

const createAgentFor = (options: AgentOptions, host: SimHost): Agent =>
  host.options.serfPeer === true ? new SerfPeer(options) : createAgent(options);

/** Pauses between attempts: the first, and the longest it doubles to. */
const REJOIN_PAUSE: readonly [Millis, Millis] = [1000, 30_000];

/**
 * What the shell does for every agent from its start on (rejoin.ts there): join the configured seeds and whoever is
 * remembered, at once, and again while alone or while somebody is failed; else knock at a seed where no member lives.
 */
export function runRejoinPolicy({ world, rng: chance }: GoalCluster, seeds: () => readonly Seed[]): void {
  const rng = chance.fork();
  const knock = (host: SimHost, life: number, pause: Millis): void => {
    if (host.bootCount !== life || host.agent === undefined) return;
    const members = host.agent.view.members();
    const needed = isPossiblyIsolated(members);
    const others = (all: readonly Seed[]): Seed[] =>
      all.filter(({ addresses: [first] }) => first?.key !== host.address.key);
    const stranger = (): Seed[] => {
      const strangers = seedsWithoutMember(others(seeds()), members);
      if (strangers.length === 0 || rng.next() >= rejoinProbability(members)) return [];
      return [strangers[rng.int(strangers.length)] as Seed];
    };
    const known = needed ? others([...seeds(), ...savedPeers(host)]) : stranger();
    const asked =
      !host.paused && known.length > 0
        ? world.command(host.label, { kind: 'join', seeds: known })
        : undefined;
    const again = (next: Millis): void =>
      world.schedule(world.now + next * (0.75 + rng.next() / 2), () => {
        const value = asked?.result?.ok === true ? asked.result.value : undefined;
        const answered = value !== undefined && 'joined' in value && value.joined > 0;
        knock(
          host,
          life,
          !needed || asked === undefined || answered ? REJOIN_PAUSE[1] : Math.min(REJOIN_PAUSE[1], 2 * next),
        );
      });
    again(pause);
  };
  const begin = (host: SimHost): void =>
    world.schedule(world.now, () => knock(host, host.bootCount, REJOIN_PAUSE[0]));
  for (const host of world.hosts)
    if (host.running)
      world.schedule(world.now + REJOIN_PAUSE[1] * rng.next(), () =>
        knock(host, host.bootCount, REJOIN_PAUSE[1]),
      );
  world.subscribe({ onStart: begin });
}

/** The hosts with these labels, wherever they live by now. */
export const seedsByLabel =
  (world: World, labels: readonly string[]): (() => readonly Seed[]) =>
  () =>
    labels.map((label) => toSeed(world.host(label)));

const savedPeers = (host: SimHost): Seed[] =>
  (host.savedSnapshot?.peers ?? []).flatMap(({ addr }) => {
    const address = parseAddress(addr);
    return address === undefined ? [] : [{ text: addr, addresses: [address] }];
  });

/** Between two numbers, each order of magnitude as likely as any other. */
export const logUniform = (rng: Rng, low: number, high: number): number => low * (high / low) ** rng.next();

export const MINUTE: Millis = 60_000;
export const HOUR: Millis = 60 * MINUTE;
