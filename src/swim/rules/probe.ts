/**
 * Probing: one member per interval, first with a direct ping, then through other members and over a stream. There is one
 * round at a time; one that fails accuses its target.
 *
 * Source: SWIM §3.1, §4.3; Lifeguard §IV-A; memberlist state.go (probe, probeNode).
 */
import type { Address } from '../../base/address.ts';
import { assert } from '../../base/assert.ts';
import { copyBytes } from '../../base/bytes.ts';
import { type Millis, NEVER } from '../../base/time.ts';
import type { Ack } from '../../wire/memberlist.ts';
import { isAtAddress, type SwimContext } from '../context.ts';
import type { MutableMember } from '../members.ts';
import { isUp } from '../precedence.ts';
import { streamFailureField } from '../state/verifications.ts';
import type { Member, ProbeReason, StreamPingOutcome } from '../types.ts';
import { maxVersion, NACK_VERSION, STREAM_PING_VERSION } from '../versions.ts';
import { dropExpiredMembers } from './reclaim.ts';
import { LOCAL_SOURCE } from './source.ts';
import { handleSuspect } from './suspect-dead.ts';

/** Rounds that accuse nobody after a stall of a probe timeout or more. Source: G13 (docs/reliability.md). */
const GRACE_ROUNDS = 2;

interface Round {
  readonly seqNo: number;
  readonly target: MutableMember;
  /** The target's incarnation at the start: a failure says nothing about a later one. */
  readonly incarnation: number;
  readonly startedAt: Millis;
  /** A round after a stall: its failure accuses nobody. */
  readonly isGrace: boolean;
  /** This agent stalled in the round, so its result is ignored. */
  void: boolean;
  directUntil: Millis;
  endsAt: Millis;
  /** Other members were asked to ping the target. */
  indirect: boolean;
  /** Names of those members. */
  helpers: readonly string[];
  nacksExpected: number;
  nacks: number;
  /** The health score at the start. */
  readonly awareness: number;
  /** By how much timers of this round were late, at most. */
  latenessMs: Millis;
  /** What has become of the stream ping, `dialed` before anything is known; `undefined`: none was tried. */
  stream: 'dialed' | StreamPingOutcome | undefined;
}

export class Prober {
  readonly #context: SwimContext;
  #round: Round | undefined;
  #nextAt: Millis = NEVER;
  /** The next round became due while the last one still ran. */
  #isRoundOverdue = false;
  #graceRounds = 0;
  /** The target of the next round, ahead of the ring. */
  #first: MutableMember | undefined;

  constructor(context: SwimContext) {
    this.#context = context;
  }

  get deadline(): Millis {
    const round = this.#round;
    if (round === undefined) return this.#nextAt;
    return Math.min(this.#nextAt, round.indirect ? round.endsAt : Math.min(round.directUntil, round.endsAt));
  }

  /** Is a round after a stall running, or still to come? */
  get isInGrace(): boolean {
    return this.#graceRounds > 0 || this.#round?.isGrace === true;
  }

  /** The first round starts after a random part of the interval, so that agents started together do not probe together. */
  start(): void {
    const { now, rng, config } = this.#context;
    this.#nextAt = now + rng.next() * config.probeInterval;
  }

  /** Probes this member as the next one, and now unless a round is running. */
  probeNext({ identity: { name } }: Member): void {
    const row = this.#context.members.get(name);
    if (row === undefined || this.#round?.target === row || this.#nextAt === NEVER) return;
    this.#first = row;
    this.#nextAt = Math.min(this.#nextAt, this.#context.now);
  }

  /** No round goes on, and none starts any more. */
  stop(): void {
    this.#round = undefined;
    this.#isRoundOverdue = false;
    this.#nextAt = NEVER;
  }

  tick(): void {
    const { now, config } = this.#context;
    const round = this.#round;
    if (round !== undefined) {
      const due = round.indirect ? round.endsAt : round.directUntil;
      round.latenessMs = Math.max(round.latenessMs, now - due);
      if (!round.indirect && round.directUntil <= now) this.#sendIndirectPings(round);
      if (round.endsAt <= now) this.#finishRound(round);
    }
    if (this.#nextAt > now) return;
    this.#nextAt = nextIntervalAt(this.#nextAt, config.probeInterval, now);
    if (this.#round === undefined) this.#startRound();
    else this.#isRoundOverdue = true;
  }

  /** Any ack of the round counts. Sent by the target itself, after other members were asked, it still is a direct one. */
  handleAck(ack: Ack, from: Address): boolean {
    const { now, config, out } = this.#context;
    const round = this.#round;
    if (round === undefined || round.seqNo !== ack.seqNo) return false;
    const millis = now - round.startedAt;
    const inTime = !round.indirect && millis <= config.probeTimeout;
    if (inTime && !round.void)
      out.push({ kind: 'roundTrip', peer: round.target, millis, payload: copyBytes(ack.payload) });
    const isFromTarget = isAtAddress(round.target.identity, from.ip, from.port);
    this.#succeed(round, round.indirect && !isFromTarget ? 'relay' : 'direct');
    return true;
  }

  handleNack(seqNo: number): void {
    const round = this.#round;
    if (round !== undefined && round.seqNo === seqNo && round.nacks < round.nacksExpected) round.nacks++;
  }

  /** Counts only at the end of the round, since an ack over UDP says more. False: it is not of this round. */
  onStreamPing(seqNo: number, outcome: StreamPingOutcome): boolean {
    const round = this.#round;
    if (round === undefined || round.seqNo !== seqNo) return false;
    round.stream = outcome;
    return true;
  }

  /** This agent stalled for `lateness`: the running round is extended by that, and void. */
  onStall(lateness: Millis): void {
    if (lateness >= this.#context.config.probeTimeout) this.#graceRounds = GRACE_ROUNDS;
    const round = this.#round;
    if (round === undefined) return;
    round.void = true;
    round.latenessMs = Math.max(round.latenessMs, lateness);
    round.directUntil += lateness;
    round.endsAt += lateness;
  }

  #startRound(): void {
    const context = this.#context;
    const { members, config, awareness, now } = context;
    // Invariant: there is one round at a time.
    assert(this.#round === undefined, 'a second probe round');
    const target = this.#takeFirst() ?? members.nextToProbe(() => dropExpiredMembers(context));
    if (target === undefined) return;
    const isGrace = this.#graceRounds > 0;
    if (isGrace) this.#graceRounds--;
    this.#round = {
      seqNo: context.nextSeqNo(),
      target,
      incarnation: target.incarnation,
      startedAt: now,
      isGrace,
      void: false,
      directUntil: now + config.probeTimeout,
      endsAt: now + awareness.scale(config.probeInterval),
      indirect: false,
      helpers: [],
      nacksExpected: 0,
      nacks: 0,
      awareness: awareness.score,
      latenessMs: 0,
      stream: undefined,
    };
    this.#sendDirectPing(this.#round);
  }

  #takeFirst(): MutableMember | undefined {
    const row = this.#first;
    this.#first = undefined;
    const isThere = row !== undefined && isUp(row.state) && row.absence === undefined;
    return isThere && this.#context.members.get(row.identity.name) === row ? row : undefined;
  }

  /** A suspect receives the accusation in the same packet, and can refute with its ack. Source: Lifeguard §IV-C (buddy). */
  #sendDirectPing({ target, seqNo }: Round): void {
    const context = this.#context;
    const { address, name: node } = target.identity;
    const ping = { ...context.createPing(seqNo, node), held: context.heldPayload(target) };
    if (target.state === 'alive' || !context.config.buddy)
      return context.sendWithPiggyback(address, target, ping);
    const { incarnation } = target;
    context.sendPingWithAccusation(target, ping, { kind: 'suspect', incarnation, node, from: context.name });
  }

  #sendIndirectPings(round: Round): void {
    const context = this.#context;
    const { config, members, self } = context;
    const { target, seqNo } = round;
    round.indirect = true;
    const isHelper = (row: MutableMember): boolean =>
      row.state === 'alive' && row.absence === undefined && row !== self && row !== target;
    const { name: node, address } = target.identity;
    const { sourceAddr, sourcePort, sourceNode } = context.createPing(seqNo, node);
    const helpers = members.pickReliable(config.indirectChecks, isHelper);
    round.helpers = helpers.map((helper) => helper.identity.name);
    for (const helper of helpers) {
      const nack = maxVersion(helper) >= NACK_VERSION;
      if (nack) round.nacksExpected++;
      context.sendWithPiggyback(helper.identity.address, helper, {
        kind: 'indirectPing',
        seqNo,
        target: address.ip,
        port: address.port,
        node,
        nack,
        sourceAddr,
        sourcePort,
        sourceNode,
      });
    }
    if (!config.streamPing || maxVersion(target) < STREAM_PING_VERSION) return;
    round.stream = 'dialed';
    context.out.push({ kind: 'streamPing', seqNo, peer: target, deadline: round.endsAt });
  }

  #finishRound(round: Round): void {
    const node = round.target.identity.name;
    if (round.stream === 'acked') {
      this.#context.recordFact({ kind: 'probeSavedByTcp', node });
      return this.#succeed(round, 'stream');
    }
    this.#round = undefined;
    if (!round.void && round.target.absence === undefined) this.#fail(round, node);
    this.#startOverdueRound();
  }

  #fail(round: Round, node: string): void {
    const context = this.#context;
    const { awareness, members, now, out } = context;
    // Healthy helpers send a nack. When they are silent too, the fault may be ours.
    awareness.apply(round.nacksExpected > 0 ? round.nacksExpected - round.nacks : 1, out);
    const reason = reasonOf(round, now);
    context.recordFact({ kind: 'probeFailed', node, awareness: awareness.score, reason });
    if (round.isGrace || members.get(node) !== round.target) return;
    const suspect = {
      kind: 'suspect',
      incarnation: round.incarnation,
      node,
      from: context.name,
    } as const;
    handleSuspect(context, suspect, LOCAL_SOURCE, reason);
  }

  #succeed(round: Round, by: 'direct' | 'relay' | 'stream'): void {
    const { awareness, members, oneWayLinks, out } = this.#context;
    this.#round = undefined;
    if (members.get(round.target.identity.name) === round.target) members.setAnswered(round.target, true);
    if (!round.void) {
      awareness.apply(-1, out);
      oneWayLinks.onRoundSuccess(round.target, by, out);
      if (by !== 'direct') out.push({ kind: 'directPingLost', peer: round.target });
    }
    this.#startOverdueRound();
  }

  #startOverdueRound(): void {
    if (!this.#isRoundOverdue) return;
    this.#isRoundOverdue = false;
    this.#startRound();
  }
}

function reasonOf(round: Round, now: Millis): ProbeReason {
  const { seqNo, startedAt, helpers, nacks, awareness, latenessMs, stream } = round;
  return {
    kind: 'probe',
    seqNo,
    durationMs: now - startedAt,
    helpers,
    nacks,
    stream: stream !== undefined,
    ...streamFailureField(stream),
    awareness,
    latenessMs,
  };
}

/** When a periodic timer that was due at `at` is due next; intervals that have passed by `now` are skipped. */
export const nextIntervalAt = (at: Millis, interval: Millis, now: Millis): Millis =>
  at + interval > now ? at + interval : now + interval;
