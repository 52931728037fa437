/** The packet codec: turns a datagram into messages, and a message with broadcasts from the lanes into a datagram. */
import type { Address } from '../../base/address.ts';
import { sameBytes } from '../../base/bytes.ts';
import { WireError } from '../../base/errors.ts';
import { isUp } from '../../swim/precedence.ts';
import type { Member, Standing } from '../../swim/types.ts';
import { NONCE_BYTES } from '../../wire/crypt.ts';
import {
  type Alive,
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
import { DatagramLimits, SHORTEST_LIMIT } from './datagram-limits.ts';
import { ReplyBudget } from './reply-budget.ts';

/** In every fourth packet another lane goes first, round robin, so that membership churn starves none (I12). */
const ROTATE_EVERY = 4;
/** Peers below memberlist's protocol 5 do not understand a CRC. Source: memberlist net.go. */
const CRC_PROTOCOL = 5;

/** Of a packet that is only measured. */
const NO_NONCE = new Uint8Array(NONCE_BYTES);

type StandingOf = (at: Address) => Standing;

export interface PacketOptions {
  readonly codec?: WireCodec;
  /** Absent: outsiders are treated as members, as agents of Serf do. */
  readonly standingOf?: StandingOf;
}

export class Packets {
  readonly limits = new DatagramLimits();
  readonly #envelope: Envelope;
  /** For datagrams whose length matters: path tests go by those of pings. */
  readonly #uncompressed: Envelope;
  readonly #lanes: readonly Lane[];
  readonly #nonce: () => Uint8Array;
  /** The bytes that messages may take in a packet. */
  readonly #capacity: number;
  readonly #codec: WireCodec;
  readonly #standingOf: StandingOf | undefined;
  /** What may still be sent because of the datagram that is being handled. */
  #replies: ReplyBudget | undefined;
  /** The bytes that a packet may take besides its messages. */
  readonly #overhead: number;
  /** Packets that had space for broadcasts, for the rotation. */
  #filled = 0;

  constructor(
    envelope: Envelope,
    lanes: readonly Lane[],
    nonce: () => Uint8Array,
    packetBytes: number,
    { codec = WIRE_CODEC, standingOf }: PacketOptions = {},
  ) {
    this.#envelope = envelope;
    this.#uncompressed = {
      ...envelope,
      get keys() {
        return envelope.keys;
      },
      compress: false,
    };
    this.#lanes = lanes;
    this.#nonce = nonce;
    this.#capacity = availableBytes(packetBytes, envelope);
    this.#overhead = packetBytes - this.#capacity;
    this.#codec = codec;
    this.#standingOf = standingOf;
  }

  /**
   * Passes each well-formed message of a datagram to `handle`. Malformed bytes, and `WireError`s of `handle`, become
   * facts.
   */
  receive(from: Address, bytes: Uint8Array, out: Effect[], handle: (message: PacketMessage) => void): void {
    let messages: readonly Uint8Array[];
    try {
      const opened = this.#codec.openPacket(bytes, this.#envelope);
      messages = opened.messages;
      if (opened.truncated) recordRejected(from, new WireError('short', 'a compound that ends early'), out);
    } catch (error) {
      return recordRejected(from, error, out);
    }
    const replies = new ReplyBudget(bytes.length);
    this.#replies = replies;
    for (const octets of messages) {
      try {
        handle(decodeMessage(octets));
      } catch (error) {
        recordRejected(from, error, out);
      }
    }
    this.#replies = undefined;
    this.#recordHolder(messages, from);
    if (replies.withheld > 0)
      out.push({ kind: 'fact', fact: { kind: 'repliesWithheld', from: from.key, count: replies.withheld } });
  }

  /**
   * Sends a message at once, together with `compoundWith`, and with broadcasts if `piggyback`. An outsider gets none: they would count as
   * sent, and members would not hear of them.
   */
  send(
    to: Address,
    peer: Member | undefined,
    message: SwimMessage,
    compoundWith: SwimMessage | undefined,
    piggyback: boolean,
    out: Effect[],
  ): void {
    const parts = [encodeMessage(message)];
    if (compoundWith !== undefined) parts.push(encodeMessage(compoundWith));
    if (!this.#mayReply(to, peer, parts)) return;
    if (piggyback && this.#mayPiggyback(peer)) {
      this.#fill(parts, this.#capacity - (parts[0] as Uint8Array).length - COMPOUND_OVERHEAD, peer);
      if (peer !== undefined && message.kind === 'ping') this.#lengthen(parts, peer);
    }
    const isPing = message.kind === 'ping';
    if (peer !== undefined && isPing) this.limits.recordPing(peer, this.#lengthOf(parts));
    const envelope = isPing ? this.#uncompressed : this.#envelope;
    this.#seal(to, parts, compoundWith !== undefined && understandsCrc(peer), out, envelope);
  }

  /** Sends a Serf message, alone in its datagram. Source: serf, SendTo. */
  sendUserMessage(to: Address, body: Uint8Array, out: Effect[]): void {
    const parts = [toUserMessage(body)];
    if (this.#mayReply(to, undefined, parts)) this.#seal(to, parts, false, out);
  }

  /** Sends a user message in a datagram of `bytes`, as near as `makeBody` can come with a filler of the length that it is given. */
  sendExactly(to: Address, bytes: number, makeBody: (filler: number) => Uint8Array, out: Effect[]): void {
    const envelope = this.#uncompressed; // a filler would shrink
    const partsOf = (filler: number): readonly Uint8Array[] => [toUserMessage(makeBody(filler))];
    // As it is on the wire: a replay (src/replay/player.ts) seals nothing, and has to choose the same filler.
    const lengthOf = (filler: number): number =>
      WIRE_CODEC.sealPacket(partsOf(filler), envelope, { crc: false, nonce: () => NO_NONCE }).length;
    let filler = Math.max(0, bytes - lengthOf(0));
    // The length of a filler takes bytes of its own.
    filler = Math.max(0, filler - Math.max(0, lengthOf(filler) - bytes));
    const packet = this.#codec.sealPacket(partsOf(filler), envelope, { crc: false, nonce: this.#nonce });
    out.push({ kind: 'sendPacket', to, packet });
  }

  /** Sends this agent's alive message and a user message together, for a catalog peer. */
  sendAnnouncement(
    peer: Member,
    { alive, body }: { readonly alive: Alive; readonly body: Uint8Array },
    out: Effect[],
  ): void {
    const parts = [encodeMessage(alive), toUserMessage(body)];
    this.#seal(peer.identity.address, parts, understandsCrc(peer), out);
  }

  /** Would `sendGossip` send this peer anything? */
  hasGossipFor(peer: Member): boolean {
    const { key } = peer.identity.address;
    return this.#lanes.some(
      (lane) => lane.withProbesOnly !== true && lane.canReceive?.(peer) !== false && lane.queue.hasFor(key),
    );
  }

  /**
   * Sends a packet of broadcasts, unless the lanes are empty. `maxSends`: only of those that were sent less often; absent:
   * of all.
   */
  sendGossip(peer: Member, out: Effect[], maxSends = Number.POSITIVE_INFINITY): void {
    const parts: Uint8Array[] = [];
    this.#fill(parts, this.#capacity, peer, maxSends);
    if (parts.length > 0) this.#seal(peer.identity.address, parts, understandsCrc(peer), out);
  }

  /**
   * What waits in a lane and came from `from` as well, or has just come from there, is not sent back. Replication does the
   * same for the lanes of the catalog.
   */
  #recordHolder(messages: readonly Uint8Array[], from: Address): void {
    if (this.#lanes.every((lane) => lane.queue.size === 0) || this.#standingOf?.(from) === 'outsider') return;
    for (const octets of messages) {
      const user = octets[0] === MESSAGE_TYPE.user;
      const message = user ? octets.subarray(1) : octets;
      for (const lane of this.#lanes)
        if (lane.user === user && lane.queue.size > 0 && lane.canReceive === undefined)
          lane.queue.recordHolder(message, from.key, lane.audience());
    }
  }

  /** What the agent sends of its own accord, and not because of a datagram, has no limit. */
  #mayReply(to: Address, peer: Member | undefined, parts: readonly Uint8Array[]): boolean {
    if (this.#replies === undefined || this.#standingOf === undefined) return true;
    const standing = peer === undefined ? this.#standingOf(to) : standingOf(peer);
    return this.#replies.trySpend(standing, this.#lengthOf(parts));
  }

  /** Bytes of the datagram, at most. */
  #lengthOf(parts: readonly Uint8Array[]): number {
    let bytes = this.#overhead;
    for (const part of parts) bytes += part.length + COMPOUND_OVERHEAD;
    return bytes;
  }

  #mayPiggyback(peer: Member | undefined): boolean {
    if (this.#standingOf === undefined) return true;
    return peer !== undefined && isUp(peer.state) && this.#replies?.trySpendGossip() !== false;
  }

  /** `maxSends`: of a packet of gossip; absent: the packet is a probe or an ack. */
  #fill(parts: Uint8Array[], capacity: number, peer: Member | undefined, maxSends?: number): void {
    if (this.#lanes.every((lane) => lane.queue.size === 0)) return;
    this.#filled += 1;
    const first = this.#filled % ROTATE_EVERY === 0 ? (this.#filled / ROTATE_EVERY) % this.#lanes.length : 0;
    const room = this.#tellOfLonger(parts, capacity, peer, maxSends);
    let left = this.#fillFromLane(this.#lanes[first] as Lane, parts, room, peer, maxSends);
    for (let i = 0; i < this.#lanes.length; i++)
      if (i !== first) left = this.#fillFromLane(this.#lanes[i] as Lane, parts, left, peer, maxSends);
  }

  /**
   * Where long datagrams do not arrive, the peer is told in another way of what fits into no other: by short messages in this one, or
   * by streams. Returns the capacity that is left.
   */
  #tellOfLonger(
    parts: Uint8Array[],
    capacity: number,
    peer: Member | undefined,
    maxSends: number | undefined,
  ): number {
    const limit = peer && this.limits.get(peer);
    const missing = this.#capacity + this.#overhead - (limit ?? Number.POSITIVE_INFINITY);
    if (peer === undefined || missing <= 0) return capacity;
    let room = capacity - missing;
    const told: Uint8Array[] = [];
    for (const lane of this.#lanes) {
      if (lane.withProbesOnly === true || lane.canReceive?.(peer) === false) continue;
      const overhead = COMPOUND_OVERHEAD + (lane.user ? 1 : 0);
      const tell = (message: Uint8Array): boolean => {
        if (lane.shorten === undefined) {
          this.limits.addLong(lane.user ? { peer, by: 'stream', body: message } : { peer, by: 'pushPull' });
          return true;
        }
        const short = lane.shorten(message);
        if (short === undefined || told.some((one) => sameBytes(one, short))) return true;
        if (short.length + overhead > room) return false;
        this.limits.addLong({ peer, by: 'shorter' });
        room -= short.length + overhead;
        told.push(short);
        return true;
      };
      const to = { peer: peer.identity.address.key, audience: lane.audience(), maxSends };
      const longest = this.#capacity - missing - overhead;
      lane.queue.takeLonger(longest, lane.limit(), to, lane.shorten === undefined, tell);
    }
    parts.push(...told.map(toUserMessage));
    return room;
  }

  /** Only pings tell what arrives, and in a small cluster few of them have rumors to carry: this one carries one again, if it is time. */
  #lengthen(parts: Uint8Array[], peer: Member): void {
    const bytes = this.#lengthOf(parts);
    const rumor = bytes > SHORTEST_LIMIT ? undefined : this.limits.rumorToRepeat(peer);
    if (rumor === undefined || bytes + rumor.length + COMPOUND_OVERHEAD > this.#capacity + this.#overhead)
      return;
    if (this.#lanes.some((lane) => lane.shorten !== undefined && lane.canReceive?.(peer) !== false))
      parts.push(rumor);
  }

  /** The capacity that is left. */
  #fillFromLane(
    lane: Lane,
    parts: Uint8Array[],
    capacity: number,
    peer: Member | undefined,
    maxSends: number | undefined,
  ): number {
    if (lane.queue.size === 0 || parts.length >= SAFE_COMPOUND_PARTS) return capacity;
    if (lane.withProbesOnly === true && maxSends !== undefined) return capacity;
    if (lane.canReceive !== undefined && (peer === undefined || !lane.canReceive(peer))) return capacity;
    const from = parts.length;
    const overhead = COMPOUND_OVERHEAD + (lane.user ? 1 : 0);
    const to = peer && { peer: peer.identity.address.key, audience: lane.audience(), maxSends };
    const used = lane.queue.dequeue(capacity, overhead, lane.limit(), parts, to);
    if (!lane.user) return capacity - used;
    for (let i = from; i < parts.length; i++) {
      const message = toUserMessage(parts[i] as Uint8Array);
      if (peer !== undefined && lane.shorten !== undefined) this.limits.recordRumor(peer, message);
      parts[i] = message;
    }
    return capacity - used;
  }

  /** As memberlist does: gossip and suspicions carry a CRC, messages that are answered at once do not. */
  #seal(
    to: Address,
    parts: readonly Uint8Array[],
    wantsCrc: boolean,
    out: Effect[],
    envelope = this.#envelope,
  ): void {
    // With encryption the AEAD tag already authenticates every octet.
    const crc = wantsCrc && this.#envelope.keys.length === 0;
    for (let i = 0; i < parts.length; i += SAFE_COMPOUND_PARTS) {
      const some = parts.length <= SAFE_COMPOUND_PARTS ? parts : parts.slice(i, i + SAFE_COMPOUND_PARTS);
      const packet = this.#codec.sealPacket(some, envelope, { crc, nonce: this.#nonce });
      out.push({ kind: 'sendPacket', to, packet });
    }
  }
}

const standingOf = ({ hasAnswered }: Member): Standing => (hasAnswered === true ? 'answered' : 'unanswered');

const understandsCrc = (peer: Member | undefined): boolean =>
  peer !== undefined && (peer.identity.vsn[1] as number) >= CRC_PROTOCOL;

function toUserMessage(body: Uint8Array): Uint8Array {
  const message = new Uint8Array(body.length + 1);
  message[0] = MESSAGE_TYPE.user;
  message.set(body, 1);
  return message;
}

/** The only place where malformed bytes of a datagram become a fact. Other errors are bugs, and are thrown on. */
function recordRejected(from: Address, error: unknown, out: Effect[]): void {
  if (!(error instanceof WireError)) throw error;
  out.push({
    kind: 'fact',
    fact: { kind: 'packetRejected', from: from.key, code: error.code, detail: error.message },
  });
}
