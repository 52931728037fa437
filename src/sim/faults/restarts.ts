/** Ends and beginnings of processes: crashes, leaves, restarts of one, of one after the other, of all; new tags. */
import { shuffle } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import { type FaultDefinitions, restartHost } from './fault.ts';

export interface RestartFaults {
  /** `clock`: how far its wall clock is off when it comes back; absent: as before. */
  crash: {
    readonly who: string;
    readonly dark: boolean;
    readonly remember: boolean;
    readonly moved: boolean;
    readonly clock?: Millis;
  };
  /** Dies and is back almost at once. */
  bounce: { readonly who: string; readonly remember: boolean; readonly moved: boolean };
  /** Leaves in order, and comes back. */
  leave: { readonly who: string; readonly remember: boolean; readonly moved: boolean };
  /** Dies, and an operator says so everywhere; then it comes back. */
  forget: {
    readonly who: string;
    readonly by: string;
    readonly prune: boolean;
    readonly remember: boolean;
  };
  /** Not a trouble, but news that must arrive all the same. */
  retag: { readonly who: string; readonly tags: string };
  /** One after the other is stopped, each down for `down`. */
  rolling: {
    readonly order: readonly string[];
    readonly every: Millis;
    readonly down: Millis;
    readonly orderly: boolean;
    readonly remember: boolean;
  };
  /** All are killed at once and start again after a while, `stagger` apart, some without what they remembered. */
  wholeRestart: {
    readonly order: readonly string[];
    readonly stagger: Millis;
    readonly forgetful: readonly string[];
    readonly moved: boolean;
  };
}

/** Clocks go wrong by up to an hour, both ways. */
const CLOCK_SPREAD: Millis = 7_200_000;

export const restartFaults: FaultDefinitions<RestartFaults> = {
  crash: {
    maxSpan: 90_000,
    draw: ({ rng, host: one, coin, oneIn: rarely }) => ({
      who: one(),
      dark: coin(),
      remember: coin(),
      moved: rarely(4),
      ...(rarely(3) ? { clock: Math.round((rng.next() - 0.5) * CLOCK_SPREAD) } : {}),
    }),
    inject: (world, fault, over) => {
      world.stop(fault.who, { dark: fault.dark });
      over(() => restartHost(world, fault.who, fault));
    },
  },
  bounce: {
    maxSpan: 2000,
    draw: ({ host: one, coin, oneIn: rarely }) => ({ who: one(), remember: coin(), moved: rarely(4) }),
    inject: (world, fault, over) => {
      world.stop(fault.who);
      over(() => restartHost(world, fault.who, fault));
    },
  },
  leave: {
    maxSpan: 90_000,
    draw: ({ host: one, coin, oneIn: rarely }) => ({ who: one(), remember: coin(), moved: rarely(4) }),
    inject: (world, fault, over) => {
      world.command(fault.who, { kind: 'leave' });
      over(() => restartHost(world, fault.who, fault));
    },
  },
  forget: {
    maxSpan: 90_000,
    draw: ({ host: one, coin, oneIn: rarely }) => ({
      who: one(),
      by: one(),
      prune: rarely(3),
      remember: coin(),
    }),
    inject: (world, { who, by, prune, remember, span }, over) => {
      world.stop(who);
      world.at(world.now + 0.7 * span, () => {
        if (!world.host(who).running && world.host(by).running)
          world.command(by, { kind: 'forget', node: who, prune, refuseLive: true });
      });
      over(() => restartHost(world, who, { remember, moved: false }));
    },
  },
  retag: {
    maxSpan: 90_000,
    draw: ({ host: one, rng }) => ({ who: one(), tags: `v${rng.int(1000)}` }),
    inject: (world, { who, tags }) => {
      world.command(who, { kind: 'setTags', set: new Map([['tags', tags]]), remove: [] });
    },
    affected: () => [],
  },
  rolling: {
    maxSpan: 120_000,
    maxCount: 1,
    draw: ({ hosts, rng, coin }) => ({
      order: shuffle([...hosts], rng),
      every: Math.round(1000 + 9000 * rng.next()),
      down: Math.round(200 + 4800 * rng.next() ** 2),
      orderly: coin(),
      remember: coin(),
    }),
    inject: (world, { order, every, down, orderly, remember, span }) => {
      const end = world.now + span;
      order.forEach((who, i) => {
        const at = world.now + i * every;
        if (at + down > end) return;
        world.at(at, () => {
          if (!world.host(who).running) return;
          if (orderly) world.command(who, { kind: 'leave' });
          else world.stop(who);
          world.at(world.now + down, () => restartHost(world, who, { remember, moved: false }));
        });
      });
    },
  },
  wholeRestart: {
    maxSpan: 90_000,
    maxCount: 1,
    draw: ({ hosts, rng, pick: of, oneIn: rarely }) => ({
      order: shuffle([...hosts], rng),
      stagger: of([0, 0, 100, 2000] as const),
      forgetful: hosts.slice(0, Math.round(hosts.length * of([0, 0.5, 1] as const))),
      moved: rarely(4),
    }),
    inject: (world, { order, stagger, forgetful, moved, span }) => {
      const down = Math.max(0, span - stagger * order.length);
      order.forEach((who, i) => {
        world.stop(who);
        const remember = !forgetful.includes(who);
        world.at(world.now + Math.min(span, down + i * stagger), () =>
          restartHost(world, who, { remember, moved }),
        );
      });
    },
  },
};
