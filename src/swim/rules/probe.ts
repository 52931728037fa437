/**
 * Probing: one member per interval, directly, then helpers others and over a stream. One round at a time; its
 * verdict is a suspicion by our own word.
 *
 * Source: SWIM §3.1, §4.3; Lifeguard §IV-A; memberlist state.go (probe, probeNode).
 */
import type { Address } from '../../base/address.ts';
import { copyBytes } from '../../base/bytes.ts';
import { type Millis, NEVER } from '../../base/time.ts';
import type { Ack } from '../../wire/memberlist.ts';
import { createPing, isAtAddress, recordFact, type SwimContext, sendWithPiggyback } from '../context.ts';
import type { MutableMember } from '../members.ts';
import type { ProbeReason, SwimEffect } from '../types.ts';
import { maxVersion, NACK_VERSION, STREAM_PING_VERSION } from '../versions.ts';
import { dropExpiredMembers } from './reclaim.ts';
import { LOCAL_SOURCE } from './source.ts';
import { handleSuspect } from './suspect-dead.ts';

/** Rounds whose failures accuse nobody, after a stall of a probe timeout or more. Source: G13 (docs/reliability.md). */
const GRACE_ROUNDS = 2;

interface Round {
  readonly seqNo: number;
  readonly target: MutableMember;
  /** Held at the start: what came later is not what we judge. */
  readonly incarnation: number;
  readonly startedAt: Millis;
  /** Its failure makes no suspicion. */
  readonly isGrace: boolean;
  /** We slept helpers part of it: it says nothing, not even of ourselves. */
  void: boolean;
  directUntil: Millis;
  endsAt: Millis;
  /** Others were asked. */
  indirect: boolean;
  /** Who was asked. */
  helpers: readonly string[];
  nacksExpected: number;
  nacks: number;
  /** Our health when it began. */
  readonly awareness: number;
  /** How late our loop came in this round, at worst. */
  latenessMs: Millis;
  stream: 'untried' | 'tried' | 'acked';
}

export class Prober {
  readonly #core: SwimContext;
  #round: Round | undefined;
  #nextAt: Millis = NEVER;
  /** A round was due while another still ran. */
  #isRoundOverdue = false;
  #graceRounds = 0;

  constructor(core: SwimContext) {
    this.#core = core;
  }

  get deadline(): Millis {
    const round = this.#round;
    if (round === undefined) return this.#nextAt;
    return Math.min(this.#nextAt, round.indirect ? round.endsAt : Math.min(round.directUntil, round.endsAt));
  }

  /** Are these still the rounds after a stall, in which we judge nobody? */
  get isInGrace(): boolean {
    return this.#graceRounds > 0 || this.#round?.isGrace === true;
  }

  /** From a random part of the interval on, so that agents started together do not probe together. */
  start(now: Millis): void {
    this.#nextAt = now + this.#core.rng.next() * this.#core.config.probeInterval;
  }

  tick(now: Millis, out: SwimEffect[]): void {
    const round = this.#round;
    if (round !== undefined) {
      const due = round.indirect ? round.endsAt : round.directUntil;
      round.latenessMs = Math.max(round.latenessMs, now - due);
      if (!round.indirect && round.directUntil <= now) this.#sendIndirectPings(round, out);
      if (round.endsAt <= now) this.#finishRound(round, now, out);
    }
    if (this.#nextAt > now) return;
    this.#nextAt = nextIntervalAt(this.#nextAt, this.#core.config.probeInterval, now);
    if (this.#round === undefined) this.#startRound(now, out);
    else this.#isRoundOverdue = true;
  }

  /** Any ack of the round will do, direct or relayed; `from` tells which. */
  handleAck(ack: Ack, from: Address, now: Millis, out: SwimEffect[]): boolean {
    const round = this.#round;
    if (round === undefined || round.seqNo !== ack.seqNo) return false;
    const millis = now - round.startedAt;
    const direct = !round.indirect && millis <= this.#core.config.probeTimeout;
    if (direct && !round.void)
      out.push({ kind: 'roundTrip', peer: round.target, millis, payload: copyBytes(ack.payload) });
    const isTheirs = isAtAddress(round.target.identity, from.ip, from.port);
    this.#succeed(round, round.indirect && !isTheirs ? 'relay' : 'direct', now, out);
    return true;
  }

  handleNack(seqNo: number): void {
    const round = this.#round;
    if (round !== undefined && round.seqNo === seqNo && round.nacks < round.nacksExpected) round.nacks++;
  }

  /** Counts only at the end of the round: until then an ack by UDP is the better news. */
  onStreamAck(seqNo: number): boolean {
    const round = this.#round;
    if (round === undefined || round.seqNo !== seqNo) return false;
    round.stream = 'acked';
    return true;
  }

  /** We were not there for `lateness`: the running round gets that time back and is void. */
  onStall(lateness: Millis): void {
    if (lateness >= this.#core.config.probeTimeout) this.#graceRounds = GRACE_ROUNDS;
    const round = this.#round;
    if (round === undefined) return;
    round.void = true;
    round.latenessMs = Math.max(round.latenessMs, lateness);
    round.directUntil += lateness;
    round.endsAt += lateness;
  }

  #startRound(now: Millis, out: SwimEffect[]): void {
    const core = this.#core;
    const target = core.members.nextToProbe(() => dropExpiredMembers(core, now, out));
    if (target === undefined) return;
    const seqNo = core.nextSeqNo();
    const forgiving = this.#graceRounds > 0;
    if (forgiving) this.#graceRounds--;
    this.#round = {
      seqNo,
      target,
      incarnation: target.incarnation,
      startedAt: now,
      isGrace: forgiving,
      void: false,
      directUntil: now + core.config.probeTimeout,
      endsAt: now + core.awareness.scale(core.config.probeInterval),
      indirect: false,
      helpers: [],
      nacksExpected: 0,
      nacks: 0,
      awareness: core.awareness.score,
      latenessMs: 0,
      stream: 'untried',
    };
    this.#sendDirectPing(target, seqNo, out);
  }

  /** A suspect is told so in the same packet, and can refute with its ack. Source: Lifeguard §IV-C (buddy). */
  #sendDirectPing(target: MutableMember, seqNo: number, out: SwimEffect[]): void {
    const core = this.#core;
    const { address: to, name: node } = target.identity;
    const message = createPing(core, seqNo, node);
    if (target.state === 'alive') return sendWithPiggyback(out, to, target, message);
    if (!core.config.buddy) return sendWithPiggyback(out, to, target, message);
    const { incarnation } = target;
    const rider = { kind: 'suspect', incarnation, node, from: core.name } as const;
    out.push({ kind: 'send', to, peer: target, message, compoundWith: rider, piggyback: false });
  }

  #sendIndirectPings(round: Round, out: SwimEffect[]): void {
    const core = this.#core;
    const { target, seqNo } = round;
    round.indirect = true;
    const isHelper = (row: MutableMember): boolean =>
      row.state === 'alive' && row !== core.self && row !== target;
    const { sourceAddr, sourcePort, sourceNode } = createPing(core, seqNo, target.identity.name);
    const helpers = core.members.pickRandom(core.config.indirectChecks, isHelper);
    round.helpers = helpers.map((helper) => helper.identity.name);
    for (const helper of helpers) {
      const nack = maxVersion(helper) >= NACK_VERSION;
      if (nack) round.nacksExpected++;
      sendWithPiggyback(out, helper.identity.address, helper, {
        kind: 'indirectPing',
        seqNo,
        target: target.identity.address.ip,
        port: target.identity.address.port,
        node: target.identity.name,
        nack,
        sourceAddr,
        sourcePort,
        sourceNode,
      });
    }
    if (!core.config.streamPing || maxVersion(target) < STREAM_PING_VERSION) return;
    round.stream = 'tried';
    out.push({ kind: 'streamPing', seqNo, peer: target, deadline: round.endsAt });
  }

  #finishRound(round: Round, now: Millis, out: SwimEffect[]): void {
    const core = this.#core;
    const node = round.target.identity.name;
    if (round.stream === 'acked') {
      recordFact(out, { kind: 'probeSavedByTcp', node });
      return this.#succeed(round, 'stream', now, out);
    }
    this.#round = undefined;
    if (!round.void) {
      // Helpers that are well say so by a nack. If they are silent too, the trouble may be ours.
      core.awareness.apply(round.nacksExpected > 0 ? round.nacksExpected - round.nacks : 1, out);
      const reason = reasonOf(round, now);
      recordFact(out, { kind: 'probeFailed', node, awareness: core.awareness.score, reason });
      const { incarnation } = round;
      if (!round.isGrace && core.members.get(node) === round.target) {
        const suspect = { kind: 'suspect', incarnation, node, from: core.name } as const;
        handleSuspect(core, suspect, LOCAL_SOURCE, now, out, reason);
      }
    }
    this.#startOverdueRound(now, out);
  }

  #succeed(round: Round, by: 'direct' | 'relay' | 'stream', now: Millis, out: SwimEffect[]): void {
    this.#round = undefined;
    if (!round.void) {
      this.#core.awareness.apply(-1, out);
      this.#core.oneWayLinks.onRoundSuccess(round.target, by, out);
    }
    this.#startOverdueRound(now, out);
  }

  #startOverdueRound(now: Millis, out: SwimEffect[]): void {
    if (!this.#isRoundOverdue) return;
    this.#isRoundOverdue = false;
    this.#startRound(now, out);
  }
}

function reasonOf(round: Round, now: Millis): ProbeReason {
  const { seqNo, startedAt, helpers, nacks, awareness, latenessMs, stream } = round;
  const durationMs = now - startedAt;
  return {
    kind: 'probe',
    seqNo,
    durationMs,
    helpers,
    nacks,
    stream: stream !== 'untried',
    awareness,
    latenessMs,
  };
}

/** The next beat of a clock that ticked at `at`; beats missed by now are skipped, not made up for. */
export const nextIntervalAt = (at: Millis, interval: Millis, now: Millis): Millis =>
  at + interval > now ? at + interval : now + interval;
