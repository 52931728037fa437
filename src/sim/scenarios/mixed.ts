/**
 * One run of a mixed cluster: agents and Serf peers side by side fire events, send queries and rotate their keys while
 * faults occur. Then a quiet period follows, in which every member must have received all events it is expected to.
 * The laws of membership are checked too; the catalog is the business of swarm.ts.
 */
import type { Rng } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import { drawFaults, FAULT_KINDS, type Fault, type FaultKind, scheduleFaults } from '../faults/index.ts';
import { disagreements, LawChecker } from '../laws/index.ts';
import type { Judgments } from '../laws/law.ts';
import { EventLaw } from '../laws/messages/events.ts';
import { KeyringLaw } from '../laws/messages/keyrings.ts';
import { type HealthySince, QueryLaw } from '../laws/messages/queries.ts';
import { createAgentFor } from '../peers/create-agent.ts';
import {
  drawKeyRotations,
  isLeftBehind,
  type KeyRotationStep,
  scheduleKeyRotations,
} from '../workload/key-rotations.ts';
import {
  drawMessageLoad,
  type MessageLoadKind,
  roleTags,
  scheduleMessageLoad,
} from '../workload/message-load.ts';
import { bootstrapCluster, simulateRejoinPolicy } from '../world/bootstrap.ts';
import type { SimHost } from '../world/host.ts';
import { World } from '../world/world.ts';
import {
  applyLinkQuality,
  drawHostOptions,
  drawParameters,
  limitLoss,
  type ScenarioOptions,
  type ScenarioParameters,
} from './parameters.ts';
import { type Counts, increment, RunStats } from './run-stats.ts';

/** At least five members. */
export type MixedOptions = ScenarioOptions;

export interface MixedReport {
  readonly seed: number;
  readonly parameters: ScenarioParameters;
  /** Empty if the run passed. */
  readonly failures: readonly string[];
  readonly faults: readonly Fault[];
  /** Faults that were injected, messages that were sent, and steps of key rotations that were taken, by kind. */
  readonly faultCounts: Readonly<Counts<FaultKind>>;
  readonly messageCounts: Readonly<Counts<MessageLoadKind>>;
  readonly rotationCounts: Readonly<Counts<KeyRotationStep>>;
  /** How often each law judged. */
  readonly judgments: Judgments;
  /** Times a member received an event of another; and how long that took, between healthy members without loss. */
  readonly eventDeliveries: number;
  readonly deliveryDelays: readonly Millis[];
  readonly responses: number;
  readonly acks: number;
  /** Acks expected by any querier where nothing is lost, and those of them that gossip missed (Serf peers only). */
  readonly expectedAcks: number;
  readonly missedAcks: number;
  /** Hosts that a key rotation left behind, that were notified of it, and that got the keys. */
  readonly recoveredHosts: number;
  /** Checks of one pair of members that were healthy when a key rotation began; one a second. */
  readonly watchedPairs: number;
  /** Time from the end of the faults until all agreed and no delivery was missing. */
  readonly settledAfter: Millis;
  /** Virtual length of the run. */
  readonly span: Millis;
  readonly hash: string;
  /** The end of the trace. */
  readonly lines: readonly string[];
}

/**
 * Kinds of fault in a mixed cluster. Those are left out in which a second host has the same name, or a host receives
 * nothing: the laws here tell members apart by name and expect that running members can receive.
 */
export const MIXED_KINDS: readonly FaultKind[] = FAULT_KINDS.filter(
  (kind) => kind !== 'duplicateName' && kind !== 'deafJoiner',
);

/**
 * E2: without loss a healthy member has received every event within this. Gossip takes up to three seconds; a member
 * that it misses starts a push/pull within 30 s.
 */
const DELIVERED_WITHIN: Millis = 45_000;
/** With up to 10 % loss one push/pull may fail or take long, and the next one delivers. */
const DELIVERED_WITHIN_LOSS: Millis = 90_000;
const HIGH_LOSS = 0.1;
/** Limit after the last fault. */
const SETTLED_WITHIN: Millis = 240_000;
/** An event that fewer of the running members hold may still be delivered, but need not. */
const REQUIRED_SHARE = 0.5;
const CHECK_EVERY: Millis = 5000;
const RECOVER_EVERY: Millis = 4 * CHECK_EVERY;
const FAULTS_PER_MINUTE = 3;
const MESSAGES_PER_MINUTE = 40;
const ROTATIONS = 2;
const KEPT_LINES = 600;
/** Hosts that the rejoin policy uses as seeds. */
const SEED_HOSTS = 3;

/** The laws of a mixed cluster, and what they know of its health. */
interface MixedLaws {
  readonly checker: LawChecker;
  readonly healthySince: HealthySince;
  readonly events: EventLaw;
  readonly queries: QueryLaw;
  readonly keyrings: KeyringLaw;
}

interface LoadCounts {
  readonly messages: Counts<MessageLoadKind>;
  readonly rotations: Counts<KeyRotationStep>;
}

export function runMixed(options: MixedOptions): MixedReport {
  const { seed, members, minutes } = options;
  const world = new World({
    seed,
    makeAgent: createAgentFor,
    trace: { detail: 'facts', maxLines: KEPT_LINES },
    poisonInputs: true,
  });
  const checker = new LawChecker(world);
  const rng = world.rng.fork();
  const parameters = drawMixedParameters(rng, members, options);
  const labels = Array.from({ length: members }, (_, i) => `n${i}`);
  const stats = new RunStats(world);
  const laws = createLaws(world, checker, stats, parameters);
  const hostOptions = [...drawHostOptions(parameters, labels, rng)];
  for (const [i, [label, one]] of hostOptions.entries()) world.add(label, { ...one, tags: roleTags(i) });
  bootstrapCluster(world, labels);
  simulateRejoinPolicy(world, labels.slice(0, SEED_HOSTS), (host) => host.options.serfPeer !== true);
  applyLinkQuality(world, parameters);

  const span = minutes * 60_000;
  const count = Math.round(FAULTS_PER_MINUTE * minutes);
  const faults = drawFaults(rng, { hosts: labels, span, kinds: parameters.kinds, count });
  scheduleFaults(world, faults, (fault) => stats.recordFault(fault));
  const counts = scheduleLoad(world, laws, rng, { hosts: labels, span, encrypted: parameters.encrypted });
  reportLateDeliveries(world, laws, parameters);

  const outcome = runToEnd(world, laws, span, parameters);
  const { failures } = outcome;
  const { events, queries, keyrings } = laws;
  return {
    seed,
    parameters,
    failures,
    faults,
    faultCounts: stats.faultCounts,
    messageCounts: counts.messages,
    rotationCounts: counts.rotations,
    judgments: laws.checker.judgments,
    eventDeliveries: events.deliveryDelays.length,
    deliveryDelays: parameters.loss === 0 ? healthyDelays(laws) : [],
    responses: queries.responses,
    acks: queries.acks,
    expectedAcks: queries.expectedAcks,
    missedAcks: queries.missedAcks,
    recoveredHosts: keyrings.recovered,
    watchedPairs: keyrings.pairChecks,
    settledAfter: outcome.settledAfter,
    span: world.now,
    hash: world.trace.hash,
    lines: failures.length === 0 ? [] : world.trace.lines(),
  };
}

/**
 * The parameters of the swarm, but with at least two agents of each kind, two thirds of the clusters encrypted, and
 * half of them without loss.
 */
function drawMixedParameters(rng: Rng, members: number, given: MixedOptions): ScenarioParameters {
  const drawn = drawParameters(rng, members, given);
  const kinds = given.kinds ?? drawn.kinds.filter((kind) => MIXED_KINDS.includes(kind));
  const serfPeers = 2 + rng.int(Math.max(1, members - 3));
  const loss = given.loss ?? (rng.int(2) === 0 ? 0 : drawn.loss);
  return { ...drawn, kinds, serfPeers, loss, encrypted: rng.int(3) > 0 };
}

function createLaws(
  world: World,
  checker: LawChecker,
  stats: RunStats,
  { loss, encrypted }: ScenarioParameters,
): MixedLaws {
  const { context } = checker;
  const healthySince = (host: SimHost): Millis | undefined => stats.healthySince(host);
  /** A host whose keys are not those of the others cannot be reached. */
  const reachableSince = (host: SimHost): Millis | undefined =>
    encrypted && isLeftBehind(world, host) ? undefined : healthySince(host);
  const laws: MixedLaws = {
    checker,
    healthySince,
    events: new EventLaw(context),
    queries: new QueryLaw(context, loss === 0, reachableSince),
    keyrings: new KeyringLaw(context, healthySince, loss <= HIGH_LOSS),
  };
  checker.addLaws(laws.events, laws.keyrings);
  return laws;
}

/** Draws and schedules messages and key rotations. Returns the counts of those that will really have happened. */
function scheduleLoad(
  world: World,
  { queries, keyrings }: MixedLaws,
  rng: Rng,
  plan: { readonly hosts: readonly string[]; readonly span: Millis; readonly encrypted: boolean },
): LoadCounts {
  const { hosts, span, encrypted } = plan;
  const messages: Counts<MessageLoadKind> = {};
  const count = Math.round((MESSAGES_PER_MINUTE * span) / 60_000);
  scheduleMessageLoad(world, drawMessageLoad(rng, { hosts, span, count }), {
    onEvent: (kind) => increment(messages, kind),
    onQuery: (kind, host, question, report) => {
      increment(messages, kind);
      queries.onQuery(host, question, report);
    },
    onResponse: (host, query, response) => queries.onResponse(host, query, response),
  });
  const rotations: Counts<KeyRotationStep> = {};
  scheduleKeyRotations(world, drawKeyRotations(rng, hosts, span, encrypted ? ROTATIONS : 0), (step) => {
    if (step === 'started') keyrings.onRotationStart();
    increment(rotations, step);
  });
  return { messages, rotations };
}

/** E2 while faults last, between members that none of them affects. */
function reportLateDeliveries(
  world: World,
  { checker, events, healthySince }: MixedLaws,
  { loss }: ScenarioParameters,
): void {
  if (loss > HIGH_LOSS) return;
  const limit = loss === 0 ? DELIVERED_WITHIN : DELIVERED_WITHIN_LOSS;
  const reported = new Set<string>();
  const check = (): void => {
    for (const { host, name, at, by } of events.missingDeliveries()) {
      checker.context.judged('E2');
      const wasHealthy = (one: SimHost): boolean => isHealthySince(healthySince, one, at);
      const key = `${host.label} ${name}`;
      if (world.now - at <= limit || !wasHealthy(host) || !wasHealthy(by) || reported.has(key)) continue;
      reported.add(key);
      const late = Math.round(world.now - at);
      checker.reportViolation(`E2 ${host.label} has not received ${name} of ${by.label} for ${late} ms`);
    }
    world.schedule(world.now + CHECK_EVERY, check);
  };
  world.schedule(world.now + CHECK_EVERY, check);
}

/** Lets the faults and the quiet period pass. An exception of an agent is a failure too. */
function runToEnd(
  world: World,
  laws: MixedLaws,
  span: Millis,
  parameters: ScenarioParameters,
): { readonly failures: readonly string[]; readonly settledAfter: Millis } {
  const { violations } = laws.checker;
  const failures: string[] = [];
  let settledAfter = Number.POSITIVE_INFINITY;
  try {
    world.runUntil(() => violations.length > 0, span, 1000);
    if (violations.length === 0) {
      const end = world.now;
      limitLoss(world, parameters);
      for (const law of ['L1', 'L2', 'E2'] as const) laws.checker.context.judged(law);
      if (runUntilSettled(world, laws)) settledAfter = world.now - end;
      else failures.push(`${SETTLED_WITHIN} ms after the faults`, ...unsettled(world, laws));
    }
  } catch (error) {
    failures.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  return { failures: [...failures, ...violations], settledAfter };
}

/** Lets time pass until all agree and no delivery is missing; hosts that were left behind get the keys meanwhile. */
function runUntilSettled(world: World, { events, keyrings }: MixedLaws): boolean {
  let recoverAt = world.now;
  const settled = (): boolean => {
    if (world.now >= recoverAt) {
      keyrings.recoverAll();
      recoverAt += RECOVER_EVERY;
    }
    return disagreements(world).length === 0 && events.missingDeliveries(REQUIRED_SHARE).length === 0;
  };
  return world.runUntil(settled, SETTLED_WITHIN, 500);
}

const unsettled = (world: World, { events }: MixedLaws): string[] => [
  ...disagreements(world),
  ...events
    .missingDeliveries(REQUIRED_SHARE)
    .map(({ host, name, by }) => `E2 ${host.label} has never received ${name} of ${by.label}`),
];

/** Delays of deliveries between members that were healthy from the time the event was fired on. */
const healthyDelays = ({ events, healthySince }: MixedLaws): Millis[] =>
  events.deliveryDelays
    .filter(
      ({ host, by, at }) => isHealthySince(healthySince, host, at) && isHealthySince(healthySince, by, at),
    )
    .map(({ took }) => took);

const isHealthySince = (healthySince: HealthySince, host: SimHost, at: Millis): boolean =>
  (healthySince(host) ?? Number.POSITIVE_INFINITY) <= at;
