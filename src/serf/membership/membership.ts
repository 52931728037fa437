/**
 * Who is a member and what it is up to: what swim saw and what intents say, brought together. Transitions are in
 * statuses.ts and intents.ts; here is their order, and what follows from them.
 */
import type { Millis } from '../../base/time.ts';
import { Timers } from '../../base/timers.ts';
import type { SerfConfig } from '../../config/protocol.ts';
import type { Broadcasts } from '../../swim/broadcasts.ts';
import type { Member, MemberEvent } from '../../swim/types.ts';
import { JoinIntent, LeaveIntent } from '../../wire/serf.ts';
import type { Coordinates } from '../coordinates.ts';
import { LamportClock } from '../lamport.ts';
import type { SerfEffect, SerfEvent, SerfMember } from '../types.ts';
import { afterIntent, type Intent, IntentBuffer } from './intents.ts';
import { Pruning } from './pruning.ts';
import { outlived } from './reaper.ts';
import { gone, newcomer, renewed, returned, Statuses, stayed } from './status.ts';

export interface MembershipOptions {
  readonly self: string;
  readonly config: SerfConfig;
  readonly intents: Broadcasts;
  readonly coordinates: Coordinates;
}

/** A broadcast on its way. */
export interface Sending {
  readonly finished: boolean;
}
const NOTHING_SENT: Sending = { finished: true };

export class Membership {
  readonly clock: LamportClock = new LamportClock();
  readonly statuses: Statuses = new Statuses();
  readonly #options: MembershipOptions;
  readonly #buffer: IntentBuffer;
  readonly #pruning: Pruning;
  /** When a member that says it leaves should have left. */
  readonly #departures = new Timers<string>();
  readonly #departurePatience: Millis;
  #leaving = false;

  constructor(options: MembershipOptions) {
    const { recentIntentTimeout, broadcastTimeout, leavePropagateDelay } = options.config;
    this.#options = options;
    this.#buffer = new IntentBuffer(recentIntentTimeout);
    this.#pruning = new Pruning(broadcastTimeout + leavePropagateDelay);
    this.#departurePatience = 2 * (2 * broadcastTimeout + leavePropagateDelay);
  }

  /** We are on our way out: leave intents about us are true now. */
  get leaving(): boolean {
    return this.#leaving;
  }

  /** When `tick` has something to do. */
  get deadline(): Millis {
    return Math.min(this.#pruning.deadline, this.#departures.deadline);
  }

  swimSaw(event: MemberEvent, now: Millis, out: SerfEffect[]): void {
    switch (event.kind) {
      case 'memberJoined':
        return this.#joined(event.member, now, out);
      case 'memberUpdated': {
        const held = this.statuses.get(event.member.identity.name);
        if (held !== undefined) this.#put(renewed(held, event.member), 'updated', now, out);
        return;
      }
      case 'memberDown': {
        const held = this.statuses.get(event.member.identity.name);
        const down = held && gone(held, event.member, now);
        if (down === undefined) return;
        this.#put(down, down.status === 'left' ? 'left' : 'failed', now, out);
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
  hear(intent: Intent, now: Millis, out: SerfEffect[]): boolean {
    this.clock.witness(intent.ltime);
    const held = this.statuses.get(intent.node);
    if (held === undefined) return this.#keepForLater(intent, now, out);
    const next = afterIntent(held, intent);
    if (next === undefined) return false;
    if (this.#isFalse(intent)) {
      out.push({ kind: 'fact', fact: { kind: 'falseLeaveRefuted', ltime: intent.ltime } });
      this.announce(now, out);
      return false;
    }
    if (intent.kind === 'leaveIntent') this.statuses.noteLeave(next.name, intent.ltime);
    this.#put(next, next.status === held.status ? undefined : eventOf(next), now, out);
    if (next.status === 'alive') this.#pruning.cancel(next.name);
    if (intent.kind === 'leaveIntent' && intent.prune) this.#pruneAfter(next, now, out);
    return true;
  }

  /** "We are here": at a join, and against a false leave. The stamp is above all we have seen. */
  announce(now: Millis, out: SerfEffect[]): void {
    const intent = JoinIntent.make({ ltime: this.clock.stamp(), node: this.#options.self });
    this.hear(intent, now, out);
    this.#options.intents.queue(JoinIntent.encode(intent), intent.node);
  }

  /** From now on we are leaving, and all are told. */
  leave(now: Millis, out: SerfEffect[]): Sending {
    this.#leaving = true;
    return this.tellGone(this.#options.self, false, now, out);
  }

  /** Applies and sends a leave intent; nothing is sent when nobody is there to hear it. */
  tellGone(node: string, prune: boolean, now: Millis, out: SerfEffect[]): Sending {
    const intent = LeaveIntent.make({ ltime: this.clock.stamp(), node, prune });
    const isHeard = this.statuses.hasCompany(this.#options.self);
    this.hear(intent, now, out);
    return isHeard ? this.#options.intents.queue(LeaveIntent.encode(intent), node) : NOTHING_SENT;
  }

  /** Forgets who has been down, and what has waited, for too long. */
  reap(now: Millis, out: SerfEffect[]): void {
    for (const held of outlived(this.statuses, this.#options.config, now)) this.#erase(held, now, out);
    this.#buffer.expire(now);
  }

  /** Erases those who were to be pruned and have left in time; believes those who said they leave and have not. */
  tick(now: Millis, out: SerfEffect[]): void {
    for (const name of this.#pruning.due(now)) {
      const held = this.statuses.get(name);
      if (held?.status === 'left') this.#erase(held, now, out);
    }
    for (let name = this.#departures.pop(now); name !== undefined; name = this.#departures.pop(now)) {
      const held = this.statuses.get(name);
      if (held?.status !== 'leaving') continue;
      if (name === this.#options.self && this.#leaving) continue;
      if (held.member.state === 'suspect') {
        // It may be gone already; the suspicion will tell.
        this.#departures.set(name, now + this.#departurePatience);
        continue;
      }
      this.#pruning.cancel(name);
      this.#put(stayed(held), 'updated', now, out);
    }
  }

  /** Somebody says that we leave, and we do not. */
  #isFalse(intent: Intent): boolean {
    return intent.kind === 'leaveIntent' && intent.node === this.#options.self && !this.#leaving;
  }

  #joined(member: Member, now: Millis, out: SerfEffect[]): void {
    const name = member.identity.name;
    this.#pruning.cancel(name);
    const held = this.statuses.get(name);
    if (held !== undefined) return this.#put(returned(held, member), 'joined', now, out);
    const early = this.#buffer.take(name, now);
    const status = early?.kind === 'leaveIntent' ? 'leaving' : 'alive';
    if (early?.kind === 'leaveIntent') this.statuses.noteLeave(name, early.ltime);
    this.#put(newcomer(member, status, early?.ltime ?? 0), 'joined', now, out);
  }

  #keepForLater(intent: Intent, now: Millis, out: SerfEffect[]): boolean {
    if (intent.ltime === 0) return false; // no clock gives this stamp; a push/pull has it for want of an intent
    if (this.#isFalse(intent)) return false;
    const kept = this.#buffer.add(intent, now);
    if (kept === 'newlyFull')
      out.push({
        kind: 'fact',
        fact: { kind: 'intentRefused', node: intent.node, why: 'too many intents for unknown members' },
      });
    return kept === 'added';
  }

  /** Source: serf handlePrune. Differs: who is still up is erased only when it goes down, not hidden while it runs. */
  #pruneAfter(held: SerfMember, now: Millis, out: SerfEffect[]): void {
    if (held.name === this.#options.self) return;
    if (held.status === 'leaving') this.#pruning.start(held.name, now);
    else this.#erase(held, now, out);
  }

  #erase(held: SerfMember, now: Millis, out: SerfEffect[]): void {
    this.statuses.delete(held.name);
    this.#departures.clear(held.name);
    this.#pruning.cancel(held.name);
    this.#buffer.settle(held.name, held.statusLTime, now);
    this.#options.coordinates.forget(held.name);
    out.push({ kind: 'event', event: { kind: 'reaped', member: held } });
    out.push({ kind: 'fact', fact: { kind: 'memberReaped', node: held.name, status: held.status } });
  }

  #put(member: SerfMember, event: SerfEvent['kind'] | undefined, now: Millis, out: SerfEffect[]): void {
    this.statuses.put(member);
    if (member.status !== 'leaving') this.#departures.clear(member.name);
    else if (!this.#departures.has(member.name))
      this.#departures.set(member.name, now + this.#departurePatience);
    if (event !== undefined) out.push({ kind: 'event', event: { kind: event, member } });
  }
}

/** How a status that an intent brought is told. Back to alive is an update: it never was down. */
const eventOf = (member: SerfMember): SerfEvent['kind'] =>
  member.status === 'alive' ? 'updated' : member.status;
