/** What the hosts of a swarm publish and run while faults last: registrations, leases, jobs and workers, all drawn from the seed. */
import type { Rng } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import { JobLaws } from '../laws/job-laws.ts';
import type { LawContext } from '../laws/law.ts';
import { PartitionLaws } from '../laws/partition-laws.ts';
import {
  type CatalogLoadAction,
  type CatalogLoadKind,
  drawCatalogLoad,
  scheduleCatalogLoad,
} from '../workload/catalog-load.ts';
import type { LoadPlan } from '../workload/drawn-actions.ts';
import { drawExternalLoad, type ExternalLoadKind, scheduleExternalLoad } from '../workload/external-load.ts';
import { drawJobLoad, JOB_EVERY, JOB_NAME, type JobLoad, type JobLoadKind } from '../workload/job-load.ts';
import { drawLeaseLoad, type LeaseLoadKind, scheduleLeaseLoad } from '../workload/lease-load.ts';
import {
  drawPartitionLoad,
  type PartitionLoad,
  type PartitionLoadKind,
  WORKER_ID,
  WORKER_POOL,
} from '../workload/partition-load.ts';
import { SimWorkers } from '../workload/workers.ts';
import type { SimHost } from '../world/host.ts';
import type { World } from '../world/world.ts';
import { type Counts, increment, type RunStats } from './run-stats.ts';

export type SwarmLoadKind =
  | CatalogLoadKind
  | ExternalLoadKind
  | LeaseLoadKind
  | JobLoadKind
  | PartitionLoadKind;

const ACTIONS_PER_MINUTE = 30;
const EXTERNAL_ACTIONS_PER_MINUTE = 10;
const LEASE_ACTIONS_PER_MINUTE = 15;
const JOB_ORDERS_PER_MINUTE = 4;
const WORKER_ACTIONS_PER_MINUTE = 12;
/** With more loss changes take longer than the spread time that agents have measured by then. */
const MAX_LOSS_OF_SCHEDULING = 0.1;

/** The laws of what is scheduled without a coordinator. */
export interface SchedulingLaws {
  /** Absent: this seed has no job. */
  readonly jobs: JobLaws | undefined;
  /** Absent: this seed has no workers. */
  readonly partitions: PartitionLaws | undefined;
}

export class SwarmLoads {
  readonly actionCounts: Counts<SwarmLoadKind> = {};
  readonly jobs: JobLoad;
  readonly #seed: number;
  readonly #partitions: PartitionLoad;

  constructor(seed: number) {
    this.#seed = seed;
    this.jobs = drawJobLoad(seed);
    this.#partitions = drawPartitionLoad(seed);
  }

  /** What `rng` gives stands between what else the run draws from it. */
  drawCatalog(rng: Rng, plan: Omit<LoadPlan, 'count'>): CatalogLoadAction[] {
    return drawCatalogLoad(rng, withCount(plan, ACTIONS_PER_MINUTE));
  }

  /** From now on. */
  schedule(
    world: World,
    plan: Omit<LoadPlan, 'count'>,
    catalog: readonly CatalogLoadAction[],
    createLaws: (workers: SimWorkers | undefined) => SchedulingLaws,
  ): SchedulingLaws {
    const seed = this.#seed;
    const count = ({ kind }: { readonly kind: SwarmLoadKind }): void => increment(this.actionCounts, kind);
    scheduleCatalogLoad(world, catalog, count);
    scheduleExternalLoad(world, drawExternalLoad(seed, withCount(plan, EXTERNAL_ACTIONS_PER_MINUTE)), count);
    scheduleLeaseLoad(world, drawLeaseLoad(seed, withCount(plan, LEASE_ACTIONS_PER_MINUTE)), count);
    this.jobs.schedule(world, withCount(plan, JOB_ORDERS_PER_MINUTE), count);
    const workers = this.#partitions.isThere
      ? new SimWorkers(world, this.#partitions.drawReleaseTime)
      : undefined;
    const laws = createLaws(workers);
    if (workers !== undefined)
      this.#partitions.schedule(workers, withCount(plan, WORKER_ACTIONS_PER_MINUTE), count);
    return laws;
  }

  createLaws(
    context: LawContext,
    stats: RunStats,
    loss: number,
    workers: SimWorkers | undefined,
  ): SchedulingLaws {
    const healthySince = (host: SimHost): Millis | undefined =>
      loss <= MAX_LOSS_OF_SCHEDULING ? stats.healthySince(host) : undefined;
    const job = { name: JOB_NAME, every: JOB_EVERY };
    return {
      jobs: this.jobs.isThere
        ? new JobLaws(context, { job, isHealthy: (host) => healthySince(host) !== undefined })
        : undefined,
      partitions:
        workers &&
        new PartitionLaws(context, workers, { pool: WORKER_POOL, worker: WORKER_ID, healthySince }),
    };
  }
}

const withCount = (plan: Omit<LoadPlan, 'count'>, perMinute: number): LoadPlan => ({
  ...plan,
  count: Math.round((perMinute * plan.span) / 60_000),
});
