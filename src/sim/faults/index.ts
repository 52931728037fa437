/**
 * Fault injection: faults of all kinds are drawn from a seed and scheduled in a world. The laws that must hold
 * meanwhile are in laws/, and what hosts publish meanwhile is in workload/.
 */
import type { Rng } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import type { World } from '../world/world.ts';
import { type ByzantineFaults, byzantineFaults } from './byzantine.ts';
import { type ConnectionFaults, connectionFaults } from './connections.ts';
import {
  createSampler,
  type FaultDefinition,
  type FaultDefinitions,
  type FaultWindow,
  hostLabels,
} from './fault.ts';
import { type HeavyStreamFaults, heavyStreamFaults } from './heavy-streams.ts';
import { type LinkQualityFaults, linkQualityFaults } from './link-quality.ts';
import { type OutsiderFaults, outsiderFaults } from './outsiders.ts';
import { type PartitionFaults, partitionFaults } from './partitions.ts';
import { type PoisonedBirthFaults, poisonedBirthFaults } from './poisoned-births.ts';
import { type ProcessFaults, processFaults } from './process.ts';
import { type ReplayFaults, replayFaults } from './replays.ts';
import { type RestartFaults, restartFaults } from './restarts.ts';

/** The parameters that are drawn for each kind. */
type FaultParameters = RestartFaults &
  PartitionFaults &
  LinkQualityFaults &
  ProcessFaults &
  OutsiderFaults &
  ConnectionFaults &
  ByzantineFaults &
  ReplayFaults &
  HeavyStreamFaults &
  PoisonedBirthFaults;

export type FaultKind = keyof FaultParameters;

type FaultOfKind<K extends FaultKind> = FaultWindow & { readonly kind: K } & Readonly<FaultParameters[K]>;

/** One fault, as plain data: it begins at `at` and lasts for `span`. */
export type Fault = { [K in FaultKind]: FaultOfKind<K> }[FaultKind];

export interface FaultPlan {
  /** Hosts that faults may affect. */
  readonly hosts: readonly string[];
  /** All faults begin and end within this time, counted from when they are scheduled. */
  readonly span: Millis;
  readonly count: number;
  /** Kinds to draw from; `FAULT_KINDS` if absent. */
  readonly kinds?: readonly FaultKind[];
}

const FAULT_DEFINITIONS: FaultDefinitions<FaultParameters> = {
  ...restartFaults,
  ...partitionFaults,
  ...linkQualityFaults,
  ...processFaults,
  ...outsiderFaults,
  ...connectionFaults,
  ...byzantineFaults,
  ...replayFaults,
  ...heavyStreamFaults,
  ...poisonedBirthFaults,
};

const ALL_KINDS = Object.keys(FAULT_DEFINITIONS) as FaultKind[];

/** Kinds that violate laws by their nature; they occur in runs of their own. */
export const BYZANTINE_KINDS: readonly FaultKind[] = ['byzantine', 'replay', 'heavyStreams', 'poisonedBirth'];

/** All other kinds. Seeds draw from this list, so its order matters. */
export const FAULT_KINDS: readonly FaultKind[] = ALL_KINDS.filter((kind) => !BYZANTINE_KINDS.includes(kind));

/** Draws faults, earliest first. The same generator gives the same faults. */
export function drawFaults(rng: Rng, plan: FaultPlan): Fault[] {
  const kinds = [...(plan.kinds ?? FAULT_KINDS)];
  const faults: Fault[] = [];
  for (let i = 0; i < plan.count && kinds.length > 0; i++) {
    const kind = kinds[rng.int(kinds.length)] as FaultKind;
    const { maxSpan, maxCount = Number.POSITIVE_INFINITY, draw } = FAULT_DEFINITIONS[kind];
    const at = rng.next() * plan.span * 0.8;
    const span = Math.min(plan.span - at, maxSpan * (0.05 + 0.95 * rng.next() ** 2));
    faults.push({ at, span, kind, ...draw(createSampler(rng, plan.hosts)) } as Fault);
    if (faults.filter((fault) => fault.kind === kind).length >= maxCount)
      kinds.splice(kinds.indexOf(kind), 1);
  }
  return faults.sort((a, b) => a.at - b.at);
}

/**
 * Schedules faults from now on. A fault of a host that is down by then is skipped; `onInject` is called for all others.
 */
export function scheduleFaults(
  world: World,
  faults: readonly Fault[],
  onInject?: (fault: Fault) => void,
): void {
  const start = world.now;
  for (const fault of faults)
    world.schedule(start + fault.at, () => {
      if ('host' in fault && !world.host(fault.host).running) return;
      onInject?.(fault);
      injectFault(world, fault);
    });
}

/** Begins a fault now. */
export function injectFault(world: World, fault: Fault): void {
  const over = (act: () => void): void => world.schedule(world.now + fault.span, act);
  definitionOf(fault).inject(world, fault, over);
}

/** Hosts that do not count as healthy while the fault lasts. */
export function affectedHosts(world: World, fault: Fault): readonly string[] {
  const { affected } = definitionOf(fault);
  if (affected !== undefined) return affected(fault);
  return 'host' in fault ? [fault.host] : hostLabels(world);
}

/** Matches a kind with its definition, which the compiler cannot follow. */
const definitionOf = (fault: Fault): FaultDefinition<Fault> =>
  FAULT_DEFINITIONS[fault.kind] as unknown as FaultDefinition<Fault>;
