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
import type { NodeState, Ping, SwimMessage } from '../wire/memberlist.ts';
import type { Broadcast, Broadcasts } from './broadcasts.ts';
import { answerTo, Core, emit, memberAt, note, type SwimOptions, send } from './context.ts';
import type { Row } from './members.ts';
import { isUp, MAX_INCARNATION } from './precedence.ts';
import { believe, heardAlive } from './rules/alive.ts';
import { Relays } from './rules/indirect-probe.ts';
import { localStates, mergeStates } from './rules/merge.ts';
import { following, Prober } from './rules/probe.ts';
import { forget } from './rules/reclaim.ts';
import { announce, changeAddress, changeMeta, farewell } from './rules/refute.ts';
import { OURSELVES, type Source } from './rules/source.ts';
import { askTheDead, callSuspects, condemn, heardDead, heardSuspect, spare } from './rules/suspect-dead.ts';
import { answered, type Judge, pursue } from './rules/verify.ts';
import type { MembersView, SwimEffect } from './types.ts';

export type { SwimOptions } from './context.ts';

/** memberlist's core without its sockets. Never throws on foreign messages; only `merge` may refuse. */
export class Swim {
  readonly #core: Core;
  readonly #prober: Prober;
  readonly #relays: Relays;
  readonly #hasNews: () => boolean;
  readonly #judge: Judge = {
    believe,
    spare,
    condemn: (core, row, now, out) => {
      if (this.#prober.isForgiving) core.suspicions.retry(row, now + core.config.probeInterval);
      else condemn(core, row, now, out);
    },
  };
  #gossipAt: Millis = NEVER;
  #syncAt: Millis = NEVER;
  #farewell: Broadcast | undefined;

  constructor(options: SwimOptions) {
    const { incarnation } = options;
    assert(incarnation >= 1 && incarnation <= MAX_INCARNATION, `to start at incarnation ${incarnation}`);
    this.#core = new Core(options);
    this.#prober = new Prober(this.#core);
    this.#relays = new Relays(this.#core);
    this.#hasNews = options.hasNews ?? (() => this.#core.queue.size > 0);
  }

  get members(): MembersView {
    return this.#core.members;
  }

  /** Membership's lane. */
  get queue(): Broadcasts {
    return this.#core.queue;
  }

  /** 0 is well. */
  get awareness(): number {
    return this.#core.health.score;
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
      this.#hasNews() ? this.#gossipAt : NEVER,
      this.#syncAt,
      this.#prober.deadline,
      this.#relays.deadline,
      this.#core.suspicions.deadline,
      this.#core.qualms.deadline,
      this.#core.questions.deadline,
      this.#core.exile.deadline,
    );
  }

  /** Announces us and starts the clocks, each after a random part of its interval. */
  start(now: Millis, out: SwimEffect[]): void {
    const { config, rng, self } = this.#core;
    announce(this.#core);
    emit(out, { kind: 'memberJoined', member: self });
    this.#prober.start(now);
    this.#gossipAt = now + rng.next() * config.gossipInterval;
    this.#syncAt = now + rng.next() * config.pushPullInterval;
  }

  /** One message of a datagram that came from `from`. Keeps no part of it. */
  receive(message: SwimMessage, from: Address, now: Millis, out: SwimEffect[]): void {
    switch (message.kind) {
      case 'ping':
        return this.#pinged(message, from, now, out);
      case 'indirectPing':
        return this.#relays.requested(message, from, now, out);
      case 'ack':
        if (this.#prober.acked(message, from, now, out) || this.#relays.acked(message.seqNo, out)) return;
        return answered(this.#core, message.seqNo, this.#judge, now, out);
      case 'nack':
        return this.#prober.nacked(message.seqNo);
      case 'alive':
        return heardAlive(this.#core, message, { kind: 'packet', from }, now, out);
      case 'suspect':
        return heardSuspect(this.#core, message, { kind: 'packet', from }, now, out);
      case 'dead':
        return heardDead(this.#core, message, { kind: 'packet', from }, now, out);
    }
  }

  /**
   * To be called when an input has been dealt with. Without news the rounds of gossip pass unused; the next one that
   * may be used is never in the past.
   */
  wake(now: Millis): void {
    const { gossipInterval } = this.#core.config;
    if (this.#gossipAt < now)
      this.#gossipAt += Math.ceil((now - this.#gossipAt) / gossipInterval) * gossipInterval;
  }

  /** Whatever is due. One tick too many does nothing. */
  tick(now: Millis, out: SwimEffect[]): void {
    const { config, suspicions } = this.#core;
    if (this.#prober.isForgiving) suspicions.hold(now, now + config.probeInterval);
    else callSuspects(this.#core, now, out);
    this.#relays.tick(now, out);
    this.#prober.tick(now, out);
    pursue(this.#core, this.#judge, now, out);
    askTheDead(this.#core, now, out);
    if (this.#core.exile.ends(now)) this.#return(out);
    if (this.#gossipAt <= now && this.#hasNews()) this.#gossip(now, out);
    if (this.#syncAt <= now) this.#sync(now, out);
  }

  /** How a `streamPing` ended. Late reports do nothing. */
  streamAcked(seqNo: number, ok: boolean, now: Millis, out: SwimEffect[]): void {
    if (!ok || this.#prober.streamAcked(seqNo)) return;
    answered(this.#core, seqNo, this.#judge, now, out);
  }

  /** Every row, for a push/pull. */
  localStates(): NodeState[] {
    return localStates(this.#core);
  }

  /**
   * Takes in another's rows; `source` says whose, and who dialed. Throws `WireError('versionMismatch')` and leaves the
   * table unchanged.
   */
  merge(states: readonly NodeState[], now: Millis, out: SwimEffect[], source: Source = OURSELVES): void {
    mergeStates(this.#core, states, source, now, out);
  }

  /** Our new meta (copied), at most 512 bytes: a new incarnation, told to all. */
  setMeta(meta: Uint8Array, _now: Millis, out: SwimEffect[]): void {
    changeMeta(this.#core, meta, out);
  }

  /** This host has another address: a new incarnation, told to all. */
  move(address: Address, out: SwimEffect[]): void {
    changeAddress(this.#core, address, out);
  }

  /** Says farewell. The handle tells when it has spread; `undefined` when nobody else is up to hear it. */
  leave(now: Millis, out: SwimEffect[]): Broadcast | undefined {
    this.#farewell ??= farewell(this.#core, now, out);
    const othersUp = this.#core.members.upCount; // we no longer count
    return othersUp > 0 ? this.#farewell : undefined;
  }

  /** Drops the row of a member that is dead or left; of any other nothing happens. */
  forget(name: string, now: Millis, out: SwimEffect[]): void {
    forget(this.#core, name, now, out);
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
  stalled(lateness: Millis, now: Millis, out: SwimEffect[]): void {
    const { config, health, suspicions } = this.#core;
    if (!config.stallGuard || lateness < stallThreshold(config)) return;
    note(out, { kind: 'stalled', lateness });
    health.apply(1, out);
    const notBefore = now + config.probeTimeout;
    suspicions.postpone(lateness, notBefore);
    this.#prober.stalled(lateness);
    this.#relays.postpone(lateness, notBefore);
    this.#core.questions.postpone(lateness, notBefore);
    if (lateness > 2 * config.probeInterval) this.#askAround(out);
  }

  /** Differs: whom we hold for dead, or for gone, or have forgotten so, is told when it asks after us; memberlist only answers. */
  #pinged(ping: Ping, from: Address, now: Millis, out: SwimEffect[]): void {
    const core = this.#core;
    if (ping.node !== '' && ping.node !== core.name) return; // meant for whoever had our address before
    const to = answerTo(ping, from);
    const peer = memberAt(core, ping.sourceNode, to);
    send(out, to, peer, { kind: 'ack', seqNo: ping.seqNo, payload: core.ackPayload() });
    const row = core.members.get(ping.sourceNode);
    if (row !== undefined) {
      if (row === peer && !isUp(row.state)) core.rebukes.send(row, to, core.name, now, out);
      return;
    }
    const dropped = core.graves.of(ping.sourceNode, now);
    if (dropped !== undefined) core.rebukes.recall(ping.sourceNode, dropped, to, core.name, now, out);
  }

  /** The accusation that could not be outbid should be forgotten by now. */
  #return(out: SwimEffect[]): void {
    note(out, { kind: 'exileEnded', incarnation: this.incarnation });
    this.#askAround(out);
  }

  /** Broadcasts for a few random members; also for the newly dead, who may want to refute. */
  #gossip(now: Millis, out: SwimEffect[]): void {
    const { config, members, self } = this.#core;
    this.#gossipAt = following(this.#gossipAt, config.gossipInterval, now);
    const lately = now - config.gossipToTheDeadTime;
    const listens = (row: Row): boolean =>
      row !== self && (isUp(row.state) || (row.state === 'dead' && row.since >= lately));
    for (const peer of members.pick(config.gossipNodes, listens)) out.push({ kind: 'gossip', peer });
  }

  /** Perhaps we were declared dead meanwhile: who still holds us so must hear of us, and we of it. */
  #askAround(out: SwimEffect[]): void {
    const { config, members, self } = this.#core;
    if (self.state === 'left') return;
    announce(this.#core);
    for (const peer of members.pick(config.gossipNodes, (row) => row !== self && row.state === 'alive'))
      out.push({ kind: 'sync', peer });
  }

  #sync(now: Millis, out: SwimEffect[]): void {
    const { config, members, self } = this.#core;
    const interval = config.pushPullInterval * pushPullScale(members.size);
    this.#syncAt = following(this.#syncAt, interval, now);
    for (const peer of members.pick(1, (row) => row !== self && row.state === 'alive'))
      out.push({ kind: 'sync', peer });
  }
}

/**
 * Lateness that counts as a stall. Below it the direct probe, with at least three quarters of its time left after
 * the delay, was a fair one.
 */
export const stallThreshold = (config: SwimConfig): Millis => Math.max(50, config.probeTimeout / 4);

/** How much rarer full exchanges get in large clusters. Source: memberlist util.go, pushPullScale. */
export const pushPullScale = (n: number): number => (n <= 32 ? 1 : Math.ceil(Math.log2(n) - 5) + 1);
