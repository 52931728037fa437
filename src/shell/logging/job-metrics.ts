/** Metrics of jobs: how many there are, when each was last due and run, and the times that this agent has measured. */
import type { View } from '../../agent/contract/view.ts';
import type { Meter } from '../../base/meter.ts';
import type { JobView } from '../../jobs/types.ts';

/** A tick that was skipped or lost is no run: an alert on the age of the last one is to notice that. */
const lastSuccess = ({ runs }: JobView): number | undefined =>
  runs.find(({ run }) => run.state === 'succeeded')?.run.tick;

export function registerJobMetrics(meter: Meter, { jobs }: Pick<View, 'jobs'>): void {
  meter.gauge('hearsay_jobs', 'Jobs of the cluster.', () => jobs.all().length);
  meter.gauge(
    'hearsay_job_last_success_timestamp_seconds',
    'The latest tick that succeeded, on whatever agent, by job.',
    () =>
      jobs.all().flatMap((job): [string, number][] => {
        const tick = lastSuccess(job);
        return tick === undefined ? [] : [[job.definition.name, tick / 1000]];
      }),
    'job',
  );
  meter.gauge(
    'hearsay_job_spread_seconds',
    'How long a claim waits: within it 99 % of the changes of others arrive here.',
    () => jobs.spread / 1000,
  );
  meter.gauge(
    'hearsay_job_clock_offset_seconds',
    'How far the wall clock of this agent is ahead of the median of those that take part in jobs; 0 if it knows too few.',
    () => (jobs.clockOffset ?? 0) / 1000,
  );
}
