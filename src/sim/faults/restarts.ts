/** Ends and beginnings of processes: crashes, leaves, restarts of one, of one after the other, of all; new tags. */
import { shuffle } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import { type FaultDefinitions, restartHost } from './fault.ts';

export interface RestartFaults {
  /** `clock`: how far its wall clock is off when it comes back; absent: as before. */
  crash: {
    readonly host: string;
    readonly powerOff: boolean;
    readonly restore: boolean;
    readonly newAddress: boolean;
    readonly wallClockOffset?: Millis;
  };
  /** Dies and is back almost at once. */
  bounce: { readonly host: string; readonly restore: boolean; readonly newAddress: boolean };
  /** Leaves in order, and comes back. */
  leave: { readonly host: string; readonly restore: boolean; readonly newAddress: boolean };
  /** Dies, and an operator says so everywhere; then it comes back. */
  forget: {
    readonly host: string;
    readonly by: string;
    readonly prune: boolean;
    readonly restore: boolean;
  };
  /** Not a trouble, but news that must arrive all the same. */
  retag: { readonly host: string; readonly tags: string };
  /** One after the other is stopped, each down for `down`. */
  rolling: {
    readonly order: readonly string[];
    readonly every: Millis;
    readonly down: Millis;
    readonly graceful: boolean;
    readonly restore: boolean;
  };
  /** All are killed at once and start again after a while, `stagger` apart, some without what they remembered. */
  wholeRestart: {
    readonly order: readonly string[];
    readonly stagger: Millis;
    readonly withoutData: readonly string[];
    readonly newAddress: boolean;
  };
}

/** Clocks go wrong by up to an hour, both ways. */
const CLOCK_SPREAD: Millis = 7_200_000;

export const restartFaults: FaultDefinitions<RestartFaults> = {
  crash: {
    maxSpan: 90_000,
    draw: ({ rng, host, coin, oneIn }) => ({
      host: host(),
      powerOff: coin(),
      restore: coin(),
      newAddress: oneIn(4),
      ...(oneIn(3) ? { wallClockOffset: Math.round((rng.next() - 0.5) * CLOCK_SPREAD) } : {}),
    }),
    inject: (world, fault, over) => {
      world.stop(fault.host, { powerOff: fault.powerOff });
      over(() => restartHost(world, fault.host, fault));
    },
  },
  bounce: {
    maxSpan: 2000,
    draw: ({ host, coin, oneIn }) => ({ host: host(), restore: coin(), newAddress: oneIn(4) }),
    inject: (world, fault, over) => {
      world.stop(fault.host);
      over(() => restartHost(world, fault.host, fault));
    },
  },
  leave: {
    maxSpan: 90_000,
    draw: ({ host, coin, oneIn }) => ({ host: host(), restore: coin(), newAddress: oneIn(4) }),
    inject: (world, fault, over) => {
      world.command(fault.host, { kind: 'leave' });
      over(() => restartHost(world, fault.host, fault));
    },
  },
  forget: {
    maxSpan: 90_000,
    draw: ({ host, coin, oneIn }) => ({
      host: host(),
      by: host(),
      prune: oneIn(3),
      restore: coin(),
    }),
    inject: (world, { host, by, prune, restore, span }, over) => {
      world.stop(host);
      world.schedule(world.now + 0.7 * span, () => {
        if (!world.host(host).running && world.host(by).running)
          world.command(by, { kind: 'forget', node: host, prune, refuseLive: true });
      });
      over(() => restartHost(world, host, { restore, newAddress: false }));
    },
  },
  retag: {
    maxSpan: 90_000,
    draw: ({ host, rng }) => ({ host: host(), tags: `v${rng.int(1000)}` }),
    inject: (world, { host, tags }) => {
      world.command(host, { kind: 'setTags', set: new Map([['tags', tags]]), remove: [] });
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
      graceful: coin(),
      restore: coin(),
    }),
    inject: (world, { order, every, down, graceful, restore, span }) => {
      const end = world.now + span;
      order.forEach((host, i) => {
        const at = world.now + i * every;
        if (at + down > end) return;
        world.schedule(at, () => {
          if (!world.host(host).running) return;
          if (graceful) world.command(host, { kind: 'leave' });
          else world.stop(host);
          world.schedule(world.now + down, () => restartHost(world, host, { restore, newAddress: false }));
        });
      });
    },
  },
  wholeRestart: {
    maxSpan: 90_000,
    maxCount: 1,
    draw: ({ hosts, rng, pick, oneIn }) => ({
      order: shuffle([...hosts], rng),
      stagger: pick([0, 0, 100, 2000] as const),
      withoutData: hosts.slice(0, Math.round(hosts.length * pick([0, 0.5, 1] as const))),
      newAddress: oneIn(4),
    }),
    inject: (world, { order, stagger, withoutData, newAddress, span }) => {
      const down = Math.max(0, span - stagger * order.length);
      order.forEach((host, i) => {
        world.stop(host);
        const restore = !withoutData.includes(host);
        world.schedule(world.now + Math.min(span, down + i * stagger), () =>
          restartHost(world, host, { restore, newAddress }),
        );
      });
    },
  },
};
