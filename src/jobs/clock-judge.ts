/**
 * Whether this agent's clock is like those of its peers. If it differs by more than a spread time, the agent would run ticks
 * before or after all others think they are due: it says so, and owns none until it agrees again.
 */
import type { Millis } from '../base/time.ts';
import type { EntryWrite } from '../model/service.ts';
import { AGENT_KEY, CLOCK_KEY, encodeJobClock } from './entries.ts';
import type { JobFact, JobWorld } from './types.ts';

/** A clock that differs agrees again within this part of a spread time, so that one at the limit does not go to and fro. */
const AGREES_WITHIN = 0.7;

export class ClockJudge {
  /** What was published. */
  #differsBy: Millis | undefined;

  get differs(): boolean {
    return this.#differsBy !== undefined;
  }

  /** What follows from a verdict that has changed. */
  judge({
    clockOffset,
    spread,
  }: JobWorld): { readonly writes: EntryWrite[]; readonly fact: JobFact } | undefined {
    const offset = Math.round(clockOffset ?? 0);
    const limit = this.differs ? AGREES_WITHIN * spread : spread;
    const differs = Math.abs(offset) > limit;
    if (differs === this.differs) return undefined;
    this.#differsBy = differs ? offset : undefined;
    if (differs)
      return {
        writes: [{ remove: AGENT_KEY }, { put: encodeJobClock({ offset }) }],
        fact: { kind: 'jobClockDiffers', offsetMs: offset, spreadMs: Math.round(spread) },
      };
    return { writes: [{ remove: CLOCK_KEY }], fact: { kind: 'jobClockAgrees', offsetMs: offset } };
  }
}
