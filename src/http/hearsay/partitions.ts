/** Worker pools as JSON: who takes part, who has which partition, and why. Field names are a contract. */
import type { Handover, PartitionView, PoolId, PoolView, WorkerId } from '../../partitions/types.ts';
import { arrayOf, boolean, named, nullable, number, object, oneOf, string } from '../endpoint/schema.ts';

const WORKER_SCHEMA = named('PartitionWorker', object({ node: string, id: string }));

const PARTITION_FIELDS = {
  /** From 0 on. */
  partition: number,
  state: oneOf('held', 'releasing', 'passing', 'claimed', 'free'),
  holder: nullable(WORKER_SCHEMA),
  /** That of its holder, or of the last one. */
  token: nullable(number),
  /** Who is to have it, if that is not its holder. */
  next: nullable(WORKER_SCHEMA),
  summary: string,
};

export const POOL_SCHEMA = object({
  /** In lower case. */
  service: string,
  count: number,
  /** The agent that answers. */
  node: string,
  /** With fewer workers in view nobody holds anything. */
  quorum: number,
  workers: arrayOf(object({ node: string, id: string, usable: boolean })),
  partitions: arrayOf(named('Partition', object(PARTITION_FIELDS))),
});

/** A pool that nobody takes part in. */
export const emptyPool = (id: PoolId): PoolView => ({ ...id, quorum: 1, workers: [], partitions: [] });

export const toPoolJson = (pool: PoolView, node: string): Record<string, unknown> => {
  const { service, count, quorum, workers } = pool;
  const nobody = whyNobody(pool);
  return {
    ...{ service, count, node, quorum, workers },
    partitions: pool.partitions.map((one) => ({
      ...{ partition: one.partition, state: one.state, holder: one.holder ?? null, token: one.token ?? null },
      ...{ next: one.next ?? null, summary: explainPartition(one, nobody) },
    })),
  };
};

/** Why a partition is to go to nobody. */
const whyNobody = ({ workers: { length }, quorum }: PoolView): string =>
  length < quorum
    ? `${length} ${length === 1 ? 'worker is' : 'workers are'} in view, and ${quorum} must be`
    : 'no worker is usable';

/** Who has the partition, and who waits for whom. */
function explainPartition({ state, holder, next, handover }: PartitionView, nobody: string): string {
  const to = next === undefined ? nobody : `it is to go to ${nameOf(next)}`;
  switch (state) {
    case 'held':
      return `${nameOf(holder)} holds it${sinceOf(handover)}${next === undefined ? '' : `, and ${to}`}.`;
    case 'releasing':
      return `${nameOf(holder)} was told to let it go, and has not yet: ${next === undefined ? to : `${nameOf(next)} waits for it`}.`;
    case 'passing':
      return next === undefined
        ? `It was let go, and is kept: ${nobody}.`
        : `It was let go, and is on its way to ${nameOf(next)}.`;
    case 'claimed':
      return `Nobody has it: ${nameOf(next)} claims it, and waits whether another worker does, too.`;
    case 'free':
      return next === undefined
        ? `Nobody has it: ${nobody}.`
        : `Nobody has it: its holder is gone, and ${nameOf(next)} will claim it.`;
  }
}

const sinceOf = (handover: Handover | undefined): string =>
  handover === undefined
    ? ''
    : `, since ${nameOf(handover.from)} ${handover.reason ?? 'had more than its share'}`;

const nameOf = (worker: WorkerId | undefined): string => `${worker?.id} on ${worker?.node}`;
