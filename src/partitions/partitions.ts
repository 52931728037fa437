/**
 * Partitions of worker pools without a coordinator: which worker holds which, and how they go from one to the other. Every
 * agent computes the same plan from what all publish; only the agent that has a partition acts on it.
 */
import { type Millis, NEVER } from '../base/time.ts';
import type { EntryChange } from '../catalog/types.ts';
import { type BoardPool, PartitionBoard } from './board.ts';
import { parsePartitionKey } from './entries.ts';
import { Handovers } from './handovers.ts';
import { LocalPool } from './local-pool.ts';
import { claimantOf, type Plan, planOf, usableWorkers } from './plan.ts';
import {
  isSameWorker,
  type PartitionEffect,
  type PartitionView,
  type PartitionWorld,
  type PoolId,
  type PoolView,
  poolKey,
  type WorkerPartition,
} from './types.ts';

/** An agent that starts, or was suspended, first hears what others have. */
const SETTLE: Millis = 5000;
/** An agent that looks at its pools this late was suspended. */
const STALL: Millis = 2000;

export interface NewWorker {
  /** The ID of its instance. */
  readonly worker: string;
  readonly session: string;
  /** With fewer workers in view nobody holds anything; 1 by default. */
  readonly quorum?: number;
}

interface Session {
  readonly id: string;
  readonly service: string;
  readonly pool: LocalPool;
}

export class Partitions {
  readonly board = new PartitionBoard();
  readonly #handovers = new Handovers();
  readonly #self: string;
  /** The pools that this agent has a part in. */
  readonly #pools = new Map<string, LocalPool>();
  /** The workers of this agent that take part, by their session. */
  readonly #sessions = new Map<string, Session>();
  #settledAt: Millis;
  #deadline: Millis = NEVER;

  constructor(self: string, now: Millis) {
    this.#self = self;
    this.#settledAt = now + SETTLE;
  }

  get deadline(): Millis {
    return this.#deadline;
  }

  /** Something that decides about partitions has changed: to be called before `advance`. */
  wake(now: Millis): void {
    if (this.#pools.size > 0) this.#deadline = Math.min(this.#deadline, now);
  }

  /** This agent has heard the catalog of a peer: it knows what others have. */
  settle(now: Millis): void {
    this.#settledAt = Math.min(this.#settledAt, now);
    this.wake(now);
  }

  /** What this agent has published itself it knows already, but not how that came about. */
  applyEntries(owner: string, changes: readonly EntryChange[], now: Millis, world: PartitionWorld): void {
    const touched = owner === this.#self ? [] : this.board.apply(owner, changes);
    for (const { key } of changes) {
      const parsed = parsePartitionKey(key);
      const pool = parsed && this.board.pools.get(poolKey(parsed.pool));
      if (pool === undefined || parsed === undefined || !('partition' in parsed)) continue;
      this.#handovers.note(pool, parsed.partition, world);
      // Its last worker may have ended while this was on its way: nobody else may take it.
      if (pool.rows(parsed.partition).get(owner)?.to?.node === this.#self) this.#openPool(pool);
    }
    for (const name of touched) if (this.#pools.has(name)) this.#deadline = Math.min(this.#deadline, now);
  }

  /** Some instance of a service has changed. */
  onServiceChanged(service: string, now: Millis): void {
    // Not only where workers are: an agent whose last one has ended may still have partitions to pass on.
    for (const pool of this.#pools.values())
      if (pool.service === service) this.#deadline = Math.min(this.#deadline, now);
  }

  /**
   * A process takes part as this instance from now on, in place of any that did before. False: there are too many pools.
   * No two processes have the same `session`.
   */
  attach(
    id: PoolId,
    { worker, session, quorum = 1 }: NewWorker,
    now: Millis,
    out: PartitionEffect[],
  ): boolean {
    const board = this.board.pools.get(poolKey(id)) ?? this.board.create(id);
    if (board === undefined) return false;
    const pool = this.#openPool(board);
    const earlier = pool.sessionOf(worker);
    if (earlier !== undefined) this.detach(earlier, false, now, out);
    pool.attach(worker, session, quorum);
    this.#sessions.set(session, { id: worker, service: id.service, pool });
    out.push({ kind: 'fact', fact: { kind: 'workerAttached', service: id.service, worker } });
    this.wake(now);
    return true;
  }

  #openPool(board: BoardPool): LocalPool {
    const known = this.#pools.get(poolKey(board.id));
    if (known !== undefined) return known;
    const pool = new LocalPool(this.#self, board, (at) => {
      this.#deadline = Math.min(this.#deadline, at);
    });
    this.#pools.set(poolKey(board.id), pool);
    return pool;
  }

  /** The process is gone. `inOrder`: it has let all its partitions go before. False: it does not take part. */
  detach(session: string, inOrder: boolean, now: Millis, out: PartitionEffect[]): boolean {
    const found = this.#sessions.get(session);
    if (found === undefined) return false;
    const { id: worker, service, pool } = found;
    this.#sessions.delete(session);
    pool.detach(worker, inOrder, now);
    out.push({ kind: 'fact', fact: { kind: 'workerDetached', service, worker } });
    this.wake(now);
    return true;
  }

  /** The process of a session has let a partition go. False: it does not take part. */
  release(session: string, partition: number, token: number, now: Millis): boolean {
    const found = this.#sessions.get(session);
    found?.pool.release(session, partition, token, now);
    this.wake(now);
    return found !== undefined;
  }

  advance(now: Millis, world: PartitionWorld, out: PartitionEffect[]): void {
    if (now - this.#deadline > STALL) {
      this.#settledAt = Math.max(this.#settledAt, now + SETTLE);
      for (const pool of this.#pools.values()) pool.withdrawClaims();
    }
    this.#deadline = now < this.#settledAt && this.#pools.size > 0 ? this.#settledAt : NEVER;
    for (const [name, pool] of this.#pools) {
      pool.advance(now, world, now >= this.#settledAt, out);
      if (pool.isIdle && now >= this.#settledAt) this.#pools.delete(name);
    }
  }

  /** What the process of a session has; `undefined`: it takes part no more. */
  worker(session: string): readonly WorkerPartition[] | undefined {
    return this.#sessions.get(session)?.pool.partitionsOf(session);
  }

  /** All pools that have workers or partitions, by their name. */
  views(world: PartitionWorld): readonly PoolView[] {
    return [...this.board.pools]
      .filter(([, pool]) => !pool.isEmpty)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, pool]) => viewOf(pool, world, this.#handovers));
  }

  view(id: PoolId, world: PartitionWorld): PoolView | undefined {
    const pool = this.board.pools.get(poolKey(id));
    return pool === undefined || pool.isEmpty ? undefined : viewOf(pool, world, this.#handovers);
  }
}

function viewOf(pool: BoardPool, world: PartitionWorld, handovers: Handovers): PoolView {
  const plan = planOf(pool, usableWorkers(pool, world), world);
  const workers = pool
    .allWorkers()
    .filter(({ node }) => !world.isGone(node))
    .map((worker) => ({ ...worker, usable: world.isUsable(pool.id.service, worker) }))
    .sort((a, b) => (a.node < b.node || (a.node === b.node && a.id < b.id) ? -1 : 1));
  const partitions = plan.map((_, partition) => {
    const one = viewOfPartition(pool, partition, plan, world);
    const handover = one.holder && handovers.get(pool, partition, one.holder);
    return handover === undefined ? one : { ...one, handover };
  });
  return { ...pool.id, quorum: pool.quorum, workers, partitions };
}

function viewOfPartition(
  pool: BoardPool,
  partition: number,
  plan: Plan,
  world: PartitionWorld,
): PartitionView {
  const baton = pool.baton(partition, (node) => world.isGone(node));
  const target = plan[partition];
  if (baton === undefined) {
    const claimant = claimantOf(pool, partition, world);
    const state = claimant === undefined ? 'free' : 'claimed';
    return { partition, state, holder: undefined, token: undefined, next: claimant ?? target };
  }
  const { publisher, row } = baton;
  if (row.state === 'kept' || row.state === 'passed')
    return { partition, state: 'passing', holder: undefined, token: row.token, next: row.to ?? target };
  const holder = { node: publisher, id: row.worker };
  return {
    ...{ partition, state: row.state === 'held' ? 'held' : 'releasing', holder, token: row.token },
    next: isSameWorker(target, holder) ? undefined : target,
  };
}
