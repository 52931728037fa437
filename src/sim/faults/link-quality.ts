/** Faults of link quality: datagrams are lost, delayed, duplicated or reordered, or large ones are dropped. */
import type { Millis } from '../../base/time.ts';
import type { NetworkRule } from '../world/network.ts';
import type { FaultDefinitions, Sampler } from './fault.ts';

/** One direction of one link, or all links if absent. */
type LinkChoice = { readonly link?: readonly [string, string] };

export interface LinkQualityFaults {
  loss: { readonly chance: number };
  lossyLink: { readonly link: readonly [string, string]; readonly chance: number };
  /** Each direction of a link loses datagrams in bursts of its own (Gilbert–Elliott). */
  bursts: LinkChoice & { readonly chance: number; readonly gap: Millis; readonly burst: Millis };
  duplicates: { readonly chance: number; readonly copies: number; readonly maxCopyDelay: Millis };
  /** Datagrams overtake one another. */
  reordering: { readonly by: Millis };
  delay: LinkChoice & { readonly by: Millis };
  /** Datagrams above a size are dropped, as by a path MTU black hole. */
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
      const gap = Math.round(burst * (1 + 19 * rng.next()));
      return { ...drawLink(sampler), chance: coin() ? 1 : 0.5 + 0.5 * rng.next(), gap, burst };
    },
    inject: (world, { chance, gap, burst, ...place }, over) =>
      over(world.network.addRule({ ...toRule(place), bursts: { gap, burst }, loss: chance })),
  },
  duplicates: {
    maxSpan: 30_000,
    draw: ({ rng, pick }) => ({
      chance: 0.05 + 0.95 * rng.next() ** 2,
      copies: 2 + rng.int(4),
      maxCopyDelay: pick([0, 1000, 30_000, 300_000] as const),
    }),
    inject: (world, { chance, copies, maxCopyDelay }, over) =>
      over(world.network.addRule({ duplicate: chance, copies, maxCopyDelay })),
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
