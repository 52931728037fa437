/**
 * Byzantine senders: they hold the key and the label, so their forged messages are well formed and believed for a
 * while. What observers show of the victim is then not what it said of itself, and laws that rely on that cannot hold.
 * Runs with these faults are held to the weaker laws of swarm.ts: no agent crashes, tables stay bounded, and victims are
 * back soon.
 */
import type { Address } from '../../base/address.ts';
import { createRng } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import { sealPacket } from '../../wire/packet.ts';
import { sealStream } from '../../wire/stream-writer.ts';
import { hostEnvelope } from '../world/message-kinds.ts';
import type { World } from '../world/world.ts';
import { type FaultDefinitions, hostLabels } from './fault.ts';
import {
  FORGERIES,
  type Forgery,
  forgedMessages,
  forgedStream,
  isSeries,
  isStreamForgery,
} from './forgeries.ts';
import { type ForgeryContext, seriesSender } from './hostile-series.ts';

export interface ByzantineFaults {
  byzantine: {
    readonly forgery: Forgery;
    readonly victim: string;
    readonly every: Millis;
    readonly seed: number;
  };
}

export const byzantineFaults: FaultDefinitions<ByzantineFaults> = {
  byzantine: {
    maxSpan: 30_000,
    draw: ({ rng, host, pick }) => ({
      forgery: pick(FORGERIES),
      victim: host(),
      every: Math.round(100 * 30 ** rng.next()),
      seed: rng.int(2 ** 31),
    }),
    inject: (world, { forgery, victim, every, seed, span }) => {
      const rng = createRng(seed);
      const from = world.newAddress(world.host(victim).options.v6);
      const nonce = world.nonceSource();
      const labels = hostLabels(world);
      for (let at = 0; at < span; at += forgery === 'flood' ? FLOOD_EVERY : every)
        world.schedule(world.now + at, () => {
          const to = world.host(labels[rng.int(labels.length)] as string);
          sendForgery(world, forgery, { victim: world.host(victim), to, from, rng }, nonce);
        });
    },
    affected: ({ victim }) => [victim],
  },
};

const FLOOD_EVERY: Millis = 10;

function sendForgery(world: World, forgery: Forgery, context: ForgeryContext, nonce: () => Uint8Array): void {
  const { to, victim } = context;
  if (!to.running || !victim.running) return;
  const envelope = hostEnvelope(to.currentOptions);
  if (!isStreamForgery(forgery))
    return world.injectDatagram(
      to.label,
      senderOf(forgery, context),
      sealPacket(forgedMessages(forgery, context), envelope, { crc: false, nonce }),
    );
  const stream = sealStream(forgedStream(forgery, context), envelope, { role: 'dialer', nonce });
  world.injectStream(to.label, senderOf(forgery, context), stream);
}

/** Catalog messages of outsiders are hints only; half of the time these come from the address of a member. */
function senderOf(forgery: Forgery, context: ForgeryContext): Address {
  if (isSeries(forgery)) return seriesSender(forgery, context);
  const { victim, from, rng } = context;
  const fromMember = forgery === 'delta' || forgery === 'announcement' || forgery === 'deltas';
  return fromMember && rng.int(2) === 0 ? victim.address : from;
}
