/**
 * Hosts and senders that do not belong to the cluster: a second host of a name, one that cannot be reached, and senders
 * of garbage without the key. None of them may cause a violation.
 */
import type { Address } from '../../base/address.ts';
import { concatBytes, encodeUtf8 } from '../../base/bytes.ts';
import { createRng, type Rng } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import { Dead, encodeMessage } from '../../wire/memberlist.ts';
import { BARE_ENVELOPE, sealPacket } from '../../wire/packet.ts';
import { joinOthers } from '../world/bootstrap.ts';
import type { SimHost } from '../world/host.ts';
import type { World } from '../world/world.ts';
import { type FaultDefinitions, hostLabels, unusedLabel } from './fault.ts';
import { type DatagramTap, getDatagramTap } from './tap.ts';

export type Garbage = 'random' | 'truncated' | 'flipped' | 'replayed' | 'labeled' | 'plaintext' | 'streams';

export interface OutsiderFaults {
  /** Another host of the same name joins, and is killed at the end. */
  duplicateName: { readonly host: string };
  /** New hosts that send and open streams, but receive nothing except answers on those streams. */
  deafJoiner: { readonly count: number };
  garbage: { readonly how: Garbage; readonly every: Millis; readonly seed: number };
}

export const outsiderFaults: FaultDefinitions<OutsiderFaults> = {
  duplicateName: {
    maxSpan: 60_000,
    maxCount: 2,
    draw: ({ host }) => ({ host: host() }),
    inject: (world, { host }, over) => {
      const { name, options } = world.host(host);
      const label = unusedLabel(world, `${host}-duplicate`);
      world.add(label, { ...options, name });
      world.start(label);
      joinOthers(world, label);
      over(() => stopIfRunning(world, label));
    },
  },
  deafJoiner: {
    maxSpan: 60_000,
    maxCount: 1,
    draw: ({ rng }) => ({ count: 1 + rng.int(3) }),
    inject: (world, { count }, over) => {
      const template = world.host(hostLabels(world)[0] as string).options;
      for (let i = 0; i < count; i++) {
        const label = unusedLabel(world, 'deaf');
        const { name: _, ...options } = template;
        world.add(label, options);
        over(blockInbound(world, label));
        world.start(label);
        joinOthers(world, label);
        over(() => stopIfRunning(world, label));
      }
    },
    affected: () => [],
  },
  garbage: {
    maxSpan: 60_000,
    draw: ({ rng, pick }) => ({
      how: pick(['random', 'truncated', 'flipped', 'replayed', 'labeled', 'plaintext', 'streams'] as const),
      every: Math.round(5 * 100 ** rng.next()),
      seed: rng.int(2 ** 31),
    }),
    inject: (world, { how, every, seed, span }, over) => {
      const rng = createRng(seed);
      const tap = getDatagramTap(world);
      const from = world.newAddress(world.host(hostLabels(world)[0] as string).options.v6);
      over(tap.startCapture());
      for (let at = 0; at < span; at += every)
        world.schedule(world.now + at, () => sendGarbage(world, how, from, tap, rng));
    },
    affected: () => [],
  },
};

/**
 * Blocks everything that reaches a host, except answers on streams that it opened. Returns a function that unblocks it.
 */
export function blockInbound(world: World, label: string): () => void {
  const lifts = [
    world.network.addRule({ to: [label], transport: 'udp' }),
    world.network.addRule({ to: [label], connectOnly: true }),
  ];
  return () => {
    for (const lift of lifts) lift();
  };
}

function stopIfRunning(world: World, label: string): void {
  if (world.host(label).running) world.stop(label);
}

function sendGarbage(world: World, how: Garbage, from: Address, tap: DatagramTap, rng: Rng): void {
  const labels = hostLabels(world);
  const host = world.host(labels[rng.int(labels.length)] as string);
  if (!host.running) return;
  const bytes = makeGarbage(how, host, tap, rng);
  if (bytes === undefined) return;
  if (how === 'streams') world.injectStream(host.label, from, bytes);
  else world.injectDatagram(host.label, from, bytes);
}

function makeGarbage(how: Garbage, host: SimHost, tap: DatagramTap, rng: Rng): Uint8Array | undefined {
  const random = (): Uint8Array => Uint8Array.from({ length: 1 + rng.int(300) }, () => rng.int(256));
  const captured = tap.sample(rng);
  switch (how) {
    case 'random': {
      const bytes = random();
      if (rng.int(2) === 0) bytes[0] = rng.int(14); // A message type that exists.
      return bytes;
    }
    case 'truncated':
      return captured?.slice(0, rng.int(captured.length));
    case 'flipped': {
      const bytes = captured?.slice();
      const at = rng.int(bytes?.length ?? 1);
      if (bytes !== undefined) bytes[at] = (bytes[at] ?? 0) ^ (1 << rng.int(8));
      // Without a checksum or a key a flipped bit cannot be told from a valid message.
      return bytes !== undefined && isProtected(bytes, host) ? bytes : undefined;
    }
    case 'replayed':
      return captured;
    case 'labeled': {
      const label = encodeUtf8(rng.int(2) === 0 ? 'others' : `${host.options.gossipLabel ?? ''}x`);
      return captured && concatBytes([Uint8Array.of(LABEL, label.length), label, captured]);
    }
    case 'plaintext': {
      // Without a key any well-formed message is believed; that is the case of byzantine.ts.
      if ((host.options.keys ?? []).length === 0) return random();
      const dead = Dead.create({ incarnation: 1 + rng.int(1000), node: host.name, from: 'outsider' });
      return sealPacket(
        [encodeMessage(dead)],
        { ...BARE_ENVELOPE, label: encodeUtf8(host.options.gossipLabel ?? '') },
        { nonce: () => new Uint8Array(12), crc: false },
      );
    }
    case 'streams':
      return captured === undefined || rng.int(2) === 0 ? random() : captured;
  }
}

const LABEL = 244;
const CRC = 12;

const isProtected = (bytes: Uint8Array, { options }: SimHost): boolean => {
  const label = encodeUtf8(options.gossipLabel ?? '').length;
  return (options.keys ?? []).length > 0 || bytes[label === 0 ? 0 : label + 2] === CRC;
};
