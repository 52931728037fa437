/** Troubles of the network's quality: what gets through gets lost now and then, late, twice, or only if it is small. */
import type { Millis } from '../../base/time.ts';
import type { Rule } from '../world/network.ts';
import type { Lot, Mechanisms } from './fault.ts';

/** One way of one link; absent: all of them. */
type Where = { readonly link?: readonly [string, string] };

export interface WeatherFaults {
  loss: { readonly chance: number };
  lossyLink: { readonly link: readonly [string, string]; readonly chance: number };
  /** Each way of a link loses, but only in bursts of its own. */
  bursts: Where & { readonly chance: number; readonly calm: Millis; readonly burst: Millis };
  duplicates: { readonly chance: number; readonly copies: number; readonly late: Millis };
  /** Datagrams pass one another. */
  scatter: { readonly by: Millis };
  delay: Where & { readonly by: Millis };
  /** Larger datagrams vanish. */
  blackHole: Where & { readonly overBytes: number };
}

const where = ({ two, rarely }: Lot): Where => (rarely(3) ? {} : { link: two() });
const on = ({ link }: Where): Rule => (link === undefined ? {} : { links: [link] });

export const weather: Mechanisms<WeatherFaults> = {
  loss: {
    longest: 30_000,
    draw: ({ rng }) => ({ chance: 0.05 + 0.45 * rng.next() }),
    strike: (world, { chance }, over) => over(world.network.impose({ loss: chance })),
  },
  lossyLink: {
    longest: 90_000,
    draw: ({ two, rng }) => ({ link: two(), chance: 0.2 + 0.8 * rng.next() }),
    strike: (world, { link, chance }, over) => over(world.network.impose({ links: [link], loss: chance })),
    victims: ({ link }) => link,
  },
  bursts: {
    longest: 90_000,
    draw: (lot) => {
      const { rng, coin } = lot;
      const burst = Math.round(50 * 200 ** rng.next());
      const calm = Math.round(burst * (1 + 19 * rng.next()));
      return { ...where(lot), chance: coin() ? 1 : 0.5 + 0.5 * rng.next(), calm, burst };
    },
    strike: (world, { chance, calm, burst, ...place }, over) =>
      over(world.network.impose({ ...on(place), bursts: { calm, burst }, loss: chance })),
  },
  duplicates: {
    longest: 30_000,
    draw: ({ rng, of }) => ({
      chance: 0.05 + 0.95 * rng.next() ** 2,
      copies: 2 + rng.int(4),
      late: of([0, 1000, 30_000, 300_000] as const),
    }),
    strike: (world, { chance, copies, late }, over) =>
      over(world.network.impose({ duplicate: chance, copies, late })),
  },
  scatter: {
    longest: 30_000,
    draw: ({ rng }) => ({ by: 5000 * rng.next() ** 3 }),
    strike: (world, { by }, over) => over(world.network.impose({ scatter: by })),
  },
  delay: {
    longest: 60_000,
    draw: (lot) => ({ ...where(lot), by: Math.round(3000 * lot.rng.next() ** 2) }),
    strike: (world, { by, ...place }, over) => over(world.network.impose({ ...on(place), delay: by })),
  },
  blackHole: {
    longest: 90_000,
    draw: (lot) => ({ ...where(lot), overBytes: lot.of([512, 1000, 1280, 1400] as const) }),
    strike: (world, { overBytes, ...place }, over) => over(world.network.impose({ ...on(place), overBytes })),
  },
};
