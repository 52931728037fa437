/** The facts of partitions in the table of facts. */
import type { PartitionFact } from '../../partitions/types.ts';
import type { FactRows } from './fact-row.ts';

const FIELDS = ['service', 'partition', 'worker', 'token'] as const;

export const PARTITION_FACTS: FactRows<PartitionFact> = {
  workerAttached: ['jobs', 'info', 'a worker takes part', 'workers_attached', ['service', 'worker']],
  workerDetached: ['jobs', 'info', 'a worker takes part no more', 'workers_detached', ['service', 'worker']],
  partitionAcquired: ['jobs', 'info', 'partition acquired', 'partitions_acquired', FIELDS],
  partitionReleased: ['jobs', 'info', 'partition released', 'partitions_released', FIELDS],
  partitionLost: [
    'jobs',
    'warn',
    'partition lost: another agent held this one dead, and has it',
    'partitions_lost',
    FIELDS,
  ],
};
