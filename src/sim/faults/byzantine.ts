/**
 * Senders of lies who hold the key and the label. What they say is well formed, so it is believed for a while: a record
 * of somebody else is then not what its owner said, and laws about who said what cannot hold. Kept apart from all other
 * troubles, with the weaker law of swarm.ts: nobody crashes, tables stay bounded, and the victims are back soon.
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
  | 'top'
  | 'thief'
  | 'flood'
  | 'manyNames'
  | 'rows';

/** All of them. */
export const FORGERIES: readonly [Forgery, ...Forgery[]] = [
  'alive',
  'suspect',
  'dead',
  'leave',
  'leaveIntent',
  'top',
  'thief',
  'flood',
  'manyNames',
  'rows',
];

export interface ByzantineFaults {
  byzantine: {
    readonly lie: Forgery;
    readonly victim: string;
    readonly every: Millis;
    readonly seed: number;
  };
}

export const byzantineFaults: FaultDefinitions<ByzantineFaults> = {
  byzantine: {
    maxSpan: 30_000,
    draw: ({ rng, host: one, pick: of }) => ({
      lie: of(FORGERIES),
      victim: one(),
      every: Math.round(100 * 30 ** rng.next()),
      seed: rng.int(2 ** 31),
    }),
    inject: (world, { lie, victim, every, seed, span }) => {
      const rng = createRng(seed);
      const from = world.newAddress(world.host(victim).options.v6);
      const nonce = world.nonceSource();
      for (let at = 0; at < span; at += lie === 'flood' ? FLOOD_EVERY : every)
        world.at(world.now + at, () => sendForgery(world, lie, world.host(victim), from, rng, nonce));
    },
    affected: ({ victim }) => [victim],
  },
};

/** The largest an incarnation can be on the wire. */
export const WIRE_MAX_INCARNATION = 0xffff_ffff;
const FLOOD_EVERY: Millis = 10;
const ROWS = 100;
const NAMES = 100;
/** How names begin that nobody bears. */
export const FAKE_NAME_PREFIX = 'ghost';
const VSN = Uint8Array.of(1, 5, 2, 2, 5, 5);

function sendForgery(
  world: World,
  lie: Forgery,
  victim: SimHost,
  from: Address,
  rng: Rng,
  nonce: () => Uint8Array,
): void {
  const labels = hostLabels(world);
  const to = world.host(labels[rng.int(labels.length)] as string);
  if (!to.running || !victim.running) return;
  const envelope = hostEnvelope(to.currentOptions);
  if (lie === 'rows') {
    const nodes = Array.from({ length: ROWS }, () => {
      const { address } = victim;
      const name = rng.int(10) === 0 ? victim.name : `${FAKE_NAME_PREFIX}${rng.int(NAMES)}`;
      const row = { name, addr: address.ip, port: address.port, meta: NO_BYTES, vsn: VSN };
      return PushNodeState.create({ ...row, incarnation: 1 + rng.int(100), state: rng.int(5) });
    });
    const body = encodePushPull({ kind: 'pushPull', join: rng.int(2) === 0, nodes, userState: NO_BYTES });
    return world.injectStream(to.label, from, sealStream(body, envelope, { role: 'dialer', nonce }));
  }
  const messages = forgedMessages(lie, victim, to, from, rng);
  world.injectDatagram(to.label, from, sealPacket(messages, envelope, { crc: false, nonce }));
}

function forgedMessages(
  lie: Exclude<Forgery, 'rows'>,
  victim: SimHost,
  to: SimHost,
  from: Address,
  rng: Rng,
): Uint8Array[] {
  const { name, address } = victim;
  const held = victim.runningAgent.view.self().incarnation;
  const meta = victim.runningAgent.view.self().serf.member.identity.meta;
  const alive = (over: Partial<Alive>): SwimMessage =>
    Alive.create({
      incarnation: held + 1,
      node: name,
      addr: address.ip,
      port: address.port,
      meta,
      vsn: VSN,
      ...over,
    });
  switch (lie) {
    case 'alive':
      return [encodeMessage(alive({ incarnation: held + rng.int(1000), meta: NO_BYTES }))];
    case 'suspect':
      return [encodeMessage(Suspect.create({ incarnation: held + rng.int(3), node: name, from: to.name }))];
    case 'dead':
      return [encodeMessage(Dead.create({ incarnation: held + rng.int(3), node: name, from: to.name }))];
    case 'leave':
      return [encodeMessage(Dead.create({ incarnation: held + rng.int(3), node: name, from: name }))];
    case 'leaveIntent': {
      const intent = LeaveIntent.encode({ ltime: rng.int(2 ** 20), node: name, prune: rng.int(2) === 0 });
      return [concatBytes([Uint8Array.of(MESSAGE_TYPE.user), intent])];
    }
    case 'top': {
      const incarnation = rng.int(2) === 0 ? WIRE_MAX_INCARNATION : WIRE_MAX_INCARNATION - rng.int(2 ** 31);
      return [
        encodeMessage(
          rng.int(2) === 0 ? Dead.create({ incarnation, node: name, from: 'x' }) : alive({ incarnation }),
        ),
      ];
    }
    case 'thief':
      // First it leaves, then it is somewhere else.
      return [
        encodeMessage(Dead.create({ incarnation: held, node: name, from: name })),
        encodeMessage(alive({ addr: from.ip, port: from.port })),
      ];
    case 'flood':
      return [encodeMessage(Suspect.create({ incarnation: held, node: name, from: `x${rng.int(NAMES)}` }))];
    case 'manyNames':
      return Array.from({ length: 20 }, () =>
        encodeMessage(alive({ node: `${FAKE_NAME_PREFIX}${rng.int(NAMES)}`, incarnation: 1 })),
      );
  }
}
