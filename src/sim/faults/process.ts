/** What goes wrong on one machine while its agent runs: stopped and starved processes, clocks, disks. */
import { createRng } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import { comeBack, type Mechanisms, stall } from './fault.ts';

export interface ProcessFaults {
  stall: { readonly who: string };
  /** Stopped again and again, for 0.1 s to 20 s each time. */
  stutter: { readonly whos: readonly string[]; readonly seed: number };
  /** Something else keeps the loop busy for `block` at a time, and for a part `duty` of all time. */
  busyLoop: { readonly whos: readonly string[]; readonly block: Millis; readonly duty: number };
  /** The machine gets another address while the agent runs, as with a new lease. */
  lease: { readonly who: string };
  /** The wall clock jumps while the agent runs. */
  clockJump: { readonly who: string; readonly by: Millis };
  /**
   * The disk is full or broken for a while (`refuses`), or the last writes before a crash are torn, or all is gone.
   * The process dies near the end, and comes back with what is there.
   */
  disk: { readonly who: string; readonly how: 'refuses' | 'torn' | 'lost'; readonly writes: number };
}

const TEN_YEARS: Millis = 10 * 365 * 86_400_000;

export const processes: Mechanisms<ProcessFaults> = {
  stall: {
    longest: 20_000,
    draw: ({ one }) => ({ who: one() }),
    strike: (world, { who, span }) => stall(world, who, span),
  },
  stutter: {
    longest: 90_000,
    draw: ({ some, hosts, rng }) => ({
      whos: some().slice(0, Math.max(1, Math.floor(hosts.length / 4))),
      seed: rng.int(2 ** 31),
    }),
    strike: (world, { whos, seed, span }) => {
      const rng = createRng(seed);
      for (const who of whos)
        for (let at = 0; at < span; ) {
          const paused = Math.min(span - at, 100 * 200 ** rng.next());
          world.at(world.now + at, () => stall(world, who, paused));
          at += paused + 100 * 100 ** rng.next();
        }
    },
    victims: ({ whos }) => whos,
  },
  busyLoop: {
    longest: 60_000,
    draw: ({ some, hosts, rng }) => ({
      whos: some().slice(0, Math.max(1, Math.floor(hosts.length / 4))),
      block: Math.round(50 * 40 ** rng.next()),
      duty: 0.01 * 50 ** rng.next(),
    }),
    strike: (world, { whos, block, duty, span }) => {
      for (const who of whos)
        for (let at = 0; at + block <= span; at += block / duty)
          world.at(world.now + at, () => stall(world, who, block));
    },
    victims: ({ whos }) => whos,
  },
  lease: {
    longest: 1_000,
    draw: ({ one }) => ({ who: one() }),
    strike: (world, { who }) => {
      // Go agents do not follow.
      if (world.host(who).options.plain !== true) world.move(who);
    },
  },
  clockJump: {
    longest: 90_000,
    draw: ({ one, rng, of, coin }) => {
      const by = Math.round(of([1, 60_000, 7_200_000, TEN_YEARS] as const) * rng.next());
      return { who: one(), by: coin() ? by : 0 - by };
    },
    strike: (world, { who, by }, over) => {
      const before = world.host(who).clock;
      world.setClock(who, before + by);
      over(() => world.setClock(who, before));
    },
    victims: () => [],
  },
  disk: {
    longest: 90_000,
    draw: ({ one, of, rng }) => ({
      who: one(),
      how: of(['refuses', 'torn', 'lost'] as const),
      writes: 1 + rng.int(8),
    }),
    strike: (world, { who, how, writes, span }, over) => {
      const host = world.host(who);
      if (how === 'refuses') host.diskRefuses = true;
      world.at(world.now + 0.7 * span, () => {
        if (!host.running) return;
        world.stop(who);
        if (how === 'torn') host.tear(writes);
        if (how === 'lost') host.wipe();
      });
      over(() => {
        host.diskRefuses = false;
        comeBack(world, who, { remember: true, moved: false });
      });
    },
  },
};
