/** What goes wrong on one machine while its agent runs: stopped and starved processes, clocks, disks. */
import { createRng } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import { type FaultDefinitions, restartHost, stallHost } from './fault.ts';

export interface ProcessFaults {
  stall: { readonly who: string };
  /** Stopped again and again, for 0.1 s to 20 s each time. */
  repeatedStalls: { readonly whos: readonly string[]; readonly seed: number };
  /** Something else keeps the loop busy for `block` at a time, and for a part `duty` of all time. */
  busyLoop: { readonly whos: readonly string[]; readonly block: Millis; readonly duty: number };
  /** The machine gets another address while the agent runs, as with a new lease. */
  addressChange: { readonly who: string };
  /** The wall clock jumps while the agent runs. */
  clockJump: { readonly who: string; readonly by: Millis };
  /**
   * The disk is full or broken for a while (`refuses`), or the last writes before a crash are torn, or all is gone.
   * The process dies near the end, and comes back with what is there.
   */
  disk: { readonly who: string; readonly how: 'refuses' | 'torn' | 'lost'; readonly writes: number };
}

const TEN_YEARS: Millis = 10 * 365 * 86_400_000;

export const processFaults: FaultDefinitions<ProcessFaults> = {
  stall: {
    maxSpan: 20_000,
    draw: ({ host: one }) => ({ who: one() }),
    inject: (world, { who, span }) => stallHost(world, who, span),
  },
  repeatedStalls: {
    maxSpan: 90_000,
    draw: ({ someHosts: some, hosts, rng }) => ({
      whos: some().slice(0, Math.max(1, Math.floor(hosts.length / 4))),
      seed: rng.int(2 ** 31),
    }),
    inject: (world, { whos, seed, span }) => {
      const rng = createRng(seed);
      for (const who of whos)
        for (let at = 0; at < span; ) {
          const paused = Math.min(span - at, 100 * 200 ** rng.next());
          world.at(world.now + at, () => stallHost(world, who, paused));
          at += paused + 100 * 100 ** rng.next();
        }
    },
    affected: ({ whos }) => whos,
  },
  busyLoop: {
    maxSpan: 60_000,
    draw: ({ someHosts: some, hosts, rng }) => ({
      whos: some().slice(0, Math.max(1, Math.floor(hosts.length / 4))),
      block: Math.round(50 * 40 ** rng.next()),
      duty: 0.01 * 50 ** rng.next(),
    }),
    inject: (world, { whos, block, duty, span }) => {
      for (const who of whos)
        for (let at = 0; at + block <= span; at += block / duty)
          world.at(world.now + at, () => stallHost(world, who, block));
    },
    affected: ({ whos }) => whos,
  },
  addressChange: {
    maxSpan: 1_000,
    draw: ({ host: one }) => ({ who: one() }),
    inject: (world, { who }) => {
      // Go agents do not follow.
      if (world.host(who).options.serfPeer !== true) world.changeAddress(who);
    },
  },
  clockJump: {
    maxSpan: 90_000,
    draw: ({ host: one, rng, pick: of, coin }) => {
      const by = Math.round(of([1, 60_000, 7_200_000, TEN_YEARS] as const) * rng.next());
      return { who: one(), by: coin() ? by : 0 - by };
    },
    inject: (world, { who, by }, over) => {
      const before = world.host(who).wallClockOffset;
      world.setWallClock(who, before + by);
      over(() => world.setWallClock(who, before));
    },
    affected: () => [],
  },
  disk: {
    maxSpan: 90_000,
    draw: ({ host: one, pick: of, rng }) => ({
      who: one(),
      how: of(['refuses', 'torn', 'lost'] as const),
      writes: 1 + rng.int(8),
    }),
    inject: (world, { who, how, writes, span }, over) => {
      const host = world.host(who);
      if (how === 'refuses') host.diskFailing = true;
      world.at(world.now + 0.7 * span, () => {
        if (!host.running) return;
        world.stop(who);
        if (how === 'torn') host.tearLastWrites(writes);
        if (how === 'lost') host.wipeDisk();
      });
      over(() => {
        host.diskFailing = false;
        restartHost(world, who, { remember: true, moved: false });
      });
    },
  },
};
