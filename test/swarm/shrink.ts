/** Shrinking: leaves out faults of a failed seed for as long as the same law is violated without them. */
import type { SwarmOptions, SwarmReport } from '../../src/sim/scenarios/swarm.ts';
import { runWithReaders } from './answers.ts';

const lawOf = (report: SwarmReport): string => /\b[IL]\d+\b/.exec(report.failures[0] ?? '')?.[0] ?? 'none';

export function shrink(options: SwarmOptions): SwarmReport {
  const whole = runWithReaders(options);
  if (whole.failures.length === 0) return whole;
  const law = lawOf(whole);
  let best = whole;
  let included = whole.faults.map((_, i) => i);
  for (let size = included.length >> 1; size >= 1; size >>= 1)
    for (let from = 0; from < included.length; ) {
      const fewer = included.filter((_, i) => i < from || i >= from + size);
      const set = new Set(fewer);
      const report = runWithReaders({ ...options, includeFault: (i) => set.has(i) });
      if (lawOf(report) === law) {
        best = report;
        included = fewer;
      } else from += size;
    }
  return best;
}
