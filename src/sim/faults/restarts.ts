/**
 * Faults that end and restart processes: crashes, leaves, rolling restarts, restarts of the whole cluster; and new
 * tags.
 */
import { shuffle } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import { type FaultDefinitions, restartHost } from './fault.ts';

export interface RestartFaults {
  /** The process, or with `powerOff` the machine, dies and starts again at the end. */
  crash: {
    readonly host: string;
    readonly powerOff: boolean;
    readonly restore: boolean;
    readonly newAddress: boolean;
    readonly wallClockOffset?: Millis;
  };
  /** The process dies and restarts almost at once. */
  bounce: { readonly host: string; readonly restore: boolean; readonly newAddress: boolean };
  /** The agent leaves, and starts again at the end. */
  leave: { readonly host: string; readonly restore: boolean; readonly newAddress: boolean };
  /** The agent stops and says that it will be back within `duration`: it starts again at the end, in time or later. */
  pause: {
    readonly host: string;
    readonly inTime: boolean;
    readonly restore: boolean;
    readonly newAddress: boolean;
  };
  /** The process dies, an operator forgets the member at another host, and the process starts again. */
  forget: {
    readonly host: string;
    readonly by: string;
    readonly prune: boolean;
    readonly restore: boolean;
  };
  /** No fault, but a change that must reach everybody in spite of the others. */
  retag: { readonly host: string; readonly tags: string };
  /** Hosts are stopped one after the other, each for `down`. */
  rolling: {
    readonly order: readonly string[];
    readonly every: Millis;
    readonly down: Millis;
    readonly graceful: boolean;
    readonly restore: boolean;
  };
  /** All processes are killed at once and start again later, `stagger` apart, some without their data. */
  wholeRestart: {
    readonly order: readonly string[];
    readonly stagger: Millis;
    readonly withoutData: readonly string[];
    readonly newAddress: boolean;
  };
}

/** Wall clocks are wrong by up to an hour in either direction. */
const CLOCK_SPREAD: Millis = 7_200_000;
/** A pause in time lasts longer than the absence by this, for its return to spread. */
const PAUSE_MARGIN: Millis = 5000;
/** A pause that the agent does not return within. */
const PAUSE_TOO_SHORT: Millis = 5000;

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
  pause: {
    maxSpan: 90_000,
    draw: ({ host, coin, oneIn }) => ({
      host: host(),
      inTime: coin(),
      restore: coin(),
      newAddress: oneIn(8),
    }),
    inject: (world, fault, over) => {
      const duration = fault.inTime ? fault.span + PAUSE_MARGIN : Math.min(fault.span, PAUSE_TOO_SHORT);
      world.command(fault.host, { kind: 'pause', duration });
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
