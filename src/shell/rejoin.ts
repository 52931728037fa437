/**
 * Rejoins the seeds, with exponential backoff: as long as no other member is visible, now and then while one is missing,
 * and now and then at seeds where no member lives. An agent that started before its seeds finds them, and the two sides
 * of a partition find each other again, even after each has reaped the other.
 */

import type { AgentHandle } from '../agent/contract/agent-handle.ts';
import type { JoinReport, Seed } from '../agent/contract/commands.ts';
import {
  countLive,
  isPossiblyIsolated,
  rejoinProbability,
  seedsWithoutMember,
} from '../agent/operations/rejoin-policy.ts';
import { resolveSeeds } from './net/resolve.ts';

/** How long a seed may take to start beside this agent: in one script, or in one rack after a power cut. */
const START_PATIENCE_MS = 3_000;
const START_RETRY_MS = 200;
/** The first pause between two attempts; it doubles while no seed answers. */
const MIN_PAUSE_MS = 1_000;
/** The longest pause, and the pause between checks while all is well. */
const MAX_PAUSE_MS = 30_000;
/** Most rounds for which a seed is skipped that answers but adds no member: it is a member under another address. */
const MAX_SKIPPED_ROUNDS = 32;

export interface Rejoin {
  /** Joins seeds that are new at once, and rejoins these from now on. */
  setSeeds(seeds: readonly string[]): void;
  stop(): void;
}

export interface RejoinOptions {
  /** Resolves names to addresses; never rejects. */
  readonly resolve?: (seeds: readonly string[]) => Promise<readonly Seed[]>;
  /** A number from 0 to 1. */
  readonly random?: () => number;
  /** The events from before the first join are heard, too. */
  readonly replay?: boolean;
  /** Milliseconds between two attempts until a seed has answered; 0: the backoff of later attempts. */
  readonly firstPauseMs?: number;
}

/**
 * Joins once, and retries for a short time while seeds are still starting. Returns the report of the last attempt. The time that
 * attempts take counts: a seed that takes the stream and says nothing has had its chance. `undefined`: `stopping` was aborted.
 */
export async function joinAtStart(
  agent: AgentHandle,
  seeds: readonly string[],
  replay: boolean,
  stopping?: AbortSignal,
): Promise<JoinReport | undefined> {
  const endAt = performance.now() + START_PATIENCE_MS;
  let onAbort = (): void => {};
  const aborted = new Promise<'aborted'>((resolve) => {
    onAbort = () => resolve('aborted');
  });
  stopping?.addEventListener('abort', onAbort, { once: true });
  try {
    for (;;) {
      if (stopping?.aborted === true) return undefined;
      const report = await Promise.race([agent.execute({ kind: 'join', seeds, replay }), aborted]);
      if (report === 'aborted') return undefined;
      if ((report?.joined ?? 0) > 0 || performance.now() >= endAt) return report ?? { joined: 0, failed: [] };
      await Promise.race([new Promise((resolve) => setTimeout(resolve, START_RETRY_MS)), aborted]);
    }
  } finally {
    stopping?.removeEventListener('abort', onAbort); // the signal may serve many agents, and outlive this start
  }
}

/** Called after an attempt to join: how many seeds answered, and the errors of the others. */
export type JoinOutcomeHandler = (joined: number, reason: string) => void;

/**
 * Starts rejoining. `onOutcome` is called after each join of all seeds; after a join of a single seed without a member
 * only if it brought one.
 */
export function startRejoin(
  agent: AgentHandle,
  firstSeeds: readonly string[],
  onOutcome: JoinOutcomeHandler,
  options: RejoinOptions = {},
): Rejoin {
  const { resolve = (some) => resolveSeeds(some), random = Math.random, replay = false } = options;
  let firstPauseMs = options.firstPauseMs ?? 0;
  let seeds = firstSeeds;
  let pauseMs = MIN_PAUSE_MS;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let isAttempting = false;
  const backoff = new SeedBackoff();

  const longerPause = (): number =>
    firstPauseMs > 0 ? Math.max(START_RETRY_MS, firstPauseMs) : Math.min(MAX_PAUSE_MS, 2 * pauseMs);

  const joinAll = async (some: readonly string[]): Promise<void> => {
    try {
      const report = await agent.execute({ kind: 'join', seeds: some, replay });
      const joined = report?.joined ?? 0;
      onOutcome(joined, (report?.failed ?? []).map(({ addr, error }) => `${addr}: ${error}`).join('; '));
      if (joined > 0) firstPauseMs = 0;
      pauseMs = joined > 0 ? MAX_PAUSE_MS : longerPause();
    } catch (error) {
      onOutcome(0, error instanceof Error ? error.message : String(error));
      pauseMs = longerPause();
    }
  };

  const joinUnknownSeed = async (): Promise<void> => {
    pauseMs = MAX_PAUSE_MS;
    if (random() >= rejoinProbability(agent.view.members())) return;
    const candidates = seedsWithoutMember(await resolve(seeds), agent.view.members()).filter(
      ({ text }) => !backoff.skips(text),
    );
    const seed = candidates[Math.floor(random() * candidates.length)];
    if (seed === undefined || stopped) return;
    const before = countLive(agent.view.members());
    try {
      const report = await agent.execute({ kind: 'join', seeds: [seed.text] });
      if (report === undefined || report.joined === 0) return;
      if (countLive(agent.view.members()) > before) return onOutcome(1, '');
      backoff.extend(seed.text);
    } catch {
      // This agent is leaving or stopping.
    }
  };

  /** Only one runs at a time. Without seeds there is none. */
  const attempt = async (join: () => Promise<void>): Promise<void> => {
    clearTimeout(timer);
    isAttempting = true;
    await join();
    isAttempting = false;
    if (!stopped && seeds.length > 0) arm();
  };

  const arm = (): void => {
    // Jitter of a quarter, so that a whole cluster does not join at once.
    timer = setTimeout(() => void attempt(joinAny), pauseMs * (0.75 + random() / 2));
    timer.unref();
  };

  const joinAny = (): Promise<void> =>
    isPossiblyIsolated(agent.view.members()) ? joinAll(seeds) : joinUnknownSeed();

  if (seeds.length > 0) void attempt(joinAny);
  return {
    setSeeds: (next) => {
      const added = next.filter((seed) => !seeds.includes(seed));
      seeds = next;
      if (stopped || added.length === 0) return;
      pauseMs = MIN_PAUSE_MS;
      if (isAttempting) void joinAll(added);
      else void attempt(() => joinAll(added));
    },
    stop: () => {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

/** For how many more rounds each seed is skipped. Bounded by the number of configured seeds. */
class SeedBackoff {
  readonly #seeds = new Map<string, { left: number; rounds: number }>();

  /** Counts a round. */
  skips(seed: string): boolean {
    const entry = this.#seeds.get(seed);
    if (entry === undefined || entry.left === 0) return false;
    entry.left -= 1;
    return true;
  }

  extend(seed: string): void {
    const rounds = Math.min(MAX_SKIPPED_ROUNDS, 2 * (this.#seeds.get(seed)?.rounds ?? 1));
    this.#seeds.set(seed, { left: rounds, rounds });
  }
}
