/**
 * Actions that are drawn from a seed by a generator of their own, so that what else the seed draws does not depend on them, and
 * carried out on hosts that run. Half of the seeds have none.
 */
import type { Command } from '../../agent/contract/commands.ts';
import { createRng, type Rng } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import type { World } from '../world/world.ts';

export interface DrawnAction {
  /** Since the load began. */
  readonly at: Millis;
  readonly host: string;
  /** A number that no other action has. */
  readonly serial: number;
}

export interface LoadPlan {
  readonly hosts: readonly string[];
  readonly span: Millis;
  readonly count: number;
}

export type Draw = <T>(list: readonly T[]) => T;

/** In the order of their times. `mask` makes the seed another one for each kind of load. */
export function drawActions<A extends DrawnAction>(
  seed: number,
  mask: number,
  { span, count }: Pick<LoadPlan, 'span' | 'count'>,
  create: (draw: Draw, rng: Rng) => Omit<A, 'at' | 'serial'>,
): A[] {
  const rng = createRng(seed ^ mask);
  if (rng.int(2) === 0) return [];
  const draw: Draw = (list) => list[rng.int(list.length)] as (typeof list)[number];
  return Array.from(
    { length: count },
    (_, serial) => ({ at: rng.next() * span, ...create(draw, rng), serial }) as unknown as A,
  ).sort((a, b) => a.at - b.at);
}

/** Schedules actions from now on. `onDone` is called for each that a host carried out. */
export function scheduleActions<A extends DrawnAction>(
  world: World,
  actions: readonly A[],
  toCommand: (action: A) => Command,
  onDone?: (action: A) => void,
): void {
  const start = world.now;
  for (const action of actions)
    world.schedule(start + action.at, () => {
      const { running, paused } = world.host(action.host);
      if (!running || paused) return;
      // The reply may wait for the disk.
      if (world.command(action.host, toCommand(action)).result?.ok !== false) onDone?.(action);
    });
}
