/**
 * The part that this agent has in one worker pool. A partition goes from worker to worker like a baton: its agent has it
 * released, names the next one, and only that one may take it, so that nobody has to wait. Only if the agent that has it is
 * gone, or nobody ever had it, is it claimed: the claim waits one spread time, so that of two that claim it one yields.
 */
import { type Millis, NEVER } from '../base/time.ts';
import { Hash } from '../catalog/hash.ts';
import type { EntryWrite } from '../model/service.ts';
import { compareClaimants } from './assign.ts';
import type { BoardPool } from './board.ts';
import { encodeWorker, workerKey } from './entries.ts';
import { type OwnRow, OwnRows } from './own-rows.ts';
import { type Plan, planOf, usableWorkers } from './plan.ts';
import {
  isSameWorker,
  type PartitionEffect,
  type PartitionFact,
  type PartitionRow,
  type PartitionWorld,
  poolKey,
  type WorkerId,
  type WorkerPartition,
} from './types.ts';

/** The workers must have been the same for this long before partitions are moved between two that are well. */
const SETTLE: Millis = 200;
/** A process whose connection has closed without a word may live: it has this long to see that, and to stop. */
const CLOSED_GRACE: Millis = 250;
/** A partition without workers is forgotten after this time. */
const KEEP: Millis = 60_000;
/** Tokens of claims begin with the time, so that they rise although all that knew of earlier ones are gone. */
const TOKENS_PER_MS = 1024;

/** What one step works with. */
interface Step {
  readonly now: Millis;
  readonly world: PartitionWorld;
  readonly plan: Plan;
  readonly usable: readonly WorkerId[];
  /** The workers have been the same for a while. */
  readonly mayMove: boolean;
  /** This agent has heard what others have. */
  readonly mayClaim: boolean;
  readonly out: PartitionEffect[];
}

export class LocalPool {
  readonly #self: string;
  readonly #pool: BoardPool;
  readonly #wakeAt: (at: Millis) => void;
  readonly #rows: OwnRows;
  /** The session of each worker that takes part, by the ID of its instance. */
  readonly #sessions = new Map<string, string>();
  /** IDs of workers that have come or gone since the last publication. */
  readonly #changedWorkers = new Set<string>();
  /** When partitions may be taken that were passed to this agent, and that another one may have. */
  readonly #takesDue = new Map<number, Millis>();
  #usableKey = '';
  #usableSince: Millis = 0;

  constructor(self: string, pool: BoardPool, wakeAt: (at: Millis) => void) {
    this.#self = self;
    this.#pool = pool;
    this.#wakeAt = wakeAt;
    this.#rows = new OwnRows(self, pool);
  }

  get service(): string {
    return this.#pool.id.service;
  }

  /** Nothing is left to do here. */
  get isIdle(): boolean {
    const isWaiting = this.#takesDue.size > 0;
    return (
      this.#sessions.size === 0 && this.#rows.size === 0 && this.#changedWorkers.size === 0 && !isWaiting
    );
  }

  sessionOf(id: string): string | undefined {
    return this.#sessions.get(id);
  }

  partitionsOf(session: string): readonly WorkerPartition[] {
    return this.#rows.ofSession(session);
  }

  attach(id: string, session: string, quorum = 1): void {
    this.#sessions.set(id, session);
    this.#pool.setWorker(this.#self, id, quorum);
    this.#changedWorkers.add(id);
  }

  /** `inOrder`: its process has let all its partitions go. */
  detach(id: string, inOrder: boolean, now: Millis): void {
    const session = this.#sessions.get(id);
    this.#sessions.delete(id);
    this.#pool.setWorker(this.#self, id, undefined);
    this.#changedWorkers.add(id);
    for (const [partition, own] of this.#rows.all()) {
      if (own.session !== session) continue;
      if (own.row.state === 'claimed') this.#rows.delete(partition);
      if (own.row.state === 'held') this.#rows.update(own, { state: 'releasing' });
      if (own.row.state === 'releasing') own.at = inOrder ? now : now + CLOSED_GRACE;
    }
  }

  /** The process of a session has let a partition go. Nothing happens if it was not told to, or has another token. */
  release(session: string, partition: number, token: number, now: Millis): void {
    const own = this.#rows.get(partition);
    if (own?.session === session && own.row.state === 'releasing' && own.row.token === token) own.at = now;
  }

  /** This agent was suspended: others may have claimed the same meanwhile. */
  withdrawClaims(): void {
    for (const [partition, { row }] of this.#rows.all())
      if (row.state === 'claimed') this.#rows.delete(partition);
  }

  advance(now: Millis, world: PartitionWorld, mayClaim: boolean, out: PartitionEffect[]): void {
    const usable = usableWorkers(this.#pool, world);
    const key = JSON.stringify(usable);
    if (key !== this.#usableKey) this.#usableSince = now;
    this.#usableKey = key;
    const mayMove = now >= this.#usableSince + SETTLE;
    if (!mayMove) this.#wakeAt(this.#usableSince + SETTLE);
    const plan = planOf(this.#pool, usable, world);
    const step = { now, world, plan, usable, mayMove, mayClaim, out };
    for (let partition = 0; partition < this.#pool.id.count; partition++) {
      const own = this.#rows.get(partition);
      if (own !== undefined) this.#advanceRow(own, step);
      if (this.#rows.get(partition) === undefined) this.#consider(partition, step);
    }
    const changes = [...this.#consumeWorkerWrites(), ...this.#rows.consumeWrites()];
    if (changes.length > 0) out.push({ kind: 'publish', changes });
  }

  /** One for each worker: of two in one publication the removal would be the last. */
  #consumeWorkerWrites(): EntryWrite[] {
    const { id: pool, workers } = this.#pool;
    const writes = [...this.#changedWorkers].map((id): EntryWrite => {
      const quorum = workers.get(this.#self)?.get(id);
      return quorum === undefined ? { remove: workerKey(pool, id) } : { put: encodeWorker(pool, id, quorum) };
    });
    this.#changedWorkers.clear();
    return writes;
  }

  /** A partition that this agent has nothing to do with yet: it may have been passed to it, or be nobody's. */
  #consider(partition: number, step: Step): void {
    const { now, world, plan } = step;
    const baton = this.#pool.baton(partition, (node) => world.isGone(node));
    if (baton?.row.to?.node === this.#self && step.mayClaim) {
      if (this.#isTakeDue(baton.row, step)) this.#take(baton.row, baton.row.to.id, step);
      return;
    }
    this.#takesDue.delete(partition);
    if (baton !== undefined) return;
    const target = plan[partition];
    const session = target?.node === this.#self ? this.#sessions.get(target.id) : undefined;
    if (target === undefined || session === undefined || !step.mayClaim) return;
    if (this.#liveClaims(partition, world).length > 0) return;
    const token = Math.max(this.#pool.highest(partition) + 1, this.#firstToken(world));
    this.#rows.add({ partition, state: 'claimed', token, worker: target.id }, session, now + world.spread);
    this.#wakeAt(now + world.spread);
  }

  /** Where another one may have it, its row is on its way: it is here one spread time later. */
  #isTakeDue({ partition, token }: PartitionRow, { now, world }: Step): boolean {
    const rows = [...this.#pool.rows(partition).values()];
    const mayBeWithAnother =
      token < this.#pool.highest(partition) || rows.some((row) => this.#mayHaveTaken(row, world));
    if (!mayBeWithAnother) return true;
    const due = this.#takesDue.get(partition) ?? now + world.spread;
    this.#takesDue.set(partition, due);
    if (now < due) this.#wakeAt(due);
    return now >= due;
  }

  /** Another agent to which this was passed: it has published no higher token yet. */
  #mayHaveTaken({ partition, to, token }: PartitionRow, world: PartitionWorld): boolean {
    if (to === undefined || to.node === this.#self || world.isGone(to.node)) return false;
    return (this.#pool.rows(partition).get(to.node)?.token ?? 0) <= token;
  }

  #advanceRow(own: OwnRow, step: Step): void {
    const { partition, state } = own.row;
    const isSuperseded = state !== 'claimed' && this.#rows.isSuperseded(own);
    switch (state) {
      case 'claimed':
        return this.#advanceClaim(own, step);
      case 'held':
        return this.#advanceHeld(own, isSuperseded, step);
      case 'releasing':
        own.lost ||= isSuperseded;
        return step.now < own.at ? this.#wakeAt(own.at) : this.#letGo(own, step);
      case 'kept':
        return isSuperseded ? this.#rows.delete(partition) : this.#passOn(own, step);
      case 'passed':
        return this.#advancePassed(own, isSuperseded, step);
    }
  }

  #advanceClaim(own: OwnRow, { now, world, plan, usable, out }: Step): void {
    const { partition, worker, token } = own.row;
    const claimant = { node: this.#self, id: worker };
    const isWanted = isSameWorker(plan[partition], claimant) && isAmong(usable, claimant);
    const baton = this.#pool.baton(partition, (node) => world.isGone(node));
    const rivals = this.#liveClaims(partition, world);
    const yields = rivals.some(
      (rival) => compareClaimants(poolKey(this.#pool.id), partition, rival, claimant) < 0,
    );
    if (!isWanted || yields || baton !== undefined) return this.#rows.delete(partition);
    if (rivals.length > 0 && !own.contested) {
      // A rival may have begun before it could hear of this claim: that is known one spread time later.
      own.contested = true;
      own.at += world.spread;
    }
    if (now < own.at) return this.#wakeAt(own.at);
    this.#hold(own, Math.max(token, this.#pool.highest(partition) + 1), out);
  }

  #advanceHeld(own: OwnRow, isSuperseded: boolean, { plan, usable, mayMove, out }: Step): void {
    const { partition, worker } = own.row;
    const holder = { node: this.#self, id: worker };
    const target = plan[partition];
    if (isSuperseded) {
      own.lost = true;
      out.push(this.#fact('partitionLost', own));
    } else if (isAmong(usable, holder)) {
      if (isSameWorker(target, holder) || !mayMove) return;
    }
    own.at = NEVER;
    this.#rows.update(own, { state: 'releasing' });
  }

  #advancePassed(own: OwnRow, isSuperseded: boolean, { now, world }: Step): void {
    const { partition, to } = own.row;
    if (!isSuperseded) {
      if (to !== undefined && world.isGone(to.node)) this.#rows.delete(partition);
      return;
    }
    const baton = this.#pool.baton(partition, (node) => world.isGone(node));
    const comesBack = baton?.row.to?.node === this.#self;
    if (comesBack && !this.#mayHaveTaken(own.row, world)) return this.#rows.delete(partition);
    // Others may hear of the removal before they hear who has taken it.
    if (own.at === NEVER) own.at = now + 2 * world.spread;
    return now < own.at ? this.#wakeAt(own.at) : this.#rows.delete(partition);
  }

  /** What was passed to a worker of this agent. If that is not usable any more the next one has it. */
  #take(passed: PartitionRow, id: string, step: Step): void {
    const worker = { node: this.#self, id };
    const session = isAmong(step.usable, worker) ? this.#sessions.get(id) : undefined;
    // Who passes it on at once does not wait, since the next one does.
    if (session !== undefined && this.#isWithAnother(passed.partition, step.world)) return;
    const row: PartitionRow = {
      partition: passed.partition,
      state: 'kept',
      token: this.#nextToken(passed),
      worker: '',
    };
    const own = this.#rows.add(row, '', step.now + KEEP);
    this.#takesDue.delete(passed.partition);
    if (session === undefined) return this.#passOn(own, step);
    own.session = session;
    this.#rows.update(own, { worker: id });
    this.#hold(own, row.token, step.out);
  }

  #letGo(own: OwnRow, step: Step): void {
    step.out.push(this.#fact('partitionReleased', own));
    if (this.#rows.isSuperseded(own)) return this.#rows.delete(own.row.partition);
    own.session = '';
    own.at = step.now + KEEP;
    this.#rows.update(own, { state: 'kept', worker: '' });
    this.#passOn(own, step);
  }

  /** To the worker that is to have it; while there is none this agent keeps it for a while. */
  #passOn(own: OwnRow, { plan, now, world, out }: Step): void {
    const { partition } = own.row;
    const to = plan[partition];
    const session = to?.node === this.#self ? this.#sessions.get(to.id) : undefined;
    if (to === undefined || (to.node === this.#self && session === undefined))
      return now < own.at ? this.#wakeAt(own.at) : this.#rows.delete(partition);
    if (session === undefined) {
      own.at = NEVER;
      return this.#rows.update(own, { state: 'passed', to });
    }
    if (this.#isWithAnother(partition, world)) return;
    own.session = session;
    this.#rows.update(own, { worker: to.id });
    this.#hold(own, this.#nextToken(own.row), out);
  }

  #hold(own: OwnRow, token: number, out: PartitionEffect[]): void {
    own.at = NEVER;
    this.#rows.update(own, { state: 'held', token });
    out.push(this.#fact('partitionAcquired', own));
  }

  /**
   * A worker may have a partition with a token that was exceeded on another side of a network partition, and has to let it go before
   * the next one begins; or an agent keeps it, and may pass it to another worker. It removes its row as soon as it hears of the
   * higher token.
   */
  #isWithAnother(partition: number, world: PartitionWorld): boolean {
    return [...this.#pool.rows(partition)].some(
      ([node, { state }]) => node !== this.#self && state !== 'passed' && !world.isGone(node),
    );
  }

  #liveClaims(partition: number, world: PartitionWorld): readonly WorkerId[] {
    return [...this.#pool.rows(partition)].flatMap(([node, { state, worker }]) =>
      node !== this.#self && state === 'claimed' && !world.isGone(node) ? [{ node, id: worker }] : [],
    );
  }

  /** Higher than any that this agent has seen, also of holders that are gone. */
  #nextToken({ partition, token }: PartitionRow): number {
    return Math.max(token, this.#pool.highest(partition)) + 1;
  }

  /** Agents on two sides of a network partition are unlikely to choose the same. */
  #firstToken({ wall }: PartitionWorld): number {
    return Math.trunc(wall) * TOKENS_PER_MS + (new Hash().updateText(this.#self).high % TOKENS_PER_MS);
  }

  #fact(kind: 'partitionAcquired' | 'partitionReleased' | 'partitionLost', own: OwnRow): PartitionEffect {
    const { partition, worker, token } = own.row;
    const fact: PartitionFact = { kind, service: this.service, partition, worker, token };
    return { kind: 'fact', fact };
  }
}

const isAmong = (workers: readonly WorkerId[], worker: WorkerId): boolean =>
  workers.some((one) => isSameWorker(one, worker));
