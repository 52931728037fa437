/** Which of a failed seed's troubles matter: others are left out for as long as the same law is broken without them. */
import { runSwarm, type SwarmOptions, type SwarmReport } from '../../src/sim/scenarios/swarm.ts';

const lawOf = (report: SwarmReport): string => /\b[IL]\d+\b/.exec(report.failures[0] ?? '')?.[0] ?? 'none';

export function shrink(options: SwarmOptions): SwarmReport {
  const whole = runSwarm(options);
  if (whole.failures.length === 0) return whole;
  const law = lawOf(whole);
  let best = whole;
  let kept = whole.faults.map((_, i) => i);
  for (let size = kept.length >> 1; size >= 1; size >>= 1)
    for (let from = 0; from < kept.length; ) {
      const fewer = kept.filter((_, i) => i < from || i >= from + size);
      const set = new Set(fewer);
      const report = runSwarm({ ...options, includeFault: (i) => set.has(i) });
      if (lawOf(report) === law) {
        best = report;
        kept = fewer;
      } else from += size;
    }
  return best;
}
