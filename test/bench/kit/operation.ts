/** Time of one call that needs no socket: median and best of several runs, each long enough to be measured. */

export const RUNS = 9;
const RUN_MILLIS = 60;

/** The last result of the operation, which keeps it from being optimized away. */
let kept: unknown;

/** Nanoseconds per call. On a busy machine the best is more accurate. */
export function measure(operation: () => unknown): { median: number; best: number } {
  let calls = 16;
  for (;;) {
    const took = repeat(operation, calls);
    if (took > 1e6 * RUN_MILLIS) break;
    calls *= took < 1e5 * RUN_MILLIS ? 8 : 2;
  }
  const runs = Array.from({ length: RUNS }, () => repeat(operation, calls) / calls);
  runs.sort((a, b) => a - b);
  return { median: runs[RUNS >> 1] as number, best: runs[0] as number };
}

/** Nanoseconds that `calls` calls take. */
export function repeat(operation: () => unknown, calls: number): number {
  const startedAt = process.hrtime.bigint();
  for (let i = 0; i < calls; i++) kept = operation();
  return Number(process.hrtime.bigint() - startedAt);
}

/** Throws if nothing was measured. */
export function measured(): void {
  if (kept === undefined) throw new Error('measured nothing');
}
