/**
 * Indirect probes: this agent pings a target for another member, and relays the ack, or else sends a nack.
 *
 * Source: SWIM §3.1; memberlist net.go, handleIndirectPing; Lifeguard §IV-A (nacks).
 */
import { type Address, toAddress } from '../../base/address.ts';
import { assert } from '../../base/assert.ts';
import { NO_BYTES } from '../../base/bytes.ts';
import type { Millis } from '../../base/time.ts';
import { Timers } from '../../base/timers.ts';
import type { IndirectPing } from '../../wire/memberlist.ts';
import { ackAddress, isIp, type SwimContext } from '../context.ts';
import type { Member } from '../types.ts';

/**
 * The part of the probe timeout after which a nack is sent. At its end the nack would arrive just after the round of the
 * member that probes, and a healthy helper would look silent. An ack after the nack is still relayed.
 *
 * Source: Lifeguard §IV-A. Differs: memberlist waits for the whole timeout.
 */
const NACK_AFTER = 0.8;

/** Indirect probes at one time; requests beyond it are dropped. */
const MAX_INDIRECT_PROBES = 1024;

interface IndirectProbe {
  /** The sequence number, address and, if known, member that the answer is for. */
  readonly seqNo: number;
  readonly to: Address;
  readonly peer: Member | undefined;
  /** A nack was requested and not sent yet. */
  owesNack: boolean;
}

export class IndirectProbes {
  readonly #context: SwimContext;
  /** By the sequence number of our own ping. */
  readonly #pending = new Map<number, IndirectProbe>();
  readonly #timers = new Timers<number>();

  constructor(context: SwimContext) {
    this.#context = context;
  }

  get deadline(): Millis {
    return this.#timers.deadline;
  }

  handleIndirectPing(message: IndirectPing, from: Address): void {
    const context = this.#context;
    if (this.#pending.size >= MAX_INDIRECT_PROBES || !isIp(message.target)) return;
    const to = ackAddress(message, from);
    // Differs: memberlist helps anybody, and so sends two packets to two addresses that a stranger chooses (S31).
    if (!context.members.isAddressOfMember(to)) return;
    const peer = context.memberAt(message.sourceNode, to);
    const seqNo = context.nextSeqNo();
    this.#pending.set(seqNo, { seqNo: message.seqNo, to, peer, owesNack: message.nack });
    this.#timers.set(seqNo, context.now + context.config.probeTimeout * (message.nack ? NACK_AFTER : 1));
    const port = message.port === 0 ? context.self.identity.address.port : message.port;
    const target = toAddress(message.target, port);
    const ping = context.createPing(seqNo, message.node);
    context.sendWithPiggyback(target, context.memberAt(message.node, target), ping);
  }

  handleAck(seqNo: number): boolean {
    const probe = this.#pending.get(seqNo);
    if (probe === undefined) return false;
    this.#pending.delete(seqNo);
    this.#timers.clear(seqNo);
    const ack = { kind: 'ack', seqNo: probe.seqNo, payload: NO_BYTES } as const;
    this.#context.sendWithPiggyback(probe.to, probe.peer, ack);
    return true;
  }

  tick(): void {
    const { now, config } = this.#context;
    for (let seqNo = this.#timers.pop(now); seqNo !== undefined; seqNo = this.#timers.pop(now)) {
      const probe = this.#pending.get(seqNo);
      // Invariant: each pending probe has one timer.
      assert(probe !== undefined, `a timer of indirect probe ${seqNo}, which is not pending`);
      if (probe.owesNack) {
        probe.owesNack = false;
        this.#timers.set(seqNo, now + config.probeTimeout * (1 - NACK_AFTER));
        this.#context.sendWithPiggyback(probe.to, probe.peer, { kind: 'nack', seqNo: probe.seqNo });
      } else this.#pending.delete(seqNo);
    }
  }

  /** After a stall: acks may wait in the socket, so no probe ends before `notBefore`. */
  postpone(lateness: Millis, notBefore: Millis): void {
    for (const seqNo of this.#pending.keys()) {
      const at = this.#timers.dueAt(seqNo);
      if (at !== undefined) this.#timers.set(seqNo, Math.max(at + lateness, notBefore));
    }
  }
}
