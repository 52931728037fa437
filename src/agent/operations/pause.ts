/**
 * Pausing: this agent stops and will be back. It tells each catalog peer so itself, again and again until the peer has
 * acknowledged it, since the word counts only from its own address. Peers keep its row and its services meanwhile.
 */
import type { Address } from '../../base/address.ts';
import { type Millis, NEVER } from '../../base/time.ts';
import type { Swim } from '../../swim/swim.ts';
import type { Member, SwimEffect } from '../../swim/types.ts';
import { decodePause, encodePause, encodePauseAck } from '../../wire/pause.ts';
import type { Effect } from '../contract/machine.ts';
import type { CatalogPeers } from '../replication/catalog-peers.ts';
import type { Packets } from '../transport/packets.ts';

/** Whoever has not acknowledged by then, in gossip intervals, is not waited for. */
const PATIENCE = 10;
/** A peer is told again after this part of a gossip interval. */
const REPEAT_AFTER = 0.5;
/** Datagrams in one turn, so that no socket buffer overflows, and the time between two turns. */
const BURST = 64;
const BURST_INTERVAL: Millis = 5;

export interface PauseParts {
  readonly swim: Swim;
  readonly swimOut: SwimEffect[];
  readonly packets: Packets;
  readonly catalogPeers: CatalogPeers;
  readonly gossipInterval: Millis;
}

/** How many peers there were to tell, and how many have acknowledged. */
export interface PauseReport {
  readonly peers: number;
  readonly told: number;
}

export class Pausing {
  readonly #parts: PauseParts;
  /** Peers that have not acknowledged, by address, and when each is told next. */
  readonly #pending = new Map<string, { readonly peer: Member; at: Millis }>();
  #peers = 0;
  #until: Millis = NEVER;
  #nextAt: Millis = NEVER;
  #incarnation = 0;
  #messages: Parameters<Packets['sendAnnouncement']>[1] | undefined;

  constructor(parts: PauseParts) {
    this.#parts = parts;
  }

  get deadline(): Millis {
    return Math.min(this.#nextAt, this.#until);
  }

  get report(): PauseReport {
    return { peers: this.#peers, told: this.#peers - this.#pending.size };
  }

  /** Begins to tell all peers that this agent will be back within `millis`. */
  start(millis: Millis, now: Millis): void {
    const { swim, swimOut, catalogPeers, gossipInterval } = this.#parts;
    const alive = swim.pause(now, swimOut);
    this.#incarnation = alive.incarnation;
    const { node, incarnation } = alive;
    this.#messages = { alive, body: encodePause({ node, incarnation, millis }) };
    for (const peer of catalogPeers.all()) this.#pending.set(peer.identity.address.key, { peer, at: now });
    this.#peers = this.#pending.size;
    this.#until = now + PATIENCE * gossipInterval;
    this.#nextAt = now;
  }

  /** Tells those that are due. True: all know, or patience is over. */
  advance(now: Millis, out: Effect[]): boolean {
    if (this.#pending.size === 0 || now >= this.#until) return true;
    if (now < this.#nextAt || this.#messages === undefined) return false;
    const { packets, gossipInterval } = this.#parts;
    let sent = 0;
    this.#nextAt = NEVER;
    for (const pending of this.#pending.values()) {
      if (pending.at <= now && sent < BURST) {
        sent += 1;
        pending.at = now + REPEAT_AFTER * gossipInterval;
        packets.sendAnnouncement(pending.peer, this.#messages, out);
      }
      this.#nextAt = Math.min(this.#nextAt, Math.max(pending.at, now + BURST_INTERVAL));
    }
    return false;
  }

  /** A message about pauses in a datagram of `from`. Throws `WireError`. */
  receive(body: Uint8Array, from: Address, now: Millis, out: Effect[]): void {
    const { swim, swimOut, packets } = this.#parts;
    const message = decodePause(body);
    if (message.kind === 'pauseAck') {
      if (message.incarnation === this.#incarnation) this.#pending.delete(from.key);
      else this.#refutePause(message.incarnation, from, now);
    } else if (swim.onPause(message, from, now, swimOut))
      packets.sendUserMessage(from, encodePauseAck(message), out);
  }

  /**
   * `from` has taken a pause that this agent never said: somebody has, with its address. As an accusation it is refuted, and the
   * refutation ends the pause. An agent that pauses refutes nothing.
   */
  #refutePause(incarnation: number, from: Address, now: Millis): void {
    const { swim, swimOut } = this.#parts;
    const node = swim.members.self.identity.name;
    swim.receive({ kind: 'suspect', incarnation, node, from: from.key }, from, now, swimOut);
  }
}
