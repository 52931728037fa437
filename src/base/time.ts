/** Time as the core knows it: numbers on a monotonic clock that somebody else reads. */

/** Milliseconds on this agent's own monotonic clock, or a span of them. Never wall time. */
export type Millis = number;

/** An instant that never comes. */
export const NEVER: Millis = Number.POSITIVE_INFINITY;
