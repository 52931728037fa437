/** The in-process client of the agent: the view, commands with their replies, and subscriptions to topics. */

import type { AgentHandle, ReaderGauge } from '../agent/contract/agent-handle.ts';
import type {
  Command,
  CommandRequest,
  CommandResult,
  CommandValue,
  CommandValues,
  RequestId,
  Seed,
} from '../agent/contract/commands.ts';
import type { Input } from '../agent/contract/machine.ts';
import type { Topic, View } from '../agent/contract/view.ts';
import { assert } from '../base/assert.ts';
import { AgentError } from '../base/errors.ts';

/** The shell's side of an agent handle. */
export interface AgentHandleController {
  readonly handle: AgentHandle;
  /** Completes one request. */
  reply(request: RequestId, result: CommandResult): void;
  /** Wakes each subscriber to one of these topics once. */
  notify(topics: readonly Topic[]): void;
  /** Readers that have not been sent what the view shows at `index`, by default the present one. */
  count(index: number | undefined): { readonly index: number; readonly waiting: number };
  /** Rejects pending and later commands, and wakes all subscribers. */
  close(): void;
}

export function createAgentHandle(options: {
  readonly view: View;
  dispatch(input: Input): void;
  resolve(seeds: readonly string[]): Promise<readonly Seed[]>;
}): AgentHandleController {
  const requests = new PendingRequests(options.dispatch);
  const subscriptions = new TopicSubscriptions();
  const gauges = new Set<ReaderGauge>();
  return {
    handle: {
      view: options.view,
      // The agent replies to each command as `CommandValues` says; this is the only place that ties the two together.
      execute: async <C extends CommandRequest>(command: C) =>
        (await requests.execute(await withResolvedSeeds(command, options.resolve))) as CommandValue<C>,
      subscribe: (topics, wake) => subscriptions.subscribe(topics, wake),
      addReaders: (readers) => {
        gauges.add(readers);
        return () => void gauges.delete(readers);
      },
    },
    reply: (request, result) => requests.reply(request, result),
    notify: (topics) => subscriptions.notify(topics),
    count: (index = options.view.indexOf(['anything'])) => {
      let waiting = 0;
      for (const readers of gauges) waiting += readers.countBehind(index);
      return { index, waiting };
    },
    close: () => {
      requests.close();
      subscriptions.close();
    },
  };
}

async function withResolvedSeeds(
  command: CommandRequest,
  resolve: (seeds: readonly string[]) => Promise<readonly Seed[]>,
): Promise<Command> {
  return command.kind === 'join' ? { ...command, seeds: await resolve(command.seeds) } : command;
}

type ReplyValue = CommandValues[keyof CommandValues];

interface PendingRequest {
  resolve(value: ReplyValue): void;
  reject(error: AgentError): void;
}

class PendingRequests {
  readonly #dispatch: (input: Input) => void;
  readonly #pending = new Map<RequestId, PendingRequest>();
  #next: RequestId = 1;
  #closed = false;

  constructor(dispatch: (input: Input) => void) {
    this.#dispatch = dispatch;
  }

  execute(command: Command): Promise<ReplyValue> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(stoppingError());
      const request = this.#next++;
      this.#pending.set(request, { resolve, reject });
      this.#dispatch({ kind: 'command', request, command });
    });
  }

  reply(request: RequestId, result: CommandResult): void {
    const pending = this.#pending.get(request);
    if (pending === undefined) return;
    this.#pending.delete(request);
    if (result.ok) pending.resolve(result.value);
    else pending.reject(result.error);
  }

  close(): void {
    this.#closed = true;
    for (const pending of this.#pending.values()) pending.reject(stoppingError());
    this.#pending.clear();
  }
}

const stoppingError = (): AgentError => new AgentError('failed', 'the agent is stopping: use another agent');

/** All subscribers to the same topics: thousands of blocking queries read the same thing. */
interface TopicGroup {
  readonly topics: readonly Topic[];
  readonly wakes: Set<() => void>;
}

/** Subscribers by topic. A notification costs the topics that changed, their groups and the subscribers in them. */
class TopicSubscriptions {
  readonly #groups = new Map<string, TopicGroup>();
  readonly #byTopic = new Map<Topic, Set<TopicGroup>>();
  #closed = false;

  /** After `close` the subscriber is woken once, soon; it is never called before this returns. */
  subscribe(topics: readonly Topic[], wake: () => void): () => void {
    // Each subscription has a function of its own, so that one callback may subscribe twice.
    const ownWake = (): void => wake();
    if (this.#closed) {
      queueMicrotask(ownWake);
      return () => undefined;
    }
    const key = JSON.stringify(topics);
    const group = this.#groups.get(key) ?? this.#addGroup(key, topics);
    group.wakes.add(ownWake);
    return () => {
      if (group.wakes.delete(ownWake) && group.wakes.size === 0) this.#removeGroup(key, group);
    };
  }

  /** Copies what it walks through: a subscriber may unsubscribe, or subscribe anew, when it is woken. */
  notify(topics: readonly Topic[]): void {
    const due = new Set<TopicGroup>();
    for (const topic of topics) for (const group of this.#byTopic.get(topic) ?? NO_GROUPS) due.add(group);
    for (const { wakes } of due) for (const wake of [...wakes]) if (wakes.has(wake)) wake();
  }

  close(): void {
    this.#closed = true;
    this.notify([...this.#byTopic.keys()]);
    this.#byTopic.clear();
    this.#groups.clear();
  }

  #addGroup(key: string, topics: readonly Topic[]): TopicGroup {
    const group: TopicGroup = { topics, wakes: new Set() };
    this.#groups.set(key, group);
    for (const topic of topics) {
      const groups = this.#byTopic.get(topic);
      if (groups === undefined) this.#byTopic.set(topic, new Set([group]));
      else groups.add(group);
    }
    return group;
  }

  #removeGroup(key: string, group: TopicGroup): void {
    // Invariant: a group is listed by its key and its topics for as long as it has a subscriber.
    assert(group.wakes.size === 0, 'a group of subscribers is removed while it has some');
    this.#groups.delete(key);
    for (const topic of group.topics) {
      const groups = this.#byTopic.get(topic);
      if (groups?.delete(group) === true && groups.size === 0) this.#byTopic.delete(topic);
    }
  }
}

const NO_GROUPS: ReadonlySet<TopicGroup> = new Set();
