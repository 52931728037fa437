/**
 * One seed's story without a plot: hosts, troubles and registrations drawn from it, every law watched throughout;
 * then calm, in which all must agree within a stated time. Who runs many of them is the tests' business.
 */
import { createAgent } from '../agent/agent.ts';
import type { Millis } from '../base/time.ts';
import { CatalogueLaws, catalogueDisagreements } from './catalogue.ts';
import { Checkers, disagreements } from './checkers.ts';
import { carryOut, type DeedKind, drawDeeds } from './deeds.ts';
import { drawFaults, type Fault, type FaultKind, unleash } from './faults.ts';
import { gather, keepJoining } from './gather.ts';
import { unrest } from './laws/calm.ts';
import { World } from './world.ts';

export interface SwarmOptions {
  readonly seed: number;
  readonly members: number;
  /** How long troubles come, in virtual minutes. */
  readonly minutes: number;
  readonly kinds?: readonly FaultKind[];
  /** Only so many of the troubles and deeds, to find those that matter; all if absent. */
  readonly keep?: (index: number) => boolean;
}

export interface SwarmReport {
  readonly seed: number;
  /** Empty if all went well. Laws that were broken, or who did not agree at the end. */
  readonly failures: readonly string[];
  readonly faults: readonly Fault[];
  /** Troubles that really came, by kind. */
  readonly struck: Readonly<Partial<Record<FaultKind, number>>>;
  readonly done: Readonly<Partial<Record<DeedKind, number>>>;
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
const KEPT_LINES = 600;
const FAULTS_PER_MINUTE = 8;
const DEEDS_PER_MINUTE = 30;

export function runSwarm({ seed, members, minutes, kinds, keep }: SwarmOptions): SwarmReport {
  const world = new World({
    seed,
    birth: createAgent,
    trace: { detail: 'facts', keep: KEPT_LINES },
    scribble: true,
  });
  const checkers = new Checkers(world);
  new CatalogueLaws(world, checkers.broken);
  const labels = Array.from({ length: members }, (_, i) => `n${i}`);
  for (const label of labels) world.add(label);
  const chance = world.rng.fork();
  gather(world, labels);
  keepJoining(world, labels.slice(0, 3));
  const loss = chance.int(3) === 0 ? 0 : 0.05 * chance.next();
  world.network.weather = { ...world.network.weather, loss, reorder: 0.05 };

  const span = minutes * 60_000;
  const kept = <T>(all: readonly T[]): T[] => (keep === undefined ? [...all] : all.filter((_, i) => keep(i)));
  const plan = { hosts: labels, span, ...(kinds === undefined ? {} : { kinds }) };
  const faults = kept(drawFaults(chance, { ...plan, count: Math.round(FAULTS_PER_MINUTE * minutes) }));
  const deeds = drawDeeds(chance, { ...plan, count: Math.round(DEEDS_PER_MINUTE * minutes) });
  const struck: Partial<Record<FaultKind, number>> = {};
  const done: Partial<Record<DeedKind, number>> = {};
  unleash(world, faults, ({ kind }) => {
    struck[kind] = (struck[kind] ?? 0) + 1;
  });
  carryOut(world, deeds, ({ kind }) => {
    done[kind] = (done[kind] ?? 0) + 1;
  });
  const failures: string[] = [];
  let agreedAfter = Number.POSITIVE_INFINITY;
  let equalAfter = Number.POSITIVE_INFINITY;
  try {
    world.runUntil(() => checkers.violations.length > 0, span, 1000);
    if (checkers.violations.length === 0) {
      const calm = world.now;
      const agree = (): boolean => disagreements(world).length === 0;
      if (world.runUntil(agree, AGREE_WITHIN, 200)) agreedAfter = world.now - calm;
      const equal = (): boolean => agree() && catalogueDisagreements(world).length === 0;
      if (world.runUntil(equal, EQUAL_WITHIN - (world.now - calm), 200)) equalAfter = world.now - calm;
      if (agreedAfter > AGREE_WITHIN)
        failures.push(`L1, L2 after ${AGREE_WITHIN} ms of calm`, ...disagreements(world));
      if (equalAfter > EQUAL_WITHIN)
        failures.push(`L3 after ${EQUAL_WITHIN} ms of calm`, ...catalogueDisagreements(world));
      if (failures.length === 0) {
        const before = checkers.turns.count;
        world.run(QUIET);
        const { count, last } = checkers.turns;
        if (count > before) failures.push(`L7 all agreed, and then ${count - before} times not: ${last}`);
        // A check may have run out just now.
        if (!agree() || !world.runUntil(equal, NEWS_WITHIN, 200))
          failures.push(
            `L7 all agreed, and ${QUIET} ms later do not`,
            ...disagreements(world),
            ...catalogueDisagreements(world),
          );
        if (!world.runUntil(() => unrest(world).length === 0, NEWS_WITHIN, 200))
          failures.push(...unrest(world));
      }
    }
  } catch (error) {
    failures.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  failures.push(...checkers.violations);
  return {
    seed,
    failures,
    faults,
    struck,
    done,
    agreedAfter,
    equalAfter,
    span: world.now,
    hash: world.trace.hash,
    lines: failures.length === 0 ? [] : world.trace.lines(),
  };
}
