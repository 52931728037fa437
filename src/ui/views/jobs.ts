/** Jobs with their last and next run, and worker pools: who holds how many partitions, and which are on their way. */
import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { useNow, usePolled } from '../parts/hooks.ts';
import { Mark, StateCounts } from '../parts/mark.ts';
import { Chips, Failure } from '../parts/pieces.ts';
import { type Column, linkColumn, Table } from '../parts/table.ts';
import { toAge } from '../parts/text.ts';

type RunJson = Readonly<Record<'tick' | 'node' | 'state', string>> & { readonly exit: number | null };

/** An element of `/v1/hearsay/jobs`. The latest run comes first. */
interface JobJson {
  readonly name: string;
  readonly definition: Partial<Readonly<Record<'every' | 'at' | 'cron' | 'timezone', string>>>;
  readonly paused: boolean;
  readonly nextTick: string | null;
  readonly nextOwner: string | null;
  readonly runs: readonly RunJson[];
  readonly summary: string;
}

type WorkerJson = Readonly<Record<'node' | 'id', string>>;

/** An element of `/v1/hearsay/partitions`. */
interface PoolJson {
  readonly service: string;
  readonly count: number;
  readonly workers: readonly WorkerJson[];
  readonly partitions: readonly {
    readonly partition: number;
    readonly state: 'held' | 'releasing' | 'passing' | 'claimed' | 'free';
    readonly holder: WorkerJson | null;
    readonly next: WorkerJson | null;
    readonly summary: string;
  }[];
}

const INTERVAL = 2000;
/** So many of a pool are explained; their number stands beside. */
const MAX_MOVING = 5;

export function JobsAndPools(): VNode {
  const jobs = usePolled<readonly JobJson[]>('/v1/hearsay/jobs', INTERVAL);
  const pools = usePolled<readonly PoolJson[]>('/v1/hearsay/partitions', INTERVAL);
  return html`<div class="view">
    <section>
      <div class="tools"><h1>Jobs</h1></div>
      <${Failure} error=${jobs.error ?? pools.error} />
      <${Table} caption="Jobs" columns=${useJobColumns()} rows=${jobs.data ?? []} keyOf=${(row: JobJson) => row.name} />
    </section>
    <section>
      <h2>Worker pools</h2>
      <${Table} caption="Worker pools" columns=${POOL_COLUMNS} rows=${pools.data ?? []} keyOf=${(row: PoolJson) => `${row.service} ${row.count}`} />
    </section>
  </div>`;
}

/** Marks of runs; all others went wrong. */
const MARKS: Readonly<Record<string, string>> = {
  ...{ running: 'passing', succeeded: 'passing', waiting: 'warning', skipped: 'warning' },
};

/** A tick is claimed for half a second before it is run: of a job that runs each second one would see little else. */
const lastOf = ({ runs }: JobJson): RunJson | undefined => runs.find(({ state }) => state !== 'claimed');

function Run({ run: { state, exit, tick }, now }: { readonly run: RunJson; readonly now: number }): VNode {
  const code = exit === null || state === 'succeeded' ? '' : `, exit ${exit}`;
  return html`<span class="state"><${Mark} state=${MARKS[state] ?? 'critical'} />${state}${code}</span> <span class="quiet">${toAge(now - Date.parse(tick))} ago</span>`;
}

function useJobColumns(): readonly Column<JobJson>[] {
  const now = useNow();
  const next = ({ paused, nextTick, nextOwner, summary }: JobJson): string => {
    if (paused) return 'paused';
    if (nextTick === null || nextOwner === null) return summary;
    return `in ${toAge(Date.parse(nextTick) - now)} on ${nextOwner}`;
  };
  return [
    { title: 'Name', order: ({ name }) => name },
    {
      title: 'Schedule',
      wide: true,
      order: ({ definition: { every, at, cron, timezone } }) =>
        every === undefined ? (at ?? `${cron} ${timezone}`) : `every ${every}`,
    },
    {
      title: 'Last run',
      cell: (job) => lastOf(job) && html`<${Run} run=${lastOf(job)} now=${now} />`,
      order: (job) => lastOf(job)?.state ?? '',
    },
    linkColumn('On', 'nodes', (job) => lastOf(job)?.node ?? ''),
    { title: 'Next run', cell: next, order: ({ nextTick }) => nextTick ?? '' },
  ];
}

const statusOf = ({ state, next }: PoolJson['partitions'][number]): string =>
  next !== null || state === 'releasing' ? 'moving' : state === 'held' ? 'held' : 'free';

/** Workers that hold nothing, too. */
function sharesOf({ workers, partitions }: PoolJson): string[] {
  const held = partitions.flatMap(({ holder }) => holder ?? []);
  const names = new Set([...workers, ...held].map(nameOf));
  return [...names].map((name) => `${name}: ${held.filter((one) => nameOf(one) === name).length}`);
}
const nameOf = ({ node, id }: WorkerJson): string => `${id} on ${node}`;

const POOL_COLUMNS: readonly Column<PoolJson>[] = [
  linkColumn('Service', 'services', ({ service }) => service),
  { title: 'Partitions', order: ({ count }) => count, number: true },
  {
    title: 'State',
    cell: ({ partitions }) =>
      html`<div class="health"><${StateCounts} rows=${partitions.map((one) => ({ status: statusOf(one) }))} words /></div>`,
  },
  { title: 'Holders', cell: (pool) => html`<${Chips} words=${sharesOf(pool)} />` },
  {
    title: 'Moving, or free',
    wide: true,
    cell: ({ partitions }) =>
      partitions
        .filter((one) => statusOf(one) !== 'held')
        .slice(0, MAX_MOVING)
        .map(({ partition, summary }) => html`<p key=${partition}>${partition}: ${summary}</p>`),
  },
];
