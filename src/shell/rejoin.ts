/**
 * Coming back to the seeds: for as long as no other member is in sight, and now and then while one is missing. So
 * an agent started before its seeds finds them, and two halves of a cluster find one another after a partition.
 */
import type { Door, MemberView } from '../agent/types.ts';

/** The first pause; it doubles while nobody answers. */
const FIRST_PAUSE_MS = 1_000;
/** The longest pause, and the one between looks while all is well. */
const LONG_PAUSE_MS = 30_000;

export interface Rejoin {
  stop(): void;
}

/** `onOutcome` hears of every attempt, for the log. */
export function keepJoining(
  door: Door,
  seeds: readonly string[],
  onOutcome: (answered: number, sentence: string) => void,
): Rejoin {
  let pauseMs = FIRST_PAUSE_MS;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  const attempt = async (): Promise<void> => {
    if (seeds.length > 0 && isNeeded(door.view.members())) {
      try {
        const report = await door.ask({ kind: 'join', seeds });
        const answered = report?.joined ?? 0;
        const failures = (report?.failed ?? []).map(({ addr, error }) => `${addr}: ${error}`).join('; ');
        onOutcome(answered, failures);
        pauseMs = answered > 0 ? LONG_PAUSE_MS : Math.min(LONG_PAUSE_MS, 2 * pauseMs);
      } catch (error) {
        onOutcome(0, error instanceof Error ? error.message : String(error));
        pauseMs = Math.min(LONG_PAUSE_MS, 2 * pauseMs);
      }
    } else pauseMs = LONG_PAUSE_MS;
    if (stopped) return;
    // A quarter more or less by chance, so that a whole cluster does not knock at once.
    timer = setTimeout(() => void attempt(), pauseMs * (0.75 + Math.random() / 2));
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

/** Alone, or somebody failed: perhaps it is we who were cut off. */
const isNeeded = (members: readonly MemberView[]): boolean =>
  members.some((one) => one.status === 'failed') ||
  members.filter((one) => one.status === 'alive' || one.status === 'suspect').length <= 1;
