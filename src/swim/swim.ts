/**
 * Swim, memberlist's core without its sockets: passes each input and each due timer to the rule that handles it. No
 * decision about a member is made here.
 *
 * Source: memberlist net.go (handleCommand), state.go (schedule, gossip).
 */
import type { Address } from '../base/address.ts';
import { assert } from '../base/assert.ts';
import { Deadlines } from '../base/deadlines.ts';
import { finish, type InTurns, type Millis, NEVER, type Turn, unlimitedTurn } from '../base/time.ts';
import type { SwimConfig } from '../config/protocol.ts';
import type { Alive, PushNodeState, SwimMessage } from '../wire/memberlist.ts';
import type { Pause } from '../wire/pause.ts';
import type { Broadcast, BroadcastQueue } from './broadcasts.ts';
import {
  advanceClosedConnections,
  handleClosedAnswer,
  handleClosedConnection,
  noteSignOfLife,
  type ProbeNext,
} from './connections/closed-connection.ts';
import { SwimContext, type SwimOptions } from './context.ts';
import { MAX_INCARNATION } from './precedence.ts';
import { expireAbsences, handlePause } from './rules/absence.ts';
import { acceptClaim, handleAlive } from './rules/alive.ts';
import { answerPing } from './rules/answer-ping.ts';
import { chooseGossipTargets } from './rules/gossip.ts';
import { IndirectProbes } from './rules/indirect-probe.ts';
import { verifyLeave } from './rules/leave.ts';
import { localStates, mergeStates, type RowOptions } from './rules/merge.ts';
import { askUnasked } from './rules/own-word.ts';
import { nextIntervalAt, Prober } from './rules/probe.ts';
import { dropMember } from './rules/reclaim.ts';
import { announceAlive, announceLeave, announcePause, changeAddress, changeMeta } from './rules/refute.ts';
import { LOCAL_SOURCE, type MessageSource } from './rules/source.ts';
import {
  acceptLeave,
  declareDead,
  extendSuspicion,
  handleDead,
  handleSuspect,
  probeDeadMember,
  verifySuspects,
} from './rules/suspect-dead.ts';
import { advanceVerifications, handleVerificationAck, type VerificationActions } from './rules/verify.ts';
import { ScheduledPushPulls } from './scheduled-push-pull.ts';
import type { Member, MembersView, StreamPingOutcome, SwimEffect } from './types.ts';

export type { SwimOptions } from './context.ts';

/** Never throws on messages of peers; only `mergeStates` may refuse. */
export class Swim {
  readonly #context: SwimContext;
  readonly #prober: Prober;
  readonly #indirectProbes: IndirectProbes;
  readonly #pushPulls: ScheduledPushPulls;
  readonly #hasBroadcasts: () => boolean;
  readonly #hasBroadcastsFor: (peer: Member) => boolean;
  readonly #deadlines = new Deadlines();
  readonly #verificationActions: VerificationActions = {
    accept: acceptClaim,
    extendSuspicion,
    declareDead: (context, row, verification) => {
      if (this.#prober.isInGrace)
        context.suspicions.reschedule(row, context.now + context.config.probeInterval);
      else declareDead(context, row, verification);
    },
    acceptLeave: (context, row, verification) => {
      const { claim, reason } = verification;
      if (!this.#prober.isInGrace) acceptLeave(context, row, verification);
      else if (reason !== undefined) verifyLeave(context, row, claim, reason);
    },
  };
  readonly #probeNext: ProbeNext = (member) => this.#prober.probeNext(member);
  #gossipAt: Millis = NEVER;
  #leaveBroadcast: Broadcast | undefined;

  constructor(options: SwimOptions) {
    assert(
      options.incarnation >= 1 && options.incarnation <= MAX_INCARNATION,
      `to start at incarnation ${options.incarnation}`,
    );
    this.#context = new SwimContext(options);
    this.#prober = new Prober(this.#context);
    this.#indirectProbes = new IndirectProbes(this.#context);
    this.#pushPulls = new ScheduledPushPulls(this.#context);
    this.#hasBroadcasts = options.hasBroadcasts ?? (() => this.#context.broadcasts.size > 0);
    this.#hasBroadcastsFor = options.hasBroadcastsFor ?? (() => true);
    this.#registerDeadlines();
  }

  get members(): MembersView {
    return this.#context.members;
  }

  /** The broadcast queue of membership messages. */
  get broadcasts(): BroadcastQueue {
    return this.#context.broadcasts;
  }

  /** The local health score; 0 is healthy. */
  get awareness(): number {
    return this.#context.awareness.score;
  }

  /** The highest one this agent announced. */
  get incarnation(): number {
    return this.#context.self.incarnation;
  }

  /** This agent announced that it leaves, which is final. */
  get leaving(): boolean {
    return this.#context.self.state === 'left';
  }

  /** This agent has said that it pauses: it is silent from then on, as if it had stopped already. */
  get pausing(): boolean {
    return this.#context.isPausing;
  }

  /** The other members that are up and not absent. */
  get audience(): number {
    return this.members.upCount - 1 - this.members.absentCount;
  }

  /** When `tick` is due next. Never earlier than the input that set it. */
  get deadline(): Millis {
    if (this.pausing) return this.#hasBroadcasts() ? this.#gossipAt : NEVER;
    return this.#deadlines.earliest;
  }

  /** Announces this agent and starts its periodic timers, each after a random part of its interval. */
  start(now: Millis, out: SwimEffect[]): void {
    const { config, rng, self } = this.#begin(now, out);
    announceAlive(this.#context);
    this.#context.emit({ kind: 'memberJoined', member: self });
    this.#prober.start();
    this.#gossipAt = now + rng.next() * config.gossipInterval;
    this.#pushPulls.start();
  }

  /** Handles one message of a datagram from `from`. Keeps no view on it. */
  receive(message: SwimMessage, from: Address, now: Millis, out: SwimEffect[]): void {
    const context = this.#begin(now, out);
    if (context.isPausing) return;
    if (context.closedConnections.size > 0) noteSignOfLife(context, from);
    switch (message.kind) {
      case 'ping':
        return answerPing(context, message, from);
      case 'indirectPing':
        return this.#indirectProbes.handleIndirectPing(message, from);
      case 'ack':
        if (this.#prober.handleAck(message, from) || this.#indirectProbes.handleAck(message.seqNo)) return;
        if (handleClosedAnswer(context, message.seqNo, 'acked', this.#probeNext)) return;
        return handleVerificationAck(context, message.seqNo, this.#verificationActions);
      case 'nack':
        return this.#prober.handleNack(message.seqNo);
      case 'alive':
        return handleAlive(context, message, { kind: 'packet', from });
      case 'suspect':
        return handleSuspect(context, message, { kind: 'packet', from });
      case 'dead':
        return handleDead(context, message, { kind: 'packet', from });
    }
  }

  /**
   * To be called after each input. Rounds of gossip that passed without anything to send are skipped, so that the next
   * one is not in the past.
   */
  skipMissedGossip(now: Millis): void {
    const { gossipInterval } = this.#context.config;
    if (this.#gossipAt < now)
      this.#gossipAt += Math.ceil((now - this.#gossipAt) / gossipInterval) * gossipInterval;
  }

  /** Does whatever is due. An early or extra tick does nothing. */
  tick(now: Millis, out: SwimEffect[]): void {
    const context = this.#begin(now, out);
    const { config, suspicions } = context;
    if (context.isPausing) return this.#gossipIfDue();
    expireAbsences(context);
    askUnasked(context);
    if (this.#prober.isInGrace) suspicions.postponeDue(now, now + config.probeInterval);
    else verifySuspects(context);
    this.#indirectProbes.tick();
    advanceClosedConnections(context);
    this.#prober.tick();
    advanceVerifications(context, this.#verificationActions);
    probeDeadMember(context);
    if (context.unrefutable.finishIfDue(now)) this.#onUnrefutableEnd();
    this.#gossipIfDue();
    this.#pushPulls.tick();
  }

  /** A datagram of `from` says that a member pauses. True: it need not say so again. */
  onPause(pause: Omit<Pause, 'kind'>, from: Address, now: Millis, out: SwimEffect[]): boolean {
    return !this.pausing && handlePause(this.#begin(now, out), pause, from);
  }

  /** This agent stops and will be back. Returns what its peers are to be told with the word about it. */
  pause(now: Millis, out: SwimEffect[]): Alive {
    const alive = announcePause(this.#begin(now, out));
    this.#prober.stop();
    this.#pushPulls.stop();
    return alive;
  }

  /** A `streamPing` has connected, or ended. What comes after its round is ignored. Only an ack changes anything. */
  onStreamPing(seqNo: number, outcome: StreamPingOutcome, now: Millis, out: SwimEffect[]): void {
    const context = this.#begin(now, out);
    if (context.isPausing || this.#prober.onStreamPing(seqNo, outcome)) return;
    if (handleClosedAnswer(context, seqNo, outcome, this.#probeNext)) return;
    handleVerificationAck(context, seqNo, this.#verificationActions, outcome);
  }

  /** The connection that was kept to this member has closed, without a farewell. */
  onConnectionClosed(name: string, now: Millis, out: SwimEffect[]): void {
    if (!this.pausing) handleClosedConnection(this.#begin(now, out), name);
  }

  /** Rows for a push/pull. */
  localStates(options: RowOptions = {}): PushNodeState[] {
    return localStates(this.#context, options);
  }

  /**
   * Merges a peer's rows; `source` says whose they are, and who dialed. Throws `WireError('versionMismatch')` and leaves
   * the table unchanged.
   */
  mergeStates(
    states: readonly PushNodeState[],
    now: Millis,
    out: SwimEffect[],
    source: MessageSource = LOCAL_SOURCE,
  ): void {
    finish(this.mergeStatesInTurns(states, unlimitedTurn(now), out, source));
  }

  /** The same in turns. */
  mergeStatesInTurns(
    states: readonly PushNodeState[],
    turn: Turn,
    out: SwimEffect[],
    source: MessageSource,
  ): InTurns<void> {
    const context = this.#context;
    return mergeStates(context, this.pausing ? [] : states, source, turn, () => this.#begin(turn.now, out));
  }

  /** Announces a new meta (copied), at most 512 bytes, at a new incarnation. */
  setMeta(meta: Uint8Array, now: Millis, out: SwimEffect[]): void {
    changeMeta(this.#begin(now, out), meta);
  }

  /** Announces that this host has another address, at a new incarnation. */
  setAddress(address: Address, now: Millis, out: SwimEffect[]): void {
    changeAddress(this.#begin(now, out), address);
  }

  /** Leaves. Returns the broadcast of the leave message, or `undefined` when no other member is up to receive it. */
  leave(now: Millis, out: SwimEffect[]): Broadcast | undefined {
    const context = this.#begin(now, out);
    this.#leaveBroadcast ??= announceLeave(context);
    const othersUp = context.members.upCount; // this agent is not counted any more
    return othersUp > 0 ? this.#leaveBroadcast : undefined;
  }

  /** Drops the row of a member that is dead or left; otherwise does nothing. */
  dropMember(name: string, now: Millis, out: SwimEffect[]): void {
    dropMember(this.#begin(now, out), name);
  }

  /** Others hold an unknown member as dead: as if its row had been dropped here, older claims that it lives are verified. */
  learnDead(member: Pick<Member, 'identity' | 'incarnation'>, now: Millis): void {
    if (this.members.get(member.identity.name) === undefined) this.#context.recentlyDropped.add(member, now);
  }

  /**
   * The event loop was `lateness` late for `deadline`: this agent was silent itself, so it doubts itself before it
   * accuses others. To be called before any input of that time. Below `stallThreshold` nothing happens.
   *
   * The running round is extended and void. Suspicions are extended too, by a probe timeout at least, since refutations
   * may wait in the socket. From a probe timeout on, the next two rounds accuse nobody, and no suspicion ends before they
   * are over. After more than two probe intervals, this agent announces itself and syncs with a member, once in five seconds at most.
   *
   * Differs: memberlist does not notice a stall, and a resumed process declares its peers dead. In the spirit of
   * Lifeguard §IV-A.
   */
  onStall(lateness: Millis, now: Millis, out: SwimEffect[]): void {
    const { config, awareness, suspicions, verifications } = this.#begin(now, out);
    if (!config.stallGuard || lateness < stallThreshold(config) || this.pausing) return;
    this.#context.recordFact({ kind: 'stalled', latenessMs: lateness });
    awareness.apply(1, out);
    const notBefore = now + config.probeTimeout;
    suspicions.postpone(lateness, notBefore);
    this.#prober.onStall(lateness);
    this.#indirectProbes.postpone(lateness, notBefore);
    verifications.postpone(lateness, notBefore);
    if (lateness > 2 * config.probeInterval) this.#pushPulls.onLongStall();
  }

  #registerDeadlines(): void {
    const { suspicions, deadProbes, verifications, absences, unrefutable, closedConnections, unasked } =
      this.#context;
    this.#deadlines.add(() => (this.#hasBroadcasts() ? this.#gossipAt : NEVER));
    this.#deadlines.add(
      ...[() => this.#pushPulls.deadline, () => this.#prober.deadline, () => this.#indirectProbes.deadline],
      ...[() => suspicions.deadline, () => deadProbes.deadline, () => verifications.deadline],
      ...[() => unrefutable.deadline, () => absences.deadline, () => closedConnections.deadline],
      () => unasked.deadline,
    );
  }

  #begin(now: Millis, out: SwimEffect[]): SwimContext {
    this.#context.beginInput(now, out);
    return this.#context;
  }

  /** By now every peer should have dropped the row with the unrefutable accusation. */
  #onUnrefutableEnd(): void {
    this.#context.recordFact({ kind: 'unrefutableAccusationEnded', incarnation: this.incarnation });
    this.#pushPulls.announceAndSync(this.#context.config.gossipNodes);
  }

  #gossipIfDue(): void {
    if (this.#gossipAt <= this.#context.now && this.#hasBroadcasts()) this.#gossip();
  }

  #gossip(): void {
    const { config, now, out } = this.#context;
    this.#gossipAt = nextIntervalAt(this.#gossipAt, config.gossipInterval, now);
    for (const peer of chooseGossipTargets(this.#context, this.#hasBroadcastsFor))
      out.push({ kind: 'gossip', peer });
  }
}

/**
 * The lateness that counts as a stall. Below it, at least three quarters of the probe timeout were left, and a probe that
 * failed was a fair one.
 */
export const stallThreshold = (config: SwimConfig): Millis => Math.max(50, config.probeTimeout / 4);
