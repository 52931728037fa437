/** Command dispatch: passes each command to the part of the agent that executes it, and sends its reply. */
import { AgentError } from '../../base/errors.ts';
import type { Millis } from '../../base/time.ts';
import type { Command, RequestId } from '../contract/commands.ts';
import type { Effect } from '../contract/machine.ts';
import type { ServiceLayer } from '../replication/services.ts';
import type { JoinLeave } from './join-leave.ts';
import type { MemberCommands } from './member-commands.ts';
import type { Messaging } from './messaging.ts';
import { reply, replyWith } from './reply.ts';

export interface CommandTargets {
  readonly joinLeave: JoinLeave;
  readonly messaging: Messaging;
  readonly services: ServiceLayer;
  readonly members: MemberCommands;
}

export class CommandDispatcher {
  readonly #targets: CommandTargets;

  constructor(targets: CommandTargets) {
    this.#targets = targets;
  }

  /** The reply of `join` and `leave` follows when they have ended, that of all other commands at once. */
  dispatch(request: RequestId, command: Command, now: Millis, out: Effect[]): void {
    const { joinLeave, messaging, members, services } = this.#targets;
    switch (command.kind) {
      case 'join':
        return joinLeave.join(request, command.seeds, now, out);
      case 'leave':
        return joinLeave.leave(request, now, out);
      case 'forget':
        return replyDone(request, () => members.forget(command, now), out);
      case 'setTags':
        return replyDone(request, () => members.setTags(command, now), out);
      case 'fireEvent':
      case 'query':
      case 'respond':
      case 'queryWitnesses':
      case 'keys':
        return messaging.handleCommand(request, command, now, out);
      default:
        return replyDone(request, () => services.handleCommand(command, now, out), out);
    }
  }
}

/** The reply to every command that comes after the agent has stopped. */
export function rejectStopped(request: RequestId, out: Effect[]): void {
  const error = new AgentError('failed', 'this agent has left the cluster and is stopping: start it again');
  reply(request, { ok: false, error }, out);
}

/** For commands whose success needs no value. */
function replyDone(request: RequestId, execute: () => void, out: Effect[]): void {
  const run = (): { readonly ok: true } => {
    execute();
    return { ok: true };
  };
  replyWith(request, run, out);
}
