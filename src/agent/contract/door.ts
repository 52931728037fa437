/** The handle by which readers outside the core reach it: a view, commands, and a wake-up when something changes. */
import type { CommandRequest, CommandValue } from './commands.ts';
import type { Topic, View } from './view.ts';

/** How http/ and dns/ reach the machine; main hands it to them. */
export interface AgentHandle {
  readonly view: View;
  /** Runs a command; rejects with `AgentError`. */
  execute<const C extends CommandRequest>(command: C): Promise<CommandValue<C>>;
  /** Resolves when one of the topics changes, or when `signal` aborts. */
  waitForChange(topics: readonly Topic[], signal: AbortSignal): Promise<void>;
}
