/**
 * Serf's membership: combines swim's member events with join and leave intents into one status per member. The transitions
 * are in status.ts and intents.ts; their order and their consequences are here.
 */
import { assert } from '../../base/assert.ts';
import type { Millis } from '../../base/time.ts';
import { Timers } from '../../base/timers.ts';
import type { SerfConfig } from '../../config/protocol.ts';
import type { BroadcastQueue } from '../../swim/broadcasts.ts';
import type { Member, MemberEvent } from '../../swim/types.ts';
import { JoinIntent, LeaveIntent } from '../../wire/serf.ts';
import type { Coordinates } from '../coordinates.ts';
import { LamportClock } from '../lamport.ts';
import { tagsFromIdentity } from '../tags.ts';
import type { SerfEffect, SerfEvent, SerfMember } from '../types.ts';
import { type FailedMember, FailedMembers } from './failed-members.ts';
import { applyIntent, type Intent, IntentBuffer } from './intents.ts';
import { Pruning } from './pruning.ts';
import { expiredMembers } from './reaper.ts';
import { applyDown, applyJoin, applyLeaveTimeout, applyUpdate, newSerfMember, Statuses } from './status.ts';

export interface MembershipOptions {
  readonly self: string;
  readonly config: SerfConfig;
  readonly intents: BroadcastQueue;
  readonly coordinates: Coordinates;
}

/** Above this many members those that never answered are not kept once they have failed: twice what there may be by default. */
const MAX_KEPT = 32_768;

/** A broadcast that is being sent. */
export interface BroadcastHandle {
  readonly finished: boolean;
}
const NOTHING_SENT: BroadcastHandle = { finished: true };

export class Membership {
  readonly clock: LamportClock = new LamportClock();
  readonly statuses: Statuses = new Statuses();
  readonly failedMembers: FailedMembers;
  readonly #options: MembershipOptions;
  readonly #intentBuffer: IntentBuffer;
  readonly #pruning: Pruning;
  /** When a leaving member should have left. */
  readonly #leaveDeadlines = new Timers<string>();
  readonly #leaveTimeout: Millis;
  #leaving = false;

  constructor(options: MembershipOptions) {
    const { recentIntentTimeout, broadcastTimeout, leavePropagateDelay } = options.config;
    this.#options = options;
    this.failedMembers = new FailedMembers(this.statuses, options.config);
    this.#intentBuffer = new IntentBuffer(recentIntentTimeout);
    this.#pruning = new Pruning(broadcastTimeout + leavePropagateDelay);
    this.#leaveTimeout = 2 * (2 * broadcastTimeout + leavePropagateDelay);
  }

  /** This agent is leaving: leave intents about it are true. */
  get leaving(): boolean {
    return this.#leaving;
  }

  /** When `tick` is due next. */
  get deadline(): Millis {
    return Math.min(this.#pruning.deadline, this.#leaveDeadlines.deadline);
  }

  handleMemberEvent(event: MemberEvent, now: Millis, out: SerfEffect[]): void {
    switch (event.kind) {
      case 'memberJoined':
        return this.#handleJoin(event.member, now, out);
      case 'memberUpdated': {
        const held = this.statuses.get(event.member.identity.name);
        if (held !== undefined) this.#updateMember(applyUpdate(held, event.member), 'updated', now, out);
        return;
      }
      case 'memberDown': {
        const held = this.statuses.get(event.member.identity.name);
        const down = held && applyDown(held, event.member, event.left, now);
        if (down === undefined) return;
        this.#updateMember(down, down.status === 'left' ? 'left' : 'failed', now, out);
        if (this.#pruning.isOverdue(down.name)) this.#erase(down, true, now, out);
        return;
      }
      case 'memberDropped': {
        // Serf keeps the member until it is reaped, unless there is no room for it.
        const held = this.statuses.get(event.member.identity.name);
        const isTooMany = this.statuses.size > MAX_KEPT && event.member.hasAnswered !== true;
        if (held !== undefined && (event.displaced === true || isTooMany)) this.#erase(held, false, now, out);
        return;
      }
      case 'nameConflict':
        return;
    }
  }

  /**
   * Applies an intent with a plausible time. True: it is new, and is to be broadcast.
   *
   * Source: serf handleNodeJoinIntent, handleNodeLeaveIntent.
   */
  handleIntent(intent: Intent, now: Millis, out: SerfEffect[]): boolean {
    this.clock.witness(intent.ltime);
    const held = this.statuses.get(intent.node);
    if (held === undefined) return this.#bufferIntent(intent, now, out);
    // Clocks give a time twice, and whoever takes the leave before our join of the same time ignores that join.
    if (this.#isFalseLeave(intent) && intent.ltime > 0 && intent.ltime >= held.statusLTime) {
      out.push({ kind: 'fact', fact: { kind: 'leaveIntentRefuted', ltime: intent.ltime } });
      this.broadcastJoin(now, out);
      return false;
    }
    const next = applyIntent(held, intent);
    if (next === undefined) return false;
    if (intent.kind === 'leaveIntent') this.statuses.recordLeave(next.name, intent.ltime);
    this.#updateMember(next, next.status === held.status ? undefined : toEventKind(next), now, out);
    if (next.status === 'alive') this.#pruning.cancel(next.name);
    if (intent.kind === 'leaveIntent' && intent.prune) this.#handlePrune(next, now, out);
    return true;
  }

  /**
   * Applies an intent that a peer's state implies.
   *
   * Differs: Serf passes none of these on. A leave of a member that is alive here is, so that the member hears of it, and
   * objects if it does not leave; else it would be shown as leaving until it happens to sync with this agent.
   */
  handleImpliedIntent(intent: Intent, now: Millis, out: SerfEffect[]): void {
    const wasAlive = this.statuses.get(intent.node)?.status === 'alive';
    if (!this.handleIntent(intent, now, out) || !wasAlive || intent.kind !== 'leaveIntent') return;
    this.#options.intents.enqueue(LeaveIntent.encode(intent), intent.node);
  }

  /** Broadcasts a join intent, at a join or to refute a false leave. Its time is above all that were witnessed. */
  broadcastJoin(now: Millis, out: SerfEffect[]): void {
    const intent = JoinIntent.create({ ltime: this.clock.stamp(), node: this.#options.self });
    this.handleIntent(intent, now, out);
    this.#options.intents.enqueue(JoinIntent.encode(intent), intent.node);
  }

  /** This agent leaves: broadcasts the leave intent. */
  leave(now: Millis, out: SerfEffect[]): BroadcastHandle {
    this.#leaving = true;
    return this.broadcastLeave(this.#options.self, false, now, out);
  }

  /** Applies a leave intent, and broadcasts it if another member is alive. */
  broadcastLeave(node: string, prune: boolean, now: Millis, out: SerfEffect[]): BroadcastHandle {
    const intent = LeaveIntent.create({ ltime: this.clock.stamp(), node, prune });
    const hasReceivers = this.statuses.hasAliveMembers(this.#options.self);
    this.handleIntent(intent, now, out);
    return hasReceivers ? this.#options.intents.enqueue(LeaveIntent.encode(intent), node) : NOTHING_SENT;
  }

  /** A peer shows a member as failed. True: it is listed here from now on, too. */
  learnFailed(told: FailedMember, now: Millis, out: SerfEffect[]): boolean {
    const { identity } = told.member;
    if (identity.name === this.#options.self || !this.clock.isPlausible(told.statusLTime, now)) return false;
    const intent = this.#intentBuffer.get(identity.name, now);
    // An operator has made it left since, which that peer does not know yet.
    if (intent?.kind === 'leaveIntent' && intent.ltime > told.statusLTime) return false;
    const erased = this.failedMembers.erasedAfter(told, now);
    if (erased?.pruned === true) this.#repeatPrune(identity.name, erased.statusLTime);
    if (erased !== undefined) return false;
    const member = this.failedMembers.accept(told, now);
    if (member === undefined) return false;
    const statusLTime = Math.max(member.statusLTime, intent?.ltime ?? 0);
    this.#updateMember(
      { ...member, statusLTime, tags: tagsFromIdentity(identity) },
      'failedBefore',
      now,
      out,
    );
    return true;
  }

  /** The clock was set back: intents of later times would outbid those of the members themselves. */
  forgetFrom(next: number): void {
    this.#intentBuffer.forgetFrom(next);
    this.statuses.forgetFrom(next);
  }

  /**
   * What this agent said last of itself had a time that others may have refused: it says it again. Else a false leave of a
   * time that they took would stand, though it was refuted.
   */
  onSetBack(now: Millis, out: SerfEffect[]): void {
    const { self } = this.#options;
    const saidAt = this.statuses.get(self)?.statusLTime ?? 0;
    if (saidAt < this.clock.time - 1) return;
    if (this.#leaving) this.broadcastLeave(self, false, now, out);
    else this.broadcastJoin(now, out);
  }

  /** Erases members that have been down for too long, and intents that have waited for too long. */
  reap(now: Millis, out: SerfEffect[]): void {
    for (const held of expiredMembers(this.statuses, this.#options.config, now))
      this.#erase(held, false, now, out);
    this.#intentBuffer.expire(now);
    this.failedMembers.expire(now);
  }

  /** Erases members to be pruned that have left by now. Members that announced a leave and did not leave are alive again. */
  tick(now: Millis, out: SerfEffect[]): void {
    for (const name of this.#pruning.markOverdue(now)) {
      const held = this.statuses.get(name);
      if (held?.status === 'left') this.#erase(held, true, now, out);
    }
    for (let name = this.#leaveDeadlines.pop(now); name !== undefined; name = this.#leaveDeadlines.pop(now)) {
      const held = this.statuses.get(name);
      if (held?.status !== 'leaving') continue;
      if (name === this.#options.self && this.#leaving) continue;
      if (held.member.state === 'suspect') {
        // It may be dead already: the suspicion decides.
        this.#leaveDeadlines.set(name, now + this.#leaveTimeout);
        continue;
      }
      this.#pruning.cancel(name);
      this.#updateMember(applyLeaveTimeout(held), 'updated', now, out);
    }
  }

  /** A leave intent about this agent, which is not leaving. */
  #isFalseLeave(intent: Intent): boolean {
    return intent.kind === 'leaveIntent' && intent.node === this.#options.self && !this.#leaving;
  }

  #handleJoin(member: Member, now: Millis, out: SerfEffect[]): void {
    const name = member.identity.name;
    this.#pruning.cancel(name);
    this.failedMembers.onJoined(name);
    const held = this.statuses.get(name);
    if (held !== undefined) return this.#updateMember(applyJoin(held, member), 'joined', now, out);
    const early = this.#intentBuffer.dequeue(name, now);
    const status = early?.kind === 'leaveIntent' ? 'leaving' : 'alive';
    if (early?.kind === 'leaveIntent') this.statuses.recordLeave(name, early.ltime);
    this.#updateMember(newSerfMember(member, status, early?.ltime ?? 0), 'joined', now, out);
  }

  #bufferIntent(intent: Intent, now: Millis, out: SerfEffect[]): boolean {
    if (intent.ltime === 0) return false; // no clock gives this time: a push/pull contains it where there is no intent
    if (this.#isFalseLeave(intent)) return false;
    const result = this.#intentBuffer.add(intent, now);
    if (result === 'newlyFull')
      out.push({
        kind: 'fact',
        fact: { kind: 'intentRefused', node: intent.node, reason: 'too many intents for unknown members' },
      });
    return result === 'added';
  }

  /** Source: serf handlePrune. Differs: a member that is still up is erased when it goes down, and not hidden before. */
  #handlePrune(held: SerfMember, now: Millis, out: SerfEffect[]): void {
    if (held.name === this.#options.self) return;
    if (held.status === 'leaving') this.#pruning.start(held.name, now);
    else this.#erase(held, true, now, out);
  }

  /** The peer was cut off when an operator had the member erased, and would list it until its time is over. */
  #repeatPrune(node: string, ltime: number): void {
    this.#options.intents.enqueue(LeaveIntent.encode({ ltime, node, prune: true }), node);
  }

  #erase(held: SerfMember, pruned: boolean, now: Millis, out: SerfEffect[]): void {
    this.statuses.delete(held.name);
    this.#leaveDeadlines.clear(held.name);
    this.#pruning.cancel(held.name);
    this.#intentBuffer.recordErased(held.name, held.statusLTime, now);
    this.failedMembers.recordErased(held, pruned, now);
    this.#options.coordinates.delete(held.name);
    out.push({ kind: 'event', event: { kind: 'reaped', member: held } });
    out.push({ kind: 'fact', fact: { kind: 'memberReaped', node: held.name, status: held.status } });
  }

  #updateMember(
    member: SerfMember,
    event: SerfEvent['kind'] | undefined,
    now: Millis,
    out: SerfEffect[],
  ): void {
    // Invariant: a member has a time of going down exactly while it is down.
    assert((member.downAt !== undefined) === isDown(member.status), `${member.name} is ${member.status}`);
    this.statuses.set(member);
    if (member.status !== 'leaving') this.#leaveDeadlines.clear(member.name);
    else if (!this.#leaveDeadlines.has(member.name))
      this.#leaveDeadlines.set(member.name, now + this.#leaveTimeout);
    if (event !== undefined) out.push({ kind: 'event', event: { kind: event, member } });
  }
}

const isDown = (status: SerfMember['status']): boolean => status === 'left' || status === 'failed';

/** The event for a status that an intent changed. Back to alive is an update, since the member was never down. */
const toEventKind = (member: SerfMember): SerfEvent['kind'] =>
  member.status === 'alive' ? 'updated' : member.status;
