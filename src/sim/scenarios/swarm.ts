/**
 * One seed's story without a plot: hosts, troubles and registrations drawn from it, every law watched throughout;
 * then calm, in which all must agree within a stated time. Who runs many of them is the tests' business.
 */
import { type AgentOptions, createAgent } from '../../agent/agent.ts';
import type { Agent } from '../../agent/contract/machine.ts';
import type { Millis } from '../../base/time.ts';
import { FAKE_NAME_PREFIX } from '../faults/byzantine.ts';
import { BYZANTINE_KINDS, drawFaults, type Fault, type FaultKind, scheduleFaults } from '../faults/index.ts';
import { CatalogLaws, catalogDisagreements } from '../laws/catalog/catalog.ts';
import { disagreements, LawChecker } from '../laws/index.ts';
import { unsettledHosts } from '../laws/membership/calm.ts';
import { SerfPeer } from '../peers/serf-peer.ts';
import { type CatalogLoadKind, drawCatalogLoad, scheduleCatalogLoad } from '../workload/catalog-load.ts';
import { bootstrapCluster, simulateRejoinPolicy } from '../world/bootstrap.ts';
import type { SimHost } from '../world/host.ts';
import { World } from '../world/world.ts';
import {
  drawHostOptions,
  drawParameters,
  MAX_LOSS_AFTER_FAULTS,
  type ScenarioParameters,
} from './parameters.ts';
import { type CountedState, RunStats } from './run-stats.ts';

export interface SwarmOptions {
  readonly seed: number;
  readonly members: number;
  /** How long troubles come, in virtual minutes. */
  readonly minutes: number;
  /** Which troubles, and how much loss; drawn if absent. */
  readonly kinds?: readonly FaultKind[];
  readonly loss?: number;
  /** Only so many of the troubles and deeds, to find those that matter; all if absent. */
  readonly includeFault?: (index: number) => boolean;
  /** Makes the agents, in place of `createAgent`. */
  readonly makeAgent?: (options: AgentOptions, host: SimHost) => Agent;
}

export interface SwarmReport {
  readonly seed: number;
  readonly parameters: ScenarioParameters;
  /** Empty if all went well. Laws that were broken, or who did not agree at the end. */
  readonly failures: readonly string[];
  readonly faults: readonly Fault[];
  /** Troubles that really came, by kind. */
  readonly faultCounts: Readonly<Partial<Record<FaultKind, number>>>;
  readonly actionCounts: Readonly<Partial<Record<CatalogLoadKind, number>>>;
  /** Changes of members to each state, over all observers. */
  readonly stateCounts: Readonly<Partial<Record<CountedState, number>>>;
  /** Time that members lived whom no trouble concerned, and how many of their lives somebody held for ended. */
  readonly healthyMillis: Millis;
  readonly falseDeaths: number;
  /** From calm until all agreed on the members, and on the catalogue too. */
  readonly agreedAfter: Millis;
  readonly catalogAgreedAfter: Millis;
  /** Virtual milliseconds in all. */
  readonly span: Millis;
  readonly hash: string;
  /** The end of the trace. */
  readonly lines: readonly string[];
}

/** G7's worst, and G8's 30 s on top. */
const AGREE_WITHIN: Millis = 90_000;
const EQUAL_WITHIN: Millis = AGREE_WITHIN + 30_000;
/** Time after agreement in which nothing may change any more. */
const QUIET: Millis = 40_000;
/** Now and then a rumor passes somebody by (seed 4507); the next push/pull tells. */
const NEWS_WITHIN: Millis = 45_000;
/** Whoever was lied about must be back within this. */
const RETURN_WITHIN: Millis = 10_000;
/** What must hold among liars too: laws about what a host says of itself and of its own table. */
const HOSTILE_LAWS = /^\S+ (I1|I5|I11|I13|I14|L4) /;
const KEPT_LINES = 600;
const FAULTS_PER_MINUTE = 8;
const ACTIONS_PER_MINUTE = 30;

export function runSwarm({
  seed,
  members,
  minutes,
  includeFault: keep,
  makeAgent: birth = createAgentFor,
  ...given
}: SwarmOptions): SwarmReport {
  const world = new World({
    seed,
    makeAgent: birth,
    trace: { detail: 'facts', maxLines: KEPT_LINES },
    poisonInputs: true,
  });
  const checkers = new LawChecker(world);
  new CatalogLaws(world, checkers.broken);
  const chance = world.rng.fork();
  const setting = drawParameters(chance, members, given);
  const labels = Array.from({ length: members }, (_, i) => `n${i}`);
  for (const [label, options] of drawHostOptions(setting, labels, chance)) world.add(label, options);
  bootstrapCluster(world, labels);
  simulateRejoinPolicy(world, labels.slice(0, 3));
  const tally = new RunStats(world);
  const { loss, reorder } = setting;
  world.network.linkQuality = { ...world.network.linkQuality, loss, reorder };

  const span = minutes * 60_000;
  const kept = <T>(all: readonly T[]): T[] => (keep === undefined ? [...all] : all.filter((_, i) => keep(i)));
  const plan = { hosts: labels, span, kinds: setting.kinds };
  const faults = kept(drawFaults(chance, { ...plan, count: Math.round(FAULTS_PER_MINUTE * minutes) }));
  const deeds = drawCatalogLoad(chance, {
    hosts: labels.slice(0, members - setting.serfPeers),
    span,
    count: Math.round(ACTIONS_PER_MINUTE * minutes),
  });
  const done: Partial<Record<CatalogLoadKind, number>> = {};
  scheduleFaults(world, faults, (fault) => tally.recordFault(fault));
  scheduleCatalogLoad(world, deeds, ({ kind }) => {
    done[kind] = (done[kind] ?? 0) + 1;
  });
  const hostile = setting.kinds.some((kind) => BYZANTINE_KINDS.includes(kind));
  const broken = (): string[] =>
    hostile ? checkers.violations.filter((line) => HOSTILE_LAWS.test(line)) : checkers.violations;
  const failures: string[] = [];
  let agreedAfter = Number.POSITIVE_INFINITY;
  let equalAfter = Number.POSITIVE_INFINITY;
  try {
    world.runUntil(() => broken().length > 0, span, 1000);
    if (broken().length === 0) {
      const calm = world.now;
      world.network.linkQuality = {
        ...world.network.linkQuality,
        loss: Math.min(loss, MAX_LOSS_AFTER_FAULTS),
      };
      const within = hostile ? RETURN_WITHIN : AGREE_WITHIN;
      const agree = (): boolean => disagreements(world).length === 0;
      const agreeOnHosts = (): boolean => hostDisagreements(world).length === 0;
      if (world.runUntil(hostile ? agreeOnHosts : agree, within, 200)) agreedAfter = world.now - calm;
      else failures.push(`L1, L2 after ${within} ms of calm`, ...disagreements(world));
      const equal = (): boolean => agree() && catalogDisagreements(world).length === 0;
      if (world.runUntil(equal, EQUAL_WITHIN - (world.now - calm), 200)) equalAfter = world.now - calm;
      else if (failures.length === 0)
        failures.push(
          `L3 after ${EQUAL_WITHIN} ms of calm`,
          ...disagreements(world),
          ...catalogDisagreements(world),
        );
      if (failures.length === 0) {
        const quiet = { checkers, agree, equal };
        let stirred = checkQuietPeriod(world, quiet);
        const { lastCopyAt: lateUntil } = world.network;
        if (stirred.length > 0 && lateUntil > world.now - QUIET) {
          // Old news on its way, even that of a former life, is trouble yet: calm begins when the last copy has arrived.
          world.run(Math.max(0, lateUntil - world.now));
          const settled = world.runUntil(equal, EQUAL_WITHIN, 200);
          stirred = settled
            ? checkQuietPeriod(world, quiet)
            : ['L1 to L3 after the last copy', ...disagreements(world)];
        }
        failures.push(...stirred);
        if (!world.runUntil(() => unsettledHosts(world).length === 0, NEWS_WITHIN, 200))
          failures.push(...unsettledHosts(world));
      }
    }
  } catch (error) {
    failures.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  failures.push(...broken());
  const { faultCounts: struck, stateCounts: states, healthyMillis, falseDeaths } = tally;
  return {
    seed,
    parameters: setting,
    failures,
    faults,
    faultCounts: struck,
    actionCounts: done,
    stateCounts: states,
    healthyMillis,
    falseDeaths,
    agreedAfter,
    catalogAgreedAfter: equalAfter,
    span: world.now,
    hash: world.trace.hash,
    lines: failures.length === 0 ? [] : world.trace.lines(),
  };
}

/** L7: lets `QUIET` pass, in which nobody may change his mind. What was otherwise; empty if nothing. */
function checkQuietPeriod(
  world: World,
  {
    checkers,
    agree,
    equal,
  }: { readonly checkers: LawChecker; readonly agree: () => boolean; readonly equal: () => boolean },
): string[] {
  const found: string[] = [];
  const before = checkers.membershipChanges.count;
  world.run(QUIET);
  const { count, last } = checkers.membershipChanges;
  if (count > before) found.push(`L7 all agreed, and then ${count - before} times not: ${last}`);
  // A check may have run out just now.
  if (!agree() || !world.runUntil(equal, NEWS_WITHIN, 200))
    found.push(
      `L7 all agreed, and ${QUIET} ms later do not`,
      ...disagreements(world),
      ...catalogDisagreements(world),
    );
  return found;
}

/** Peers without a catalogue are other agents. */
const createAgentFor = (options: AgentOptions, host: SimHost): Agent =>
  host.options.serfPeer === true ? new SerfPeer(options) : createAgent(options);

/**
 * Of the disagreements those about who is away, and only of real hosts, not of names somebody made up. One that is
 * alive at an incarnation it has outbid since is not away; that all hold the same is asked for later, as of everybody.
 */
const hostDisagreements = (world: World): string[] =>
  disagreements(world).filter((line) => !line.includes(FAKE_NAME_PREFIX) && !line.includes(' instead of @'));
