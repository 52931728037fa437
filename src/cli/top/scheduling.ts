/** The lines of `hearsay top` about jobs and worker pools: next and last run, where and how it ended, and who holds how many partitions. */
import * as v from 'valibot';
import type { Client } from '../api/client.ts';
import { readOrElse } from '../api/facts.ts';
import { type JobInfo, JobInfosSchema } from '../api/jobs.ts';
import { formatAge } from '../output/table.ts';

export interface SchedulingLine {
  readonly text: string;
  /** As of a service: what is not passing stands out, and comes first. */
  readonly status: 'passing' | 'warning' | 'critical';
}

const PoolsSchema = v.array(
  v.looseObject({
    service: v.string(),
    count: v.number(),
    partitions: v.array(
      v.looseObject({ holder: v.nullable(v.looseObject({ node: v.string(), id: v.string() })) }),
    ),
  }),
);
type Pool = v.InferOutput<typeof PoolsSchema>[number];

/** An agent from before there were jobs has none. */
export async function readScheduling(client: Client, now: number): Promise<readonly SchedulingLine[]> {
  const [jobs, pools] = await Promise.all([
    readOrElse([], JobInfosSchema, client, '/v1/hearsay/jobs'),
    readOrElse([], PoolsSchema, client, '/v1/hearsay/partitions'),
  ]);
  const lines = [...jobs.map((job) => jobLine(job, now)), ...pools.map(poolLine)];
  return lines.sort((a, b) => Number(a.status === 'passing') - Number(b.status === 'passing'));
}

const GOOD: ReadonlySet<string> = new Set(['claimed', 'running', 'succeeded']);

export function jobLine({ name, paused, nextTick, runs: [last] }: JobInfo, now: number): SchedulingLine {
  const left = nextTick === null ? undefined : Date.parse(nextTick) - now;
  const next = paused
    ? 'paused'
    : left === undefined
      ? 'no next run'
      : `next in ${formatAge(Math.max(0, left))}`;
  if (last === undefined) return { text: `job ${name}: ${next}, not run yet`, status: 'passing' };
  const exit = last.exit === null || last.state === 'succeeded' ? '' : `, exit ${last.exit}`;
  const ago = formatAge(Math.max(0, now - Date.parse(last.tick)));
  return {
    text: `job ${name}: ${next}, last ${ago} ago on ${last.node}: ${last.state}${exit}`,
    status: GOOD.has(last.state) ? 'passing' : last.state === 'skipped' ? 'warning' : 'critical',
  };
}

export function poolLine({ service, count, partitions }: Pool): SchedulingLine {
  const byHolder = new Map<string, number>();
  for (const { holder } of partitions)
    if (holder !== null) byHolder.set(holder.id, (byHolder.get(holder.id) ?? 0) + 1);
  const shares = [...byHolder].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  const free = count - shares.reduce((sum, [, held]) => sum + held, 0);
  const parts = shares.map(([id, held]) => `${held} on ${id}`);
  return {
    text: `${count} partitions of ${service}: ${[...parts, ...(free > 0 ? [`${free} held by nobody`] : [])].join(', ')}`,
    status: free > 0 ? 'warning' : 'passing',
  };
}
