/** What a kind of trouble is made of: how it is drawn, how long it may last, whom it strikes, and how. */
import { type Rng, shuffle } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import { joinOthers } from '../world/bootstrap.ts';
import type { World } from '../world/world.ts';

/** When a trouble begins, and how long it lasts. */
export interface Spell {
  readonly at: Millis;
  readonly span: Millis;
}

export interface Mechanism<P> {
  readonly longest: Millis;
  /** How many of it one schedule may hold; any number if absent. */
  readonly most?: number;
  draw(lot: Lot): P;
  /** `over` puts off to the end of the trouble what ends it. */
  strike(world: World, fault: P & Spell, over: (act: () => void) => void): void;
  /** Hosts that are not healthy while it lasts; absent: `who` if there is one, else all. */
  victims?(fault: P): readonly string[];
}

/** One mechanism for each kind of a map from kinds to what is drawn for them. */
export type Mechanisms<F> = { readonly [K in keyof F]: Mechanism<F[K]> };

/** Small ways to draw. */
export interface Lot {
  readonly rng: Rng;
  readonly hosts: readonly string[];
  one(): string;
  /** Two different ones, or twice the same where there is but one. */
  two(): [string, string];
  /** At least one, and not all if there is a choice; in any order. */
  some(): string[];
  coin(): boolean;
  /** True once in so many times. */
  rarely(oneIn: number): boolean;
  of<T>(choices: readonly [T, ...T[]]): T;
}

export function lotOf(rng: Rng, hosts: readonly string[]): Lot {
  const one = (): string => hosts[rng.int(hosts.length)] as string;
  return {
    rng,
    hosts,
    one,
    two: () => {
      const first = rng.int(hosts.length);
      const second = (first + 1 + rng.int(Math.max(1, hosts.length - 1))) % hosts.length;
      return [hosts[first] as string, hosts[second] as string];
    },
    some: () => shuffle([...hosts], rng).slice(0, 1 + rng.int(Math.max(1, hosts.length - 1))),
    coin: () => rng.int(2) === 0,
    rarely: (oneIn) => rng.int(oneIn) === 0,
    of: (choices) => choices[rng.int(choices.length)] as (typeof choices)[number],
  };
}

export const labelsOf = (world: World): string[] => [...world.hosts].map((host) => host.label);

/** Starts a host that is still down, and joins the others. One that has not finished leaving is killed. */
export function comeBack(
  world: World,
  who: string,
  how: { remember: boolean; moved: boolean; clock?: Millis },
): void {
  const host = world.host(who);
  if (host.running && host.live.view.health().leaving) world.stop(who);
  if (host.running) return;
  world.start(who, how);
  joinOthers(world, who);
}

/** Stops the process of a host for so long, if one runs that is not stopped already. */
export function stall(world: World, who: string, span: Millis): void {
  const host = world.host(who);
  const { lives } = host;
  if (!host.running || host.paused) return;
  world.pause(who);
  world.at(world.now + span, () => {
    if (host.lives === lives) world.resume(who);
  });
}

/** A label no host of the world has, made of another. */
export function freshLabel(world: World, stem: string): string {
  const taken = new Set(labelsOf(world));
  for (let i = 2; ; i++) if (!taken.has(`${stem}${i}`)) return `${stem}${i}`;
}
