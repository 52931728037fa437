/** Replies to commands: exactly one for each, with a result or an `AgentError`. */
import { AgentError } from '../../base/errors.ts';
import type { CommandResult, RequestId } from '../contract/commands.ts';
import type { Effect } from '../contract/machine.ts';

export function reply(request: RequestId, result: CommandResult, out: Effect[]): void {
  out.push({ kind: 'reply', request, result });
}

/** Executes a command; an `AgentError` that it throws becomes its reply. */
export function replyWith(request: RequestId, execute: () => CommandResult, out: Effect[]): void {
  let result: CommandResult;
  try {
    result = execute();
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    result = { ok: false, error };
  }
  reply(request, result, out);
}
