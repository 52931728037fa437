/**
 * The three Lamport clocks together. They belong to the cluster, so the members that this agent dials are asked where they
 * stand: a leap that two of them show is taken, and a clock that was led far beyond what they show goes back to it. Else one
 * forged message would leave an agent alone with its time, and what it says would be refused by all others.
 *
 * Differs: Serf's clocks only rise, and believe anybody.
 */
import { BoundedMap } from '../base/bounded-map.ts';
import type { Rng } from '../base/rng.ts';
import type { Millis } from '../base/time.ts';
import { acceptTime, type LamportClock, type LamportTimes, MAX_ASTRAY } from './lamport.ts';
import type { Statuses } from './membership/status.ts';
import type { SerfEffect, SerfMember } from './types.ts';

const NAMES = ['member', 'event', 'query'] as const;
/** How long an answer counts: clocks go on meanwhile. */
const ANSWER_VALID: Millis = 10_000;
/** Between two rounds of questions. */
const ASK_INTERVAL: Millis = 5000;
const ASKED = 3;
const MAX_ANSWERS = 8;

/** A part of Serf that has a clock, and messages with its times. */
export interface Clocked {
  readonly clock: LamportClock;
  /** What is before this time belongs to an earlier boot. */
  ignoreBefore?(next: number): void;
  /** The clock was set back to `next`: what is remembered of later times is forgotten. */
  forgetFrom(next: number): void;
  /** Then the clock was set: what this agent itself has said since may have been refused by all. */
  onSetBack?(now: Millis, out: SerfEffect[]): void;
}

interface Answer {
  readonly times: LamportTimes;
  readonly at: Millis;
}

export class Clocks {
  readonly #parts: Readonly<Record<keyof LamportTimes, Clocked>>;
  readonly #statuses: Statuses;
  readonly #self: string;
  readonly #rng: Rng;
  /** By host: one host is one voice. */
  readonly #answers = new BoundedMap<string, Answer>(MAX_ANSWERS);
  #askedAt: Millis = Number.NEGATIVE_INFINITY;

  constructor(
    parts: Readonly<Record<keyof LamportTimes, Clocked>>,
    statuses: Statuses,
    self: string,
    rng: Rng,
  ) {
    this.#parts = parts;
    this.#statuses = statuses;
    this.#self = self;
    this.#rng = rng;
  }

  get times(): LamportTimes {
    const { member, event, query } = this.#parts;
    return { member: member.clock.time, event: event.clock.time, query: query.clock.time };
  }

  get query(): LamportClock {
    return this.#parts.query.clock;
  }

  /** As saved: they are the next times, which nobody has given yet. */
  restore(times: LamportTimes): void {
    for (const name of NAMES) {
      this.#parts[name].clock.set(times[name]);
      this.#parts[name].ignoreBefore?.(times[name]);
    }
  }

  /** A member that this agent dialed shows its clocks. */
  onAnswer(host: string, times: LamportTimes, now: Millis, out: SerfEffect[]): void {
    this.#answers.delete(host);
    this.#answers.set(host, { times, at: now });
    for (const [key, { at }] of this.#answers) if (now - at > ANSWER_VALID) this.#answers.delete(key);
    const needed = Math.max(1, Math.min(2, this.#others().length));
    for (const name of NAMES) this.#judge(name, needed, now, out);
  }

  /** Is this time of a message plausible? If not, a fact is recorded. If it is doubtful, a few members are asked. */
  accept(name: keyof LamportTimes, ltime: number, now: Millis, out: SerfEffect[], from: string): boolean {
    const { clock } = this.#parts[name];
    if (clock.isDoubtful(ltime)) this.#ask(now, out);
    return acceptTime(name, clock, ltime, now, (fact) => {
      out.push({ kind: 'fact', fact: from === '' ? fact : { ...fact, source: from } });
    });
  }

  #judge(name: keyof LamportTimes, needed: number, now: Millis, out: SerfEffect[]): void {
    const { clock } = this.#parts[name];
    const shown = [...this.#answers.values()].map(({ times }) => times[name]).sort((a, b) => b - a);
    const ahead = shown.filter((next) => next > clock.time && !clock.isPlausible(next - 1, now));
    const behind = shown.filter((next) => next < clock.time - MAX_ASTRAY);
    const confirmed = ahead[needed - 1];
    if (confirmed !== undefined) return this.#set(name, confirmed, out);
    const highest = behind[0];
    if (highest === undefined) return;
    if (behind.length < needed || behind.length <= shown.length - behind.length) return this.#ask(now, out);
    this.#parts[name].forgetFrom(highest);
    this.#set(name, highest, out);
    this.#parts[name].onSetBack?.(now, out);
  }

  #set(name: keyof LamportTimes, next: number, out: SerfEffect[]): void {
    const { clock } = this.#parts[name];
    const fact = { kind: 'lamportClockSet', clock: name, from: clock.time, to: next } as const;
    clock.set(next);
    out.push({ kind: 'fact', fact });
  }

  #ask(now: Millis, out: SerfEffect[]): void {
    if (now - this.#askedAt < ASK_INTERVAL) return;
    this.#askedAt = now;
    const others = this.#others();
    for (let left = ASKED; left > 0 && others.length > 0; left--) {
      const [asked] = others.splice(this.#rng.int(others.length), 1);
      if (asked !== undefined) out.push({ kind: 'pushPull', to: asked.member.identity.address });
    }
  }

  #others(): SerfMember[] {
    return [...this.#statuses.all()].filter(({ name, status }) => status === 'alive' && name !== this.#self);
  }
}
