/** Time in the agent core: numbers of a monotonic clock, which the shell or the simulator reads. */

/** Milliseconds on this agent's monotonic clock, or a duration in milliseconds. Never wall time. */
export type Millis = number;

/** A deadline that never comes. */
export const NEVER: Millis = Number.POSITIVE_INFINITY;

/**
 * The turn that long work is in: a generator that yields whenever its share of a turn is used up, so that it never keeps the event loop
 * from probes and readers. What a turn may do is counted in units and not measured, since the core has no clock: a simulation or a replay
 * takes the same turns. It is another turn after each `yield`.
 */
export interface Turn {
  readonly now: Millis;
  /** Counts work that was done, in units of about a microsecond. True: the share is used up, and the work must yield. */
  spend(units: number): boolean;
}

export type InTurns<T> = Generator<void, T, void>;

/** A turn without an end, for work that is known to be short. */
export const unlimitedTurn = (now: Millis): Turn => ({ now, spend: () => false });

/** Does all of it at once. */
export function finish<T>(work: InTurns<T>): T {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}

const NO_TURNS: readonly undefined[] = [];

/** Short work where long work may be expected. */
export function* inOneTurn<T>(work: () => T): InTurns<T> {
  yield* NO_TURNS;
  return work();
}
