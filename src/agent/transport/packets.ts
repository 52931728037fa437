/** The packet door: datagram → messages for the rooms; messages and lanes → one datagram. Holds no member state. */
import type { Address } from '../../base/address.ts';
import { WireError } from '../../base/errors.ts';
import type { Member } from '../../swim/types.ts';
import {
  decodeMessage,
  encodeMessage,
  MESSAGE_TYPE,
  type PacketMessage,
  type SwimMessage,
} from '../../wire/memberlist.ts';
import { availableBytes, COMPOUND_OVERHEAD, type Envelope, SAFE_COMPOUND_PARTS } from '../../wire/packet.ts';
import { WIRE_CODEC, type WireCodec } from '../contract/codec.ts';
import type { Lane } from '../contract/lane.ts';
import type { Effect } from '../contract/machine.ts';

/** Every so many packets another lane than the first goes first, so that no churn starves one (I12). */
const TURN = 4;
/** Fields below protocol 5 know no CRC. Source: memberlist net.go. */
const CRC_PROTOCOL = 5;

export class Packets {
  readonly #envelope: Envelope;
  readonly #lanes: readonly Lane[];
  readonly #nonce: () => Uint8Array;
  readonly #room: number;
  readonly #wrapping: WireCodec;
  #sealed = 0;

  constructor(
    envelope: Envelope,
    lanes: readonly Lane[],
    nonce: () => Uint8Array,
    packetBytes: number,
    wrapping: WireCodec = WIRE_CODEC,
  ) {
    this.#envelope = envelope;
    this.#lanes = lanes;
    this.#nonce = nonce;
    this.#room = availableBytes(packetBytes, envelope);
    this.#wrapping = wrapping;
  }

  /** Every message of a datagram that is fit to be looked at; the rest is counted, never thrown. */
  receive(from: Address, bytes: Uint8Array, out: Effect[], take: (message: PacketMessage) => void): void {
    let messages: readonly Uint8Array[];
    try {
      const opened = this.#wrapping.openPacket(bytes, this.#envelope);
      messages = opened.messages;
      if (opened.truncated) recordRejected(from, new WireError('short', 'a compound that ends early'), out);
    } catch (error) {
      return recordRejected(from, error, out);
    }
    for (const octets of messages) {
      try {
        take(decodeMessage(octets));
      } catch (error) {
        recordRejected(from, error, out);
      }
    }
  }

  /** One direct message at once, with a rider or with what the lanes have. */
  send(
    to: Address,
    peer: Member | undefined,
    message: SwimMessage,
    rider: SwimMessage | undefined,
    fill: boolean,
    out: Effect[],
  ): void {
    const parts = [encodeMessage(message)];
    if (rider !== undefined) parts.push(encodeMessage(rider));
    if (fill) this.#fill(parts, this.#room - (parts[0] as Uint8Array).length - COMPOUND_OVERHEAD, peer);
    this.#seal(to, parts, rider !== undefined && knowsCrc(peer), out);
  }

  /** One Serf message, alone in its datagram. Source: serf, SendTo. */
  sendUserMessage(to: Address, body: Uint8Array, out: Effect[]): void {
    this.#seal(to, [toUserMessage(body)], false, out);
  }

  /** A packet of broadcasts; nothing if no lane has any. */
  sendGossip(peer: Member, out: Effect[]): void {
    const parts: Uint8Array[] = [];
    this.#fill(parts, this.#room, peer);
    if (parts.length > 0) this.#seal(peer.identity.address, parts, knowsCrc(peer), out);
  }

  #fill(parts: Uint8Array[], room: number, peer: Member | undefined): void {
    if (this.#lanes.every((lane) => lane.queue.size === 0)) return;
    this.#sealed += 1;
    const first = this.#sealed % TURN === 0 ? (this.#sealed / TURN) % this.#lanes.length : 0;
    let left = this.#fillFromLane(this.#lanes[first] as Lane, parts, room, peer);
    for (let i = 0; i < this.#lanes.length; i++)
      if (i !== first) left = this.#fillFromLane(this.#lanes[i] as Lane, parts, left, peer);
  }

  #fillFromLane(lane: Lane, parts: Uint8Array[], room: number, peer: Member | undefined): number {
    if (lane.queue.size === 0 || parts.length >= SAFE_COMPOUND_PARTS) return room;
    if (lane.canReceive !== undefined && (peer === undefined || !lane.canReceive(peer))) return room;
    const from = parts.length;
    const used = lane.queue.dequeue(room, COMPOUND_OVERHEAD + (lane.user ? 1 : 0), lane.limit(), parts);
    if (lane.user) for (let i = from; i < parts.length; i++) parts[i] = toUserMessage(parts[i] as Uint8Array);
    return room - used;
  }

  /** As agents do: a CRC on gossip and on suspicions, none on what is answered at once. */
  #seal(to: Address, parts: readonly Uint8Array[], wantsCrc: boolean, out: Effect[]): void {
    // Under encryption the tag already proves every octet.
    const crc = wantsCrc && this.#envelope.keys.length === 0;
    for (let i = 0; i < parts.length; i += SAFE_COMPOUND_PARTS) {
      const some = parts.length <= SAFE_COMPOUND_PARTS ? parts : parts.slice(i, i + SAFE_COMPOUND_PARTS);
      const packet = this.#wrapping.sealPacket(some, this.#envelope, { crc, nonce: this.#nonce });
      out.push({ kind: 'sendPacket', to, packet });
    }
  }
}

const knowsCrc = (peer: Member | undefined): boolean =>
  peer !== undefined && (peer.identity.vsn[1] as number) >= CRC_PROTOCOL;

function toUserMessage(body: Uint8Array): Uint8Array {
  const message = new Uint8Array(body.length + 1);
  message[0] = MESSAGE_TYPE.user;
  message.set(body, 1);
  return message;
}

/** The one place where foreign bytes of a datagram end as a fact. Anything else is ours and goes on up. */
function recordRejected(from: Address, error: unknown, out: Effect[]): void {
  if (!(error instanceof WireError)) throw error;
  out.push({
    kind: 'fact',
    fact: { kind: 'packetRejected', from: from.key, code: error.code, detail: error.message },
  });
}
