/** The handle by which readers outside the core reach it: a view, commands, and a wake-up when something changes. */
import type { AnswerOf, AskCommand } from './commands.ts';
import type { Topic, View } from './view.ts';

/** How http/ and dns/ reach the machine; main hands it to them. */
export interface Door {
  readonly view: View;
  /** Runs a command; rejects with `AgentError`. */
  ask<const C extends AskCommand>(command: C): Promise<AnswerOf<C>>;
  /** Resolves when one of the topics changes, or when `signal` aborts. */
  changed(topics: readonly Topic[], signal: AbortSignal): Promise<void>;
}
