/** Troubles of the network's quality: what gets through gets lost now and then, late, twice, or only if it is small. */
import type { Millis } from '../../base/time.ts';
import type { NetworkRule } from '../world/network.ts';
import type { FaultDefinitions, Sampler } from './fault.ts';

/** One way of one link; absent: all of them. */
type LinkChoice = { readonly link?: readonly [string, string] };

export interface LinkQualityFaults {
  loss: { readonly chance: number };
  lossyLink: { readonly link: readonly [string, string]; readonly chance: number };
  /** Each way of a link loses, but only in bursts of its own. */
  bursts: LinkChoice & { readonly chance: number; readonly calm: Millis; readonly burst: Millis };
  duplicates: { readonly chance: number; readonly copies: number; readonly late: Millis };
  /** Datagrams pass one another. */
  reordering: { readonly by: Millis };
  delay: LinkChoice & { readonly by: Millis };
  /** Larger datagrams vanish. */
  blackHole: LinkChoice & { readonly overBytes: number };
}

const drawLink = ({ twoHosts, oneIn }: Sampler): LinkChoice => (oneIn(3) ? {} : { link: twoHosts() });
const toRule = ({ link }: LinkChoice): NetworkRule => (link === undefined ? {} : { links: [link] });

export const linkQualityFaults: FaultDefinitions<LinkQualityFaults> = {
  loss: {
    maxSpan: 30_000,
    draw: ({ rng }) => ({ chance: 0.05 + 0.45 * rng.next() }),
    inject: (world, { chance }, over) => over(world.network.addRule({ loss: chance })),
  },
  lossyLink: {
    maxSpan: 90_000,
    draw: ({ twoHosts, rng }) => ({ link: twoHosts(), chance: 0.2 + 0.8 * rng.next() }),
    inject: (world, { link, chance }, over) => over(world.network.addRule({ links: [link], loss: chance })),
    affected: ({ link }) => link,
  },
  bursts: {
    maxSpan: 90_000,
    draw: (sampler) => {
      const { rng, coin } = sampler;
      const burst = Math.round(50 * 200 ** rng.next());
      const calm = Math.round(burst * (1 + 19 * rng.next()));
      return { ...drawLink(sampler), chance: coin() ? 1 : 0.5 + 0.5 * rng.next(), calm, burst };
    },
    inject: (world, { chance, calm, burst, ...place }, over) =>
      over(world.network.addRule({ ...toRule(place), bursts: { calm, burst }, loss: chance })),
  },
  duplicates: {
    maxSpan: 30_000,
    draw: ({ rng, pick }) => ({
      chance: 0.05 + 0.95 * rng.next() ** 2,
      copies: 2 + rng.int(4),
      late: pick([0, 1000, 30_000, 300_000] as const),
    }),
    inject: (world, { chance, copies, late }, over) =>
      over(world.network.addRule({ duplicate: chance, copies, maxCopyDelay: late })),
  },
  reordering: {
    maxSpan: 30_000,
    draw: ({ rng }) => ({ by: 5000 * rng.next() ** 3 }),
    inject: (world, { by }, over) => over(world.network.addRule({ maxReorderDelay: by })),
  },
  delay: {
    maxSpan: 60_000,
    draw: (sampler) => ({ ...drawLink(sampler), by: Math.round(3000 * sampler.rng.next() ** 2) }),
    inject: (world, { by, ...place }, over) => over(world.network.addRule({ ...toRule(place), delay: by })),
  },
  blackHole: {
    maxSpan: 90_000,
    draw: (sampler) => ({ ...drawLink(sampler), overBytes: sampler.pick([512, 1000, 1280, 1400] as const) }),
    inject: (world, { overBytes, ...place }, over) =>
      over(world.network.addRule({ ...toRule(place), overBytes })),
  },
};
