/**
 * The conductor of membership: each input and each due timer goes to the mechanism that knows. No decision about
 * a member is made here.
 *
 * Source: memberlist net.go (handleCommand), state.go (schedule, gossip, pushPull).
 */
import type { Address } from '../base/address.ts';
import { assert } from '../base/assert.ts';
import { type Millis, NEVER } from '../base/time.ts';
import type { SwimConfig } from '../config/protocol.ts';
import type { Ping, PushNodeState, SwimMessage } from '../wire/memberlist.ts';
import type { Broadcast, BroadcastQueue } from './broadcasts.ts';
import {
  ackAddress,
  emit,
  memberAt,
  recordFact,
  SwimContext,
  type SwimOptions,
  sendWithPiggyback,
} from './context.ts';
import type { MutableMember } from './members.ts';
import { isUp, MAX_INCARNATION } from './precedence.ts';
import { acceptClaim, handleAlive } from './rules/alive.ts';
import { IndirectProbes } from './rules/indirect-probe.ts';
import { localStates, mergeStates } from './rules/merge.ts';
import { nextIntervalAt, Prober } from './rules/probe.ts';
import { dropMember } from './rules/reclaim.ts';
import { announceAlive, announceLeave, changeAddress, changeMeta } from './rules/refute.ts';
import { LOCAL_SOURCE, type MessageSource } from './rules/source.ts';
import {
  declareDead,
  extendSuspicion,
  handleDead,
  handleSuspect,
  probeDeadMember,
  verifySuspects,
} from './rules/suspect-dead.ts';
import { advanceVerifications, handleVerificationAck, type VerificationActions } from './rules/verify.ts';
import type { MembersView, SwimEffect } from './types.ts';

export type { SwimOptions } from './context.ts';

/** memberlist's core without its sockets. Never throws on foreign messages; only `merge` may refuse. */
export class Swim {
  readonly #core: SwimContext;
  readonly #prober: Prober;
  readonly #indirectProbes: IndirectProbes;
  readonly #hasBroadcasts: () => boolean;
  readonly #verificationActions: VerificationActions = {
    accept: acceptClaim,
    extendSuspicion,
    declareDead: (core, row, now, out) => {
      if (this.#prober.isInGrace) core.suspicions.reschedule(row, now + core.config.probeInterval);
      else declareDead(core, row, now, out);
    },
  };
  #gossipAt: Millis = NEVER;
  #pushPullAt: Millis = NEVER;
  #leaveBroadcast: Broadcast | undefined;

  constructor(options: SwimOptions) {
    const { incarnation } = options;
    assert(incarnation >= 1 && incarnation <= MAX_INCARNATION, `to start at incarnation ${incarnation}`);
    this.#core = new SwimContext(options);
    this.#prober = new Prober(this.#core);
    this.#indirectProbes = new IndirectProbes(this.#core);
    this.#hasBroadcasts = options.hasBroadcasts ?? (() => this.#core.broadcasts.size > 0);
  }

  get members(): MembersView {
    return this.#core.members;
  }

  /** Membership's lane. */
  get broadcasts(): BroadcastQueue {
    return this.#core.broadcasts;
  }

  /** 0 is well. */
  get awareness(): number {
    return this.#core.awareness.score;
  }

  /** Highest we ever announced. */
  get incarnation(): number {
    return this.#core.self.incarnation;
  }

  /** We said farewell, and do not come back. */
  get leaving(): boolean {
    return this.#core.self.state === 'left';
  }

  /** When `tick` is next wanted. Never earlier than the input that set it. */
  get deadline(): Millis {
    return Math.min(
      this.#hasBroadcasts() ? this.#gossipAt : NEVER,
      this.#pushPullAt,
      this.#prober.deadline,
      this.#indirectProbes.deadline,
      this.#core.suspicions.deadline,
      this.#core.deadProbes.deadline,
      this.#core.verifications.deadline,
      this.#core.unrefutable.deadline,
    );
  }

  /** Announces us and starts the clocks, each after a random part of its interval. */
  start(now: Millis, out: SwimEffect[]): void {
    const { config, rng, self } = this.#core;
    announceAlive(this.#core);
    emit(out, { kind: 'memberJoined', member: self });
    this.#prober.start(now);
    this.#gossipAt = now + rng.next() * config.gossipInterval;
    this.#pushPullAt = now + rng.next() * config.pushPullInterval;
  }

  /** One message of a datagram that came from `from`. Keeps no part of it. */
  receive(message: SwimMessage, from: Address, now: Millis, out: SwimEffect[]): void {
    switch (message.kind) {
      case 'ping':
        return this.#handlePing(message, from, now, out);
      case 'indirectPing':
        return this.#indirectProbes.handleIndirectPing(message, from, now, out);
      case 'ack':
        if (
          this.#prober.handleAck(message, from, now, out) ||
          this.#indirectProbes.handleAck(message.seqNo, out)
        )
          return;
        return handleVerificationAck(this.#core, message.seqNo, this.#verificationActions, now, out);
      case 'nack':
        return this.#prober.handleNack(message.seqNo);
      case 'alive':
        return handleAlive(this.#core, message, { kind: 'packet', from }, now, out);
      case 'suspect':
        return handleSuspect(this.#core, message, { kind: 'packet', from }, now, out);
      case 'dead':
        return handleDead(this.#core, message, { kind: 'packet', from }, now, out);
    }
  }

  /**
   * To be called when an input has been dealt with. Without news the rounds of gossip pass unused; the next one that
   * may be used is never in the past.
   */
  skipMissedGossip(now: Millis): void {
    const { gossipInterval } = this.#core.config;
    if (this.#gossipAt < now)
      this.#gossipAt += Math.ceil((now - this.#gossipAt) / gossipInterval) * gossipInterval;
  }

  /** Whatever is due. One tick too many does nothing. */
  tick(now: Millis, out: SwimEffect[]): void {
    const { config, suspicions } = this.#core;
    if (this.#prober.isInGrace) suspicions.postponeDue(now, now + config.probeInterval);
    else verifySuspects(this.#core, now, out);
    this.#indirectProbes.tick(now, out);
    this.#prober.tick(now, out);
    advanceVerifications(this.#core, this.#verificationActions, now, out);
    probeDeadMember(this.#core, now, out);
    if (this.#core.unrefutable.finishIfDue(now)) this.#onUnrefutableEnd(out);
    if (this.#gossipAt <= now && this.#hasBroadcasts()) this.#gossip(now, out);
    if (this.#pushPullAt <= now) this.#pushPull(now, out);
  }

  /** How a `streamPing` ended. Late reports do nothing. */
  onStreamPingEnd(seqNo: number, ok: boolean, now: Millis, out: SwimEffect[]): void {
    if (!ok || this.#prober.onStreamAck(seqNo)) return;
    handleVerificationAck(this.#core, seqNo, this.#verificationActions, now, out);
  }

  /** Every row, for a push/pull. */
  localStates(): PushNodeState[] {
    return localStates(this.#core);
  }

  /**
   * Takes in another's rows; `source` says whose, and who dialed. Throws `WireError('versionMismatch')` and leaves the
   * table unchanged.
   */
  mergeStates(
    states: readonly PushNodeState[],
    now: Millis,
    out: SwimEffect[],
    source: MessageSource = LOCAL_SOURCE,
  ): void {
    mergeStates(this.#core, states, source, now, out);
  }

  /** Our new meta (copied), at most 512 bytes: a new incarnation, told to all. */
  setMeta(meta: Uint8Array, _now: Millis, out: SwimEffect[]): void {
    changeMeta(this.#core, meta, out);
  }

  /** This host has another address: a new incarnation, told to all. */
  setAddress(address: Address, out: SwimEffect[]): void {
    changeAddress(this.#core, address, out);
  }

  /** Says farewell. The handle tells when it has spread; `undefined` when nobody else is up to hear it. */
  leave(now: Millis, out: SwimEffect[]): Broadcast | undefined {
    this.#leaveBroadcast ??= announceLeave(this.#core, now, out);
    const othersUp = this.#core.members.upCount; // we no longer count
    return othersUp > 0 ? this.#leaveBroadcast : undefined;
  }

  /** Drops the row of a member that is dead or left; of any other nothing happens. */
  dropMember(name: string, now: Millis, out: SwimEffect[]): void {
    dropMember(this.#core, name, now, out);
  }

  /**
   * The loop came `lateness` behind `deadline`: we were the silent ones, so we blame ourselves before others. To
   * be called before any input of that time. Lateness below `stallThreshold` does nothing.
   *
   * The round in flight gets the time back and says nothing; our suspicions get it back too, and a probe timeout
   * at least, since refutations may wait in our socket. From a probe timeout on the next two rounds accuse nobody and
   * no suspicion ends before they are over. After more than two probe intervals we ask a few members at once what they
   * think of us.
   *
   * Differs: memberlist does not notice, and a resumed process declares its peers dead. In the spirit of
   * Lifeguard §IV-A.
   */
  onStall(lateness: Millis, now: Millis, out: SwimEffect[]): void {
    const { config, awareness: health, suspicions } = this.#core;
    if (!config.stallGuard || lateness < stallThreshold(config)) return;
    recordFact(out, { kind: 'stalled', latenessMs: lateness });
    health.apply(1, out);
    const notBefore = now + config.probeTimeout;
    suspicions.postpone(lateness, notBefore);
    this.#prober.onStall(lateness);
    this.#indirectProbes.postpone(lateness, notBefore);
    this.#core.verifications.postpone(lateness, notBefore);
    if (lateness > 2 * config.probeInterval) this.#announceAndSync(out);
  }

  /** Differs: whom we hold for dead, or for gone, or have forgotten so, is told when it asks after us; memberlist only answers. */
  #handlePing(ping: Ping, from: Address, now: Millis, out: SwimEffect[]): void {
    const core = this.#core;
    if (ping.node !== '' && ping.node !== core.name) return; // meant for whoever had our address before
    const to = ackAddress(ping, from);
    const peer = memberAt(core, ping.sourceNode, to);
    sendWithPiggyback(out, to, peer, { kind: 'ack', seqNo: ping.seqNo, payload: core.ackPayload() });
    const row = core.members.get(ping.sourceNode);
    if (row !== undefined) {
      if (row === peer && !isUp(row.state)) core.downNotifier.notify(row, to, core.name, now, out);
      return;
    }
    const dropped = core.recentlyDropped.incarnationOf(ping.sourceNode, now);
    if (dropped !== undefined)
      core.downNotifier.notifyDropped(ping.sourceNode, dropped, to, core.name, now, out);
  }

  /** The accusation that could not be outbid should be forgotten by now. */
  #onUnrefutableEnd(out: SwimEffect[]): void {
    recordFact(out, { kind: 'unrefutableAccusationEnded', incarnation: this.incarnation });
    this.#announceAndSync(out);
  }

  /** Broadcasts for a few random members; also for the newly dead, who may want to refute. */
  #gossip(now: Millis, out: SwimEffect[]): void {
    const { config, members, self } = this.#core;
    this.#gossipAt = nextIntervalAt(this.#gossipAt, config.gossipInterval, now);
    const lately = now - config.gossipToTheDeadTime;
    const listens = (row: MutableMember): boolean =>
      row !== self && (isUp(row.state) || (row.state === 'dead' && row.since >= lately));
    for (const peer of members.pickRandom(config.gossipNodes, listens)) out.push({ kind: 'gossip', peer });
  }

  /** Perhaps we were declared dead meanwhile: who still holds us so must hear of us, and we of it. */
  #announceAndSync(out: SwimEffect[]): void {
    const { config, members, self } = this.#core;
    if (self.state === 'left') return;
    announceAlive(this.#core);
    for (const peer of members.pickRandom(config.gossipNodes, (row) => row !== self && row.state === 'alive'))
      out.push({ kind: 'pushPull', peer });
  }

  #pushPull(now: Millis, out: SwimEffect[]): void {
    const { config, members, self } = this.#core;
    const interval = config.pushPullInterval * pushPullScale(members.size);
    this.#pushPullAt = nextIntervalAt(this.#pushPullAt, interval, now);
    for (const peer of members.pickRandom(1, (row) => row !== self && row.state === 'alive'))
      out.push({ kind: 'pushPull', peer });
  }
}

/**
 * Lateness that counts as a stall. Below it the direct probe, with at least three quarters of its time left after
 * the delay, was a fair one.
 */
export const stallThreshold = (config: SwimConfig): Millis => Math.max(50, config.probeTimeout / 4);

/** How much rarer full exchanges get in large clusters. Source: memberlist util.go, pushPullScale. */
export const pushPullScale = (n: number): number => (n <= 32 ? 1 : Math.ceil(Math.log2(n) - 5) + 1);
