/**
 * Gathers what handlers are told, so that a burst is one call: of each member only the last change, of each user event
 * only the newest. What others are told, and what readers see, never waits here.
 *
 * Source: serf coalesce.go, coalesce_member.go, coalesce_user.go (protocol reference 4.6).
 */
import { type Millis, NEVER } from '../base/time.ts';
import type { MemberChange, News, SerfMember, UserEventHeard } from './types.ts';

/** How long to gather: at most `period`, and not after `quiet` without anything new. One of them 0: not at all. */
export interface Spans {
  readonly period: Millis;
  readonly quiet: Millis;
}

/** Events that are gathered at most; a flood is told at once. */
const MAX_EVENTS = 256;

export class Coalescing {
  readonly #memberWindow: Window;
  readonly #userWindow: Window;
  readonly #changes = new Map<string, { readonly change: MemberChange; readonly member: SerfMember }>();
  /** What was last told of each member, until it is reaped. */
  readonly #told = new Map<string, MemberChange>();
  readonly #events = new Map<string, UserEventHeard[]>();
  #eventCount = 0;

  constructor(members: Spans, user: Spans) {
    this.#memberWindow = new Window(members);
    this.#userWindow = new Window(user);
  }

  /** When `tick` has something to tell. */
  get deadline(): Millis {
    return Math.min(this.#memberWindow.deadline, this.#userWindow.deadline);
  }

  /** Appends to `out` what is not to be gathered. */
  take(news: News, now: Millis, out: News[]): void {
    if (news.kind === 'members' && this.#memberWindow.isOn) {
      for (const member of news.members) {
        const held = this.#changes.get(member.name);
        // Differs: at agents an update right after a join hides the join.
        const change = news.change === 'update' ? (held?.change ?? 'update') : news.change;
        this.#changes.delete(member.name); // the last one decides the order, too
        this.#changes.set(member.name, { change, member });
      }
      this.#memberWindow.stir(now);
    } else if (news.kind === 'user' && news.event.coalesce && this.#userWindow.isOn) {
      this.#gather(news.event);
      this.#userWindow.stir(now);
      if (this.#eventCount >= MAX_EVENTS) this.#tellEvents(out);
    } else out.push(news);
  }

  tick(now: Millis, out: News[]): void {
    if (this.#memberWindow.deadline <= now) this.#tellChanges(out);
    if (this.#userWindow.deadline <= now) this.#tellEvents(out);
  }

  /** Of one name: all of the newest Lamport time. */
  #gather(event: UserEventHeard): void {
    const held = this.#events.get(event.name) ?? [];
    const newest = held[0]?.ltime ?? -1;
    if (event.ltime < newest) return;
    const kept = event.ltime === newest ? [...held, event] : [event];
    this.#eventCount += kept.length - held.length;
    this.#events.set(event.name, kept);
  }

  /** Differs: agents repeat the last update of each member whenever they tell something of another. */
  #tellChanges(out: News[]): void {
    this.#memberWindow.close();
    const byChange = new Map<MemberChange, SerfMember[]>();
    for (const [name, { change, member }] of this.#changes) {
      if (change !== 'update' && this.#told.get(name) === change) continue;
      if (change === 'reap') this.#told.delete(name);
      else this.#told.set(name, change);
      const members = byChange.get(change);
      if (members === undefined) byChange.set(change, [member]);
      else members.push(member);
    }
    this.#changes.clear();
    for (const [change, members] of byChange) out.push({ kind: 'members', change, members });
  }

  #tellEvents(out: News[]): void {
    this.#userWindow.close();
    const events = [...this.#events.values()].flat().sort((a, b) => a.ltime - b.ltime);
    this.#events.clear();
    this.#eventCount = 0;
    for (const event of events) out.push({ kind: 'user', event });
  }
}

/** Opens with the first thing, and closes when nothing new comes, or when it has been open for long enough. */
class Window {
  readonly #spans: Spans;
  #end: Millis = NEVER;
  #quietAt: Millis = NEVER;

  constructor(spans: Spans) {
    this.#spans = spans;
  }

  get isOn(): boolean {
    return this.#spans.period > 0 && this.#spans.quiet > 0;
  }

  get deadline(): Millis {
    return Math.min(this.#end, this.#quietAt);
  }

  stir(now: Millis): void {
    if (this.#end === NEVER) this.#end = now + this.#spans.period;
    this.#quietAt = now + this.#spans.quiet;
  }

  close(): void {
    this.#end = NEVER;
    this.#quietAt = NEVER;
  }
}
