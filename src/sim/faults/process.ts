/** Faults of one machine while its agent runs: suspended or starved processes, address changes, clocks, disks. */
import { createRng } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import { type FaultDefinitions, restartHost, stallHost } from './fault.ts';

export interface ProcessFaults {
  stall: { readonly host: string };
  /** The process is suspended again and again, for 0.1 s to 20 s each time. */
  repeatedStalls: { readonly hosts: readonly string[]; readonly seed: number };
  /** Something blocks the event loop for `block` ms at a time, and for the share `duty` of all time. */
  busyLoop: { readonly hosts: readonly string[]; readonly block: Millis; readonly duty: number };
  /** The machine gets another address while the agent runs, as from a DHCP lease. */
  addressChange: { readonly host: string };
  /** The wall clock jumps while the agent runs. */
  clockJump: { readonly host: string; readonly by: Millis };
  /**
   * The disk is full or broken for a while (`refuses`), the last writes before a crash are torn, or all data is lost.
   * The process is killed near the end, and restarts with what the disk has.
   */
  disk: { readonly host: string; readonly how: 'refuses' | 'torn' | 'lost'; readonly writes: number };
}

const TEN_YEARS: Millis = 10 * 365 * 86_400_000;

export const processFaults: FaultDefinitions<ProcessFaults> = {
  stall: {
    maxSpan: 20_000,
    draw: ({ host }) => ({ host: host() }),
    inject: (world, { host, span }) => stallHost(world, host, span),
  },
  repeatedStalls: {
    maxSpan: 90_000,
    draw: ({ someHosts, hosts, rng }) => ({
      hosts: someHosts().slice(0, Math.max(1, Math.floor(hosts.length / 4))),
      seed: rng.int(2 ** 31),
    }),
    inject: (world, { hosts, seed, span }) => {
      const rng = createRng(seed);
      for (const host of hosts)
        for (let at = 0; at < span; ) {
          const paused = Math.min(span - at, 100 * 200 ** rng.next());
          world.schedule(world.now + at, () => stallHost(world, host, paused));
          at += paused + 100 * 100 ** rng.next();
        }
    },
    affected: ({ hosts }) => hosts,
  },
  busyLoop: {
    maxSpan: 60_000,
    draw: ({ someHosts, hosts, rng }) => ({
      hosts: someHosts().slice(0, Math.max(1, Math.floor(hosts.length / 4))),
      block: Math.round(50 * 40 ** rng.next()),
      duty: 0.01 * 50 ** rng.next(),
    }),
    inject: (world, { hosts, block, duty, span }) => {
      for (const host of hosts)
        for (let at = 0; at + block <= span; at += block / duty)
          world.schedule(world.now + at, () => stallHost(world, host, block));
    },
    affected: ({ hosts }) => hosts,
  },
  addressChange: {
    maxSpan: 1_000,
    draw: ({ host }) => ({ host: host() }),
    inject: (world, { host }) => {
      // Serf in Go does not follow an address change.
      if (world.host(host).options.serfPeer !== true) world.changeAddress(host);
    },
  },
  clockJump: {
    maxSpan: 90_000,
    draw: ({ host, rng, pick, coin }) => {
      const by = Math.round(pick([1, 60_000, 7_200_000, TEN_YEARS] as const) * rng.next());
      return { host: host(), by: coin() ? by : 0 - by };
    },
    inject: (world, { host, by }, over) => {
      const before = world.host(host).wallClockOffset;
      world.setWallClock(host, before + by);
      over(() => world.setWallClock(host, before));
    },
    affected: () => [],
  },
  disk: {
    maxSpan: 90_000,
    draw: ({ host, pick, rng }) => ({
      host: host(),
      how: pick(['refuses', 'torn', 'lost'] as const),
      writes: 1 + rng.int(8),
    }),
    inject: (world, { host, how, writes, span }, over) => {
      const target = world.host(host);
      if (how === 'refuses') target.disk.failing = true;
      world.schedule(world.now + 0.7 * span, () => {
        if (!target.running) return;
        world.stop(host);
        if (how === 'torn') target.disk.tearLastWrites(writes);
        if (how === 'lost') target.disk.wipe();
      });
      over(() => {
        target.disk.failing = false;
        restartHost(world, host, { restore: true, newAddress: false });
      });
    },
  },
};
