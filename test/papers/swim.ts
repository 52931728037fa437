/**
 * Claims of the SWIM paper about its protocol, measured on our core with everything off that the protocol does not
 * have: first detection of a crash, dissemination, message load, and false suspicions under loss.
 *
 * Source: SWIM §3.1, §4.1 to §5.
 */
import type { Millis } from '../../src/base/time.ts';
import { createCluster, type GoalCluster, MINUTE } from '../goals/cluster.ts';
import { NO_GOSSIP, PLAIN_SWIM } from './configs.ts';

/** One protocol period: the probe interval. */
const PERIOD: Millis = 1000;
const PATIENCE = 60 * PERIOD;

/** Times are in protocol periods. */
export interface DetectionTimes {
  /** From each crash to the beginning of the first probe that failed because of it. */
  readonly probed: readonly number[];
  /** From each crash to the end of that probe. */
  readonly suspected: readonly number[];
  readonly missed: number;
}

export interface DisseminationTimes {
  /** Time until half of the members know, and until all do. */
  readonly half: readonly number[];
  readonly all: readonly number[];
  readonly missed: number;
}

export interface MessageLoad {
  /** Per member and period. */
  readonly packets: number;
  readonly bytes: number;
}

export interface LossResult {
  readonly probes: number;
  readonly failed: number;
  /** Members that a failed probe made suspect, and incarnations that were declared dead. */
  readonly suspected: number;
  readonly dead: number;
  readonly hours: number;
}

/** A cluster in which gossip is piggybacked on pings and acks only. */
function plainSwimCluster(seed: number, members: number, loss = 0): GoalCluster {
  const cluster = createCluster({ seed, members, loss, all: { swim: PLAIN_SWIM } });
  for (const host of cluster.world.hosts) host.swim.gossipInterval = NO_GOSSIP;
  cluster.world.run(3 * PERIOD);
  return cluster;
}

/** A quarter of the members crash, one after the other; each crash is detected before the next one. */
export function measureDetection(seed: number, members: number): DetectionTimes {
  const { world, labels, rng } = plainSwimCluster(seed, members);
  const failedAt = new Map<string, { readonly from: Millis; readonly until: Millis }>();
  world.subscribe({
    onEffects: (_, facts) => {
      for (const fact of facts)
        if (fact.kind === 'probeFailed' && !failedAt.has(fact.node))
          failedAt.set(fact.node, { from: world.now - fact.reason.durationMs, until: world.now });
    },
  });
  const probed: number[] = [];
  const suspected: number[] = [];
  const victims = labels.slice(0, members / 4);
  for (const victim of victims) {
    world.run(PERIOD * rng.next());
    const diedAt = world.now;
    world.stop(victim);
    world.runUntil(() => failedAt.has(victim), PATIENCE, 20);
    const failed = failedAt.get(victim);
    if (failed === undefined) continue;
    // A probe whose ping was answered before the crash cannot fail: the first that fails began after it, or just
    // before.
    probed.push(Math.max(0, failed.from - diedAt) / PERIOD);
    suspected.push((failed.until - diedAt) / PERIOD);
  }
  return { probed, suspected, missed: victims.length - probed.length };
}

/** Some members change their tags, one after the other; each change reaches all before the next one. */
export function measureDissemination(seed: number, members: number, rumors: number): DisseminationTimes {
  const { world, labels, rng } = plainSwimCluster(seed, members);
  const receivedAt = new Map<string, Millis[]>();
  world.subscribe({
    onEffects: (host, facts) => {
      for (const fact of facts)
        if (fact.kind === 'incarnationRaised' && fact.node !== host.name)
          receivedAt.get(fact.node)?.push(world.now);
    },
  });
  const half: number[] = [];
  const all: number[] = [];
  for (let i = 0; i < rumors; i++) {
    const origin = labels[i % members] as string;
    world.run(PERIOD * (1 + rng.next()));
    const times: Millis[] = [];
    receivedAt.set(origin, times);
    const sentAt = world.now;
    world.command(origin, { kind: 'setTags', set: new Map([['round', String(i)]]), remove: [] });
    if (!world.runUntil(() => times.length >= members - 1, PATIENCE, 20)) continue;
    half.push(((times[Math.ceil(members / 2) - 2] as number) - sentAt) / PERIOD);
    all.push(((times[members - 2] as number) - sentAt) / PERIOD);
  }
  return { half, all, missed: rumors - all.length };
}

/** Traffic of half a minute in which nothing happens. */
export function measureLoad(seed: number, members: number): MessageLoad {
  const { world } = plainSwimCluster(seed, members);
  const before = { ...world.counts };
  const periods = 30;
  world.run(periods * PERIOD);
  const per = members * periods;
  return {
    packets: (world.counts.packets - before.packets) / per,
    bytes: (world.counts.packetBytes - before.packetBytes) / per,
  };
}

/** Datagrams are lost, and nothing else happens. */
export function measureLoss(seed: number, members: number, loss: number): LossResult {
  const cluster = plainSwimCluster(seed, members, loss);
  const { world } = cluster;
  const span = 2 * MINUTE;
  let failed = 0;
  const suspected = new Set<string>();
  world.subscribe({
    onEffects: (_, facts) => {
      for (const fact of facts)
        if (fact.kind === 'probeFailed') failed += 1;
        else if (fact.kind === 'memberSuspected' && fact.reason.kind === 'probe')
          suspected.add(`${fact.node}@${fact.incarnation}`);
    },
  });
  const before = cluster.falseDeaths().length;
  world.run(span);
  return {
    // With local health off each member starts one probe in every period.
    probes: (members * span) / PERIOD,
    failed,
    suspected: suspected.size,
    dead: cluster.falseDeaths().length - before,
    hours: (members * span) / (60 * MINUTE),
  };
}

/**
 * Chance that a probe of a living member fails: ping or ack is lost, and with each of `helpers` one of four messages.
 *
 * Source: SWIM §3.1, the terms of PM(T) for `q_ml` = 1 − loss.
 */
export const failureChance = (loss: number, helpers: number): number =>
  (1 - (1 - loss) ** 2) * (1 - (1 - loss) ** 4) ** helpers;
