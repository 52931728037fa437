/** Jobs on whole agents: I40 and I41 under each kind of fault, and each tick once while no partition interferes. */
import { describe, expect, test } from 'vitest';
import { JOB_FAULTS, runJobExperiment } from '../../src/sim/scenarios/job-experiment.ts';

const OPTIONS = { members: 6, duration: 48_000 };

describe.each(JOB_FAULTS)('with the fault %s', (fault) => {
  test.each(fault === 'all' ? [1, 2] : [1])(
    'seed %i: no tick is run by two at once, and none is lost',
    (seed) => {
      const { atOnce, never, once, ticks, delays } = runJobExperiment({ ...OPTIONS, seed, fault });
      expect(atOnce).toEqual([]);
      expect(never).toEqual([]);
      expect(ticks).toBeGreaterThan(45);
      if (fault === 'partition' || fault === 'all') return;
      expect(once).toBe(ticks);
      // Detection of a host that lost power takes longest.
      expect(Math.max(...delays)).toBeLessThan(15_000);
    },
  );
});

test('the same seed gives the same run', () => {
  const options = { ...OPTIONS, duration: 12_000, seed: 7, fault: 'all' } as const;
  expect(runJobExperiment(options).hash).toBe(runJobExperiment(options).hash);
});
