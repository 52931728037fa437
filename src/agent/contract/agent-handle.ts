/** The in-process client of the agent for http/ and dns/: its view, commands, and subscriptions to changes. */
import type { CommandRequest, CommandValue } from './commands.ts';
import type { Topic, View } from './view.ts';

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
