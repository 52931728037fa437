/**
 * How jobs stand in ledgers: as checks of a service that does not exist (model/job-entries.ts), with JSON as notes. All
 * that is read here was published by another agent, and is dropped if it is not as this agent would write it.
 */
import type { JobAction, JobDefinition, Schedule } from '../model/job.ts';
import { JOB_ID_PREFIX, JOBS_SERVICE } from '../model/job-entries.ts';
import { definitionProblem } from '../model/job-limits.ts';
import { type Check, type EntryKey, truncateForGossip } from '../model/service.ts';
import type { JobAgent, JobClock, JobOrders, JobRun, RunnerRecord, RunState } from './types.ts';

/** The last bytes of a run's output that are published. */
export const MAX_RUN_OUTPUT_BYTES = 512;
/** Runs of one job that an agent publishes. */
export const MAX_PUBLISHED_RUNS = 8;

const AGENT_ID = `${JOB_ID_PREFIX}-agent`;
const CLOCK_ID = `${JOB_ID_PREFIX}-clock`;
export const AGENT_KEY: EntryKey = `c:${AGENT_ID}`;
export const CLOCK_KEY: EntryKey = `c:${CLOCK_ID}`;
const STATES: readonly RunState[] = [
  'claimed',
  'running',
  'waiting',
  'succeeded',
  'failed',
  'timedOut',
  'lost',
  'skipped',
];

type JobEntryKind = 'definition' | 'runs' | 'orders';
const PREFIXES: Readonly<Record<JobEntryKind, string>> = {
  definition: `${JOB_ID_PREFIX}:`,
  runs: `${JOB_ID_PREFIX}-runs:`,
  orders: `${JOB_ID_PREFIX}-orders:`,
};

/** What an entry's key is about. */
export type JobKey =
  | { readonly kind: 'agent' }
  | { readonly kind: 'clock' }
  | { readonly kind: JobEntryKind; readonly job: string };

/** `undefined`: an entry of a later version, or of nothing. */
export function parseJobKey(key: EntryKey): JobKey | undefined {
  const id = key.slice(2);
  if (id === AGENT_ID) return { kind: 'agent' };
  if (id === CLOCK_ID) return { kind: 'clock' };
  for (const [kind, prefix] of Object.entries(PREFIXES) as [JobEntryKind, string][])
    if (id.startsWith(prefix)) return { kind, job: id.slice(prefix.length) };
  return undefined;
}

export const jobKey = (kind: JobEntryKind, job: string): EntryKey => `c:${PREFIXES[kind]}${job}`;

/** A claim is critical, as a check that has failed is: such news goes before all other. */
const toCheck = (id: string, body: unknown, urgent = false, output = ''): Check => ({
  kind: 'check',
  id,
  name: '',
  status: urgent ? 'critical' : 'passing',
  notes: JSON.stringify(body),
  output,
  serviceId: JOBS_SERVICE,
  type: 'job',
  interval: '',
  timeout: '',
});

export const encodeAgent = ({ since, boot }: JobAgent): Check => toCheck(AGENT_ID, { since, boot });
export const encodeJobClock = ({ offset }: JobClock): Check => toCheck(CLOCK_ID, { offset });

export function encodeDefinition({ name, schedule, place, action, ...rest }: JobDefinition): Check {
  const { timeout, retries, overlap, jitter, catchUp, quorum, registeredAt } = rest;
  return toCheck(`${PREFIXES.definition}${name}`, {
    ...toScheduleFields(schedule),
    ...place,
    ...(action.kind === 'post' ? { post: action.url } : {}),
    ...{ timeout, retries, overlap, jitter, catchUp, quorum, registeredAt },
  });
}

const toScheduleFields = (schedule: Schedule): object => {
  if (schedule.kind === 'every') return { every: schedule.every };
  return schedule.kind === 'at'
    ? { at: schedule.at }
    : { cron: schedule.expression, timezone: schedule.timezone };
};

export const encodeOrders = (job: string, { paused, pausedAt, runAt }: JobOrders): Check =>
  toCheck(`${PREFIXES.orders}${job}`, { paused, pausedAt, runAt });

export function encodeRuns(job: string, { runs, output }: RunnerRecord): Check {
  const rows = runs
    .slice(0, MAX_PUBLISHED_RUNS)
    .map((run) => [
      run.tick,
      run.attempt,
      STATES.indexOf(run.state),
      run.claimedAt,
      run.startedAt,
      run.endedAt,
      run.exit,
      run.token,
    ]);
  const isClaim = runs.some(({ state }) => state === 'claimed');
  return toCheck(
    `${PREFIXES.runs}${job}`,
    { runs: rows },
    isClaim,
    truncateForGossip(output, MAX_RUN_OUTPUT_BYTES),
  );
}

export function decodeAgent(check: Check): JobAgent | undefined {
  const { since, boot } = parse(check);
  return isWall(since) && isWall(boot) ? { since, boot } : undefined;
}

export function decodeJobClock(check: Check): JobClock | undefined {
  const { offset } = parse(check);
  return Number.isSafeInteger(offset) ? { offset: offset as number } : undefined;
}

export function decodeOrders(check: Check): JobOrders | undefined {
  const { paused, pausedAt, runAt } = parse(check);
  return typeof paused === 'boolean' && isWall(pausedAt) && isWall(runAt)
    ? { paused, pausedAt, runAt }
    : undefined;
}

export function decodeRuns(check: Check): RunnerRecord | undefined {
  const { runs } = parse(check);
  if (!Array.isArray(runs) || runs.length > MAX_PUBLISHED_RUNS) return undefined;
  const decoded: JobRun[] = [];
  for (const row of runs as unknown[]) {
    if (!Array.isArray(row) || row.length < 8 || !(row as unknown[]).every(Number.isSafeInteger))
      return undefined;
    const [tick, attempt, index, claimedAt, startedAt, endedAt, exit, token] = row as number[] & {
      length: 8;
    };
    const state = STATES[index as number];
    if (state === undefined) return undefined;
    decoded.push({ tick, attempt, state, claimedAt, startedAt, endedAt, exit, token } as JobRun);
  }
  return decoded.every(isPlausible) ? { runs: decoded, output: check.output } : undefined;
}

const isPlausible = ({ tick, attempt, claimedAt, startedAt, endedAt, token }: JobRun): boolean =>
  [tick, claimedAt, startedAt, endedAt].every(isWall) && attempt >= 1 && attempt <= 99 && token >= 0;

export function decodeDefinition(name: string, check: Check): JobDefinition | undefined {
  const { timeout, retries, overlap, jitter, catchUp, quorum, registeredAt, service, tag, ...rest } =
    parse(check);
  const schedule = decodeSchedule(rest);
  const action: JobAction =
    rest['post'] === undefined ? { kind: 'command' } : { kind: 'post', url: String(rest['post']) };
  if (schedule === undefined) return undefined;
  if (overlap !== 'skip' && overlap !== 'allow') return undefined;
  if (catchUp !== 'one' && catchUp !== 'all' && catchUp !== 'none') return undefined;
  const place = {
    ...(service === undefined ? {} : { service: String(service) }),
    ...(tag === undefined ? {} : { tag: String(tag) }),
  };
  const numbers = { timeout, retries, jitter, quorum, registeredAt } as Record<'timeout', number> &
    Pick<JobDefinition, 'retries' | 'jitter' | 'quorum' | 'registeredAt'>;
  const definition: JobDefinition = { name, schedule, place, overlap, catchUp, action, ...numbers };
  return definitionProblem(definition) === undefined ? definition : undefined;
}

function decodeSchedule({ every, at, cron, timezone }: Body): Schedule | undefined {
  if (typeof every === 'number') return { kind: 'every', every };
  if (typeof at === 'number') return { kind: 'at', at };
  if (typeof cron === 'string' && typeof timezone === 'string')
    return { kind: 'cron', expression: cron, timezone };
  return undefined;
}

type Body = Readonly<Record<string, unknown>>;

function parse({ notes }: Check): Body {
  try {
    const body: unknown = JSON.parse(notes);
    return typeof body === 'object' && body !== null && !Array.isArray(body) ? (body as Body) : {};
  } catch {
    return {};
  }
}

const isWall = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
