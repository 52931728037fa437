/** Who is to have each partition of a pool, as all agents compute it from what is published. */
import { assign, compareClaimants } from './assign.ts';
import type { BoardPool } from './board.ts';
import { type PartitionWorld, poolKey, type WorkerId } from './types.ts';

/** One to each partition; `undefined`: no worker is usable. */
export type Plan = readonly (WorkerId | undefined)[];

/**
 * The workers that may hold partitions now: with fewer in view than the quorum, none. Those that are drained count for it, since
 * they are on this side of a network partition.
 */
export function usableWorkers(pool: BoardPool, world: PartitionWorld): readonly WorkerId[] {
  const inView = pool.allWorkers().filter(({ node }) => !world.isGone(node));
  return inView.length < pool.quorum
    ? []
    : inView.filter((worker) => world.isUsable(pool.id.service, worker));
}

export const planOf = (pool: BoardPool, usable: readonly WorkerId[], world: PartitionWorld): Plan =>
  assign(poolKey(pool.id), pool.id.count, usable, (partition) => holderOf(pool, partition, world));

/** Whose a partition is, or will be if nobody objects. One that is being released is free for the next. */
function holderOf(pool: BoardPool, partition: number, world: PartitionWorld): WorkerId | undefined {
  const baton = pool.baton(partition, (node) => world.isGone(node));
  if (baton === undefined) return claimantOf(pool, partition, world);
  const { publisher, row } = baton;
  return row.state === 'held' ? { node: publisher, id: row.worker } : row.to;
}

/** Of the workers whose agents claim a partition the one that nobody makes yield. */
export function claimantOf(
  pool: BoardPool,
  partition: number,
  world: Pick<PartitionWorld, 'isGone'>,
): WorkerId | undefined {
  let best: WorkerId | undefined;
  for (const [node, { state, worker }] of pool.rows(partition)) {
    if (state !== 'claimed' || world.isGone(node)) continue;
    const claimant = { node, id: worker };
    if (best === undefined || compareClaimants(poolKey(pool.id), partition, claimant, best) < 0)
      best = claimant;
  }
  return best;
}
