/** `/v1/hearsay/jobs` and `/v1/hearsay/job`: jobs that one agent of the cluster runs at each tick. Field names are a contract. */
import { AgentError } from '../../../base/errors.ts';
import { decodeJob } from '../../../config/jobs.ts';
import { SettingPathError } from '../../../config/setting.ts';
import type { JobView } from '../../../jobs/types.ts';
import { parseJson } from '../../endpoint/body.ts';
import { route } from '../../endpoint/route.ts';
import { arrayOf } from '../../endpoint/schema.ts';
import type { Site } from '../../endpoint/site.ts';
import { JOB_SCHEMA, toJobJson } from '../../hearsay/jobs.ts';
import { requireValue } from '../../pool/selectors.ts';

/** `GET /v1/hearsay/jobs`: all jobs with their next tick and their latest runs, by name. */
export const hearsayJobs = route({
  method: 'GET',
  scope: 'read',
  path: '/v1/hearsay/jobs',
  summary: 'All jobs with their next tick and their latest runs',
  responseSchema: arrayOf(JOB_SCHEMA),
  watch: () => ['jobs', 'members', 'checks'],
  uncacheable: true,
  handler: ({ view }) => view.jobs.all().map(toJobJson),
});

/** `GET /v1/hearsay/job/:name`: one of them. */
export const hearsayJob = route({
  method: 'GET',
  scope: 'read',
  path: '/v1/hearsay/job/:name',
  summary: 'A job with its next tick and its latest runs',
  responseSchema: JOB_SCHEMA,
  watch: () => ['jobs', 'members', 'checks'],
  uncacheable: true,
  handler: ({ params: { name }, site }) => toJobJson(requireJob(site, name)),
});

/** `PUT /v1/hearsay/job/:name`: registers a job that posts to a URL with this agent. */
export const hearsayJobRegister = route({
  method: 'PUT',
  scope: 'register',
  path: '/v1/hearsay/job/:name',
  summary: 'Register a job that posts to a URL; one agent of the cluster runs it at each tick',
  body: parseJson,
  handler: async ({ params: { name }, body, change }) => {
    await change({ kind: 'registerJob', definition: decodeBodyOf(requireValue(name, 'job name'), body) });
  },
});

/** `DELETE /v1/hearsay/job/:name`: removes a job that is registered with this agent. */
export const hearsayJobDeregister = route({
  method: 'DELETE',
  scope: 'register',
  path: '/v1/hearsay/job/:name',
  summary: 'Remove a job that is registered with this agent',
  handler: async ({ params: { name }, change }) => {
    await change({ kind: 'deregisterJob', name });
  },
});

/** `PUT /v1/hearsay/job/:name/run`: one more tick, now. */
export const hearsayJobRun = route({
  method: 'PUT',
  scope: 'register',
  path: '/v1/hearsay/job/:name/run',
  summary: 'Run a job now, on one agent of the cluster',
  handler: async ({ params: { name }, change }) => {
    await change({ kind: 'orderJob', name, order: 'run' });
  },
});

/** `PUT /v1/hearsay/job/:name/pause`: its ticks pass until it is resumed. */
export const hearsayJobPause = route({
  method: 'PUT',
  scope: 'register',
  path: '/v1/hearsay/job/:name/pause',
  summary: 'Let the ticks of a job pass until it is resumed',
  handler: async ({ params: { name }, change }) => {
    await change({ kind: 'orderJob', name, order: 'pause' });
  },
});

/** `PUT /v1/hearsay/job/:name/resume`. */
export const hearsayJobResume = route({
  method: 'PUT',
  scope: 'register',
  path: '/v1/hearsay/job/:name/resume',
  summary: 'End the pause of a job',
  handler: async ({ params: { name }, change }) => {
    await change({ kind: 'orderJob', name, order: 'resume' });
  },
});

function requireJob({ agent }: Site, name: string): JobView {
  const job = agent.view.jobs.get(name);
  if (job === undefined)
    throw new AgentError('notFound', `no job is called "${name}": \`hearsay jobs\` lists all names`);
  return job;
}

function decodeBodyOf(name: string, body: unknown): JobView['definition'] {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new AgentError('badRequest', 'The body must be a JSON object with every, cron or at, and post');
  try {
    return decodeJob(name, new Map(Object.entries(body)), 0, false).definition;
  } catch (error) {
    if (!(error instanceof SettingPathError)) throw error;
    const [, key] = error.path;
    throw new AgentError(
      'badRequest',
      key === undefined
        ? `The job ${error.message}`
        : `${key} ${error.message}`.replace(`${key} ${key} `, `${key} `),
    );
  }
}
