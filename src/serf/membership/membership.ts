/**
 * Who is a member and what it is up to: what swim saw and what intents say, brought together. Transitions are in
 * statuses.ts and intents.ts; here is their order, and what follows from them.
 */
import type { Millis } from '../../base/time.ts';
import { Timers } from '../../base/timers.ts';
import type { SerfConfig } from '../../config/protocol.ts';
import type { BroadcastQueue } from '../../swim/broadcasts.ts';
import type { Member, MemberEvent } from '../../swim/types.ts';
import { JoinIntent, LeaveIntent } from '../../wire/serf.ts';
import type { Coordinates } from '../coordinates.ts';
import { LamportClock } from '../lamport.ts';
import type { SerfEffect, SerfEvent, SerfMember } from '../types.ts';
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

/** A broadcast on its way. */
export interface BroadcastHandle {
  readonly finished: boolean;
}
const NOTHING_SENT: BroadcastHandle = { finished: true };

export class Membership {
  readonly clock: LamportClock = new LamportClock();
  readonly statuses: Statuses = new Statuses();
  readonly #options: MembershipOptions;
  readonly #intentBuffer: IntentBuffer;
  readonly #pruning: Pruning;
  /** When a member that says it leaves should have left. */
  readonly #leaveDeadlines = new Timers<string>();
  readonly #leaveTimeout: Millis;
  #leaving = false;

  constructor(options: MembershipOptions) {
    const { recentIntentTimeout, broadcastTimeout, leavePropagateDelay } = options.config;
    this.#options = options;
    this.#intentBuffer = new IntentBuffer(recentIntentTimeout);
    this.#pruning = new Pruning(broadcastTimeout + leavePropagateDelay);
    this.#leaveTimeout = 2 * (2 * broadcastTimeout + leavePropagateDelay);
  }

  /** We are on our way out: leave intents about us are true now. */
  get leaving(): boolean {
    return this.#leaving;
  }

  /** When `tick` has something to do. */
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
        const down = held && applyDown(held, event.member, now);
        if (down === undefined) return;
        this.#updateMember(down, down.status === 'left' ? 'left' : 'failed', now, out);
        if (this.#pruning.isOverdue(down.name)) this.#erase(down, now, out);
        return;
      }
      case 'memberDropped': // swim may forget; we keep it until it is reaped
      case 'nameConflict':
        return;
    }
  }

  /**
   * Applies an intent with a plausible stamp. True: it is news, and may be passed on.
   *
   * Source: serf handleNodeJoinIntent, handleNodeLeaveIntent.
   */
  handleIntent(intent: Intent, now: Millis, out: SerfEffect[]): boolean {
    this.clock.witness(intent.ltime);
    const held = this.statuses.get(intent.node);
    if (held === undefined) return this.#bufferIntent(intent, now, out);
    const next = applyIntent(held, intent);
    if (next === undefined) return false;
    if (this.#isFalseLeave(intent)) {
      out.push({ kind: 'fact', fact: { kind: 'leaveIntentRefuted', ltime: intent.ltime } });
      this.broadcastJoin(now, out);
      return false;
    }
    if (intent.kind === 'leaveIntent') this.statuses.recordLeave(next.name, intent.ltime);
    this.#updateMember(next, next.status === held.status ? undefined : toEventKind(next), now, out);
    if (next.status === 'alive') this.#pruning.cancel(next.name);
    if (intent.kind === 'leaveIntent' && intent.prune) this.#handlePrune(next, now, out);
    return true;
  }

  /** "We are here": at a join, and against a false leave. The stamp is above all we have seen. */
  broadcastJoin(now: Millis, out: SerfEffect[]): void {
    const intent = JoinIntent.create({ ltime: this.clock.stamp(), node: this.#options.self });
    this.handleIntent(intent, now, out);
    this.#options.intents.enqueue(JoinIntent.encode(intent), intent.node);
  }

  /** From now on we are leaving, and all are told. */
  leave(now: Millis, out: SerfEffect[]): BroadcastHandle {
    this.#leaving = true;
    return this.broadcastLeave(this.#options.self, false, now, out);
  }

  /** Applies and sends a leave intent; nothing is sent when nobody is there to hear it. */
  broadcastLeave(node: string, prune: boolean, now: Millis, out: SerfEffect[]): BroadcastHandle {
    const intent = LeaveIntent.create({ ltime: this.clock.stamp(), node, prune });
    const isHeard = this.statuses.hasAliveMembers(this.#options.self);
    this.handleIntent(intent, now, out);
    return isHeard ? this.#options.intents.enqueue(LeaveIntent.encode(intent), node) : NOTHING_SENT;
  }

  /** Forgets who has been down, and what has waited, for too long. */
  reap(now: Millis, out: SerfEffect[]): void {
    for (const held of expiredMembers(this.statuses, this.#options.config, now)) this.#erase(held, now, out);
    this.#intentBuffer.expire(now);
  }

  /** Erases those who were to be pruned and have left in time; believes those who said they leave and have not. */
  tick(now: Millis, out: SerfEffect[]): void {
    for (const name of this.#pruning.markOverdue(now)) {
      const held = this.statuses.get(name);
      if (held?.status === 'left') this.#erase(held, now, out);
    }
    for (let name = this.#leaveDeadlines.pop(now); name !== undefined; name = this.#leaveDeadlines.pop(now)) {
      const held = this.statuses.get(name);
      if (held?.status !== 'leaving') continue;
      if (name === this.#options.self && this.#leaving) continue;
      if (held.member.state === 'suspect') {
        // It may be gone already; the suspicion will tell.
        this.#leaveDeadlines.set(name, now + this.#leaveTimeout);
        continue;
      }
      this.#pruning.cancel(name);
      this.#updateMember(applyLeaveTimeout(held), 'updated', now, out);
    }
  }

  /** Somebody says that we leave, and we do not. */
  #isFalseLeave(intent: Intent): boolean {
    return intent.kind === 'leaveIntent' && intent.node === this.#options.self && !this.#leaving;
  }

  #handleJoin(member: Member, now: Millis, out: SerfEffect[]): void {
    const name = member.identity.name;
    this.#pruning.cancel(name);
    const held = this.statuses.get(name);
    if (held !== undefined) return this.#updateMember(applyJoin(held, member), 'joined', now, out);
    const early = this.#intentBuffer.dequeue(name, now);
    const status = early?.kind === 'leaveIntent' ? 'leaving' : 'alive';
    if (early?.kind === 'leaveIntent') this.statuses.recordLeave(name, early.ltime);
    this.#updateMember(newSerfMember(member, status, early?.ltime ?? 0), 'joined', now, out);
  }

  #bufferIntent(intent: Intent, now: Millis, out: SerfEffect[]): boolean {
    if (intent.ltime === 0) return false; // no clock gives this stamp; a push/pull has it for want of an intent
    if (this.#isFalseLeave(intent)) return false;
    const kept = this.#intentBuffer.add(intent, now);
    if (kept === 'newlyFull')
      out.push({
        kind: 'fact',
        fact: { kind: 'intentRefused', node: intent.node, reason: 'too many intents for unknown members' },
      });
    return kept === 'added';
  }

  /** Source: serf handlePrune. Differs: who is still up is erased only when it goes down, not hidden while it runs. */
  #handlePrune(held: SerfMember, now: Millis, out: SerfEffect[]): void {
    if (held.name === this.#options.self) return;
    if (held.status === 'leaving') this.#pruning.start(held.name, now);
    else this.#erase(held, now, out);
  }

  #erase(held: SerfMember, now: Millis, out: SerfEffect[]): void {
    this.statuses.delete(held.name);
    this.#leaveDeadlines.clear(held.name);
    this.#pruning.cancel(held.name);
    this.#intentBuffer.recordErased(held.name, held.statusLTime, now);
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
    this.statuses.set(member);
    if (member.status !== 'leaving') this.#leaveDeadlines.clear(member.name);
    else if (!this.#leaveDeadlines.has(member.name))
      this.#leaveDeadlines.set(member.name, now + this.#leaveTimeout);
    if (event !== undefined) out.push({ kind: 'event', event: { kind: event, member } });
  }
}

/** How a status that an intent brought is told. Back to alive is an update: it never was down. */
const toEventKind = (member: SerfMember): SerfEvent['kind'] =>
  member.status === 'alive' ? 'updated' : member.status;
