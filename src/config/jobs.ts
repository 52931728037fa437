/**
 * A job as users write it: in the setting `jobs`, and as JSON over HTTP. Both have the same keys, the same limits and the
 * same errors.
 */
import type { CatchUp, JobDefinition, Schedule } from '../model/job.ts';
import { definitionProblem } from '../model/job-limits.ts';
import { formatWallTime, parseWallTime } from '../model/job-schedule.ts';
import { suggestSimilar } from './names.ts';
import {
  booleanSetting,
  commonFields,
  defineSection,
  formatDuration,
  parseDuration,
  type Setting,
  type SettingOptions,
  SettingPathError,
} from './setting.ts';

/** A definition, and the command, which is never published. */
export interface JobConfig {
  readonly definition: JobDefinition;
  /** The absolute path of a program and its arguments; `undefined`: the job posts to a URL. */
  readonly run: readonly string[] | undefined;
}

export const JOB_KEYS = [
  'every',
  'cron',
  'at',
  'timezone',
  'service',
  'tag',
  'timeout',
  'retries',
  'overlap',
  'jitter',
  'catchUp',
  'quorum',
  'run',
  'post',
] as const;
type JobField = (typeof JOB_KEYS)[number];

const MAX_JOBS = 256;
const MAX_ARGUMENTS = 64;
const DEFAULT_TIMEOUT = 60_000;

/** Definitions in the configuration have no time of registration of their own: they count from the start of the agent. */
export function jobsSetting(
  options: Omit<SettingOptions<undefined>, 'default'>,
): Setting<readonly JobConfig[]> & { readonly fileOnly: true } {
  return {
    type: 'jobs',
    default: [],
    ...commonFields(options, 'MAP'),
    defaultText: 'none',
    fileOnly: true,
    parse: (raw) => {
      if (!(raw instanceof Map)) throw new Error('must be a map of names to jobs');
      if (raw.size > MAX_JOBS) throw new Error(`must have at most ${MAX_JOBS} jobs`);
      return [...raw].map(([name, job]) => {
        if (!(job instanceof Map))
          throw new SettingPathError([String(name)], 'must be a map with every, cron or at');
        return decodeJob(String(name), job, 0, true);
      });
    },
    format: (jobs) =>
      jobs.length === 0
        ? ''
        : JSON.stringify(Object.fromEntries(jobs.map((job) => [job.definition.name, toFileForm(job)]))),
  };
}

/** A job as written in a file, and as HTTP shows it. */
export function toFileForm({ definition, run }: JobConfig): Record<string, unknown> {
  const { schedule, place, timeout, retries, overlap, jitter, catchUp, quorum, action } = definition;
  return {
    ...toScheduleForm(schedule),
    ...place,
    timeout: formatDuration(timeout),
    ...{ retries, overlap, jitter: formatDuration(jitter), catchUp, quorum },
    ...(action.kind === 'post' ? { post: action.url } : {}),
    ...(run === undefined ? {} : { run }),
  };
}

function toScheduleForm(schedule: Schedule): Record<string, unknown> {
  if (schedule.kind === 'every') return { every: formatDuration(schedule.every) };
  if (schedule.kind === 'at') return { at: formatWallTime(schedule.at) };
  return { cron: schedule.expression, timezone: schedule.timezone };
}

/** Throws `SettingPathError` with the name and the key as its path. */
export function decodeJob(
  name: string,
  fields: ReadonlyMap<unknown, unknown>,
  registeredAt: number,
  allowsRun: boolean,
): JobConfig {
  const fail = (key: string, clause: string): never => {
    throw new SettingPathError(key === '' ? [name] : [name, key], clause);
  };
  for (const key of fields.keys())
    if (!(JOB_KEYS as readonly unknown[]).includes(key)) {
      const similar = suggestSimilar(String(key), JOB_KEYS);
      fail(String(key), `is no key of a job${similar === undefined ? '' : `: did you mean ${similar}`}`);
    }
  const read = <T>(key: JobField, fallback: T, parse: (raw: unknown) => T): T => {
    const raw = fields.get(key);
    if (raw === undefined || raw === null) return fallback;
    try {
      return parse(raw);
    } catch (error) {
      return fail(key, (error as Error).message);
    }
  };
  const run = read<readonly string[] | undefined>('run', undefined, parseArguments);
  if (run !== undefined && !allowsRun)
    fail(
      'run',
      'is only read from the configuration of an agent: give a URL as post, or write the job there',
    );
  const post = read<string | undefined>('post', undefined, text);
  if ((run === undefined) === (post === undefined)) fail('', 'must have run or post, one of them');
  const place = {
    ...read<{ service?: string }>('service', {}, (raw) => ({ service: text(raw) })),
    ...read<{ tag?: string }>('tag', {}, (raw) => ({ tag: text(raw) })),
  };
  const definition: JobDefinition = {
    ...{ name, schedule: scheduleOf(fields, read, fail), place, registeredAt },
    timeout: read('timeout', DEFAULT_TIMEOUT, duration),
    retries: read('retries', 0, count),
    overlap: read<'skip' | 'allow'>('overlap', 'skip', choice(['skip', 'allow'])),
    jitter: read('jitter', 0, duration),
    catchUp: read<CatchUp>('catchUp', 'one', choice(['one', 'all', 'none'])),
    quorum: read('quorum', 1, count),
    action: post === undefined ? { kind: 'command' } : { kind: 'post', url: post },
  };
  const problem = definitionProblem(definition);
  return problem === undefined ? { definition, run } : fail(...splitProblem(problem));
}

/** `retries must be 0 to 10` is about the key `retries`; what is about no key of the job stays whole. */
function splitProblem(problem: string): [key: string, clause: string] {
  const [, key = '', clause = problem] = /^(\w+) (.*)$/s.exec(problem) ?? [];
  return (JOB_KEYS as readonly string[]).includes(key) ? [key, clause] : ['', problem];
}

type Read = <T>(key: JobField, fallback: T, parse: (raw: unknown) => T) => T;

function scheduleOf(
  fields: ReadonlyMap<unknown, unknown>,
  read: Read,
  fail: (key: string, clause: string) => never,
): Schedule {
  const given = (['every', 'cron', 'at'] as const).filter((key) => fields.get(key) !== undefined);
  const [kind] = given;
  if (kind === undefined || given.length > 1) return fail('', 'must have every, cron or at, one of them');
  if (kind !== 'cron' && fields.get('timezone') !== undefined) fail('timezone', 'is only for cron');
  if (kind === 'every') return { kind, every: read('every', 0, duration) };
  if (kind === 'at') return { kind, at: read('at', 0, time) };
  return { kind, expression: read('cron', '', text), timezone: read('timezone', 'UTC', text) };
}

function duration(raw: unknown): number {
  if (typeof raw !== 'string') throw new Error('must be a duration such as 30s or 5m');
  return parseDuration(raw);
}

/** YAML reads a time without quotes as text, too. */
function time(raw: unknown): number {
  const at = typeof raw === 'string' ? parseWallTime(raw) : undefined;
  if (at === undefined) throw new Error('must be a time with its zone, such as 2030-01-31T03:00:00Z');
  return at;
}

function count(raw: unknown): number {
  const value = typeof raw === 'string' && /^\d{1,6}$/.test(raw) ? Number(raw) : raw;
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw new Error('must be a whole number');
  return value;
}

function text(raw: unknown): string {
  if (typeof raw !== 'string' || raw === '') throw new Error('must be a text');
  return raw;
}

const choice =
  <const V extends string>(values: readonly V[]) =>
  (raw: unknown): V => {
    const found = values.find((value) => value === raw);
    if (found === undefined) throw new Error(`must be ${values.join(' or ')}`);
    return found;
  };

function parseArguments(raw: unknown): readonly string[] {
  if (!Array.isArray(raw) || raw.length === 0 || raw.length > MAX_ARGUMENTS)
    throw new Error(`must be a list of 1 to ${MAX_ARGUMENTS} texts: a program and its arguments`);
  for (const one of raw)
    if (typeof one !== 'string' || one.includes('\0'))
      throw new Error('must be a list of texts: put numbers in quotes');
  if (!(raw[0] as string).startsWith('/'))
    throw new Error(`"${raw[0]}" must be the absolute path of a program: no shell looks it up`);
  return raw as string[];
}

export const jobSettings = defineSection({
  allowExecJobs: booleanSetting({
    default: false,
    doc: 'Allow jobs that run a program; only those in `jobs` of a configuration file do.',
  }),
  jobs: jobsSetting({
    reloads: true,
    doc:
      'Jobs that one agent of the cluster runs at each tick, by name. Each has `every`, `cron` (with `timezone`) or `at`; ' +
      '`run` (the program and its arguments) or `post` (the URL that receives a POST of JSON); and optionally `service` ' +
      'or `tag` (which agents may run it), `timeout`, `retries`, `overlap`, `jitter`, `catchUp` and `quorum`: ' +
      '`hearsay help run` explains each.',
  }),
});
