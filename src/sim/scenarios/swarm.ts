/**
 * One run of the swarm: hosts, faults and registrations are drawn from a seed, and every law is checked throughout.
 * Then a quiet period follows, in which all hosts must agree within a stated time. Running many seeds is the business
 * of test/swarm.
 */
import type { AgentOptions } from '../../agent/agent.ts';
import type { Agent } from '../../agent/contract/machine.ts';
import type { Millis } from '../../base/time.ts';
import { FAKE_NAME_PREFIX } from '../faults/forgeries.ts';
import { drawFaults, type Fault, type FaultKind, scheduleFaults } from '../faults/index.ts';
import { catalogDisagreements } from '../laws/catalog/catalog.ts';
import { LawChecker } from '../laws/index.ts';
import type { Judgments, Law, LawContext } from '../laws/law.ts';
import { type Disagreement, disagreements, findDisagreements } from '../laws/membership/agreement.ts';
import { FormerAddresses } from '../laws/membership/former-addresses.ts';
import { unsettledHosts } from '../laws/membership/quiet-period.ts';
import { createAgentFor } from '../peers/create-agent.ts';
import { CheckTargets } from '../workload/check-targets.ts';
import { JOB_NAME } from '../workload/job-load.ts';
import { bootstrapCluster, joinOthers, simulateRejoinPolicy } from '../world/bootstrap.ts';
import type { SimHost } from '../world/host.ts';
import { World } from '../world/world.ts';
import {
  applyLinkQuality,
  drawHostOptions,
  drawParameters,
  isByzantine,
  isOnlyByzantine,
  limitLoss,
  type ScenarioOptions,
  type ScenarioParameters,
} from './parameters.ts';
import { type CountedState, type Counts, RunStats } from './run-stats.ts';
import { type SchedulingLaws, type SwarmLoadKind, SwarmLoads } from './swarm-loads.ts';

export interface SwarmOptions extends ScenarioOptions {
  /** Which of the faults that were drawn are injected, by index; all if absent. Used to shrink a failure. */
  readonly includeFault?: (index: number) => boolean;
  /** More laws, which need what this layer may not import. */
  readonly moreLaws?: (context: LawContext) => readonly Law[];
  /** Replaces `createAgentFor`. */
  readonly makeAgent?: (options: AgentOptions, host: SimHost) => Agent;
}

export interface SwarmReport {
  readonly seed: number;
  readonly parameters: ScenarioParameters;
  /** Laws that were violated, and disagreements at the end; empty if the run passed. */
  readonly failures: readonly string[];
  readonly faults: readonly Fault[];
  /** Faults that were injected, by kind. */
  readonly faultCounts: Readonly<Counts<FaultKind>>;
  readonly actionCounts: Readonly<Counts<SwarmLoadKind>>;
  /** Changes of members to each state, summed over all observers. */
  readonly stateCounts: Readonly<Counts<CountedState>>;
  /** How often each law judged. */
  readonly judgments: Judgments;
  /** Running time of members that no fault affected, and how many of their incarnations were declared dead. */
  readonly healthyMillis: Millis;
  readonly falseDeaths: number;
  /** Time from the end of the faults until all agreed on the members, and until all agreed on the catalog too. */
  readonly agreedAfter: Millis;
  readonly catalogAgreedAfter: Millis;
  /** Virtual length of the run. */
  readonly span: Millis;
  readonly hash: string;
  /** The end of the trace. */
  readonly lines: readonly string[];
}

/** The worst that G7 allows, and 30 s more for the catalog (G8). */
const AGREE_WITHIN: Millis = 90_000;
const CATALOG_AGREE_WITHIN: Millis = AGREE_WITHIN + 30_000;
/** After all agree nothing may change for this long (L7). */
const STABLE_FOR: Millis = 40_000;
/** Gossip misses a member now and then; the next push/pull comes within 30 s. */
const SETTLE_WITHIN: Millis = 45_000;
/** The victim of a forged message must be back within this, if nothing else is wrong. */
const RETURN_WITHIN: Millis = 10_000;
/** Laws that hold in spite of Byzantine senders: they concern what a host says of itself and of its own table. */
const BYZANTINE_LAWS = /^\S+ (I1|I5|I11|I13|I14|I28|L4) /;
/** A host that joins after a death. */
const NEWCOMER = 'late';
const KEPT_LINES = 600;
const FAULTS_PER_MINUTE = 8;
/** Hosts that the rejoin policy uses as seeds. */
const SEED_HOSTS = 3;

/** A run under way. */
interface SwarmRun {
  readonly world: World;
  readonly lawChecker: LawChecker;
  readonly targets: CheckTargets;
  readonly parameters: ScenarioParameters;
  readonly byzantine: boolean;
  readonly scheduling: SchedulingLaws;
}

interface Agreement {
  members: Millis;
  catalog: Millis;
}

export function runSwarm(options: SwarmOptions): SwarmReport {
  const { seed, members, minutes } = options;
  const targets = new CheckTargets(seed);
  const { makeAgent = createAgentFor } = options;
  const loads = new SwarmLoads(seed);
  const world = new World({
    seed,
    simulateJobRun: () => loads.jobs.simulateRun(),
    simulateCheck: (host, run, now) => targets.run(host, run, now),
    makeAgent: (agentOptions, host) => makeAgent({ ...agentOptions, jobs: loads.jobs.configured }, host),
    trace: { detail: 'facts', maxLines: KEPT_LINES },
    poisonInputs: true,
  });
  const lawChecker = new LawChecker(world);
  lawChecker.watchCatalog();
  lawChecker.addLaws(...(options.moreLaws?.(lawChecker.context) ?? []));
  const rng = world.rng.fork();
  const parameters = drawParameters(rng, members, options);
  const labels = Array.from({ length: members }, (_, i) => `n${i}`);
  for (const [label, hostOptions] of drawHostOptions(parameters, labels, rng))
    world.add(label, { hasSeeds: true, ...hostOptions });
  bootstrapCluster(world, labels);
  simulateRejoinPolicy(world, labels.slice(0, SEED_HOSTS));
  const stats = new RunStats(world);
  applyLinkQuality(world, parameters);

  const span = minutes * 60_000;
  const { includeFault = () => true } = options;
  const faults = drawFaults(rng, {
    hosts: labels,
    span,
    kinds: parameters.kinds,
    count: Math.round(FAULTS_PER_MINUTE * minutes),
  }).filter((_, i) => includeFault(i));
  const plan = { hosts: labels.slice(0, members - parameters.serfPeers), span };
  const catalogActions = loads.drawCatalog(rng, plan);
  scheduleFaults(world, faults, (fault) => stats.recordFault(fault));
  const scheduling = loads.schedule(world, plan, catalogActions, (workers) =>
    loads.createLaws(lawChecker.context, stats, parameters.loss, workers),
  );
  const byzantine = isByzantine(parameters);
  const run: SwarmRun = { world, lawChecker, targets, parameters, byzantine, scheduling };
  const agreement: Agreement = { members: Number.POSITIVE_INFINITY, catalog: Number.POSITIVE_INFINITY };
  const failures = runToEnd(run, span, agreement);
  const { faultCounts, stateCounts, healthyMillis, falseDeaths } = stats;
  return {
    seed,
    parameters,
    failures,
    faults,
    faultCounts,
    actionCounts: loads.actionCounts,
    stateCounts,
    judgments: judgmentsOf(run),
    healthyMillis,
    falseDeaths,
    agreedAfter: agreement.members,
    catalogAgreedAfter: agreement.catalog,
    span: world.now,
    hash: world.trace.hash,
    lines: failures.length === 0 ? [] : world.trace.lines(),
  };
}

/** Lets the faults and the quiet period pass. Returns what failed; an exception of an agent is a failure too. */
function runToEnd(run: SwarmRun, span: Millis, agreement: Agreement): string[] {
  const { world } = run;
  const failures: string[] = [];
  try {
    world.runUntil(() => violations(run).length > 0, span, 1000);
    if (violations(run).length === 0) {
      failures.push(...checkAgreement(run, agreement));
      if (failures.length === 0) failures.push(...checkStability(run));
      if (failures.length === 0) run.scheduling.partitions?.judgeDrain();
      if (failures.length === 0 && !run.byzantine) failures.push(...checkNewcomer(run));
    }
  } catch (error) {
    failures.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  return [...failures, ...violations(run)];
}

/** L1 to L3 and L8: all agree on the members, and then on the catalog. Records when, and returns disagreements. */
function checkAgreement(run: SwarmRun, agreement: Agreement): string[] {
  const { world, parameters, byzantine, lawChecker, targets } = run;
  const { judged } = lawChecker.context;
  const end = world.now;
  judged('L1');
  judged('L2');
  limitLoss(world, parameters);
  targets.calm();
  // For minutes after a forgery what is told of an owner is first asked of it: behind a job that goes on one is always late.
  if (byzantine) pauseJob(world);
  const isAlone = isOnlyByzantine(parameters) && !parameters.kinds.includes('poisonedBirth');
  const limit = byzantine && isAlone ? RETURN_WITHIN : AGREE_WITHIN;
  const former = new FormerAddresses(world);
  const left = (): readonly Disagreement[] =>
    byzantine ? presenceDisagreements(world) : findDisagreements(world);
  const leftOfOurs = (): readonly Disagreement[] => (byzantine ? left() : former.withoutMoved(left()));
  if (
    !world.runUntil(() => leftOfOurs().length === 0, limit, 200) ||
    !world.runUntil(() => left().length === 0, former.heldUntil - world.now, 200)
  )
    return [`L1, L2 ${world.now - end} ms after the faults`, ...disagreements(world)];
  agreement.members = world.now - end;
  judged('L3');
  const forCatalog = CATALOG_AGREE_WITHIN - Math.min(agreement.members, AGREE_WITHIN);
  if (!world.runUntil(() => isAgreed(world), forCatalog, 200))
    return [`L3 ${world.now - end} ms after the faults`, ...allDisagreements(world)];
  agreement.catalog = world.now - end;
  return [];
}

/** L5 to L7: nobody's state changes any more, and nothing is left to send. */
function checkStability(run: SwarmRun): string[] {
  const { world, lawChecker } = run;
  for (const law of ['L5', 'L6', 'L7'] as const) lawChecker.context.judged(law);
  let failures: string[] = [];
  const { jobs, partitions } = run.scheduling;
  const quiet = (): void => {
    failures = checkNoChange(run);
  };
  const quietForWorkers = partitions === undefined ? quiet : () => partitions.judgeQuietPeriod(quiet);
  if (jobs === undefined) quietForWorkers();
  else jobs.judgeQuietPeriod(quietForWorkers);
  pauseJob(world);
  const { lastCopyAt } = world.network;
  if (failures.length > 0 && lastCopyAt > world.now - STABLE_FOR) {
    // Copies of old messages that are still on their way count as faults: the quiet period begins with the last one.
    world.run(Math.max(0, lastCopyAt - world.now));
    failures = world.runUntil(() => isAgreed(world), CATALOG_AGREE_WITHIN, 200)
      ? checkNoChange(run)
      : ['L1 to L3 after the last copy', ...disagreements(world)];
  }
  if (!world.runUntil(() => unsettledHosts(world).length === 0, SETTLE_WITHIN, 200))
    failures.push(...unsettledHosts(world));
  return failures;
}

/** A job that goes on always has something to send. */
function pauseJob(world: World): void {
  const host = [...world.hosts].find(({ agent }) => agent?.view.jobs.get(JOB_NAME) !== undefined);
  if (host !== undefined) world.command(host.label, { kind: 'orderJob', name: JOB_NAME, order: 'pause' });
}

/**
 * L8: a host dies for good, and one that was never there joins when all have seen it. In the end they list the same nodes.
 */
function checkNewcomer({ world, lawChecker, scheduling }: SwarmRun): string[] {
  const [first, ...others] = [...world.hosts].filter((host) => host.running);
  const victim = others.at(-1);
  if (first === undefined || victim === undefined || others.length < 2) return [];
  lawChecker.context.judged('L8');
  const isSeen = (host: SimHost): boolean =>
    !host.running || host.agent?.view.member(victim.name)?.status === 'failed';
  const areAllTold = (): boolean => [...world.hosts].every(isSeen);
  const die = (): void => {
    world.stop(victim.label);
    world.runUntil(areAllTold, AGREE_WITHIN, 1000);
  };
  if (scheduling.partitions === undefined) die();
  else scheduling.partitions.judgeChange(victim.label, die);
  if (!areAllTold()) return [`L2 ${victim.label} died ${AGREE_WITHIN} ms ago`, ...allDisagreements(world)];
  world.add(NEWCOMER, first.options);
  world.start(NEWCOMER);
  joinOthers(world, NEWCOMER);
  if (world.runUntil(() => isAgreed(world), SETTLE_WITHIN, 200)) return [];
  return [`L8 ${SETTLE_WITHIN} ms after ${NEWCOMER} joined`, ...allDisagreements(world)];
}

/** L7: lets `STABLE_FOR` pass, in which no observer may change its mind. */
function checkNoChange({ world, lawChecker }: SwarmRun): string[] {
  const found: string[] = [];
  const before = lawChecker.membershipChanges.count;
  world.run(STABLE_FOR);
  const { count, last } = lawChecker.membershipChanges;
  if (count > before) found.push(`L7 after all agreed, ${count - before} changes: ${last}`);
  // A TTL check may have expired just now, so the catalog gets time to settle.
  if (disagreements(world).length > 0 || !world.runUntil(() => isAgreed(world), SETTLE_WITHIN, 200))
    found.push(`L7 ${STABLE_FOR} ms after all agreed`, ...allDisagreements(world));
  return found;
}

const violations = ({ lawChecker, byzantine }: SwarmRun): string[] =>
  byzantine ? lawChecker.violations.filter((line) => BYZANTINE_LAWS.test(line)) : lawChecker.violations;

/** A law that is not held against a run does not judge there. */
const judgmentsOf = ({ lawChecker: { judgments }, byzantine }: SwarmRun): Judgments =>
  byzantine
    ? Object.fromEntries(Object.entries(judgments).filter(([law]) => BYZANTINE_LAWS.test(`0 ${law} `)))
    : judgments;

const allDisagreements = (world: World): string[] => [
  ...disagreements(world),
  ...catalogDisagreements(world),
];

const isAgreed = (world: World): boolean =>
  disagreements(world).length === 0 && catalogDisagreements(world).length === 0;

/**
 * Disagreements about which real hosts are there. Invented names do not count, and neither does a member that is held
 * alive at an incarnation it has outbid since.
 */
const presenceDisagreements = (world: World): readonly Disagreement[] =>
  findDisagreements(world).filter(
    ({ what }) => !what.includes(FAKE_NAME_PREFIX) && !what.includes(' instead of @'),
  );
