/** What is to be done about a tick, as its known runs tell. */
import type { Millis } from '../base/time.ts';
import type { JobDefinition, WallMillis } from '../model/job.ts';
import type { BoardJob, TickRuns } from './board.ts';
import type { RunState } from './types.ts';

export type TickVerdict =
  /** Nobody has it. `attempt`: which one is to be made. */
  | { readonly kind: 'open'; readonly attempt: number; readonly lost?: string }
  /** A live agent has claimed or runs it. */
  | { readonly kind: 'taken'; readonly node: string }
  /** It has run, or will not. `lost`: its runner died in the middle, and there are no attempts left. */
  | { readonly kind: 'done'; readonly lost?: string };

/** An agent that lives runs its ticks well within this time. */
const MOVED_ON: Millis = 30_000;

const FINISHED: ReadonlySet<RunState> = new Set<RunState>(['succeeded', 'failed', 'timedOut', 'skipped']);
const BEGUN: ReadonlySet<RunState> = new Set<RunState>(['running', 'waiting', 'lost']);

export const hasBegun = (state: RunState): boolean => BEGUN.has(state);

/** `isGone`: the process of an agent has ended. A run that its runner has forgotten was not survived by it either. */
export function judgeTick(
  runs: TickRuns,
  { retries }: Pick<JobDefinition, 'retries'>,
  isGone: (node: string) => boolean,
): TickVerdict {
  let attempts = 0;
  let lost: string | undefined;
  for (const [node, { run, forgotten, ended }] of runs) {
    if (ended || FINISHED.has(run.state)) return { kind: 'done' };
    const isDead = forgotten || run.state === 'lost' || isGone(node);
    if (!isDead) return { kind: 'taken', node };
    if (hasBegun(run.state) && run.attempt > attempts) {
      attempts = run.attempt;
      lost = node;
    }
  }
  if (lost === undefined) return { kind: 'open', attempt: 1 };
  return attempts <= retries ? { kind: 'open', attempt: attempts + 1, lost } : { kind: 'done', lost };
}

/**
 * A tick that nobody is known to have run, and whose owner has claimed much later ones: it was run while that owner was out
 * of reach, and newer runs have pushed it out of the record. An agent that waited for it would run it again at the owner's death.
 * A claim of the future says nothing: the owner's clock was ahead.
 */
export const hasMovedOn = (job: BoardJob, owner: string, tick: WallMillis, wall: WallMillis): boolean =>
  (job.records.get(owner)?.runs ?? []).some(
    ({ claimedAt }) => claimedAt - tick > MOVED_ON && claimedAt <= wall,
  );
