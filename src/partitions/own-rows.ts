/** The partitions of one pool that this agent has to do with, and what it has yet to publish of them. */
import type { Millis } from '../base/time.ts';
import type { EntryWrite } from '../model/service.ts';
import type { BoardPool } from './board.ts';
import { encodeRow, rowKey } from './entries.ts';
import type { PartitionRow, WorkerPartition } from './types.ts';

export interface OwnRow {
  row: PartitionRow;
  /** Whose process has it; `''`: none. */
  session: string;
  /** When a claim is due, a release is taken for granted, or the row is not needed any more. */
  at: Millis;
  /** Of a claim: another agent claims the same. */
  contested: boolean;
  /** Another agent has it, since it held this one dead. */
  lost: boolean;
}

export class OwnRows {
  readonly #self: string;
  readonly #pool: BoardPool;
  readonly #rows = new Map<number, OwnRow>();
  readonly #changed = new Set<number>();

  constructor(self: string, pool: BoardPool) {
    this.#self = self;
    this.#pool = pool;
  }

  get size(): number {
    return this.#rows.size;
  }

  get(partition: number): OwnRow | undefined {
    return this.#rows.get(partition);
  }

  all(): Iterable<readonly [partition: number, own: OwnRow]> {
    return [...this.#rows];
  }

  add(row: PartitionRow, session: string, at: Millis): OwnRow {
    const own: OwnRow = { row, session, at, contested: false, lost: false };
    this.#rows.set(row.partition, own);
    this.update(own, {});
    return own;
  }

  update(own: OwnRow, changes: Partial<PartitionRow>): void {
    own.row = { ...own.row, ...changes };
    this.#pool.setRow(this.#self, own.row.partition, own.row);
    this.#changed.add(own.row.partition);
  }

  delete(partition: number): void {
    this.#rows.delete(partition);
    this.#pool.setRow(this.#self, partition, undefined);
    this.#changed.add(partition);
  }

  /** Another agent has had the partition since. Of two rows of one token that of the smaller name counts. */
  isSuperseded({ row: { partition, token } }: OwnRow): boolean {
    if (this.#pool.highest(partition) > token) return true;
    return [...this.#pool.rows(partition)].some(
      ([node, row]) => node < this.#self && row.state !== 'claimed' && row.token === token,
    );
  }

  /** What the process of a session has, in the order of the partitions. */
  ofSession(session: string): readonly WorkerPartition[] {
    return [...this.#rows.values()]
      .filter((own) => own.session === session && isWithWorker(own.row))
      .map(({ row: { partition, token, state }, lost }) => ({
        ...{ partition, token, releasing: state === 'releasing', lost },
      }))
      .sort((a, b) => a.partition - b.partition);
  }

  consumeWrites(): EntryWrite[] {
    const { id } = this.#pool;
    const writes = [...this.#changed].map((partition): EntryWrite => {
      const own = this.#rows.get(partition);
      return own === undefined ? { remove: rowKey(id, partition) } : { put: encodeRow(id, own.row) };
    });
    this.#changed.clear();
    return writes;
  }
}

const isWithWorker = ({ state }: PartitionRow): boolean => state === 'held' || state === 'releasing';
