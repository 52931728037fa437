/**
 * What a run was made of, so that nobody takes an empty one for a good one: troubles that came, states that were seen,
 * hours that healthy members lived through, and how many of these were held for dead all the same.
 */
import type { Fact } from '../../agent/contract/facts.ts';
import type { Millis } from '../../base/time.ts';
import { type Fault, type FaultKind, victimsOf } from '../faults/index.ts';
import type { Host } from '../world/host.ts';
import type { World } from '../world/world.ts';
import { CONVALESCENCE } from './parameters.ts';

export type SeenState = 'alive' | 'suspect' | 'dead' | 'left' | 'forgotten';

export const SEEN_STATES: readonly SeenState[] = ['alive', 'suspect', 'dead', 'left', 'forgotten'];

const LOOK_EVERY: Millis = 1000;

export class Tally {
  readonly struck: Partial<Record<FaultKind, number>> = {};
  /** Changes to each state, over all observers. */
  readonly states: Partial<Record<SeenState, number>> = {};
  /** Time that healthy members lived, summed over them. */
  healthyMillis: Millis = 0;
  /** Lives of healthy members that somebody ended by its own judgment. */
  falseDeaths = 0;
  readonly #world: World;
  /** Until when a host does not count as healthy. */
  readonly #ailing = new Map<string, Millis>();
  readonly #buried = new Set<string>();

  constructor(world: World) {
    this.#world = world;
    world.watch({
      started: (host) => this.#ail(host.label, CONVALESCENCE),
      acted: (host, facts) => {
        for (const fact of facts) this.#note(host, fact);
      },
    });
    const look = (): void => {
      for (const host of world.hosts) if (this.#isHealthy(host)) this.healthyMillis += LOOK_EVERY;
      world.at(world.now + LOOK_EVERY, look);
    };
    world.at(world.now + LOOK_EVERY, look);
  }

  /** A trouble comes now. */
  note(fault: Fault): void {
    this.struck[fault.kind] = (this.struck[fault.kind] ?? 0) + 1;
    for (const label of victimsOf(this.#world, fault)) this.#ail(label, fault.span + CONVALESCENCE);
  }

  /** Since when no trouble concerns this host; `undefined`: one does, or it is not up. */
  healthySince(host: Host): Millis | undefined {
    return this.#isHealthy(host) ? (this.#ailing.get(host.label) ?? 0) : undefined;
  }

  #ail(label: string, span: Millis): void {
    this.#ailing.set(label, Math.max(this.#ailing.get(label) ?? 0, this.#world.now + span));
  }

  #isHealthy(host: Host): boolean {
    if (host.agent === undefined || host.paused || host.agent.view.health().leaving) return false;
    return (this.#ailing.get(host.label) ?? 0) <= this.#world.now;
  }

  #note(host: Host, fact: Fact): void {
    const state = stateIn(fact);
    if (state === undefined) return;
    this.states[state] = (this.states[state] ?? 0) + 1;
    if (fact.kind !== 'memberDeclaredDead' || fact.left || fact.by !== host.name) return;
    const bearers = [...this.#world.hosts].filter(({ name, running }) => running && name === fact.node);
    if (!bearers.some((one) => this.#isHealthy(one))) return;
    const life = `${fact.node}@${fact.incarnation}`;
    if (!this.#buried.has(life)) this.falseDeaths += 1;
    this.#buried.add(life);
  }
}

function stateIn(fact: Fact): SeenState | undefined {
  switch (fact.kind) {
    case 'memberAppeared':
    case 'memberReturned':
    case 'suspicionLifted':
      return 'alive';
    case 'memberSuspected':
      return 'suspect';
    case 'memberDeclaredDead':
      return fact.left ? 'left' : 'dead';
    case 'memberForgotten':
      return 'forgotten';
    default:
      return undefined;
  }
}
