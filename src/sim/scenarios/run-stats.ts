/**
 * Statistics of a run, which show that it tested something: faults that occurred, member states that were seen, time
 * that healthy members ran, and how many of those were declared dead (false positives).
 */
import type { Fact } from '../../agent/contract/facts.ts';
import type { Millis } from '../../base/time.ts';
import { affectedHosts, type Fault, type FaultKind } from '../faults/index.ts';
import type { SimHost } from '../world/host.ts';
import type { World } from '../world/world.ts';
import { RECOVERY_TIME } from './parameters.ts';

export type CountedState = 'alive' | 'suspect' | 'dead' | 'left' | 'forgotten' | 'reaped';

export const COUNTED_STATES: readonly CountedState[] = [
  'alive',
  'suspect',
  'dead',
  'left',
  'forgotten',
  'reaped',
];

/** Counts by kind; a kind that never occurred is absent. */
export type Counts<K extends string> = Partial<Record<K, number>>;

export function increment<K extends string>(counts: Counts<K>, kind: K): void {
  counts[kind] = (counts[kind] ?? 0) + 1;
}

const SAMPLE_EVERY: Millis = 1000;

export class RunStats {
  readonly faultCounts: Counts<FaultKind> = {};
  /** Changes of members to each state, summed over all observers. */
  readonly stateCounts: Counts<CountedState> = {};
  /** Running time of healthy members, summed over them. */
  healthyMillis: Millis = 0;
  /** Incarnations of healthy members that some observer declared dead by its own suspicion. */
  falseDeaths = 0;
  readonly #world: World;
  /** The time from which a host counts as healthy again. */
  readonly #unhealthyUntil = new Map<string, Millis>();
  readonly #countedDeaths = new Set<string>();

  constructor(world: World) {
    this.#world = world;
    world.subscribe({
      onStart: (host) => this.#markUnhealthy(host.label, RECOVERY_TIME),
      onEffects: (host, facts) => {
        for (const fact of facts) this.#recordFact(host, fact);
      },
    });
    const sample = (): void => {
      for (const host of world.hosts) if (this.#isHealthy(host)) this.healthyMillis += SAMPLE_EVERY;
      world.schedule(world.now + SAMPLE_EVERY, sample);
    };
    world.schedule(world.now + SAMPLE_EVERY, sample);
  }

  /** A fault begins now. */
  recordFault(fault: Fault): void {
    increment(this.faultCounts, fault.kind);
    for (const label of affectedHosts(this.#world, fault))
      this.#markUnhealthy(label, fault.span + RECOVERY_TIME);
  }

  /** The time since which this host is healthy; `undefined` if it is not: a fault affects it, or it does not run. */
  healthySince(host: SimHost): Millis | undefined {
    return this.#isHealthy(host) ? (this.#unhealthyUntil.get(host.label) ?? 0) : undefined;
  }

  #markUnhealthy(label: string, span: Millis): void {
    this.#unhealthyUntil.set(label, Math.max(this.#unhealthyUntil.get(label) ?? 0, this.#world.now + span));
  }

  #isHealthy(host: SimHost): boolean {
    if (host.agent === undefined || host.paused || host.agent.view.health().leaving) return false;
    return (this.#unhealthyUntil.get(host.label) ?? 0) <= this.#world.now;
  }

  #recordFact(host: SimHost, fact: Fact): void {
    const state = stateFromFact(fact);
    if (state === undefined) return;
    increment(this.stateCounts, state);
    if (fact.kind !== 'memberDeclaredDead' || fact.left || fact.by !== host.name) return;
    const bearers = [...this.#world.hosts].filter(({ name, running }) => running && name === fact.node);
    if (!bearers.some((one) => this.#isHealthy(one))) return;
    const incarnation = `${fact.node}@${fact.incarnation}`;
    if (!this.#countedDeaths.has(incarnation)) this.falseDeaths += 1;
    this.#countedDeaths.add(incarnation);
  }
}

function stateFromFact(fact: Fact): CountedState | undefined {
  switch (fact.kind) {
    case 'memberDiscovered':
    case 'memberReturned':
    case 'suspicionCleared':
      return 'alive';
    case 'memberSuspected':
      return 'suspect';
    case 'memberDeclaredDead':
      return fact.left ? 'left' : 'dead';
    case 'memberDropped':
      return 'forgotten';
    case 'memberReaped':
      return 'reaped';
    default:
      return undefined;
  }
}
