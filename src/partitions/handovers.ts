/**
 * Why partitions are where they are: what was against the holder before is known when the next one is seen, and not any more when
 * somebody asks.
 */
import type { BoardPool } from './board.ts';
import { type Handover, isSameWorker, type PartitionWorld, type WorkerId } from './types.ts';

interface Remembered {
  readonly holder: WorkerId;
  readonly handover: Handover | undefined;
}

export class Handovers {
  readonly #byPool = new WeakMap<BoardPool, Map<number, Remembered>>();

  /** How the partition came to this holder; `undefined`: nobody had it before, as far as this agent has seen. */
  get(pool: BoardPool, partition: number, holder: WorkerId): Handover | undefined {
    const last = this.#byPool.get(pool)?.get(partition);
    return isSameWorker(last?.holder, holder) ? last?.handover : undefined;
  }

  /** To be called when a row of this partition has changed. */
  note(pool: BoardPool, partition: number, world: PartitionWorld): void {
    const baton = pool.baton(partition, (node) => world.isGone(node));
    if (baton?.row.state !== 'held') return;
    const holder = { node: baton.publisher, id: baton.row.worker };
    const byPartition = this.#byPool.get(pool) ?? new Map<number, Remembered>();
    this.#byPool.set(pool, byPartition);
    const from = byPartition.get(partition)?.holder;
    if (isSameWorker(from, holder)) return;
    const handover = from && { from, reason: reasonAgainst(pool, from, world) };
    byPartition.set(partition, { holder, handover });
  }
}

function reasonAgainst(pool: BoardPool, worker: WorkerId, world: PartitionWorld): string | undefined {
  const reason = world.reasonAgainst(pool.id.service, worker);
  if (reason !== undefined) return reason;
  return pool.workers.get(worker.node)?.has(worker.id) === true ? undefined : 'had ended';
}
