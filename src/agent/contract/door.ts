/** The handle by which readers outside the core reach it: a view, commands, and a wake-up when something changes. */
import type { CommandRequest, CommandValue } from './commands.ts';
import type { Topic, View } from './view.ts';

/** How http/ and dns/ reach the machine; main hands it to them. */
export interface AgentHandle {
  readonly view: View;
  /** Runs a command; rejects with `AgentError`. */
  execute<const C extends CommandRequest>(command: C): Promise<CommandValue<C>>;
  /**
   * Calls `wake` whenever one of the topics has changed, and once when the agent stops, until the returned function is
   * called. It is never called before `subscribe` returns.
   */
  subscribe(topics: readonly Topic[], wake: () => void): () => void;
}
