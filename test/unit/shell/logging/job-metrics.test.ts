import { expect, test } from 'vitest';
import { Meter } from '../../../../src/base/meter.ts';
import type { JobsView, JobView, RunState } from '../../../../src/jobs/types.ts';
import { registerJobMetrics } from '../../../../src/shell/logging/job-metrics.ts';

const jobOf = (name: string, ...states: RunState[]): JobView =>
  ({
    definition: { name },
    runs: states.map((state, i) => ({ node: 'ann', run: { state, tick: (100 - i) * 1000 } })),
  }) as unknown as JobView;

test('the age of a job is that of its last success, and the measured times are in seconds', () => {
  const all = [jobOf('sweep', 'running', 'failed', 'succeeded', 'succeeded'), jobOf('new', 'lost')];
  const jobs: JobsView = { all: () => all, get: () => undefined, wall: 0, spread: 750, clockOffset: -1500 };
  const meter = new Meter();
  registerJobMetrics(meter, { jobs });
  const values = Object.fromEntries(
    meter
      .families()
      .map((family) => [
        family.name,
        family.type === 'gauge' ? family.samples.map(({ labels, value }) => [...labels, value]) : [],
      ]),
  );
  expect(values).toEqual({
    hearsay_jobs: [[2]],
    hearsay_job_last_success_timestamp_seconds: [['sweep', 98]],
    hearsay_job_spread_seconds: [[0.75]],
    hearsay_job_clock_offset_seconds: [[-1.5]],
  });
});
