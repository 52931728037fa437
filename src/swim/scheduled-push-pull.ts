/**
 * Scheduled push/pulls: one with a random member per interval, and some at once when this agent needs to know what others
 * hold.
 *
 * Source: memberlist state.go (schedule, pushPull).
 */
import { type Millis, NEVER } from '../base/time.ts';
import type { SwimContext } from './context.ts';
import type { MutableMember } from './members.ts';
import { nextIntervalAt } from './rules/probe.ts';

export class ScheduledPushPulls {
  readonly #context: SwimContext;
  #at: Millis = NEVER;

  constructor(context: SwimContext) {
    this.#context = context;
  }

  get deadline(): Millis {
    return this.#at;
  }

  /** The first one starts after a random part of the interval. */
  start(): void {
    const { now, rng, config } = this.#context;
    this.#at = now + rng.next() * config.pushPullInterval;
  }

  stop(): void {
    this.#at = NEVER;
  }

  tick(): void {
    const { config, members, now } = this.#context;
    if (this.#at > now) return;
    this.#at = nextIntervalAt(this.#at, config.pushPullInterval * pushPullScale(members.timingSize), now);
    this.syncWithRandom(1, true);
  }

  /** Starts push/pulls with up to `count` random members. */
  syncWithRandom(count: number, periodic = false): void {
    const { members, self, out } = this.#context;
    const isThere = (row: MutableMember): boolean =>
      row !== self && row.state === 'alive' && row.absence === undefined;
    for (const peer of members.pickAnswered(count, isThere))
      out.push({ kind: 'pushPull', peer, ...(periodic ? { periodic } : {}) });
  }
}

/** Factor of the push/pull interval in a cluster of `n`. Source: memberlist util.go, pushPullScale. */
export const pushPullScale = (n: number): number => (n <= 32 ? 1 : Math.ceil(Math.log2(n) - 5) + 1);
