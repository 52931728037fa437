/**
 * Troubles drawn from a seed, of every kind in `faults/`. Only what the world does to its hosts; what must hold all the
 * while is checkers.ts's and catalogue.ts's, what hosts publish meanwhile deeds.ts's.
 */
import type { Rng } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import type { World } from '../world/world.ts';
import { type TraitorFaults, traitors } from './byzantine.ts';
import { labelsOf, lotOf, type Mechanism, type Mechanisms, type Spell } from './fault.ts';
import { type WeatherFaults, weather } from './link-quality.ts';
import { type StrangerFaults, strangers } from './outsiders.ts';
import { type PathFaults, paths } from './partitions.ts';
import { type ProcessFaults, processes } from './process.ts';
import { type LifeFaults, lives } from './restarts.ts';

/** What is drawn for each kind. */
type Drawn = LifeFaults & PathFaults & WeatherFaults & ProcessFaults & StrangerFaults & TraitorFaults;

export type FaultKind = keyof Drawn;

type Of<K extends FaultKind> = Spell & { readonly kind: K } & Readonly<Drawn[K]>;

/** One trouble: it begins at `at` and is over after `span`. Plain data. */
export type Fault = { [K in FaultKind]: Of<K> }[FaultKind];

export interface Plan {
  /** Hosts that troubles may strike. */
  readonly hosts: readonly string[];
  /** All troubles begin and end within this, counted from when they are let loose. */
  readonly span: Millis;
  readonly count: number;
  /** Which to draw from; `FAULT_KINDS` if absent. */
  readonly kinds?: readonly FaultKind[];
}

const MECHANISMS: Mechanisms<Drawn> = {
  ...lives,
  ...paths,
  ...weather,
  ...processes,
  ...strangers,
  ...traitors,
};

const ALL_KINDS = Object.keys(MECHANISMS) as FaultKind[];

/** Those that break laws by their nature, and come in worlds of their own. */
export const HOSTILE_KINDS: readonly FaultKind[] = ['traitor'];

/** All others. */
export const FAULT_KINDS: readonly FaultKind[] = ALL_KINDS.filter((kind) => !HOSTILE_KINDS.includes(kind));

/** A schedule, earliest first. Same generator, same schedule. */
export function drawFaults(rng: Rng, plan: Plan): Fault[] {
  const kinds = [...(plan.kinds ?? FAULT_KINDS)];
  const faults: Fault[] = [];
  for (let i = 0; i < plan.count && kinds.length > 0; i++) {
    const kind = kinds[rng.int(kinds.length)] as FaultKind;
    const { longest, most = Number.POSITIVE_INFINITY, draw } = MECHANISMS[kind];
    const at = rng.next() * plan.span * 0.8;
    const span = Math.min(plan.span - at, longest * (0.05 + 0.95 * rng.next() ** 2));
    faults.push({ at, span, kind, ...draw(lotOf(rng, plan.hosts)) } as Fault);
    if (faults.filter((fault) => fault.kind === kind).length >= most) kinds.splice(kinds.indexOf(kind), 1);
  }
  return faults.sort((a, b) => a.at - b.at);
}

/**
 * Puts a schedule into a world's agenda, beginning now. A host that is down already is not struck again; `struck` is
 * told of each trouble that really came.
 */
export function unleash(world: World, faults: readonly Fault[], struck?: (fault: Fault) => void): void {
  const begin = world.now;
  for (const fault of faults)
    world.at(begin + fault.at, () => {
      if ('who' in fault && !world.host(fault.who).running) return;
      struck?.(fault);
      strike(world, fault);
    });
}

/** Does it now. */
export function strike(world: World, fault: Fault): void {
  const over = (act: () => void): void => world.at(world.now + fault.span, act);
  mechanismOf(fault).strike(world, fault, over);
}

/** Hosts that cannot be called healthy while this lasts. */
export function victimsOf(world: World, fault: Fault): readonly string[] {
  const { victims } = mechanismOf(fault);
  if (victims !== undefined) return victims(fault);
  return 'who' in fault ? [fault.who] : labelsOf(world);
}

/** The one place where a kind and its mechanism are matched; the compiler cannot follow. */
const mechanismOf = (fault: Fault): Mechanism<Fault> => MECHANISMS[fault.kind] as unknown as Mechanism<Fault>;
