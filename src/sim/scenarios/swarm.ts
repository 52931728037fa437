/**
 * One seed's story without a plot: hosts, troubles and registrations drawn from it, every law watched throughout;
 * then calm, in which all must agree within a stated time. Who runs many of them is the tests' business.
 */
import { type AgentOptions, createAgent } from '../../agent/agent.ts';
import type { Agent } from '../../agent/contract/machine.ts';
import type { Millis } from '../../base/time.ts';
import { GHOST } from '../faults/byzantine.ts';
import { drawFaults, type Fault, type FaultKind, HOSTILE_KINDS, unleash } from '../faults/index.ts';
import { CatalogueLaws, catalogueDisagreements } from '../laws/catalog/catalog.ts';
import { Checkers, disagreements } from '../laws/index.ts';
import { unrest } from '../laws/membership/calm.ts';
import { Plain } from '../peers/serf-peer.ts';
import { carryOut, type DeedKind, drawDeeds } from '../workload/catalog-load.ts';
import { gather, keepJoining } from '../world/bootstrap.ts';
import type { Host } from '../world/host.ts';
import { World } from '../world/world.ts';
import { CALM_LOSS, drawSetting, hostsOf, type Setting } from './parameters.ts';
import { type SeenState, Tally } from './run-stats.ts';

export interface SwarmOptions {
  readonly seed: number;
  readonly members: number;
  /** How long troubles come, in virtual minutes. */
  readonly minutes: number;
  /** Which troubles, and how much loss; drawn if absent. */
  readonly kinds?: readonly FaultKind[];
  readonly loss?: number;
  /** Only so many of the troubles and deeds, to find those that matter; all if absent. */
  readonly keep?: (index: number) => boolean;
  /** Makes the agents, in place of `createAgent`. */
  readonly birth?: (options: AgentOptions, host: Host) => Agent;
}

export interface SwarmReport {
  readonly seed: number;
  readonly setting: Setting;
  /** Empty if all went well. Laws that were broken, or who did not agree at the end. */
  readonly failures: readonly string[];
  readonly faults: readonly Fault[];
  /** Troubles that really came, by kind. */
  readonly struck: Readonly<Partial<Record<FaultKind, number>>>;
  readonly done: Readonly<Partial<Record<DeedKind, number>>>;
  /** Changes of members to each state, over all observers. */
  readonly states: Readonly<Partial<Record<SeenState, number>>>;
  /** Time that members lived whom no trouble concerned, and how many of their lives somebody held for ended. */
  readonly healthyMillis: Millis;
  readonly falseDeaths: number;
  /** From calm until all agreed on the members, and on the catalogue too. */
  readonly agreedAfter: Millis;
  readonly equalAfter: Millis;
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
const DEEDS_PER_MINUTE = 30;

export function runSwarm({
  seed,
  members,
  minutes,
  keep,
  birth = bornAs,
  ...given
}: SwarmOptions): SwarmReport {
  const world = new World({
    seed,
    birth,
    trace: { detail: 'facts', keep: KEPT_LINES },
    scribble: true,
  });
  const checkers = new Checkers(world);
  new CatalogueLaws(world, checkers.broken);
  const chance = world.rng.fork();
  const setting = drawSetting(chance, members, given);
  const labels = Array.from({ length: members }, (_, i) => `n${i}`);
  for (const [label, options] of hostsOf(setting, labels, chance)) world.add(label, options);
  gather(world, labels);
  keepJoining(world, labels.slice(0, 3));
  const tally = new Tally(world);
  const { loss, reorder } = setting;
  world.network.weather = { ...world.network.weather, loss, reorder };

  const span = minutes * 60_000;
  const kept = <T>(all: readonly T[]): T[] => (keep === undefined ? [...all] : all.filter((_, i) => keep(i)));
  const plan = { hosts: labels, span, kinds: setting.kinds };
  const faults = kept(drawFaults(chance, { ...plan, count: Math.round(FAULTS_PER_MINUTE * minutes) }));
  const deeds = drawDeeds(chance, {
    hosts: labels.slice(0, members - setting.plain),
    span,
    count: Math.round(DEEDS_PER_MINUTE * minutes),
  });
  const done: Partial<Record<DeedKind, number>> = {};
  unleash(world, faults, (fault) => tally.note(fault));
  carryOut(world, deeds, ({ kind }) => {
    done[kind] = (done[kind] ?? 0) + 1;
  });
  const hostile = setting.kinds.some((kind) => HOSTILE_KINDS.includes(kind));
  const broken = (): string[] =>
    hostile ? checkers.violations.filter((line) => HOSTILE_LAWS.test(line)) : checkers.violations;
  const failures: string[] = [];
  let agreedAfter = Number.POSITIVE_INFINITY;
  let equalAfter = Number.POSITIVE_INFINITY;
  try {
    world.runUntil(() => broken().length > 0, span, 1000);
    if (broken().length === 0) {
      const calm = world.now;
      world.network.weather = { ...world.network.weather, loss: Math.min(loss, CALM_LOSS) };
      const within = hostile ? RETURN_WITHIN : AGREE_WITHIN;
      const agree = (): boolean => disagreements(world).length === 0;
      const agreeOnHosts = (): boolean => hostDisagreements(world).length === 0;
      if (world.runUntil(hostile ? agreeOnHosts : agree, within, 200)) agreedAfter = world.now - calm;
      else failures.push(`L1, L2 after ${within} ms of calm`, ...disagreements(world));
      const equal = (): boolean => agree() && catalogueDisagreements(world).length === 0;
      if (world.runUntil(equal, EQUAL_WITHIN - (world.now - calm), 200)) equalAfter = world.now - calm;
      else if (failures.length === 0)
        failures.push(
          `L3 after ${EQUAL_WITHIN} ms of calm`,
          ...disagreements(world),
          ...catalogueDisagreements(world),
        );
      if (failures.length === 0) {
        const quiet = { checkers, agree, equal };
        let stirred = keepQuiet(world, quiet);
        const { lateUntil } = world.network;
        if (stirred.length > 0 && lateUntil > world.now - QUIET) {
          // Old news on its way, even that of a former life, is trouble yet: calm begins when the last copy has arrived.
          world.run(Math.max(0, lateUntil - world.now));
          const settled = world.runUntil(equal, EQUAL_WITHIN, 200);
          stirred = settled
            ? keepQuiet(world, quiet)
            : ['L1 to L3 after the last copy', ...disagreements(world)];
        }
        failures.push(...stirred);
        if (!world.runUntil(() => unrest(world).length === 0, NEWS_WITHIN, 200))
          failures.push(...unrest(world));
      }
    }
  } catch (error) {
    failures.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  failures.push(...broken());
  const { struck, states, healthyMillis, falseDeaths } = tally;
  return {
    seed,
    setting,
    failures,
    faults,
    struck,
    done,
    states,
    healthyMillis,
    falseDeaths,
    agreedAfter,
    equalAfter,
    span: world.now,
    hash: world.trace.hash,
    lines: failures.length === 0 ? [] : world.trace.lines(),
  };
}

/** L7: lets `QUIET` pass, in which nobody may change his mind. What was otherwise; empty if nothing. */
function keepQuiet(
  world: World,
  {
    checkers,
    agree,
    equal,
  }: { readonly checkers: Checkers; readonly agree: () => boolean; readonly equal: () => boolean },
): string[] {
  const found: string[] = [];
  const before = checkers.turns.count;
  world.run(QUIET);
  const { count, last } = checkers.turns;
  if (count > before) found.push(`L7 all agreed, and then ${count - before} times not: ${last}`);
  // A check may have run out just now.
  if (!agree() || !world.runUntil(equal, NEWS_WITHIN, 200))
    found.push(
      `L7 all agreed, and ${QUIET} ms later do not`,
      ...disagreements(world),
      ...catalogueDisagreements(world),
    );
  return found;
}

/** Peers without a catalogue are other agents. */
const bornAs = (options: AgentOptions, host: Host): Agent =>
  host.options.plain === true ? new Plain(options) : createAgent(options);

/**
 * Of the disagreements those about who is away, and only of real hosts, not of names somebody made up. One that is
 * alive at an incarnation it has outbid since is not away; that all hold the same is asked for later, as of everybody.
 */
const hostDisagreements = (world: World): string[] =>
  disagreements(world).filter((line) => !line.includes(GHOST) && !line.includes(' instead of @'));
