/** Jobs as the agent returns them. */
import * as v from 'valibot';
import type { Client } from './client.ts';
import { HttpStatusError } from './client.ts';
import { parseResponse } from './schemas.ts';

const JobRunSchema = v.looseObject({
  tick: v.string(),
  node: v.string(),
  attempt: v.number(),
  state: v.string(),
  started: v.nullable(v.string()),
  durationMs: v.nullable(v.number()),
  exit: v.nullable(v.number()),
});
export const JobInfoSchema = v.looseObject({
  name: v.string(),
  definition: v.record(v.string(), v.unknown()),
  owners: v.array(v.string()),
  paused: v.boolean(),
  nextTick: v.nullable(v.string()),
  nextOwner: v.nullable(v.string()),
  runs: v.array(JobRunSchema),
  output: v.string(),
  summary: v.string(),
});
export const JobInfosSchema = v.array(JobInfoSchema);
export type JobInfo = v.InferOutput<typeof JobInfoSchema>;

export const jobPath = (name: string, order = ''): string =>
  `/v1/hearsay/job/${encodeURIComponent(name)}${order === '' ? '' : `/${order}`}`;

/** `undefined`: there is no job of this name, or the agent is from before there were jobs. */
export async function findJob(client: Client, name: string): Promise<JobInfo | undefined> {
  try {
    return parseResponse(JobInfoSchema, await client.get(jobPath(name)), client);
  } catch (error) {
    if (error instanceof HttpStatusError && error.status === 404) return undefined;
    throw error;
  }
}
