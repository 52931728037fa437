/**
 * Jobs in ledgers. A definition of a job, its runs and orders are published as checks of a service that does not exist:
 * no reader sees such a check, and agents from before there were jobs keep it and pass it on whole. An entry of a new kind
 * would make them refuse the delta that it is in, and all that its owner publishes from then on.
 */
import type { EntryKey } from './service.ts';

/** The service that entries of jobs name. A service has no such id: registrations are refused. */
export const JOBS_SERVICE = 'hearsay:jobs';
/** The ids of these checks begin with this. */
export const JOB_ID_PREFIX = 'hearsay:job';

export const isJobKey = (key: EntryKey): boolean => key.startsWith(`c:${JOB_ID_PREFIX}`);
