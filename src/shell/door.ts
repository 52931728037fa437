/** How readers reach the machine: commands and their answers, waits for a change, the view. */

import type {
  AnswerOf,
  Answers,
  AskCommand,
  Command,
  RequestId,
  Result,
  Seed,
} from '../agent/contract/commands.ts';
import type { Door } from '../agent/contract/door.ts';
import type { Input } from '../agent/contract/machine.ts';
import type { Topic, View } from '../agent/contract/view.ts';
import { AgentError } from '../base/errors.ts';

/** The shell's side of the door. */
export interface DoorFrame {
  readonly door: Door;
  /** Answers one request. */
  settle(request: RequestId, result: Result): void;
  /** Wakes everyone who waits for one of these, each once. */
  wake(topics: readonly Topic[]): void;
  /** Refuses what is pending and what comes later, and wakes everyone. */
  close(): void;
}

export function createDoor(options: {
  readonly view: View;
  feed(input: Input): void;
  resolve(seeds: readonly string[]): Promise<readonly Seed[]>;
}): DoorFrame {
  const asks = new Asks(options.feed);
  const watchers = new Watchers();
  return {
    door: {
      view: options.view,
      // The agent answers each command as `Answers` says; only there are the two tied together.
      ask: async <C extends AskCommand>(asked: C) =>
        (await asks.ask(await withSeeds(asked, options.resolve))) as AnswerOf<C>,
      changed: (topics, signal) => watchers.changed(topics, signal),
    },
    settle: (request, result) => asks.settle(request, result),
    wake: (topics) => watchers.wake(topics),
    close: () => {
      asks.close();
      watchers.close();
    },
  };
}

async function withSeeds(
  asked: AskCommand,
  resolve: (seeds: readonly string[]) => Promise<readonly Seed[]>,
): Promise<Command> {
  return asked.kind === 'join' ? { kind: 'join', seeds: await resolve(asked.seeds) } : asked;
}

type Value = Answers[keyof Answers];

interface Pending {
  resolve(value: Value): void;
  reject(error: AgentError): void;
}

class Asks {
  readonly #feed: (input: Input) => void;
  readonly #pending = new Map<RequestId, Pending>();
  #next: RequestId = 1;
  #closed = false;

  constructor(feed: (input: Input) => void) {
    this.#feed = feed;
  }

  ask(command: Command): Promise<Value> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(stopping());
      const request = this.#next++;
      this.#pending.set(request, { resolve, reject });
      this.#feed({ kind: 'command', request, command });
    });
  }

  settle(request: RequestId, result: Result): void {
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
  leave(): void;
}

/** Those who wait for a change. Cost of a wake: the topics that changed and the waiters on them. */
class Watchers {
  readonly #byTopic = new Map<Topic, Set<Waiter>>();
  #closed = false;

  changed(topics: readonly Topic[], signal: AbortSignal): Promise<void> {
    if (this.#closed || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const waiter: Waiter = {
        topics,
        leave: () => {
          signal.removeEventListener('abort', waiter.leave);
          this.#remove(waiter);
          resolve();
        },
      };
      for (const topic of topics) {
        const waiting = this.#byTopic.get(topic);
        if (waiting === undefined) this.#byTopic.set(topic, new Set([waiter]));
        else waiting.add(waiter);
      }
      signal.addEventListener('abort', waiter.leave, { once: true });
    });
  }

  wake(topics: readonly Topic[]): void {
    for (const topic of topics) for (const waiter of [...(this.#byTopic.get(topic) ?? [])]) waiter.leave();
  }

  close(): void {
    this.#closed = true;
    this.wake([...this.#byTopic.keys()]);
  }

  #remove(waiter: Waiter): void {
    for (const topic of waiter.topics) {
      const waiting = this.#byTopic.get(topic);
      if (waiting?.delete(waiter) === true && waiting.size === 0) this.#byTopic.delete(topic);
    }
  }
}
