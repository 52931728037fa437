/**
 * How partitions stand in ledgers: as checks of a service that does not exist (model/partition-entries.ts), with JSON as
 * notes. All that is read here was published by another agent, and is dropped if it is not as this agent would write it.
 */
import { JOBS_SERVICE } from '../model/job-entries.ts';
import {
  MAX_PARTITIONS,
  MAX_QUORUM,
  MAX_WORKER_ID,
  PARTITION_ID_PREFIX,
} from '../model/partition-entries.ts';
import type { Check, EntryKey } from '../model/service.ts';
import type { PartitionRow, PoolId, RowState, WorkerId } from './types.ts';

const STATES: readonly RowState[] = ['claimed', 'held', 'releasing', 'kept', 'passed'];
const SERVICE = /^[a-z0-9._-]{1,128}$/;
const COUNT = /^[1-9]\d{0,3}$/;
const PARTITION = /^(?:0|[1-9]\d{0,3})$/;
const MAX_NODE_NAME = 255;
/** Above wall-clock milliseconds times 1,024 for the next hundred years. */
const MAX_TOKEN = 2 ** 52;

/** What an entry's key is about: a worker that takes part, or a partition. */
export type PartitionKey = { readonly pool: PoolId } & (
  | { readonly worker: string }
  | { readonly partition: number }
);

/** `undefined`: an entry of a later version. */
export function parsePartitionKey(key: EntryKey): PartitionKey | undefined {
  const [service = '', count = '', kind, ...rest] = key.slice(2 + PARTITION_ID_PREFIX.length).split(':');
  const pool = { service, count: Number(count) };
  if (!SERVICE.test(service) || !COUNT.test(count) || pool.count > MAX_PARTITIONS) return undefined;
  const name = rest.join(':');
  if (kind === 'w') return name === '' || name.length > MAX_WORKER_ID ? undefined : { pool, worker: name };
  if (kind !== 'p' || !PARTITION.test(name) || Number(name) >= pool.count) return undefined;
  return { pool, partition: Number(name) };
}

export const workerKey = (pool: PoolId, id: string): EntryKey => `c:${workerEntryId(pool, id)}`;
export const rowKey = (pool: PoolId, partition: number): EntryKey => `c:${rowEntryId(pool, partition)}`;

const poolPrefix = ({ service, count }: PoolId): string => `${PARTITION_ID_PREFIX}${service}:${count}:`;
const workerEntryId = (pool: PoolId, id: string): string => `${poolPrefix(pool)}w:${id}`;
const rowEntryId = (pool: PoolId, partition: number): string => `${poolPrefix(pool)}p:${partition}`;

/** What is urgent is critical, as a check that has failed is: such news goes before all other. */
const toCheck = (id: string, body: unknown, urgent = false): Check => ({
  ...{ kind: 'check', id, name: '', status: urgent ? 'critical' : 'passing' },
  ...{ notes: JSON.stringify(body), output: '', serviceId: JOBS_SERVICE },
  ...{ type: 'partition', interval: '', timeout: '' },
});

export const encodeWorker = (pool: PoolId, id: string, quorum: number): Check =>
  toCheck(workerEntryId(pool, id), quorum > 1 ? { q: quorum } : {});

/** What is no quorum is none: the worker takes part all the same. */
export function decodeQuorum({ notes }: Check): number {
  const { q } = parse(notes);
  return Number.isInteger(q) && (q as number) >= 1 && (q as number) <= MAX_QUORUM ? (q as number) : 1;
}

export function encodeRow(pool: PoolId, { partition, state, token, worker, to }: PartitionRow): Check {
  const body = { s: STATES.indexOf(state), t: token, w: worker, ...(to && { n: to.node, i: to.id }) };
  return toCheck(rowEntryId(pool, partition), body, state === 'passed' || state === 'claimed');
}

export function decodeRow(partition: number, { notes }: Check): PartitionRow | undefined {
  const { s, t, w, n, i } = parse(notes);
  const state = typeof s === 'number' ? STATES[s] : undefined;
  if (state === undefined || !isToken(t) || typeof w !== 'string' || w.length > MAX_WORKER_ID)
    return undefined;
  if ((w === '') !== (state === 'kept' || state === 'passed')) return undefined;
  if (state !== 'passed') return { partition, state, token: t, worker: w };
  const to = decodeWorkerId(n, i);
  return to === undefined ? undefined : { partition, state, token: t, worker: w, to };
}

function decodeWorkerId(node: unknown, id: unknown): WorkerId | undefined {
  if (typeof node !== 'string' || node === '' || node.length > MAX_NODE_NAME) return undefined;
  return typeof id === 'string' && id !== '' && id.length <= MAX_WORKER_ID ? { node, id } : undefined;
}

const isToken = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= MAX_TOKEN;

function parse(notes: string): Readonly<Record<string, unknown>> {
  try {
    const body: unknown = JSON.parse(notes);
    return typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
