/** Definition of a kind of fault: how its parameters are drawn, its limits, whom it affects, and how it is injected. */
import { type Rng, shuffle } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import { joinOthers } from '../world/bootstrap.ts';
import type { StartOptions } from '../world/types.ts';
import type { World } from '../world/world.ts';

/** When a fault begins, and how long it lasts. */
export interface FaultWindow {
  readonly at: Millis;
  readonly span: Millis;
}

export interface FaultDefinition<P> {
  readonly maxSpan: Millis;
  /** The most that one schedule may hold; unlimited if absent. */
  readonly maxCount?: number;
  draw(sampler: Sampler): P;
  /** Begins the fault. `over` schedules what ends it. */
  inject(world: World, fault: P & FaultWindow, over: (act: () => void) => void): void;
  /** Hosts that do not count as healthy meanwhile; by default the fault's `host`, or all hosts if it has none. */
  affected?(fault: P): readonly string[];
}

/** One definition for each kind of a map from kinds to their parameters. */
export type FaultDefinitions<F> = { readonly [K in keyof F]: FaultDefinition<F[K]> };

/** Helpers to draw the parameters of a fault. */
export interface Sampler {
  readonly rng: Rng;
  readonly hosts: readonly string[];
  host(): string;
  /** Two different hosts, or the same one twice if there is only one. */
  twoHosts(): [string, string];
  /** At least one host, and not all of them if there is a choice; in random order. */
  someHosts(): string[];
  coin(): boolean;
  /** `true` with a chance of one in `oneIn`. */
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

/** Starts a host that is down and joins it to the others. An agent that is still leaving is killed first. */
export function restartHost(world: World, label: string, options: StartOptions): void {
  const host = world.host(label);
  if (host.running && host.runningAgent.view.health().leaving) world.stop(label);
  if (host.running) return;
  world.start(label, options);
  joinOthers(world, label);
}

/** Suspends the process of a host for `span`, if one runs and is not suspended already. */
export function stallHost(world: World, label: string, span: Millis): void {
  const host = world.host(label);
  const { bootCount } = host;
  if (!host.running || host.paused) return;
  world.pause(label);
  world.schedule(world.now + span, () => {
    if (host.bootCount === bootCount) world.resume(label);
  });
}

/** A label that no host of the world has, made from `stem`. */
export function unusedLabel(world: World, stem: string): string {
  const labels = new Set(hostLabels(world));
  for (let i = 2; ; i++) if (!labels.has(`${stem}${i}`)) return `${stem}${i}`;
}
