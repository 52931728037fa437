/**
 * Coming back to the seeds: for as long as no other member is in sight, now and then while one is missing, and now
 * and then where no member lives. So an agent started before its seeds finds them, and two halves of a cluster find
 * one another after a partition, even if it lasted until each had forgotten the other.
 */

import type { JoinReport, Seed } from '../agent/contract/commands.ts';
import type { AgentHandle } from '../agent/contract/door.ts';
import {
  countLive,
  isPossiblyIsolated,
  rejoinProbability,
  seedsWithoutMember,
} from '../agent/operations/rejoin-policy.ts';
import { resolveSeeds } from './net/resolve.ts';

/** For so long a seed may take to start beside us: agents of one script, or of one rack after a power cut. */
const PATIENCE_MS = 3_000;
const PATIENCE_PAUSE_MS = 200;
/** The first pause; it doubles while nobody answers. */
const FIRST_PAUSE_MS = 1_000;
/** The longest pause, and the one between looks while all is well. */
const LONG_PAUSE_MS = 30_000;
/** Looks for which a seed is left in peace at most, if it is one of us under another address. */
const MAX_SKIPPED_ROUNDS = 32;

export interface Rejoin {
  stop(): void;
}

export interface RejoinOptions {
  /** Names to addresses; never rejects. */
  readonly resolve?: (seeds: readonly string[]) => Promise<readonly Seed[]>;
  /** From 0 to 1. */
  readonly random?: () => number;
}

/** Joins once, with some patience for seeds that are only starting. The report is that of the last attempt. */
export async function joinAtStart(door: AgentHandle, seeds: readonly string[]): Promise<JoinReport> {
  for (let left = PATIENCE_MS; ; left -= PATIENCE_PAUSE_MS) {
    const report = (await door.execute({ kind: 'join', seeds })) ?? { joined: 0, failed: [] };
    if (report.joined > 0 || left <= 0) return report;
    await new Promise((resolve) => setTimeout(resolve, PATIENCE_PAUSE_MS));
  }
}

/** `onOutcome` hears of every attempt, for the log; of knocks at strangers' doors only if one was answered. */
export function startRejoin(
  door: AgentHandle,
  seeds: readonly string[],
  onOutcome: (answered: number, sentence: string) => void,
  { resolve: locate = (some) => resolveSeeds(some), random: chance = Math.random }: RejoinOptions = {},
): Rejoin {
  let pauseMs = FIRST_PAUSE_MS;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  /** Seeds that answered and were nobody new: for how many looks to leave them, and for how many the last time. */
  const resting = new Map<string, { left: number; last: number }>();

  const join = async (): Promise<void> => {
    try {
      const report = await door.execute({ kind: 'join', seeds });
      const answered = report?.joined ?? 0;
      const failures = (report?.failed ?? []).map(({ addr, error }) => `${addr}: ${error}`).join('; ');
      onOutcome(answered, failures);
      pauseMs = answered > 0 ? LONG_PAUSE_MS : Math.min(LONG_PAUSE_MS, 2 * pauseMs);
    } catch (error) {
      onOutcome(0, error instanceof Error ? error.message : String(error));
      pauseMs = Math.min(LONG_PAUSE_MS, 2 * pauseMs);
    }
  };

  const knock = async (): Promise<void> => {
    pauseMs = LONG_PAUSE_MS;
    if (chance() >= rejoinProbability(door.view.members())) return;
    const strangers = seedsWithoutMember(await locate(seeds), door.view.members()).filter(
      ({ text }) => !isBackedOff(resting, text),
    );
    const stranger = strangers[Math.floor(chance() * strangers.length)];
    if (stranger === undefined || stopped) return;
    const before = countLive(door.view.members());
    try {
      const report = await door.execute({ kind: 'join', seeds: [stranger.text] });
      if (report === undefined || report.joined === 0) return;
      if (countLive(door.view.members()) > before) return onOutcome(1, '');
      const rest = Math.min(MAX_SKIPPED_ROUNDS, 2 * (resting.get(stranger.text)?.last ?? 1));
      resting.set(stranger.text, { left: rest, last: rest });
    } catch {
      // This agent is leaving, or stopping.
    }
  };

  const attempt = async (): Promise<void> => {
    if (seeds.length > 0) await (isPossiblyIsolated(door.view.members()) ? join() : knock());
    if (stopped) return;
    // A quarter more or less by chance, so that a whole cluster does not knock at once.
    timer = setTimeout(() => void attempt(), pauseMs * (0.75 + chance() / 2));
    timer.unref();
  };

  void attempt();
  return {
    stop: () => {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

function isBackedOff(resting: ReadonlyMap<string, { left: number }>, text: string): boolean {
  const held = resting.get(text);
  if (held === undefined || held.left === 0) return false;
  held.left -= 1;
  return true;
}
