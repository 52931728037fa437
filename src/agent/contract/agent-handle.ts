/** The in-process client of the agent for http/ and dns/: its view, commands, and subscriptions to changes. */
import type { CommandRequest, CommandValue } from './commands.ts';
import type { Topic, View } from './view.ts';

/** The readers of one server: parked requests and open streams. */
export interface ReaderGauge {
  /** How many of them have seen an older view than that of `index`, and have not been sent what changed. */
  countBehind(index: number): number;
}

export interface AgentHandle {
  readonly view: View;
  /** Runs a command; rejects with `AgentError`. */
  execute<const C extends CommandRequest>(command: C): Promise<CommandValue<C>>;
  /**
   * Calls `wake` whenever one of the topics has changed, and once when the agent stops, until the returned function is
   * called. It is never called before `subscribe` returns.
   */
  subscribe(topics: readonly Topic[], wake: () => void): () => void;
  /** Other agents learn that a change is served only when these readers have been sent it. The returned function removes them. */
  addReaders(readers: ReaderGauge): () => void;
}
