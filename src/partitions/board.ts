/** What this agent knows of all worker pools: what each agent has published of workers and partitions. */
import type { EntryChange } from '../catalog/types.ts';
import { decodeQuorum, decodeRow, parsePartitionKey } from './entries.ts';
import { type PartitionRow, type PoolId, poolKey, type WorkerId } from './types.ts';

/** Pools that are known, so that no peer fills the memory. */
const MAX_POOLS = 256;

/**
 * Where a partition is: of the rows whose agent lives the one of the highest token. Only what is published now counts, not
 * what this agent remembers, so that all come to see the same.
 */
export interface Baton {
  /** The agent whose turn it is: that of its holder, or that of the worker it was passed to. */
  readonly custodian: string;
  readonly publisher: string;
  readonly row: PartitionRow;
}

/** One worker pool: what is published of it. */
export class BoardPool {
  readonly id: PoolId;
  /** The quorum that each worker asks for, by the IDs of instances, by their node. */
  readonly workers = new Map<string, Map<string, number>>();
  readonly #rows: Map<string, PartitionRow>[];
  /** The highest token of each partition that was ever published by one that had it: it outlives the row. */
  readonly #highest: number[];

  constructor(id: PoolId) {
    this.id = id;
    this.#rows = Array.from({ length: id.count }, () => new Map());
    this.#highest = Array.from({ length: id.count }, () => 0);
  }

  get isEmpty(): boolean {
    return this.workers.size === 0 && this.#rows.every(({ size }) => size === 0);
  }

  highest(partition: number): number {
    return this.#highest[partition] as number;
  }

  rows(partition: number): ReadonlyMap<string, PartitionRow> {
    return this.#rows[partition] as Map<string, PartitionRow>;
  }

  /** With fewer workers in view nobody holds anything: the most that a worker asks for. */
  get quorum(): number {
    return Math.max(1, ...[...this.workers.values()].flatMap((ids) => [...ids.values()]));
  }

  allWorkers(): readonly WorkerId[] {
    return [...this.workers].flatMap(([node, ids]) => [...ids.keys()].map((id) => ({ node, id })));
  }

  /** `undefined`: it does not take part any more. */
  setWorker(node: string, id: string, quorum: number | undefined): void {
    const ids = this.workers.get(node) ?? new Map<string, number>();
    if (quorum === undefined) ids.delete(id);
    else ids.set(id, quorum);
    if (ids.size > 0) this.workers.set(node, ids);
    else this.workers.delete(node);
  }

  setRow(node: string, partition: number, row: PartitionRow | undefined): void {
    const rows = this.#rows[partition] as Map<string, PartitionRow>;
    if (row === undefined) rows.delete(node);
    else rows.set(node, row);
    if (row !== undefined && row.state !== 'claimed')
      this.#highest[partition] = Math.max(this.highest(partition), row.token);
  }

  /** `undefined`: nobody has the partition, or who has it is gone. */
  baton(partition: number, isGone: (node: string) => boolean): Baton | undefined {
    let best: Baton | undefined;
    for (const [publisher, row] of this.rows(partition)) {
      const custodian = row.to?.node ?? publisher;
      if (row.state === 'claimed' || isGone(custodian)) continue;
      const order = best === undefined ? 1 : row.token - best.row.token;
      // An agent that takes what was passed to it publishes a higher token, so two of one token are an accident.
      if (best === undefined || order > 0 || (order === 0 && publisher < best.publisher))
        best = { custodian, publisher, row };
    }
    return best;
  }
}

export class PartitionBoard {
  readonly pools = new Map<string, BoardPool>();

  /** To be called when entries of partitions have changed in an owner's ledger. Returns the pools they are about. */
  apply(owner: string, changes: readonly EntryChange[]): ReadonlySet<string> {
    const touched = new Set<string>();
    for (const { key, after } of changes) {
      const parsed = parsePartitionKey(key);
      if (parsed === undefined) continue;
      const check = after?.kind === 'check' ? after : undefined;
      const name = poolKey(parsed.pool);
      const pool = this.pools.get(name) ?? (check === undefined ? undefined : this.create(parsed.pool));
      if (pool === undefined) continue;
      touched.add(name);
      if ('worker' in parsed) pool.setWorker(owner, parsed.worker, check && decodeQuorum(check));
      else pool.setRow(owner, parsed.partition, check && decodeRow(parsed.partition, check));
    }
    return touched;
  }

  /** `undefined`: there are too many. */
  create(id: PoolId): BoardPool | undefined {
    if (this.pools.size >= MAX_POOLS)
      for (const [name, pool] of this.pools) if (pool.isEmpty) this.pools.delete(name);
    if (this.pools.size >= MAX_POOLS) return undefined;
    const pool = new BoardPool(id);
    this.pools.set(poolKey(id), pool);
    return pool;
  }
}
