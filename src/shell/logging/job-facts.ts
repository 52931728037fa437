/** The facts of jobs in the table of facts. */
import type { JobFact } from '../../jobs/types.ts';
import type { FactRows } from './fact-row.ts';

export const JOB_FACTS: FactRows<JobFact> = {
  jobRegistered: ['jobs', 'info', 'job registered', 'jobs_registered', ['job']],
  jobDeregistered: ['jobs', 'info', 'job deregistered', 'jobs_deregistered', ['job']],
  jobRunStarted: ['jobs', 'info', 'job run started', 'job_runs_started', ['job', 'tick', 'attempt']],
  jobRunSucceeded: [
    'jobs',
    'info',
    'job run succeeded',
    'job_runs_succeeded',
    ['job', 'tick', 'attempt', 'durationMs'],
  ],
  jobRunFailed: [
    'jobs',
    'warn',
    'job run failed',
    'job_runs_failed',
    ['job', 'tick', 'attempt', 'durationMs', 'exit', 'cause'],
  ],
  jobRunSkipped: [
    'jobs',
    'warn',
    'job run skipped: the one before it has not ended',
    'job_runs_skipped',
    ['job', 'tick'],
  ],
  jobRunYielded: ['jobs', 'debug', 'another agent runs the job', 'job_runs_yielded', ['job', 'tick', 'node']],
  jobRunLost: [
    'jobs',
    'warn',
    'job run lost: its agent died or forgot it',
    'job_runs_lost',
    ['job', 'tick', 'attempt', 'node'],
  ],
  jobTicksMissed: [
    'jobs',
    'warn',
    'no agent could run the job for a while',
    'job_ticks_missed',
    ['job', 'count', 'caughtUp'],
  ],
  jobClockDiffers: [
    'jobs',
    'warn',
    'the clock differs from the median of the other agents: no job runs here until it agrees',
    'job_clock_differences',
    ['offsetMs', 'spreadMs'],
  ],
  jobClockAgrees: [
    'jobs',
    'info',
    'the clock agrees with the other agents',
    'job_clock_agreements',
    ['offsetMs'],
  ],
};
