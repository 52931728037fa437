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
    return replyFailure(request, error, out);
  }
  reply(request, result, out);
}

/** Throws `error` again unless it is an `AgentError`. */
export function replyFailure(request: RequestId, error: unknown, out: Effect[]): void {
  if (!(error instanceof AgentError)) throw error;
  reply(request, { ok: false, error }, out);
}
