/** Time in the agent core: numbers of a monotonic clock, which the shell or the simulator reads. */

/** Milliseconds on this agent's monotonic clock, or a duration in milliseconds. Never wall time. */
export type Millis = number;

/** A deadline that never comes. */
export const NEVER: Millis = Number.POSITIVE_INFINITY;
