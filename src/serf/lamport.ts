/** Lamport clocks: how Serf orders intents, events and queries. What a stamp means is its room's business. */

/** How far ahead of ours a stamp may be. Real agents' clocks wrap near 2^64, so a wild stamp is never passed on. */
const MAX_AHEAD = 2 ** 32;
/** Above this, adding one could be lost; the codec saturates there too. */
const CEILING = Number.MAX_SAFE_INTEGER - 1;

/**
 * Starts at 1, never falls.
 *
 * Source: serf lamport.go. Differs: refuses stamps more than 2^32 ahead (`isPlausible`), which would poison it.
 */
export class LamportClock {
  #time = 1;

  /** The next stamp to give. Everything witnessed so far is below it. */
  get time(): number {
    return this.#time;
  }

  /** Asked before `witness` for every stamp of a stranger. */
  isPlausible(ltime: number): boolean {
    return ltime < CEILING && ltime <= this.#time + MAX_AHEAD;
  }

  witness(ltime: number): void {
    if (ltime >= this.#time && ltime < CEILING) this.#time = ltime + 1;
  }

  /** A stamp for something new of ours: the current time, which then moves on. */
  stamp(): number {
    const ltime = this.#time;
    this.witness(ltime);
    return ltime;
  }
}
