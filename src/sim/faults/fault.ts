/** What a kind of trouble is made of: how it is drawn, how long it may last, whom it strikes, and how. */
import { type Rng, shuffle } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import { joinOthers } from '../world/bootstrap.ts';
import type { StartOptions } from '../world/types.ts';
import type { World } from '../world/world.ts';

/** When a trouble begins, and how long it lasts. */
export interface FaultWindow {
  readonly at: Millis;
  readonly span: Millis;
}

export interface FaultDefinition<P> {
  readonly maxSpan: Millis;
  /** How many of it one schedule may hold; any number if absent. */
  readonly maxCount?: number;
  draw(sampler: Sampler): P;
  /** `over` puts off to the end of the trouble what ends it. */
  inject(world: World, fault: P & FaultWindow, over: (act: () => void) => void): void;
  /** Hosts that are not healthy while it lasts; absent: `who` if there is one, else all. */
  affected?(fault: P): readonly string[];
}

/** One mechanism for each kind of a map from kinds to what is drawn for them. */
export type FaultDefinitions<F> = { readonly [K in keyof F]: FaultDefinition<F[K]> };

/** Small ways to draw. */
export interface Sampler {
  readonly rng: Rng;
  readonly hosts: readonly string[];
  host(): string;
  /** Two different ones, or twice the same where there is but one. */
  twoHosts(): [string, string];
  /** At least one, and not all if there is a choice; in any order. */
  someHosts(): string[];
  coin(): boolean;
  /** True once in so many times. */
  oneIn(oneIn: number): boolean;
  pick<T>(choices: readonly [T, ...T[]]): T;
}

export function createSampler(rng: Rng, hosts: readonly string[]): Sampler {
  return {
    rng,
    hosts,
    host: () => hosts[rng.int(hosts.length)] as string,
    twoHosts: () => {
      const first = rng.int(hosts.length);
      const second = (first + 1 + rng.int(Math.max(1, hosts.length - 1))) % hosts.length;
      return [hosts[first] as string, hosts[second] as string];
    },
    someHosts: () => shuffle([...hosts], rng).slice(0, 1 + rng.int(Math.max(1, hosts.length - 1))),
    coin: () => rng.int(2) === 0,
    oneIn: (oneIn) => rng.int(oneIn) === 0,
    pick: (choices) => choices[rng.int(choices.length)] as (typeof choices)[number],
  };
}

export const hostLabels = (world: World): string[] => [...world.hosts].map((host) => host.label);

/** Starts a host that is still down, and joins the others. One that has not finished leaving is killed. */
export function restartHost(world: World, label: string, options: StartOptions): void {
  const host = world.host(label);
  if (host.running && host.runningAgent.view.health().leaving) world.stop(label);
  if (host.running) return;
  world.start(label, options);
  joinOthers(world, label);
}

/** Stops the process of a host for so long, if one runs that is not stopped already. */
export function stallHost(world: World, label: string, span: Millis): void {
  const host = world.host(label);
  const { bootCount } = host;
  if (!host.running || host.paused) return;
  world.pause(label);
  world.schedule(world.now + span, () => {
    if (host.bootCount === bootCount) world.resume(label);
  });
}

/** A label no host of the world has, made of another. */
export function unusedLabel(world: World, stem: string): string {
  const labels = new Set(hostLabels(world));
  for (let i = 2; ; i++) if (!labels.has(`${stem}${i}`)) return `${stem}${i}`;
}
