/**
 * Gathers what handlers are told, so that a burst is one call: of each member only the last change, of each user event
 * only the newest. What others are told, and what readers see, never waits here.
 *
 * Source: serf coalesce.go, coalesce_member.go, coalesce_user.go; P57 (docs/protocol.md).
 */
import { type Millis, NEVER } from '../base/time.ts';
import type { HandlerEvent, MemberChange, ReceivedUserEvent, SerfMember } from './types.ts';

/** How long to gather: at most `period`, and not after `quiet` without anything new. One of them 0: not at all. */
export interface CoalescePeriods {
  readonly period: Millis;
  readonly quiescent: Millis;
}

/** Events that are gathered at most; a flood is told at once. */
const MAX_EVENTS = 256;

export class Coalescer {
  readonly #memberWindow: Window;
  readonly #userWindow: Window;
  readonly #changes = new Map<string, { readonly change: MemberChange; readonly member: SerfMember }>();
  /** What was last told of each member, until it is reaped. */
  readonly #lastNotified = new Map<string, MemberChange>();
  readonly #events = new Map<string, ReceivedUserEvent[]>();
  #eventCount = 0;

  constructor(members: CoalescePeriods, user: CoalescePeriods) {
    this.#memberWindow = new Window(members);
    this.#userWindow = new Window(user);
  }

  /** When `tick` has something to tell. */
  get deadline(): Millis {
    return Math.min(this.#memberWindow.deadline, this.#userWindow.deadline);
  }

  /** Appends to `out` what is not to be gathered. */
  accept(news: HandlerEvent, now: Millis, out: HandlerEvent[]): void {
    if (news.kind === 'members' && this.#memberWindow.isEnabled) {
      for (const member of news.members) {
        const held = this.#changes.get(member.name);
        // Differs: at agents an update right after a join hides the join.
        const change = news.change === 'update' ? (held?.change ?? 'update') : news.change;
        this.#changes.delete(member.name); // the last one decides the order, too
        this.#changes.set(member.name, { change, member });
      }
      this.#memberWindow.extend(now);
    } else if (news.kind === 'user' && news.event.coalesce && this.#userWindow.isEnabled) {
      this.#gather(news.event);
      this.#userWindow.extend(now);
      if (this.#eventCount >= MAX_EVENTS) this.#flushEvents(out);
    } else out.push(news);
  }

  tick(now: Millis, out: HandlerEvent[]): void {
    if (this.#memberWindow.deadline <= now) this.#flushChanges(out);
    if (this.#userWindow.deadline <= now) this.#flushEvents(out);
  }

  /** Of one name: all of the newest Lamport time. */
  #gather(event: ReceivedUserEvent): void {
    const held = this.#events.get(event.name) ?? [];
    const newest = held[0]?.ltime ?? -1;
    if (event.ltime < newest) return;
    const kept = event.ltime === newest ? [...held, event] : [event];
    this.#eventCount += kept.length - held.length;
    this.#events.set(event.name, kept);
  }

  /** Differs: agents repeat the last update of each member whenever they tell something of another. */
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

/** Opens with the first thing, and closes when nothing new comes, or when it has been open for long enough. */
class Window {
  readonly #spans: CoalescePeriods;
  #end: Millis = NEVER;
  #quietAt: Millis = NEVER;

  constructor(spans: CoalescePeriods) {
    this.#spans = spans;
  }

  get isEnabled(): boolean {
    return this.#spans.period > 0 && this.#spans.quiescent > 0;
  }

  get deadline(): Millis {
    return Math.min(this.#end, this.#quietAt);
  }

  extend(now: Millis): void {
    if (this.#end === NEVER) this.#end = now + this.#spans.period;
    this.#quietAt = now + this.#spans.quiescent;
  }

  close(): void {
    this.#end = NEVER;
    this.#quietAt = NEVER;
  }
}
