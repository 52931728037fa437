/**
 * Bootstrapping a cluster, so that all members know one another. No table is filled behind an agent's back: agents
 * learn everything from messages of the protocol, so they end up in a state that they can really reach.
 */

import type { Seed } from '../../agent/contract/commands.ts';
import type { MemberView } from '../../agent/contract/view.ts';
import {
  isPossiblyIsolated,
  rejoinProbability,
  seedsWithoutMember,
} from '../../agent/operations/rejoin-policy.ts';
import { formatAddress } from '../../base/address.ts';
import { NO_BYTES } from '../../base/bytes.ts';
import type { Rng } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import { PushNodeState } from '../../wire/memberlist.ts';
import { encodePushPull, sealStream } from '../../wire/stream-writer.ts';
import type { SimHost } from './host.ts';
import { hostEnvelope } from './message-kinds.ts';
import type { World } from './world.ts';

/** Time between two joins. It keeps the seed from receiving all joins at once. */
const STAGGER: Millis = 2;
const PATIENCE: Millis = 300_000;

export const toSeed = (host: SimHost): Seed => ({
  text: formatAddress(host.address),
  addresses: [host.address],
});

/**
 * Starts hosts that do not run and joins all to the first, twice: after the first round the seed knows all, after the
 * second all know one another. Then waits until no broadcast is left. Throws if that takes longer than `limit`.
 */
export function bootstrapCluster(world: World, labels: readonly string[], limit: Millis = PATIENCE): void {
  for (const label of labels) if (!world.host(label).running) world.start(label);
  const [first, ...others] = labels;
  if (first === undefined) return;
  const seeds = [toSeed(world.host(first))];
  for (let round = 0; round < 2; round++) {
    for (const label of others) {
      world.command(label, { kind: 'join', seeds });
      world.run(STAGGER);
    }
    world.run(100);
  }
  runUntilSettled(world, labels, limit);
}

/**
 * Does what `bootstrapCluster` does for a fraction of the work: a synthetic peer that knows all members sends each a
 * push/pull. Members gossip what they learn from it only once instead of some sixteen times, since all have it already.
 * Unlike real joins this leaves no join intents, so Serf's status times are 0.
 */
export function bootstrapByPushPull(world: World, labels: readonly string[], limit: Millis = PATIENCE): void {
  for (const label of labels) if (!world.host(label).running) world.start(label);
  const hosts = labels.map((label) => world.host(label));
  const state = encodePushPull({
    kind: 'pushPull',
    join: false,
    nodes: hosts.map(ownNodeState),
    userState: NO_BYTES,
  });
  const outsider = world.newAddress();
  const nonce = world.nonceSource();
  const retransmitMults = hosts.map((host) => host.swim.retransmitMult);
  for (const host of hosts) {
    host.swim.retransmitMult = 0;
    const bytes = sealStream(state, hostEnvelope(host.currentOptions), { role: 'dialer', nonce });
    world.injectStream(host.label, outsider, bytes);
  }
  runUntilSettled(world, labels, limit);
  hosts.forEach((host, i) => {
    host.swim.retransmitMult = retransmitMults[i] as number;
  });
}

/** Pauses between rejoin attempts: the first, and the longest that backoff leads to. */
const REJOIN_PAUSE: readonly [Millis, Millis] = [1000, 30_000];

/**
 * Does what the shell's rejoin policy does, for every agent of the world from now on: it joins the seeds while the
 * agent is alone or a member is failed; else, now and then, a seed at which no member is known. Without it, agents that
 * restart in a partition under new addresses are lost for good, and so are halves that have forgotten each other. An
 * agent for which `keepsRejoining` is false stops once it has met a member, as a Serf agent does, and leaves the rest
 * to its reconnects.
 */
export function simulateRejoinPolicy(
  world: World,
  seeds: readonly string[],
  keepsRejoining: (host: SimHost) => boolean = () => true,
): void {
  const rng = world.rng.fork();
  const attempt = (host: SimHost, boot: number, pause: Millis): void => {
    if (host.bootCount !== boot || host.agent === undefined) return;
    const members = host.agent.view.members();
    if (!keepsRejoining(host) && members.length > 1) return;
    const needed = isPossiblyIsolated(members);
    const others = seeds.filter((label) => label !== host.label).map((label) => toSeed(world.host(label)));
    const chosen = needed ? others : pickAbsentSeed(others, members, rng);
    if (chosen.length > 0) world.command(host.label, { kind: 'join', seeds: chosen });
    const next = needed ? Math.min(REJOIN_PAUSE[1], 2 * pause) : REJOIN_PAUSE[1];
    world.schedule(world.now + next * (0.75 + rng.next() / 2), () => attempt(host, boot, next));
  };
  const start = (host: SimHost): void =>
    world.schedule(world.now + REJOIN_PAUSE[0], () => attempt(host, host.bootCount, REJOIN_PAUSE[0] / 2));
  for (const host of world.hosts) if (host.running) start(host);
  world.subscribe({ onStart: start });
}

function pickAbsentSeed(seeds: readonly Seed[], members: readonly MemberView[], rng: Rng): readonly Seed[] {
  const absent = seedsWithoutMember(seeds, members);
  if (absent.length === 0 || rng.next() >= rejoinProbability(members)) return [];
  return [absent[rng.int(absent.length)] as Seed];
}

/** Joins a host to some of the others that run, as a person would do at its start. */
export function joinOthers(world: World, label: string): void {
  const seeds = [...world.hosts].filter((host) => host.running && host.label !== label).map(toSeed);
  if (seeds.length > 0) world.command(label, { kind: 'join', seeds: seeds.slice(0, 3) });
}

/** Lets time pass until all members know one another and no broadcast is left. */
function runUntilSettled(world: World, labels: readonly string[], limit: Millis): void {
  const settled = (): boolean => isQuiet(world, labels) && missingMembers(world, labels).length === 0;
  if (world.runUntil(settled, limit, 500)) return;
  const missing = missingMembers(world, labels);
  throw new Error(
    missing.length > 0
      ? `not bootstrapped after ${limit} ms (seed ${world.seed}): ${missing.slice(0, 5).join('; ')}`
      : `broadcasts have not died down ${limit} ms after the joins (seed ${world.seed})`,
  );
}

function isQuiet(world: World, labels: readonly string[]): boolean {
  for (const label of labels)
    for (const size of Object.values(world.host(label).runningAgent.view.health().lanes))
      if (size > 0) return false;
  return true;
}

/** Pairs of which the first does not see the second as alive, in words. */
function missingMembers(world: World, labels: readonly string[]): string[] {
  const found: string[] = [];
  for (const label of labels) {
    const { view } = world.host(label).runningAgent;
    for (const other of labels) {
      const { name } = world.host(other);
      const status = view.member(name)?.status ?? 'unknown';
      if (status !== 'alive') found.push(`${label} sees ${name} as ${status}`);
      if (found.length > 20) return found;
    }
  }
  return found;
}

/** The row that a host has of itself, as others would send it in a push/pull. */
function ownNodeState(host: SimHost): PushNodeState {
  const { identity, incarnation } = host.runningAgent.view.self().serf.member;
  const { name, address, meta, vsn } = identity;
  return PushNodeState.create({
    name,
    addr: address.ip,
    port: address.port,
    meta,
    incarnation,
    state: 0,
    vsn,
  });
}
