/**
 * Types of this layer. A worker pool is the instances of one service that share a number of partitions; each partition is
 * held by one worker at a time, with a token that rises with each holder.
 */
import type { Millis } from '../base/time.ts';
import type { WallMillis } from '../model/job.ts';
import type { EntryWrite } from '../model/service.ts';

export interface PoolId {
  /** In lower case. */
  readonly service: string;
  /** How many partitions the pool has, numbered from 0 on. */
  readonly count: number;
}

/** An instance whose process takes part in a pool. */
export interface WorkerId {
  readonly node: string;
  /** The ID of the instance. */
  readonly id: string;
}

/**
 * `claimed`: nobody has the partition, and the agent of a worker waits whether another one claims it too. `releasing`: its
 * worker was told to let it go, and has not yet. `kept`: no worker holds it, and its agent will pass it on. `passed`: the
 * worker `to` may take it, and nobody else.
 */
export type RowState = 'claimed' | 'held' | 'releasing' | 'kept' | 'passed';

/** What an agent publishes of one partition. */
export interface PartitionRow {
  readonly partition: number;
  readonly state: RowState;
  /** Of two rows of one partition the higher token counts. */
  readonly token: number;
  /** The worker of this agent; `''` if it is kept or passed. */
  readonly worker: string;
  readonly to?: WorkerId;
}

export type PartitionFact = Readonly<
  | {
      kind: 'partitionAcquired' | 'partitionReleased' | 'partitionLost';
      service: string;
      partition: number;
      worker: string;
      token: number;
    }
  | { kind: 'workerAttached' | 'workerDetached'; service: string; worker: string }
>;

export type PartitionEffect =
  | { readonly kind: 'publish'; readonly changes: readonly EntryWrite[] }
  | { readonly kind: 'fact'; readonly fact: PartitionFact };

/** What the mechanism is told of the cluster as this agent sees it. */
export interface PartitionWorld {
  readonly wall: WallMillis;
  /** How long a change takes to reach all agents, nearly always. */
  readonly spread: Millis;
  /** The agent is well, and the instance usable: neither critical, nor draining, nor in maintenance. */
  isUsable(service: string, worker: WorkerId): boolean;
  /** Why it may hold none, to be read after its name; `undefined`: nothing is against it. */
  reasonAgainst(service: string, worker: WorkerId): string | undefined;
  /** The process of this agent has ended: it failed, left, or is paused. */
  isGone(node: string): boolean;
}

/** A partition of a worker, as its process is told. */
export interface WorkerPartition {
  readonly partition: number;
  readonly token: number;
  /** It has to let it go. */
  readonly releasing: boolean;
  /** Another worker has it already, or may soon: this agent was held dead. */
  readonly lost: boolean;
}

/** From whom a partition came. */
export interface Handover {
  readonly from: WorkerId;
  /** What was against it, to be read after its name; `undefined`: nothing, it had more than its share. */
  readonly reason: string | undefined;
}

/** A partition as readers see it. `free`: nobody has it. */
export interface PartitionView {
  readonly partition: number;
  readonly state: 'held' | 'releasing' | 'passing' | 'claimed' | 'free';
  readonly holder: WorkerId | undefined;
  readonly token: number | undefined;
  /** The worker that is to have it, if that is not its holder. */
  readonly next: WorkerId | undefined;
  /** How its holder came to it, if this agent has seen that. */
  readonly handover?: Handover | undefined;
}

export interface PoolView extends PoolId {
  /** With fewer workers in view nobody holds anything. */
  readonly quorum: number;
  readonly workers: readonly (WorkerId & { readonly usable: boolean })[];
  readonly partitions: readonly PartitionView[];
}

/** All pools, for readers. */
export interface PartitionsView {
  /** By service and count. */
  pools(): readonly PoolView[];
  pool(id: PoolId): PoolView | undefined;
  /** What the worker of this session has; `undefined`: it takes part no more. */
  worker(session: string): readonly WorkerPartition[] | undefined;
}

export const poolKey = ({ service, count }: PoolId): string => `${service}:${count}`;

export const isSameWorker = (a: WorkerId | undefined, b: WorkerId | undefined): boolean =>
  a?.node === b?.node && a?.id === b?.id;
