/**
 * Hosts that should not be there: a second one of a name, one that calls and cannot be called, and senders of
 * garbage who do not hold the key. Nothing they do may break any law.
 */
import type { Address } from '../../base/address.ts';
import { concat, utf8 } from '../../base/bytes.ts';
import { createRng, type Rng } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import { Dead, encodeMessage } from '../../wire/memberlist.ts';
import { BARE_ENVELOPE, sealPacket } from '../../wire/packet.ts';
import { joinOthers } from '../world/bootstrap.ts';
import type { Host } from '../world/host.ts';
import type { World } from '../world/world.ts';
import { freshLabel, labelsOf, type Mechanisms } from './fault.ts';
import { type Tap, tapOf } from './tap.ts';

export type Garbage = 'random' | 'truncated' | 'flipped' | 'replayed' | 'labelled' | 'plaintext' | 'streams';

export interface StrangerFaults {
  /** Another host of the same name joins, and dies at the end. */
  double: { readonly who: string };
  /** Newcomers that send, open streams and are answered on these, and hear nothing else. */
  deafJoiner: { readonly count: number };
  garbage: { readonly how: Garbage; readonly every: Millis; readonly seed: number };
}

export const strangers: Mechanisms<StrangerFaults> = {
  double: {
    longest: 60_000,
    most: 2,
    draw: ({ one }) => ({ who: one() }),
    strike: (world, { who }, over) => {
      const { name, options } = world.host(who);
      const label = freshLabel(world, `${who}-double`);
      world.add(label, { ...options, name });
      world.start(label);
      joinOthers(world, label);
      over(() => vanish(world, label));
    },
  },
  deafJoiner: {
    longest: 60_000,
    most: 1,
    draw: ({ rng }) => ({ count: 1 + rng.int(3) }),
    strike: (world, { count }, over) => {
      const like = world.host(labelsOf(world)[0] as string).options;
      for (let i = 0; i < count; i++) {
        const label = freshLabel(world, 'deaf');
        const { name: _, ...options } = like;
        world.add(label, options);
        over(deafen(world, label));
        world.start(label);
        joinOthers(world, label);
        over(() => vanish(world, label));
      }
    },
    victims: () => [],
  },
  garbage: {
    longest: 60_000,
    draw: ({ rng, of }) => ({
      how: of(['random', 'truncated', 'flipped', 'replayed', 'labelled', 'plaintext', 'streams'] as const),
      every: Math.round(5 * 100 ** rng.next()),
      seed: rng.int(2 ** 31),
    }),
    strike: (world, { how, every, seed, span }, over) => {
      const rng = createRng(seed);
      const tap = tapOf(world);
      const from = world.newAddress(world.host(labelsOf(world)[0] as string).options.v6);
      over(tap.open());
      for (let at = 0; at < span; at += every)
        world.at(world.now + at, () => throwAt(world, how, from, tap, rng));
    },
    victims: () => [],
  },
};

/** Lets nothing in but answers on streams it has opened itself. Returns what lifts it. */
export function deafen(world: World, label: string): () => void {
  const lifts = [
    world.network.impose({ to: [label], transport: 'udp' }),
    world.network.impose({ to: [label], opening: true }),
  ];
  return () => {
    for (const lift of lifts) lift();
  };
}

function vanish(world: World, label: string): void {
  if (world.host(label).running) world.stop(label);
}

function throwAt(world: World, how: Garbage, from: Address, tap: Tap, rng: Rng): void {
  const labels = labelsOf(world);
  const host = world.host(labels[rng.int(labels.length)] as string);
  if (!host.running) return;
  const bytes = garbage(how, host, tap, rng);
  if (bytes === undefined) return;
  if (how === 'streams') world.injectStream(host.label, from, bytes);
  else world.inject(host.label, from, bytes);
}

function garbage(how: Garbage, host: Host, tap: Tap, rng: Rng): Uint8Array | undefined {
  const random = (): Uint8Array => Uint8Array.from({ length: 1 + rng.int(300) }, () => rng.int(256));
  const caught = tap.any(rng);
  switch (how) {
    case 'random': {
      const bytes = random();
      if (rng.int(2) === 0) bytes[0] = rng.int(14); // a type that exists
      return bytes;
    }
    case 'truncated':
      return caught?.slice(0, rng.int(caught.length));
    case 'flipped': {
      const bytes = caught?.slice();
      const at = rng.int(bytes?.length ?? 1);
      if (bytes !== undefined) bytes[at] = (bytes[at] ?? 0) ^ (1 << rng.int(8));
      // Without a checksum or a key nobody could tell what was flipped from what was said.
      return bytes !== undefined && isGuarded(bytes, host) ? bytes : undefined;
    }
    case 'replayed':
      return caught;
    case 'labelled': {
      const label = utf8(rng.int(2) === 0 ? 'others' : `${host.options.label ?? ''}x`);
      return caught && concat([Uint8Array.of(LABEL, label.length), label, caught]);
    }
    case 'plaintext': {
      // Whoever has no key set believes whatever is well formed; that is the traitors' business.
      if ((host.options.keys ?? []).length === 0) return random();
      const dead = Dead.make({ incarnation: 1 + rng.int(1000), node: host.name, from: 'stranger' });
      return sealPacket(
        [encodeMessage(dead)],
        { ...BARE_ENVELOPE, label: utf8(host.options.label ?? '') },
        { nonce: () => new Uint8Array(12), crc: false },
      );
    }
    case 'streams':
      return caught === undefined || rng.int(2) === 0 ? random() : caught;
  }
}

const LABEL = 244;
const CRC = 12;

const isGuarded = (bytes: Uint8Array, { options }: Host): boolean => {
  const label = utf8(options.label ?? '').length;
  return (options.keys ?? []).length > 0 || bytes[label === 0 ? 0 : label + 2] === CRC;
};
