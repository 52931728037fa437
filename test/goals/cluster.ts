/**
 * A simulated cluster for one seed of a goal: members that know one another, the deaths they declare, and a rejoin
 * policy.
 */
import type { Seed } from '../../src/agent/contract/commands.ts';
import type { MemberView } from '../../src/agent/contract/view.ts';
import {
  isPossiblyIsolated,
  rejoinProbability,
  seedsWithoutMember,
} from '../../src/agent/operations/rejoin-policy.ts';
import { parseAddress } from '../../src/base/address.ts';
import type { Rng } from '../../src/base/rng.ts';
import type { Millis } from '../../src/base/time.ts';
import { disagreements } from '../../src/sim/laws/index.ts';
import { createAgentFor } from '../../src/sim/peers/create-agent.ts';
import { bootstrapByPushPull, toSeed } from '../../src/sim/world/bootstrap.ts';
import type { SimHost, SimHostOptions } from '../../src/sim/world/host.ts';
import type { PendingCommand } from '../../src/sim/world/types.ts';
import { World } from '../../src/sim/world/world.ts';
import type { GoalSample } from './goal.ts';

/** An observer declared a member dead. */
export interface ObservedDeath {
  readonly at: Millis;
  readonly observer: string;
  readonly node: string;
  readonly by: string;
  readonly incarnation: number;
  /** An agent of that name was running at that moment. */
  readonly isFalse: boolean;
}

export interface GoalCluster {
  readonly world: World;
  readonly labels: readonly string[];
  readonly rng: Rng;
  /** Deaths since all knew one another. */
  readonly deaths: readonly ObservedDeath[];
  /** Running members that were declared dead, each once for each incarnation, however many observers did so. */
  falseDeaths(counts?: (death: ObservedDeath) => boolean): ObservedDeath[];
  /** Time until `done`, or `Infinity` if that takes longer than `limit`. */
  timeUntil(done: () => boolean, limit: Millis): Millis;
  /** Time until `done` holds for ten seconds without a break. */
  timeUntilStable(done: () => boolean, limit: Millis): Millis;
  /** Time until all running members agree on the membership. */
  timeUntilAgreed(limit: Millis): Millis;
  isAgreed(): boolean;
  toSample(values: Partial<GoalSample>): GoalSample;
}

export interface GoalClusterOptions {
  readonly seed: number;
  readonly members: number;
  /** Loss from the moment on when all know one another. */
  readonly loss?: number;
  readonly all?: SimHostOptions;
  readonly each?: (i: number) => SimHostOptions;
}

const STEP: Millis = 20;
/** A state that holds for this long counts as stable. */
const STABLE_FOR: Millis = 10_000;

export function createCluster({ seed, members, loss = 0, all = {}, each }: GoalClusterOptions): GoalCluster {
  const world = new World({ seed, makeAgent: createAgentFor });
  const labels = Array.from({ length: members }, (_, i) => `n${i}`);
  for (const [i, label] of labels.entries()) world.add(label, { disk: false, ...all, ...each?.(i) });
  bootstrapByPushPull(world, labels);
  const rng = world.rng.fork();
  world.network.linkQuality = { ...world.network.linkQuality, loss };
  const start = world.now;
  const deaths = recordDeaths(world);
  world.run(rng.next() * 3000);
  const isAgreed = (): boolean => disagreements(world).length === 0;
  const timeUntil = (done: () => boolean, limit: Millis): Millis => {
    const from = world.now;
    return world.runUntil(done, limit, STEP) ? world.now - from : Number.POSITIVE_INFINITY;
  };
  return {
    world,
    labels,
    rng,
    deaths,
    falseDeaths: (counts = () => true) => {
      const seen = new Set<string>();
      return deaths.filter((death) => {
        const key = `${death.node}@${death.incarnation}`;
        if (!death.isFalse || seen.has(key) || !counts(death)) return false;
        seen.add(key);
        return true;
      });
    },
    timeUntil,
    timeUntilStable: (done, limit) => {
      const from = world.now;
      let since: Millis | undefined;
      const isStable = (): boolean => {
        if (!done()) since = undefined;
        else since ??= world.now;
        return since !== undefined && world.now - since >= STABLE_FOR;
      };
      if (!world.runUntil(isStable, limit + STABLE_FOR, STEP)) return Number.POSITIVE_INFINITY;
      return (since ?? Number.POSITIVE_INFINITY) - from;
    },
    timeUntilAgreed: (limit) => timeUntil(isAgreed, limit),
    isAgreed,
    toSample: (values) => ({
      seed,
      times: [],
      violations: 0,
      hours: ((world.now - start) / 3_600_000) * members,
      notes: [],
      ...values,
    }),
  };
}

/** The list grows as observers declare members dead. */
function recordDeaths(world: World): readonly ObservedDeath[] {
  const deaths: ObservedDeath[] = [];
  world.subscribe({
    onEffects: (host, facts) => {
      for (const fact of facts) {
        if (fact.kind !== 'memberDeclaredDead' || fact.left) continue;
        const { node, by, incarnation } = fact;
        const isFalse = [...world.hosts].some((one) => one.name === node && one.running);
        deaths.push({ at: world.now, observer: host.label, node, by, incarnation, isFalse });
      }
    },
  });
  return deaths;
}

/** Pauses between rejoin attempts: the first, and the longest that backoff leads to. */
const REJOIN_PAUSE: readonly [Millis, Millis] = [1000, 30_000];

/**
 * Does what the shell's rejoin policy does for every agent that starts: it joins the configured seeds and the saved peers at
 * once, and again while the agent is alone or a member is failed; else, now and then, a seed at which no member is known.
 */
export function runRejoinPolicy(cluster: GoalCluster, seeds: () => readonly Seed[]): void {
  const { world } = cluster;
  const rng = cluster.rng.fork();
  const attempt = (host: SimHost, boot: number, pause: Millis): void => {
    if (host.bootCount !== boot || host.agent === undefined) return;
    const members = host.agent.view.members();
    const isolated = isPossiblyIsolated(members);
    const chosen = isolated
      ? otherThan(host, [...seeds(), ...savedPeers(host)])
      : pickAbsentSeed(otherThan(host, seeds()), members, rng);
    const join =
      !host.paused && chosen.length > 0
        ? world.command(host.label, { kind: 'join', seeds: chosen })
        : undefined;
    world.schedule(world.now + pause * (0.75 + rng.next() / 2), () => {
      const backsOff = isolated && join !== undefined && !hasJoined(join);
      attempt(host, boot, backsOff ? Math.min(REJOIN_PAUSE[1], 2 * pause) : REJOIN_PAUSE[1]);
    });
  };
  const start = (host: SimHost): void =>
    world.schedule(world.now, () => attempt(host, host.bootCount, REJOIN_PAUSE[0]));
  for (const host of world.hosts)
    if (host.running)
      world.schedule(world.now + REJOIN_PAUSE[1] * rng.next(), () =>
        attempt(host, host.bootCount, REJOIN_PAUSE[1]),
      );
  world.subscribe({ onStart: start });
}

const otherThan = (host: SimHost, seeds: readonly Seed[]): Seed[] =>
  seeds.filter(({ addresses: [first] }) => first?.key !== host.address.key);

function pickAbsentSeed(seeds: readonly Seed[], members: readonly MemberView[], rng: Rng): readonly Seed[] {
  const absent = seedsWithoutMember(seeds, members);
  if (absent.length === 0 || rng.next() >= rejoinProbability(members)) return [];
  return [absent[rng.int(absent.length)] as Seed];
}

function hasJoined({ result }: PendingCommand): boolean {
  const value = result?.ok === true ? result.value : undefined;
  return value !== undefined && 'joined' in value && value.joined > 0;
}

/** Seeds with these labels, at the addresses that they have at the time of the call. */
export const seedsByLabel =
  (world: World, labels: readonly string[]): (() => readonly Seed[]) =>
  () =>
    labels.map((label) => toSeed(world.host(label)));

const savedPeers = (host: SimHost): Seed[] =>
  (host.disk.snapshot?.peers ?? []).flatMap(({ addr }) => {
    const address = parseAddress(addr);
    return address === undefined ? [] : [{ text: addr, addresses: [address] }];
  });

/** A number between two limits, with each order of magnitude as likely as any other. */
export const logUniform = (rng: Rng, low: number, high: number): number => low * (high / low) ** rng.next();

export const MINUTE: Millis = 60_000;
export const HOUR: Millis = 60 * MINUTE;
