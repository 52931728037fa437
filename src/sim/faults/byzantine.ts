/**
 * Senders of lies who hold the key and the label. What they say is well formed, so it is believed for a while: a record
 * of somebody else is then not what its owner said, and laws about who said what cannot hold. Kept apart from all other
 * troubles, with the weaker law of swarm.ts: nobody crashes, tables stay bounded, and the victims are back soon.
 */
import type { Address } from '../../base/address.ts';
import { concat, NO_BYTES } from '../../base/bytes.ts';
import { createRng, type Rng } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import {
  Alive,
  Dead,
  encodeMessage,
  NodeState,
  Suspect,
  type SwimMessage,
  TYPE,
} from '../../wire/memberlist.ts';
import { sealPacket } from '../../wire/packet.ts';
import { LeaveIntent } from '../../wire/serf.ts';
import { encodePushPull, sealStream } from '../../wire/stream-writer.ts';
import type { Host } from '../world/host.ts';
import { envelopeOf } from '../world/message-kinds.ts';
import type { World } from '../world/world.ts';
import { labelsOf, type Mechanisms } from './fault.ts';

export type Lie =
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
export const LIES: readonly [Lie, ...Lie[]] = [
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

export interface TraitorFaults {
  traitor: {
    readonly lie: Lie;
    readonly victim: string;
    readonly every: Millis;
    readonly seed: number;
  };
}

export const traitors: Mechanisms<TraitorFaults> = {
  traitor: {
    longest: 30_000,
    draw: ({ rng, one, of }) => ({
      lie: of(LIES),
      victim: one(),
      every: Math.round(100 * 30 ** rng.next()),
      seed: rng.int(2 ** 31),
    }),
    strike: (world, { lie, victim, every, seed, span }) => {
      const rng = createRng(seed);
      const from = world.newAddress(world.host(victim).options.v6);
      const nonce = world.nonces();
      for (let at = 0; at < span; at += lie === 'flood' ? FLOOD_EVERY : every)
        world.at(world.now + at, () => tell(world, lie, world.host(victim), from, rng, nonce));
    },
    victims: ({ victim }) => [victim],
  },
};

/** The largest an incarnation can be on the wire. */
export const TOP = 0xffff_ffff;
const FLOOD_EVERY: Millis = 10;
const ROWS = 100;
const NAMES = 100;
/** How names begin that nobody bears. */
export const GHOST = 'ghost';
const VSN = Uint8Array.of(1, 5, 2, 2, 5, 5);

function tell(world: World, lie: Lie, victim: Host, from: Address, rng: Rng, nonce: () => Uint8Array): void {
  const labels = labelsOf(world);
  const to = world.host(labels[rng.int(labels.length)] as string);
  if (!to.running || !victim.running) return;
  const envelope = envelopeOf(to.present);
  if (lie === 'rows') {
    const nodes = Array.from({ length: ROWS }, () => {
      const { address } = victim;
      const name = rng.int(10) === 0 ? victim.name : `${GHOST}${rng.int(NAMES)}`;
      const row = { name, addr: address.ip, port: address.port, meta: NO_BYTES, vsn: VSN };
      return NodeState.make({ ...row, incarnation: 1 + rng.int(100), state: rng.int(5) });
    });
    const body = encodePushPull({ kind: 'pushPull', join: rng.int(2) === 0, nodes, userState: NO_BYTES });
    return world.injectStream(to.label, from, sealStream(body, envelope, { role: 'dialer', nonce }));
  }
  const messages = said(lie, victim, to, from, rng);
  world.inject(to.label, from, sealPacket(messages, envelope, { crc: false, nonce }));
}

function said(lie: Exclude<Lie, 'rows'>, victim: Host, to: Host, from: Address, rng: Rng): Uint8Array[] {
  const { name, address } = victim;
  const held = victim.live.view.self().incarnation;
  const meta = victim.live.view.self().serf.member.identity.meta;
  const alive = (over: Partial<Alive>): SwimMessage =>
    Alive.make({
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
      return [encodeMessage(Suspect.make({ incarnation: held + rng.int(3), node: name, from: to.name }))];
    case 'dead':
      return [encodeMessage(Dead.make({ incarnation: held + rng.int(3), node: name, from: to.name }))];
    case 'leave':
      return [encodeMessage(Dead.make({ incarnation: held + rng.int(3), node: name, from: name }))];
    case 'leaveIntent': {
      const intent = LeaveIntent.encode({ ltime: rng.int(2 ** 20), node: name, prune: rng.int(2) === 0 });
      return [concat([Uint8Array.of(TYPE.user), intent])];
    }
    case 'top': {
      const incarnation = rng.int(2) === 0 ? TOP : TOP - rng.int(2 ** 31);
      return [
        encodeMessage(
          rng.int(2) === 0 ? Dead.make({ incarnation, node: name, from: 'x' }) : alive({ incarnation }),
        ),
      ];
    }
    case 'thief':
      // First it leaves, then it is somewhere else.
      return [
        encodeMessage(Dead.make({ incarnation: held, node: name, from: name })),
        encodeMessage(alive({ addr: from.ip, port: from.port })),
      ];
    case 'flood':
      return [encodeMessage(Suspect.make({ incarnation: held, node: name, from: `x${rng.int(NAMES)}` }))];
    case 'manyNames':
      return Array.from({ length: 20 }, () =>
        encodeMessage(alive({ node: `${GHOST}${rng.int(NAMES)}`, incarnation: 1 })),
      );
  }
}
