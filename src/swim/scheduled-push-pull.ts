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
import { announceAlive } from './rules/refute.ts';

/**
 * Between two syncs that stalls cause. A process that has too much to do stalls again and again, and each sync gives it more to do. After
 * a longer stall none waits.
 */
const STALL_SYNC_INTERVAL: Millis = 5000;

export class ScheduledPushPulls {
  readonly #context: SwimContext;
  #at: Millis = NEVER;
  #stallSyncAt: Millis = NEVER;
  #lastStallSyncAt: Millis = Number.NEGATIVE_INFINITY;

  constructor(context: SwimContext) {
    this.#context = context;
  }

  get deadline(): Millis {
    return Math.min(this.#at, this.#stallSyncAt);
  }

  /** The first one starts after a random part of the interval. */
  start(): void {
    const { now, rng, config } = this.#context;
    this.#at = now + rng.next() * config.pushPullInterval;
  }

  stop(): void {
    this.#at = NEVER;
    this.#stallSyncAt = NEVER;
  }

  tick(): void {
    const { config, members, now } = this.#context;
    if (this.#stallSyncAt <= now) this.#syncAfterStall();
    if (this.#at > now) return;
    this.#at = nextIntervalAt(this.#at, config.pushPullInterval * pushPullScale(members.timingSize), now);
    this.#syncWithRandom(1, true);
  }

  /** This agent stalled, perhaps for so long that peers have declared it dead: one sync, now or when the last is long enough ago. */
  onLongStall(): void {
    const { now } = this.#context;
    this.#stallSyncAt = Math.max(now, this.#lastStallSyncAt + STALL_SYNC_INTERVAL);
    if (this.#stallSyncAt <= now) this.#syncAfterStall();
  }

  #syncAfterStall(): void {
    this.#stallSyncAt = NEVER;
    this.#lastStallSyncAt = this.#context.now;
    this.announceAndSync(1, true);
  }

  /** Peers may have declared this agent dead: they learn that it is alive, and it learns what they hold. */
  announceAndSync(count: number, periodic = false): void {
    if (this.#context.self.state === 'left') return;
    announceAlive(this.#context);
    this.#syncWithRandom(count, periodic);
  }

  /** Starts push/pulls with up to `count` random members. `periodic`: a catalog peer is asked first whether it holds the same (P85). */
  #syncWithRandom(count: number, periodic: boolean): void {
    const { members, self, out } = this.#context;
    const isThere = (row: MutableMember): boolean =>
      row !== self && row.state === 'alive' && row.absence === undefined;
    for (const peer of members.pickAnswered(count, isThere))
      out.push({ kind: 'pushPull', peer, ...(periodic ? { periodic } : {}) });
  }
}

/** Factor of the push/pull interval in a cluster of `n`. Source: memberlist util.go, pushPullScale. */
export const pushPullScale = (n: number): number => (n <= 32 ? 1 : Math.ceil(Math.log2(n) - 5) + 1);
