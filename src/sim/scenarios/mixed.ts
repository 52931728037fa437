/**
 * One seed's story of a mixed cluster: ours and Go-like peers side by side, who fire events, ask queries and change their keys
 * while troubles come and go; then calm, in which every member must have heard all it is owed. The laws of membership are
 * watched too. The catalogue is swarm.ts's.
 */
import { type AgentOptions, createAgent } from '../../agent/agent.ts';
import type { Agent } from '../../agent/contract/machine.ts';
import type { Rng } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import { drawFaults, FAULT_KINDS, type Fault, type FaultKind, unleash } from '../faults/index.ts';
import { Checkers, disagreements } from '../laws/index.ts';
import { Answers } from '../laws/messages/answers.ts';
import { Events } from '../laws/messages/events.ts';
import { Keyrings } from '../laws/messages/keyrings.ts';
import { Plain } from '../peers/serf-peer.ts';
import { drawRotations, isLeftBehind, type RotationStep, rotateThrough } from '../workload/key-rotations.ts';
import { drawTalks, type TalkKind, tagsOf, talkThrough } from '../workload/message-load.ts';
import { gather, keepJoining } from '../world/bootstrap.ts';
import type { Host } from '../world/host.ts';
import { World } from '../world/world.ts';
import { CALM_LOSS, drawSetting, hostsOf, type Setting } from './parameters.ts';
import { Tally } from './run-stats.ts';

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
  readonly setting: Setting;
  /** Empty if all went well. */
  readonly failures: readonly string[];
  readonly faults: readonly Fault[];
  /** Troubles that really came, what was really said, steps of key changes that were taken. */
  readonly struck: Readonly<Partial<Record<FaultKind, number>>>;
  readonly said: Readonly<Partial<Record<TalkKind, number>>>;
  readonly steps: Readonly<Partial<Record<RotationStep, number>>>;
  /** Events times members that heard them; how long it took among those who were well, where nothing was lost. */
  readonly heard: number;
  readonly spread: readonly Millis[];
  readonly answers: number;
  readonly acks: number;
  /** Acks owed to Go-like askers and ours where nothing was lost; those that gossip passed over (Go-like ones alone). */
  readonly owedAcks: number;
  readonly passedOver: number;
  /** Left behind by a change of keys, told so, and brought back. */
  readonly relieved: number;
  /** Pairs of members that were well when a change of keys began, seconds while they were watched. */
  readonly pairs: number;
  /** From calm until all agreed, and nothing was owed. */
  readonly doneAfter: Millis;
  readonly span: Millis;
  readonly hash: string;
  readonly lines: readonly string[];
}

/**
 * Kinds of trouble in a mixed world: not those in which a second host bears a name, or one is deaf for good, since laws here know
 * members by name, and expect that whoever runs can hear.
 */
export const MIXED_KINDS: readonly FaultKind[] = FAULT_KINDS.filter(
  (kind) => kind !== 'double' && kind !== 'deafJoiner',
);

/**
 * E2: who is well has heard of everything within this, if nothing is lost: gossip is over after three seconds, and
 * whom it passed by asks somebody within half a minute, and is answered.
 */
const HEARD_WITHIN: Millis = 45_000;
/** With up to a tenth lost an exchange may fail, or crawl: the one after it must do. */
const HEARD_WITHIN_LOSS: Millis = 90_000;
const MUCH_LOSS = 0.1;
/** After the last trouble, whatever came before. */
const DONE_WITHIN: Millis = 240_000;
/** What fewer of them hold may still be heard, and need not. */
const HELD_BY = 0.5;
const LOOK_EVERY: Millis = 5000;
const FAULTS_PER_MINUTE = 3;
const TALKS_PER_MINUTE = 40;
const ROTATIONS = 2;
const KEPT_LINES = 600;

export function runMixed({ seed, members, minutes, ...given }: MixedOptions): MixedReport {
  const world = new World({
    seed,
    birth: bornAs,
    trace: { detail: 'facts', keep: KEPT_LINES },
    scribble: true,
  });
  const checkers = new Checkers(world);
  const chance = world.rng.fork();
  const setting = mixedSetting(chance, members, given);
  const labels = Array.from({ length: members }, (_, i) => `n${i}`);
  const tally = new Tally(world);
  const wellness = (host: Host): Millis | undefined => tally.healthySince(host);
  const ground = { world, broken: checkers.broken, isSlandered: () => false };
  const events = new Events(ground);
  /** Who does not understand the others, or they him, is not reached. */
  const reached = (host: Host): Millis | undefined =>
    setting.encrypted && isLeftBehind(world, host) ? undefined : wellness(host);
  const answers = new Answers(ground, setting.loss === 0, reached);
  const keyrings = new Keyrings(ground, wellness, setting.loss <= MUCH_LOSS);
  checkers.add(events, keyrings);
  let i = 0;
  for (const [label, options] of hostsOf(setting, labels, chance))
    world.add(label, { ...options, tags: tagsOf(i++) });
  gather(world, labels);
  keepJoining(world, labels.slice(0, 3), (host) => host.options.plain !== true);
  const { loss, reorder } = setting;
  world.network.weather = { ...world.network.weather, loss, reorder };

  const span = minutes * 60_000;
  const plan = { hosts: labels, span };
  const faults = drawFaults(chance, {
    ...plan,
    kinds: setting.kinds,
    count: Math.round(FAULTS_PER_MINUTE * minutes),
  });
  unleash(world, faults, (fault) => tally.note(fault));
  const said: Partial<Record<TalkKind, number>> = {};
  const count = <K extends string>(of: Partial<Record<K, number>>, kind: K): void => {
    of[kind] = (of[kind] ?? 0) + 1;
  };
  talkThrough(world, drawTalks(chance, { ...plan, count: Math.round(TALKS_PER_MINUTE * minutes) }), {
    fired: (kind) => count(said, kind),
    asked: (kind, host, question, asked) => {
      count(said, kind);
      answers.asked(host, question, asked);
    },
    answered: (host, query, answer) => answers.answered(host, query, answer),
  });
  const steps: Partial<Record<RotationStep, number>> = {};
  const rotations = drawRotations(chance, labels, span, setting.encrypted ? ROTATIONS : 0);
  rotateThrough(world, rotations, (step) => {
    if (step === 'begun') keyrings.begun();
    count(steps, step);
  });
  watchOwed(world, events, checkers, setting, wellness);

  const failures: string[] = [];
  let doneAfter = Number.POSITIVE_INFINITY;
  try {
    world.runUntil(() => checkers.violations.length > 0, span, 1000);
    if (checkers.violations.length === 0) {
      const calm = world.now;
      world.network.weather = { ...world.network.weather, loss: Math.min(loss, CALM_LOSS) };
      let look = calm;
      const done = (): boolean => {
        if (world.now >= look) {
          keyrings.relieveAll();
          look += LOOK_EVERY * 4;
        }
        return disagreements(world).length === 0 && events.owed(HELD_BY).length === 0;
      };
      if (world.runUntil(done, DONE_WITHIN, 500)) doneAfter = world.now - calm;
      else failures.push(`after ${DONE_WITHIN} ms of calm`, ...disagreements(world), ...owedLines(events));
    }
  } catch (error) {
    failures.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  failures.push(...checkers.violations);
  const calmly = (host: Host, at: Millis): boolean => (wellness(host) ?? Number.POSITIVE_INFINITY) <= at;
  return {
    seed,
    setting,
    failures,
    faults,
    struck: tally.struck,
    said,
    steps,
    heard: events.delays.length,
    spread:
      loss === 0
        ? events.delays
            .filter(({ host, by, at }) => calmly(host, at) && calmly(by, at))
            .map(({ took }) => took)
        : [],
    answers: answers.answers,
    acks: answers.acks,
    owedAcks: answers.owedAcks,
    passedOver: answers.passedOver,
    relieved: keyrings.relieved,
    pairs: keyrings.looks,
    doneAfter,
    span: world.now,
    hash: world.trace.hash,
    lines: failures.length === 0 ? [] : world.trace.lines(),
  };
}

/** As the swarm's, but with at least two of each kind, most of them encrypted, and half of them without loss. */
function mixedSetting(
  chance: Rng,
  members: number,
  given: { readonly kinds?: readonly FaultKind[]; readonly loss?: number },
): Setting {
  const drawn = drawSetting(chance, members, given);
  const kinds = given.kinds ?? drawn.kinds.filter((kind) => MIXED_KINDS.includes(kind));
  const plain = 2 + chance.int(Math.max(1, members - 3));
  const loss = given.loss ?? (chance.int(2) === 0 ? 0 : drawn.loss);
  return { ...drawn, kinds, plain, loss, encrypted: chance.int(3) > 0 };
}

/** E2 while troubles last, among those that none concerns. */
function watchOwed(
  world: World,
  events: Events,
  checkers: Checkers,
  { loss }: Setting,
  wellness: (host: Host) => Millis | undefined,
): void {
  if (loss > MUCH_LOSS) return;
  const within = loss === 0 ? HEARD_WITHIN : HEARD_WITHIN_LOSS;
  const told = new Set<string>();
  const look = (): void => {
    for (const { host, name, at, by } of events.owed()) {
      const well = (one: Host): boolean => (wellness(one) ?? Number.POSITIVE_INFINITY) <= at;
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

const owedLines = (events: Events): string[] =>
  events.owed(HELD_BY).map(({ host, name, by }) => `E2 ${host.label} has never heard ${name} of ${by.label}`);

/** Peers without a catalogue are other agents. */
const bornAs = (options: AgentOptions, host: Host): Agent =>
  host.options.plain === true ? new Plain(options) : createAgent(options);
