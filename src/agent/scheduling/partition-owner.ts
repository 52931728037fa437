/**
 * The partitions of this agent's workers: it tells the mechanism (partitions/) what it sees of the cluster, and publishes what
 * that decides. Which workers are usable is decided here, since only here members and services are known together.
 */
import { AgentError } from '../../base/errors.ts';
import type { Millis } from '../../base/time.ts';
import type { CatalogView, EntryChange } from '../../catalog/types.ts';
import type { CatalogTopic, TopicSink } from '../../catalog/view.ts';
import type { JobsView } from '../../jobs/types.ts';
import type { WallMillis } from '../../model/job.ts';
import { isPartitionKey, MAX_PARTITIONS, MAX_QUORUM, MAX_WORKER_ID } from '../../model/partition-entries.ts';
import type { EntryWrite } from '../../model/service.ts';
import { Partitions } from '../../partitions/partitions.ts';
import type { PartitionEffect, PartitionsView, PartitionWorld } from '../../partitions/types.ts';
import type { SerfView } from '../../serf/types.ts';
import type { Command } from '../contract/commands.ts';
import type { Effect } from '../contract/machine.ts';
import type { AgentOptions } from '../contract/options.ts';
import { isRunning, isWell, reasonAgainst } from './member-health.ts';

export type PartitionCommand = Extract<
  Command,
  { kind: 'attachWorker' | 'detachWorker' | 'releasePartition' }
>;

export const isPartitionCommand = (command: { readonly kind: string }): command is PartitionCommand =>
  command.kind === 'attachWorker' || command.kind === 'detachWorker' || command.kind === 'releasePartition';

export interface PartitionOwnerContext {
  readonly serf: SerfView;
  readonly catalog: CatalogView;
  /** The clock and the spread time of jobs. */
  readonly jobs: { readonly view: Pick<JobsView, 'spread'>; wall(now: Millis): WallMillis };
  publish(changes: readonly EntryWrite[], now: Millis): void;
  /** As of the input that is being handled: a deadline of long ago would look as if this agent had been suspended. */
  now(): Millis;
}

const SERVICE = /^[a-z0-9._-]{1,128}$/;

export class PartitionOwner {
  readonly view: PartitionsView;
  readonly #options: AgentOptions;
  readonly #context: PartitionOwnerContext;
  readonly #partitions: Partitions;
  readonly #effects: PartitionEffect[] = [];
  /** As of the last input. */
  #now: Millis;

  constructor(options: AgentOptions, context: PartitionOwnerContext) {
    const { name, now } = options;
    this.#options = options;
    this.#context = context;
    this.#now = now;
    this.#partitions = new Partitions(name, now);
    this.view = {
      pools: () => this.#partitions.views(this.#world(this.#now)),
      pool: (id) => this.#partitions.view(id, this.#world(this.#now)),
      worker: (session) => this.#partitions.worker(session),
    };
  }

  get deadline(): Millis {
    return this.#partitions.deadline;
  }

  /** As `JobOwner.onEntriesChanged`. */
  onEntriesChanged(owner: string, changes: readonly EntryChange[], now: Millis = this.#now): void {
    this.#now = now;
    const own = changes.filter(({ key }) => isPartitionKey(key));
    if (own.length > 0) this.#partitions.applyEntries(owner, own, this.#now, this.#world(this.#now));
  }

  /** Members have changed. */
  wake(now: Millis): void {
    this.#now = now;
    this.#partitions.wake(now);
  }

  /** The catalog of a peer is here. */
  settle(now: Millis): void {
    this.#now = now;
    this.#partitions.settle(now);
  }

  /** Passes topics on to `sink`, and looks at the pools of a service whose instances change. */
  watchTopics<S extends TopicSink>(sink: S): S {
    const add = (topic: CatalogTopic): void => {
      sink.add(topic);
      if (topic.startsWith('service:'))
        this.#partitions.onServiceChanged(topic.slice(8), this.#context.now());
    };
    return { add, has: (topic: CatalogTopic) => sink.has(topic) } as S;
  }

  /** Throws `AgentError` with nothing changed. */
  handleCommand(command: PartitionCommand, now: Millis, out: Effect[]): void {
    this.#now = now;
    switch (command.kind) {
      case 'attachWorker':
        this.#attach(command, now);
        break;
      case 'detachWorker':
        this.#partitions.detach(command.session, command.inOrder, now, this.#effects);
        break;
      case 'releasePartition': {
        const { session, partition, token } = command;
        if (!this.#partitions.release(session, partition, token, now))
          throw new AgentError('notFound', 'This worker does not take part any more: begin again');
      }
    }
    this.#runEffects(now, out);
    this.tick(now, out);
  }

  tick(now: Millis, out: Effect[]): void {
    this.#now = now;
    if (this.#partitions.deadline > now) return;
    this.#partitions.advance(now, this.#world(now), this.#effects);
    this.#runEffects(now, out);
  }

  #attach(command: Extract<Command, { kind: 'attachWorker' }>, now: Millis): void {
    const { pool, worker, quorum = 1 } = command;
    const { service, count } = pool;
    if (!SERVICE.test(service)) throw new AgentError('badRequest', `"${service}" is no name of a service`);
    if (!Number.isInteger(count) || count < 1 || count > MAX_PARTITIONS)
      throw new AgentError('badRequest', `The number of partitions must be 1 to ${MAX_PARTITIONS}`);
    if (!Number.isInteger(quorum) || quorum < 1 || quorum > MAX_QUORUM)
      throw new AgentError('badRequest', `The quorum must be 1 to ${MAX_QUORUM}`);
    if (worker.length === 0 || worker.length > MAX_WORKER_ID)
      throw new AgentError(
        'badRequest',
        `The ID of an instance that takes part must have 1 to ${MAX_WORKER_ID} characters: register it with a shorter one`,
      );
    if (!this.#partitions.attach({ service, count }, command, now, this.#effects))
      throw new AgentError('tooLarge', 'There are too many worker pools in this cluster: end some of them');
  }

  #world(now: Millis): PartitionWorld {
    const { serf, catalog, jobs } = this.#context;
    const { name } = this.#options;
    const isUsable: PartitionWorld['isUsable'] = (service, { node, id }) =>
      isWell(this.#context, node) &&
      catalog.usable(service).some((one) => one.node === node && one.service.id === id);
    return {
      wall: jobs.wall(now),
      spread: jobs.view.spread,
      isUsable,
      reasonAgainst: (service, worker) =>
        isUsable(service, worker) ? undefined : reasonAgainst(this.#context, worker.node, { service }),
      isGone: (node) => node !== name && !isRunning(serf, node),
    };
  }

  #runEffects(now: Millis, out: Effect[]): void {
    for (const effect of this.#effects.splice(0))
      if (effect.kind === 'publish') this.#context.publish(effect.changes, now);
      else out.push({ kind: 'fact', fact: effect.fact });
  }
}
