/**
 * Probes on others' behalf: a ping passed on, and its ack, or a nack, passed back.
 *
 * Source: SWIM §3.1; memberlist net.go, handleIndirectPing; Lifeguard §IV-A (nacks).
 */
import { type Address, toAddress } from '../../base/address.ts';
import { NO_BYTES } from '../../base/bytes.ts';
import type { Millis } from '../../base/time.ts';
import { Timers } from '../../base/timers.ts';
import type { IndirectPing } from '../../wire/memberlist.ts';
import { ackAddress, createPing, isIp, memberAt, type SwimContext, sendWithPiggyback } from '../context.ts';
import type { Member, SwimEffect } from '../types.ts';

/**
 * Part of the probe timeout after which a nack goes out. Sent at its end it would come just after the round of the
 * one who asked, and a relay that is well would look silent. An ack that comes after it is still passed back.
 *
 * Source: Lifeguard §IV-A. Differs: memberlist waits the whole timeout.
 */
const NACK_AFTER = 0.8;

/** Probes passed on at one time; above that, requests are dropped. */
const MAX_INDIRECT_PROBES = 1024;

interface IndirectProbe {
  readonly seqNo: number;
  readonly to: Address;
  readonly peer: Member | undefined;
  /** A nack is due if nothing comes. */
  owesNack: boolean;
}

export class IndirectProbes {
  readonly #core: SwimContext;
  /** By our own sequence number. */
  readonly #open = new Map<number, IndirectProbe>();
  readonly #timers = new Timers<number>();

  constructor(core: SwimContext) {
    this.#core = core;
  }

  get deadline(): Millis {
    return this.#timers.deadline;
  }

  handleIndirectPing(message: IndirectPing, from: Address, now: Millis, out: SwimEffect[]): void {
    if (this.#open.size >= MAX_INDIRECT_PROBES || !isIp(message.target)) return;
    const core = this.#core;
    const to = ackAddress(message, from);
    const peer = memberAt(core, message.sourceNode, to);
    const seqNo = core.nextSeqNo();
    this.#open.set(seqNo, { seqNo: message.seqNo, to, peer, owesNack: message.nack });
    this.#timers.set(seqNo, now + core.config.probeTimeout * (message.nack ? NACK_AFTER : 1));
    const port = message.port === 0 ? core.self.identity.address.port : message.port;
    const target = toAddress(message.target, port);
    sendWithPiggyback(
      out,
      target,
      memberAt(core, message.node, target),
      createPing(core, seqNo, message.node),
    );
  }

  handleAck(seqNo: number, out: SwimEffect[]): boolean {
    const relay = this.#open.get(seqNo);
    if (relay === undefined) return false;
    this.#open.delete(seqNo);
    this.#timers.clear(seqNo);
    sendWithPiggyback(out, relay.to, relay.peer, { kind: 'ack', seqNo: relay.seqNo, payload: NO_BYTES });
    return true;
  }

  tick(now: Millis, out: SwimEffect[]): void {
    for (let seqNo = this.#timers.pop(now); seqNo !== undefined; seqNo = this.#timers.pop(now)) {
      const relay = this.#open.get(seqNo);
      if (relay?.owesNack === true) {
        relay.owesNack = false;
        this.#timers.set(seqNo, now + this.#core.config.probeTimeout * (1 - NACK_AFTER));
        sendWithPiggyback(out, relay.to, relay.peer, { kind: 'nack', seqNo: relay.seqNo });
      } else this.#open.delete(seqNo);
    }
  }

  /** The acks of that time may still wait in our socket: none ends before `notBefore`. */
  postpone(lateness: Millis, notBefore: Millis): void {
    for (const seqNo of this.#open.keys()) {
      const at = this.#timers.dueAt(seqNo);
      if (at !== undefined) this.#timers.set(seqNo, Math.max(at + lateness, notBefore));
    }
  }
}
