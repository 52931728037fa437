/**
 * One seed's story of a mixed cluster: ours and Go-like peers side by side, who fire events, ask queries and change their keys
 * while troubles come and go; then calm, in which every member must have heard all it is owed. The laws of membership are
 * watched too. The catalogue is swarm.ts's.
 */
import { type AgentOptions, createAgent } from '../../agent/agent.ts';
import type { Agent } from '../../agent/contract/machine.ts';
import type { Rng } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import { drawFaults, FAULT_KINDS, type Fault, type FaultKind, scheduleFaults } from '../faults/index.ts';
import { disagreements, LawChecker } from '../laws/index.ts';
import { QueryLaw } from '../laws/messages/answers.ts';
import { EventLaw } from '../laws/messages/events.ts';
import { KeyringLaw } from '../laws/messages/keyrings.ts';
import { SerfPeer } from '../peers/serf-peer.ts';
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
  drawHostOptions,
  drawParameters,
  MAX_LOSS_AFTER_FAULTS,
  type ScenarioParameters,
} from './parameters.ts';
import { RunStats } from './run-stats.ts';

export interface MixedOptions {
  readonly seed: number;
  /** At least five. */
  readonly members: number;
  /** How long troubles come, in virtual minutes. */
  readonly minutes: number;
  /** Which troubles, and how much loss; drawn if absent. */
  readonly kinds?: readonly FaultKind[];
  readonly loss?: number;
}

export interface MixedReport {
  readonly seed: number;
  readonly parameters: ScenarioParameters;
  /** Empty if all went well. */
  readonly failures: readonly string[];
  readonly faults: readonly Fault[];
  /** Troubles that really came, what was really said, steps of key changes that were taken. */
  readonly faultCounts: Readonly<Partial<Record<FaultKind, number>>>;
  readonly messageCounts: Readonly<Partial<Record<MessageLoadKind, number>>>;
  readonly rotationCounts: Readonly<Partial<Record<KeyRotationStep, number>>>;
  /** Events times members that heard them; how long it took among those who were well, where nothing was lost. */
  readonly eventDeliveries: number;
  readonly deliveryDelays: readonly Millis[];
  readonly responses: number;
  readonly acks: number;
  /** Acks owed to Go-like askers and ours where nothing was lost; those that gossip passed over (Go-like ones alone). */
  readonly expectedAcks: number;
  readonly missedAcks: number;
  /** Left behind by a change of keys, told so, and brought back. */
  readonly recoveredHosts: number;
  /** Pairs of members that were well when a change of keys began, seconds while they were watched. */
  readonly watchedPairs: number;
  /** From calm until all agreed, and nothing was owed. */
  readonly settledAfter: Millis;
  readonly span: Millis;
  readonly hash: string;
  readonly lines: readonly string[];
}

/**
 * Kinds of trouble in a mixed world: not those in which a second host bears a name, or one is deaf for good, since laws here know
 * members by name, and expect that whoever runs can hear.
 */
export const MIXED_KINDS: readonly FaultKind[] = FAULT_KINDS.filter(
  (kind) => kind !== 'duplicateName' && kind !== 'deafJoiner',
);

/**
 * E2: who is well has heard of everything within this, if nothing is lost: gossip is over after three seconds, and
 * whom it passed by asks somebody within half a minute, and is answered.
 */
const DELIVERED_WITHIN: Millis = 45_000;
/** With up to a tenth lost an exchange may fail, or crawl: the one after it must do. */
const DELIVERED_WITHIN_LOSS: Millis = 90_000;
const MUCH_LOSS = 0.1;
/** After the last trouble, whatever came before. */
const DONE_WITHIN: Millis = 240_000;
/** What fewer of them hold may still be heard, and need not. */
const HELD_BY = 0.5;
const LOOK_EVERY: Millis = 5000;
const FAULTS_PER_MINUTE = 3;
const MESSAGES_PER_MINUTE = 40;
const ROTATIONS = 2;
const KEPT_LINES = 600;

export function runMixed({ seed, members, minutes, ...given }: MixedOptions): MixedReport {
  const world = new World({
    seed,
    makeAgent: createAgentFor,
    trace: { detail: 'facts', maxLines: KEPT_LINES },
    poisonInputs: true,
  });
  const checkers = new LawChecker(world);
  const chance = world.rng.fork();
  const setting = drawMixedParameters(chance, members, given);
  const labels = Array.from({ length: members }, (_, i) => `n${i}`);
  const tally = new RunStats(world);
  const wellness = (host: SimHost): Millis | undefined => tally.healthySince(host);
  const ground = { world, reportViolation: checkers.broken, isForged: () => false };
  const events = new EventLaw(ground);
  /** Who does not understand the others, or they him, is not reached. */
  const reached = (host: SimHost): Millis | undefined =>
    setting.encrypted && isLeftBehind(world, host) ? undefined : wellness(host);
  const answers = new QueryLaw(ground, setting.loss === 0, reached);
  const keyrings = new KeyringLaw(ground, wellness, setting.loss <= MUCH_LOSS);
  checkers.addLaws(events, keyrings);
  let i = 0;
  for (const [label, options] of drawHostOptions(setting, labels, chance))
    world.add(label, { ...options, tags: roleTags(i++) });
  bootstrapCluster(world, labels);
  simulateRejoinPolicy(world, labels.slice(0, 3), (host) => host.options.serfPeer !== true);
  const { loss, reorder } = setting;
  world.network.linkQuality = { ...world.network.linkQuality, loss, reorder };

  const span = minutes * 60_000;
  const plan = { hosts: labels, span };
  const faults = drawFaults(chance, {
    ...plan,
    kinds: setting.kinds,
    count: Math.round(FAULTS_PER_MINUTE * minutes),
  });
  scheduleFaults(world, faults, (fault) => tally.recordFault(fault));
  const said: Partial<Record<MessageLoadKind, number>> = {};
  const count = <K extends string>(of: Partial<Record<K, number>>, kind: K): void => {
    of[kind] = (of[kind] ?? 0) + 1;
  };
  scheduleMessageLoad(
    world,
    drawMessageLoad(chance, { ...plan, count: Math.round(MESSAGES_PER_MINUTE * minutes) }),
    {
      onEvent: (kind) => count(said, kind),
      onQuery: (kind, host, question, asked) => {
        count(said, kind);
        answers.onQuery(host, question, asked);
      },
      onResponse: (host, query, answer) => answers.onResponse(host, query, answer),
    },
  );
  const steps: Partial<Record<KeyRotationStep, number>> = {};
  const rotations = drawKeyRotations(chance, labels, span, setting.encrypted ? ROTATIONS : 0);
  scheduleKeyRotations(world, rotations, (step) => {
    if (step === 'started') keyrings.onRotationStart();
    count(steps, step);
  });
  checkMissingDeliveries(world, events, checkers, setting, wellness);

  const failures: string[] = [];
  let doneAfter = Number.POSITIVE_INFINITY;
  try {
    world.runUntil(() => checkers.violations.length > 0, span, 1000);
    if (checkers.violations.length === 0) {
      const calm = world.now;
      world.network.linkQuality = {
        ...world.network.linkQuality,
        loss: Math.min(loss, MAX_LOSS_AFTER_FAULTS),
      };
      let look = calm;
      const done = (): boolean => {
        if (world.now >= look) {
          keyrings.recoverAll();
          look += LOOK_EVERY * 4;
        }
        return disagreements(world).length === 0 && events.missingDeliveries(HELD_BY).length === 0;
      };
      if (world.runUntil(done, DONE_WITHIN, 500)) doneAfter = world.now - calm;
      else
        failures.push(
          `after ${DONE_WITHIN} ms of calm`,
          ...disagreements(world),
          ...formatMissingDeliveries(events),
        );
    }
  } catch (error) {
    failures.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  failures.push(...checkers.violations);
  const calmly = (host: SimHost, at: Millis): boolean => (wellness(host) ?? Number.POSITIVE_INFINITY) <= at;
  return {
    seed,
    parameters: setting,
    failures,
    faults,
    faultCounts: tally.faultCounts,
    messageCounts: said,
    rotationCounts: steps,
    eventDeliveries: events.deliveryDelays.length,
    deliveryDelays:
      loss === 0
        ? events.deliveryDelays
            .filter(({ host, by, at }) => calmly(host, at) && calmly(by, at))
            .map(({ took }) => took)
        : [],
    responses: answers.responses,
    acks: answers.acks,
    expectedAcks: answers.expectedAcks,
    missedAcks: answers.missedAcks,
    recoveredHosts: keyrings.recovered,
    watchedPairs: keyrings.pairChecks,
    settledAfter: doneAfter,
    span: world.now,
    hash: world.trace.hash,
    lines: failures.length === 0 ? [] : world.trace.lines(),
  };
}

/** As the swarm's, but with at least two of each kind, most of them encrypted, and half of them without loss. */
function drawMixedParameters(
  chance: Rng,
  members: number,
  given: { readonly kinds?: readonly FaultKind[]; readonly loss?: number },
): ScenarioParameters {
  const drawn = drawParameters(chance, members, given);
  const kinds = given.kinds ?? drawn.kinds.filter((kind) => MIXED_KINDS.includes(kind));
  const plain = 2 + chance.int(Math.max(1, members - 3));
  const loss = given.loss ?? (chance.int(2) === 0 ? 0 : drawn.loss);
  return { ...drawn, kinds, serfPeers: plain, loss, encrypted: chance.int(3) > 0 };
}

/** E2 while troubles last, among those that none concerns. */
function checkMissingDeliveries(
  world: World,
  events: EventLaw,
  checkers: LawChecker,
  { loss }: ScenarioParameters,
  wellness: (host: SimHost) => Millis | undefined,
): void {
  if (loss > MUCH_LOSS) return;
  const within = loss === 0 ? DELIVERED_WITHIN : DELIVERED_WITHIN_LOSS;
  const told = new Set<string>();
  const look = (): void => {
    for (const { host, name, at, by } of events.missingDeliveries()) {
      const well = (one: SimHost): boolean => (wellness(one) ?? Number.POSITIVE_INFINITY) <= at;
      const key = `${host.label} ${name}`;
      if (world.now - at <= within || !well(host) || !well(by) || told.has(key)) continue;
      told.add(key);
      checkers.broken(
        `E2 ${host.label} has not heard ${name} of ${by.label} for ${Math.round(world.now - at)} ms`,
      );
    }
    world.at(world.now + LOOK_EVERY, look);
  };
  world.at(world.now + LOOK_EVERY, look);
}

const formatMissingDeliveries = (events: EventLaw): string[] =>
  events
    .missingDeliveries(HELD_BY)
    .map(({ host, name, by }) => `E2 ${host.label} has never heard ${name} of ${by.label}`);

/** Peers without a catalogue are other agents. */
const createAgentFor = (options: AgentOptions, host: SimHost): Agent =>
  host.options.serfPeer === true ? new SerfPeer(options) : createAgent(options);
