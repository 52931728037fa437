/** What is scheduled without a coordinator: jobs, and the partitions of worker pools. Both live in entries that readers do not see. */
import type { Millis } from '../../base/time.ts';
import type { EntryChange } from '../../catalog/types.ts';
import type { TopicSink } from '../../catalog/view.ts';
import type { JobsView } from '../../jobs/types.ts';
import type { PartitionsView } from '../../partitions/types.ts';
import type { Effect } from '../contract/machine.ts';
import type { AgentOptions } from '../contract/options.ts';
import { type JobCommand, JobOwner, type JobOwnerContext } from './job-owner.ts';
import {
  isPartitionCommand,
  type PartitionCommand,
  PartitionOwner,
  type PartitionOwnerContext,
} from './partition-owner.ts';

export type SchedulingCommand = JobCommand | PartitionCommand;

export const isSchedulingCommand = (command: { readonly kind: string }): command is SchedulingCommand =>
  isPartitionCommand(command) ||
  command.kind === 'registerJob' ||
  command.kind === 'deregisterJob' ||
  command.kind === 'orderJob';

export class Scheduling {
  readonly jobs: JobOwner;
  readonly #partitions: PartitionOwner;

  constructor(options: AgentOptions, context: JobOwnerContext & Pick<PartitionOwnerContext, 'now'>) {
    this.jobs = new JobOwner(options, context);
    this.#partitions = new PartitionOwner(options, { ...context, jobs: this.jobs });
  }

  /** What readers see. */
  get views(): { readonly jobs: JobsView; readonly partitions: PartitionsView } {
    return { jobs: this.jobs.view, partitions: this.#partitions.view };
  }

  get deadline(): Millis {
    return Math.min(this.jobs.deadline, this.#partitions.deadline);
  }

  /** As `PartitionOwner.watchTopics`. */
  watchTopics<S extends TopicSink>(sink: S): S {
    return this.#partitions.watchTopics(sink);
  }

  /** Without `now` it is that of the last call: a deadline of long ago would look as if this agent had been suspended. */
  onEntriesChanged(owner: string, changes: readonly EntryChange[], now?: Millis): void {
    this.jobs.onEntriesChanged(owner, changes, now);
    this.#partitions.onEntriesChanged(owner, changes, now);
  }

  /** Members or their tags have changed. */
  wake(now: Millis): void {
    this.jobs.wake(now);
    this.#partitions.wake(now);
  }

  /** The catalog of a peer is here. */
  settle(now: Millis): void {
    this.jobs.settle(now);
    this.#partitions.settle(now);
  }

  /** Throws `AgentError` with nothing changed. */
  handleCommand(command: SchedulingCommand, now: Millis, out: Effect[]): void {
    if (isPartitionCommand(command)) this.#partitions.handleCommand(command, now, out);
    else this.jobs.handleCommand(command, now, out);
  }

  tick(now: Millis, out: Effect[]): void {
    this.jobs.tick(now, out);
    this.#partitions.tick(now, out);
  }
}
