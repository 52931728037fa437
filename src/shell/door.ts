/** How readers reach the machine: commands and their answers, waits for a change, the view. */

import type {
  Command,
  CommandRequest,
  CommandResult,
  CommandValue,
  CommandValues,
  RequestId,
  Seed,
} from '../agent/contract/commands.ts';
import type { AgentHandle } from '../agent/contract/door.ts';
import type { Input } from '../agent/contract/machine.ts';
import type { Topic, View } from '../agent/contract/view.ts';
import { AgentError } from '../base/errors.ts';

/** The shell's side of the door. */
export interface AgentHandleController {
  readonly handle: AgentHandle;
  /** Answers one request. */
  reply(request: RequestId, result: CommandResult): void;
  /** Wakes everyone who waits for one of these, each once. */
  notify(topics: readonly Topic[]): void;
  /** Refuses what is pending and what comes later, and wakes everyone. */
  close(): void;
}

export function createAgentHandle(options: {
  readonly view: View;
  feed(input: Input): void;
  resolve(seeds: readonly string[]): Promise<readonly Seed[]>;
}): AgentHandleController {
  const asks = new PendingRequests(options.feed);
  const watchers = new Watchers();
  return {
    handle: {
      view: options.view,
      // The agent answers each command as `Answers` says; only there are the two tied together.
      execute: async <C extends CommandRequest>(asked: C) =>
        (await asks.execute(await withResolvedSeeds(asked, options.resolve))) as CommandValue<C>,
      waitForChange: (topics, signal) => watchers.waitForChange(topics, signal),
    },
    reply: (request, result) => asks.reply(request, result),
    notify: (topics) => watchers.notify(topics),
    close: () => {
      asks.close();
      watchers.close();
    },
  };
}

async function withResolvedSeeds(
  asked: CommandRequest,
  resolve: (seeds: readonly string[]) => Promise<readonly Seed[]>,
): Promise<Command> {
  return asked.kind === 'join' ? { kind: 'join', seeds: await resolve(asked.seeds) } : asked;
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

  constructor(feed: (input: Input) => void) {
    this.#dispatch = feed;
  }

  execute(command: Command): Promise<ReplyValue> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(stopping());
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
    for (const pending of this.#pending.values()) pending.reject(stopping());
    this.#pending.clear();
  }
}

const stopping = (): AgentError => new AgentError('failed', 'the agent is stopping: ask another one');

interface Waiter {
  readonly topics: readonly Topic[];
  finish(): void;
}

/** Those who wait for a change. Cost of a wake: the topics that changed and the waiters on them. */
class Watchers {
  readonly #byTopic = new Map<Topic, Set<Waiter>>();
  #closed = false;

  waitForChange(topics: readonly Topic[], signal: AbortSignal): Promise<void> {
    if (this.#closed || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const waiter: Waiter = {
        topics,
        finish: () => {
          signal.removeEventListener('abort', waiter.finish);
          this.#remove(waiter);
          resolve();
        },
      };
      for (const topic of topics) {
        const waiting = this.#byTopic.get(topic);
        if (waiting === undefined) this.#byTopic.set(topic, new Set([waiter]));
        else waiting.add(waiter);
      }
      signal.addEventListener('abort', waiter.finish, { once: true });
    });
  }

  notify(topics: readonly Topic[]): void {
    for (const topic of topics) for (const waiter of [...(this.#byTopic.get(topic) ?? [])]) waiter.finish();
  }

  close(): void {
    this.#closed = true;
    this.notify([...this.#byTopic.keys()]);
  }

  #remove(waiter: Waiter): void {
    for (const topic of waiter.topics) {
      const waiting = this.#byTopic.get(topic);
      if (waiting?.delete(waiter) === true && waiting.size === 0) this.#byTopic.delete(topic);
    }
  }
}
