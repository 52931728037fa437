/**
 * The index at which each topic last changed, which readers wait for and which Consul calls X-Consul-Index. All that changes
 * with one input has one index.
 */
import type { QueryReport, ReceivedUserEvent } from '../../serf/types.ts';
import type { KeyOperationReport } from '../contract/commands.ts';
import type { IndexedChange, Topic } from '../contract/view.ts';
import { ChangeLog } from './change-log.ts';

/** Topics of queries and key operations that have ended are retained longer than these themselves. */
const MAX_ENDED_TOPICS = 256;
const SERVICE = 'service:';
const NODE = 'node:';
const POOL = 'partitions:';

/** They have an index from the start. */
const STANDING_TOPICS: readonly Topic[] = [
  ...(['anything', 'nodes', 'members', 'services', 'checks', 'jobs', 'partitions'] as const),
  ...(['events', 'queries'] as const),
];

export class TopicIndexes {
  /** The topics that have changed since the last `flush`; the catalog adds its own. */
  readonly changed: Set<Topic>;
  readonly #indexes = new Map<Topic, number>();
  readonly #eventIndexes = new WeakMap<ReceivedUserEvent, number>();
  readonly #changes: ChangeLog;
  /** Members that have changed since the last `flush`. */
  readonly #changedMembers = new Set<string>();
  /** Topics of ended queries and key operations whose indexes are still known, oldest first. */
  readonly #endedTopics: Topic[] = [];
  #index: number;

  /** `seed`: the first index, wall-clock milliseconds, so that none is used twice after a restart (B3 in docs/consul.md). */
  constructor(seed: number, changed: Set<Topic>) {
    this.changed = changed;
    this.#index = Math.max(1, seed);
    this.#changes = new ChangeLog(this.#index);
    for (const topic of STANDING_TOPICS) this.#indexes.set(topic, this.#index);
  }

  indexOf(topics: readonly Topic[]): number {
    let largest = 1;
    for (const topic of topics) {
      // A name that no node has yet can be waited for: its index is the least.
      const index = this.#indexes.get(topic) ?? 1;
      if (index > largest) largest = index;
    }
    return largest;
  }

  changesAfter(index: number): readonly IndexedChange[] | undefined {
    return this.#changes.after(index, this.#index);
  }

  indexOfEvent(event: ReceivedUserEvent): number {
    return this.#eventIndexes.get(event) ?? 1;
  }

  onQueryUpdated({ id, finished }: QueryReport): void {
    this.#markTask(`query:${id}`, finished);
  }

  onKeyOperationUpdated({ id, finished }: KeyOperationReport): void {
    this.#markTask(`keys:${id}`, finished);
  }

  onSyncEnded(id: number): void {
    this.#markTask(`sync:${id}`, true);
  }

  #markTask(topic: Topic, finished: boolean): void {
    this.changed.add(topic);
    if (finished) this.#endedTopics.push(topic);
    if (this.#endedTopics.length > MAX_ENDED_TOPICS) this.#indexes.delete(this.#endedTopics.shift() as Topic);
  }

  /** A user event was received. `forgotten`: the name of an older one that was dropped for it, if none of this name is left. */
  onUserEvent(event: ReceivedUserEvent, forgotten: string | undefined): void {
    // Clients recognize the events that they have seen by the index, so each event has one of its own.
    this.#index += 1;
    this.#eventIndexes.set(event, this.#index);
    for (const topic of ['events', `event:${event.name}`] as const) {
      this.changed.add(topic);
      this.#indexes.set(topic, this.#index);
    }
    // The index of a name is dropped with its last event: the number of names is not bounded.
    if (forgotten !== undefined) this.#indexes.delete(`event:${forgotten}`);
  }

  /** A reader can see a change of this member; `listed` if the list of nodes shows it, too. */
  markMemberChanged(name: string, listed: boolean): void {
    this.changed.add('members');
    this.#changedMembers.add(name);
    if (!listed) return;
    this.changed.add('nodes');
    this.changed.add(`node:${name}`);
  }

  /** The topics that have changed since the last call, each with a new index; `undefined` if none have. */
  flush(): readonly Topic[] | undefined {
    if (this.changed.size === 0) return undefined;
    this.#index += 1;
    this.changed.add('anything');
    const topics = [...this.changed];
    for (const topic of topics) {
      if (!isEventTopic(topic)) this.#indexes.set(topic, this.#index);
      if (topic.startsWith(SERVICE))
        this.#changes.append('service', topic.slice(SERVICE.length), this.#index);
      else if (topic.startsWith(POOL))
        this.#changes.append('partitions', topic.slice(POOL.length), this.#index);
      else if (topic.startsWith(NODE) && !this.#changedMembers.has(topic.slice(NODE.length)))
        this.#changes.append('node', topic.slice(NODE.length), this.#index);
    }
    for (const name of this.#changedMembers) this.#changes.append('member', name, this.#index);
    this.#changedMembers.clear();
    this.changed.clear();
    return topics;
  }

  /** Drops the topic of a reaped member: the number of names is not bounded. */
  evictMember(name: string): void {
    this.changed.delete(`node:${name}`);
    this.#indexes.delete(`node:${name}`);
  }
}

/** These have the index of their last event. */
const isEventTopic = (topic: Topic): boolean => topic === 'events' || topic.startsWith('event:');
