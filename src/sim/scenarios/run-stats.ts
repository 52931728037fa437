/**
 * What a run was made of, so that nobody takes an empty one for a good one: troubles that came, states that were seen,
 * hours that healthy members lived through, and how many of these were held for dead all the same.
 */
import type { Fact } from '../../agent/contract/facts.ts';
import type { Millis } from '../../base/time.ts';
import { affectedHosts, type Fault, type FaultKind } from '../faults/index.ts';
import type { SimHost } from '../world/host.ts';
import type { World } from '../world/world.ts';
import { RECOVERY_TIME } from './parameters.ts';

export type CountedState = 'alive' | 'suspect' | 'dead' | 'left' | 'forgotten';

export const COUNTED_STATES: readonly CountedState[] = ['alive', 'suspect', 'dead', 'left', 'forgotten'];

const LOOK_EVERY: Millis = 1000;

export class RunStats {
  readonly faultCounts: Partial<Record<FaultKind, number>> = {};
  /** Changes to each state, over all observers. */
  readonly stateCounts: Partial<Record<CountedState, number>> = {};
  /** Time that healthy members lived, summed over them. */
  healthyMillis: Millis = 0;
  /** Lives of healthy members that somebody ended by its own judgment. */
  falseDeaths = 0;
  readonly #world: World;
  /** Until when a host does not count as healthy. */
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
    const look = (): void => {
      for (const host of world.hosts) if (this.#isHealthy(host)) this.healthyMillis += LOOK_EVERY;
      world.at(world.now + LOOK_EVERY, look);
    };
    world.at(world.now + LOOK_EVERY, look);
  }

  /** A trouble comes now. */
  recordFault(fault: Fault): void {
    this.faultCounts[fault.kind] = (this.faultCounts[fault.kind] ?? 0) + 1;
    for (const label of affectedHosts(this.#world, fault))
      this.#markUnhealthy(label, fault.span + RECOVERY_TIME);
  }

  /** Since when no trouble concerns this host; `undefined`: one does, or it is not up. */
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
    this.stateCounts[state] = (this.stateCounts[state] ?? 0) + 1;
    if (fact.kind !== 'memberDeclaredDead' || fact.left || fact.by !== host.name) return;
    const bearers = [...this.#world.hosts].filter(({ name, running }) => running && name === fact.node);
    if (!bearers.some((one) => this.#isHealthy(one))) return;
    const life = `${fact.node}@${fact.incarnation}`;
    if (!this.#countedDeaths.has(life)) this.falseDeaths += 1;
    this.#countedDeaths.add(life);
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
    default:
      return undefined;
  }
}
