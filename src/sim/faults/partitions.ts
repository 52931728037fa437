/** Faults of reachability: which hosts reach which, by which transport and in which direction. */

import { shuffle } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import type { Transport } from '../world/network.ts';
import type { World } from '../world/world.ts';
import { type FaultDefinitions, hostLabels } from './fault.ts';

export interface PartitionFaults {
  partition: { readonly side: readonly string[]; readonly oneWay: boolean };
  /** The cluster falls into many parts that cannot reach one another. */
  shatter: { readonly parts: readonly (readonly string[])[] };
  /** Some pairs do not reach each other, though both reach the others. */
  mesh: { readonly links: readonly (readonly [string, string])[] };
  /** A partition that appears and heals again and again. */
  flapping: { readonly side: readonly string[]; readonly cut: Millis; readonly whole: Millis };
  /** One host neither sends nor receives by one transport. */
  silence: { readonly host: string; readonly transport: Transport };
  /** One transport fails between two hosts, or everywhere if `between` is absent. */
  outage: { readonly between?: readonly [string, string]; readonly transport: Transport };
}

export const partitionFaults: FaultDefinitions<PartitionFaults> = {
  partition: {
    maxSpan: 90_000,
    draw: ({ someHosts, oneIn }) => ({ side: someHosts(), oneWay: oneIn(3) }),
    inject: (world, { side, oneWay }, over) => over(split(world, side, oneWay)),
  },
  shatter: {
    maxSpan: 60_000,
    draw: ({ hosts, rng }) => {
      const count = 3 + rng.int(Math.max(1, hosts.length - 3));
      const parts: string[][] = Array.from({ length: count }, () => []);
      for (const host of hosts) parts[rng.int(count)]?.push(host);
      return { parts: parts.filter((part) => part.length > 0) };
    },
    inject: (world, { parts }, over) => {
      const labels = hostLabels(world);
      for (const part of parts)
        over(world.network.addRule({ from: part, to: labels.filter((label) => !part.includes(label)) }));
    },
  },
  mesh: {
    maxSpan: 120_000,
    draw: ({ hosts, rng, oneIn }) => {
      const pairs = hosts.flatMap((a, i) => hosts.slice(i + 1).map((b) => [a, b] as const));
      const share = 0.05 + 0.4 * rng.next();
      const cut = shuffle(pairs, rng).slice(0, Math.max(1, Math.round(share * pairs.length)));
      if (oneIn(3)) return { links: cut.map(([a, b]) => (rng.int(2) === 0 ? [a, b] : [b, a])) };
      return { links: cut.flatMap(([a, b]) => [[a, b] as const, [b, a] as const]) };
    },
    inject: (world, { links }, over) => over(world.network.addRule({ links })),
    affected: ({ links }) => [...new Set(links.flat())],
  },
  flapping: {
    maxSpan: 90_000,
    draw: ({ someHosts, rng }) => ({
      side: someHosts(),
      cut: Math.round(1000 + 20_000 * rng.next() ** 2),
      whole: Math.round(1000 + 20_000 * rng.next() ** 2),
    }),
    inject: (world, { side, cut, whole, span }) => {
      const end = world.now + span;
      const again = (): void => {
        if (world.now >= end) return;
        const heal = split(world, side, false);
        const healed = Math.min(end, world.now + cut);
        world.schedule(healed, heal);
        world.schedule(healed + whole, again);
      };
      again();
    },
  },
  silence: {
    maxSpan: 90_000,
    draw: ({ host, pick }) => ({ host: host(), transport: pick(['udp', 'tcp'] as const) }),
    inject: (world, { host, transport }, over) => {
      over(world.network.addRule({ from: [host], transport }));
      over(world.network.addRule({ to: [host], transport }));
    },
  },
  outage: {
    maxSpan: 90_000,
    draw: ({ twoHosts, pick, oneIn }) => {
      const transport = pick(['udp', 'tcp'] as const);
      return oneIn(3) ? { transport } : { between: twoHosts(), transport };
    },
    inject: (world, { between, transport }, over) => {
      if (between === undefined) return over(world.network.addRule({ transport, loss: 1 }));
      const [a, b] = between;
      const links = [[a, b] as const, [b, a] as const];
      over(world.network.addRule({ links, transport }));
    },
  },
};

/** Cuts one side off from the rest. Returns a function that heals the partition. */
function split(world: World, side: readonly string[], oneWay: boolean): () => void {
  const far = hostLabels(world).filter((label) => !side.includes(label));
  const lifts = [world.network.addRule({ from: side, to: far })];
  if (!oneWay) lifts.push(world.network.addRule({ from: far, to: side }));
  return () => {
    for (const lift of lifts) lift();
  };
}
