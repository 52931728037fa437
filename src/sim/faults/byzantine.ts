/**
 * Byzantine senders: they hold the key and the label, so their forged messages are well formed and believed for a
 * while. What observers show of the victim is then not what it said of itself, and laws that rely on that cannot hold.
 * These faults therefore occur alone, under the weaker laws of swarm.ts: no agent crashes, tables stay bounded, and
 * victims are back soon.
 */
import type { Address } from '../../base/address.ts';
import { concatBytes, NO_BYTES } from '../../base/bytes.ts';
import { createRng, type Rng } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import {
  Alive,
  Dead,
  encodeMessage,
  MESSAGE_TYPE,
  PushNodeState,
  Suspect,
  type SwimMessage,
} from '../../wire/memberlist.ts';
import { sealPacket } from '../../wire/packet.ts';
import { LeaveIntent } from '../../wire/serf.ts';
import { encodePushPull, sealStream } from '../../wire/stream-writer.ts';
import type { SimHost } from '../world/host.ts';
import { hostEnvelope } from '../world/message-kinds.ts';
import type { World } from '../world/world.ts';
import { type FaultDefinitions, hostLabels } from './fault.ts';

export type Forgery =
  | 'alive'
  | 'suspect'
  | 'dead'
  | 'leave'
  | 'leaveIntent'
  | 'maxIncarnation'
  | 'addressTheft'
  | 'flood'
  | 'manyNames'
  | 'rows';

/** All kinds of forgery. */
export const FORGERIES: readonly [Forgery, ...Forgery[]] = [
  'alive',
  'suspect',
  'dead',
  'leave',
  'leaveIntent',
  'maxIncarnation',
  'addressTheft',
  'flood',
  'manyNames',
  'rows',
];

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
      for (let at = 0; at < span; at += forgery === 'flood' ? FLOOD_EVERY : every)
        world.schedule(world.now + at, () =>
          sendForgery(world, forgery, world.host(victim), from, rng, nonce),
        );
    },
    affected: ({ victim }) => [victim],
  },
};

/** The largest incarnation that the wire can carry. */
export const WIRE_MAX_INCARNATION = 0xffff_ffff;
const FLOOD_EVERY: Millis = 10;
const ROWS = 100;
const NAMES = 100;
/** Prefix of invented names, which no host has. */
export const FAKE_NAME_PREFIX = 'ghost';
const VSN = Uint8Array.of(1, 5, 2, 2, 5, 5);

function sendForgery(
  world: World,
  forgery: Forgery,
  victim: SimHost,
  from: Address,
  rng: Rng,
  nonce: () => Uint8Array,
): void {
  const labels = hostLabels(world);
  const to = world.host(labels[rng.int(labels.length)] as string);
  if (!to.running || !victim.running) return;
  const envelope = hostEnvelope(to.currentOptions);
  if (forgery === 'rows') {
    const nodes = Array.from({ length: ROWS }, () => {
      const { address } = victim;
      const name = rng.int(10) === 0 ? victim.name : `${FAKE_NAME_PREFIX}${rng.int(NAMES)}`;
      const row = { name, addr: address.ip, port: address.port, meta: NO_BYTES, vsn: VSN };
      return PushNodeState.create({ ...row, incarnation: 1 + rng.int(100), state: rng.int(5) });
    });
    const body = encodePushPull({ kind: 'pushPull', join: rng.int(2) === 0, nodes, userState: NO_BYTES });
    return world.injectStream(to.label, from, sealStream(body, envelope, { role: 'dialer', nonce }));
  }
  const messages = forgedMessages(forgery, victim, to, from, rng);
  world.injectDatagram(to.label, from, sealPacket(messages, envelope, { crc: false, nonce }));
}

function forgedMessages(
  forgery: Exclude<Forgery, 'rows'>,
  victim: SimHost,
  to: SimHost,
  from: Address,
  rng: Rng,
): Uint8Array[] {
  const { name, address } = victim;
  const { incarnation: current, serf } = victim.runningAgent.view.self();
  const { meta } = serf.member.identity;
  const alive = (over: Partial<Alive>): SwimMessage =>
    Alive.create({
      incarnation: current + 1,
      node: name,
      addr: address.ip,
      port: address.port,
      meta,
      vsn: VSN,
      ...over,
    });
  switch (forgery) {
    case 'alive':
      return [encodeMessage(alive({ incarnation: current + rng.int(1000), meta: NO_BYTES }))];
    case 'suspect':
      return [
        encodeMessage(Suspect.create({ incarnation: current + rng.int(3), node: name, from: to.name })),
      ];
    case 'dead':
      return [encodeMessage(Dead.create({ incarnation: current + rng.int(3), node: name, from: to.name }))];
    case 'leave':
      return [encodeMessage(Dead.create({ incarnation: current + rng.int(3), node: name, from: name }))];
    case 'leaveIntent': {
      const intent = LeaveIntent.encode({ ltime: rng.int(2 ** 20), node: name, prune: rng.int(2) === 0 });
      return [concatBytes([Uint8Array.of(MESSAGE_TYPE.user), intent])];
    }
    case 'maxIncarnation': {
      const incarnation = rng.int(2) === 0 ? WIRE_MAX_INCARNATION : WIRE_MAX_INCARNATION - rng.int(2 ** 31);
      return [
        encodeMessage(
          rng.int(2) === 0 ? Dead.create({ incarnation, node: name, from: 'x' }) : alive({ incarnation }),
        ),
      ];
    }
    case 'addressTheft':
      // The victim leaves, and its name appears at another address.
      return [
        encodeMessage(Dead.create({ incarnation: current, node: name, from: name })),
        encodeMessage(alive({ addr: from.ip, port: from.port })),
      ];
    case 'flood':
      return [
        encodeMessage(Suspect.create({ incarnation: current, node: name, from: `x${rng.int(NAMES)}` })),
      ];
    case 'manyNames':
      return Array.from({ length: 20 }, () =>
        encodeMessage(alive({ node: `${FAKE_NAME_PREFIX}${rng.int(NAMES)}`, incarnation: 1 })),
      );
  }
}
