/** Drains, drawn from a seed: an instance is registered, drained some seconds later, and asked about until all serve that. */
import { createRng } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import type { World } from '../world/world.ts';
import { makeService } from './definitions.ts';
import type { LoadPlan } from './drawn-actions.ts';

export interface DrainAction {
  readonly at: Millis;
  readonly host: string;
  /** No other action has a service of this ID. */
  readonly id: string;
  /** How long it can be found before it is drained. */
  readonly lives: Millis;
  /** Removed, in place of drained. */
  readonly removed: boolean;
  readonly wait: Millis;
}

export const DRAINED_SERVICE = 'drained';
const MAX_LIFE: Millis = 6000;
const WAITS: readonly Millis[] = [500, 5000, 30_000];

export function drawDrains(seed: number, { hosts, span, count }: LoadPlan): DrainAction[] {
  const rng = createRng(seed).derive('drains');
  return Array.from({ length: count }, (_, serial) => ({
    at: rng.next() * span,
    host: hosts[rng.int(hosts.length)] as string,
    id: `${DRAINED_SERVICE}-${serial}`,
    lives: rng.next() * MAX_LIFE,
    removed: rng.int(4) === 0,
    wait: WAITS[rng.int(WAITS.length)] as Millis,
  }));
}

/** Schedules them from now on. What becomes of them the law sees by the commands. */
export function scheduleDrains(world: World, actions: readonly DrainAction[]): void {
  const isUp = (host: string): boolean => world.host(host).running && !world.host(host).paused;
  for (const { at, host, id, lives, removed, wait } of actions)
    world.schedule(world.now + at, () => {
      if (!isUp(host)) return;
      const { bootCount } = world.host(host);
      const service = makeService(id);
      world.command(host, { kind: 'registerService', service, checks: [], replaceChecks: true });
      world.schedule(world.now + lives, () => {
        if (!isUp(host) || world.host(host).bootCount !== bootCount) return;
        if (removed) world.command(host, { kind: 'deregisterService', id });
        else world.command(host, { kind: 'drain', service: id, on: true });
        world.command(host, { kind: 'openSync', subject: { kind: 'instance', id }, wait });
      });
    });
}
