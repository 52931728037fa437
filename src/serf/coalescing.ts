/**
 * Coalesces the events for handlers, so that a burst is one call: the last change of each member, and the newest user
 * event of each name. Gossip and readers do not wait for it.
 *
 * Source: serf coalesce.go, coalesce_member.go, coalesce_user.go; P57 (docs/protocol.md).
 */
import { type Millis, NEVER } from '../base/time.ts';
import type { HandlerEvent, MemberChange, ReceivedUserEvent, SerfMember } from './types.ts';

/** Events are gathered for `period`, or until nothing new arrives for `quiescent`. If one of them is 0, not at all. */
export interface CoalescePeriods {
  readonly period: Millis;
  readonly quiescent: Millis;
}

/** User events gathered at most; then all are flushed. */
const MAX_EVENTS = 256;

export class Coalescer {
  readonly #memberWindow: Window;
  readonly #userWindow: Window;
  readonly #changes = new Map<string, { readonly change: MemberChange; readonly member: SerfMember }>();
  /** The last change reported of each member, until it is reaped. */
  readonly #lastNotified = new Map<string, MemberChange>();
  readonly #events = new Map<string, ReceivedUserEvent[]>();
  #eventCount = 0;

  constructor(members: CoalescePeriods, user: CoalescePeriods) {
    this.#memberWindow = new Window(members);
    this.#userWindow = new Window(user);
  }

  /** When `tick` is due next. */
  get deadline(): Millis {
    return Math.min(this.#memberWindow.deadline, this.#userWindow.deadline);
  }

  /** Gathers an event, or appends it to `out`. */
  accept(event: HandlerEvent, now: Millis, out: HandlerEvent[]): void {
    if (event.kind === 'members' && this.#memberWindow.isEnabled) {
      for (const member of event.members) {
        const held = this.#changes.get(member.name);
        // Differs: in Serf, an update right after a join hides the join.
        const change = event.change === 'update' ? (held?.change ?? 'update') : event.change;
        this.#changes.delete(member.name); // the last change decides the order
        this.#changes.set(member.name, { change, member });
      }
      this.#memberWindow.extend(now);
    } else if (event.kind === 'user' && event.event.coalesce && this.#userWindow.isEnabled) {
      this.#gather(event.event);
      this.#userWindow.extend(now);
      if (this.#eventCount >= MAX_EVENTS) this.#flushEvents(out);
    } else out.push(event);
  }

  tick(now: Millis, out: HandlerEvent[]): void {
    if (this.#memberWindow.deadline <= now) this.#flushChanges(out);
    if (this.#userWindow.deadline <= now) this.#flushEvents(out);
  }

  /** Keeps all events of a name that have its newest Lamport time. */
  #gather(event: ReceivedUserEvent): void {
    const held = this.#events.get(event.name) ?? [];
    const newest = held[0]?.ltime ?? -1;
    if (event.ltime < newest) return;
    const kept = event.ltime === newest ? [...held, event] : [event];
    this.#eventCount += kept.length - held.length;
    this.#events.set(event.name, kept);
  }

  /** Differs: Serf repeats the last update of each member whenever it reports another one. */
  #flushChanges(out: HandlerEvent[]): void {
    this.#memberWindow.close();
    const byChange = new Map<MemberChange, SerfMember[]>();
    for (const [name, { change, member }] of this.#changes) {
      if (change !== 'update' && this.#lastNotified.get(name) === change) continue;
      if (change === 'reap') this.#lastNotified.delete(name);
      else this.#lastNotified.set(name, change);
      const members = byChange.get(change);
      if (members === undefined) byChange.set(change, [member]);
      else members.push(member);
    }
    this.#changes.clear();
    for (const [change, members] of byChange) out.push({ kind: 'members', change, members });
  }

  #flushEvents(out: HandlerEvent[]): void {
    this.#userWindow.close();
    const events = [...this.#events.values()].flat().sort((a, b) => a.ltime - b.ltime);
    this.#events.clear();
    this.#eventCount = 0;
    for (const event of events) out.push({ kind: 'user', event });
  }
}

/** A period that starts with the first event and ends when nothing new arrives, or after its longest time. */
class Window {
  readonly #periods: CoalescePeriods;
  #end: Millis = NEVER;
  #quietAt: Millis = NEVER;

  constructor(periods: CoalescePeriods) {
    this.#periods = periods;
  }

  get isEnabled(): boolean {
    return this.#periods.period > 0 && this.#periods.quiescent > 0;
  }

  get deadline(): Millis {
    return Math.min(this.#end, this.#quietAt);
  }

  extend(now: Millis): void {
    if (this.#end === NEVER) this.#end = now + this.#periods.period;
    this.#quietAt = now + this.#periods.quiescent;
  }

  close(): void {
    this.#end = NEVER;
    this.#quietAt = NEVER;
  }
}
