/** Command dispatch: passes each command to the part of the agent that executes it, and sends its reply. */
import { AgentError } from '../../base/errors.ts';
import type { Millis } from '../../base/time.ts';
import type { Command, ReloadOutcome, RequestId } from '../contract/commands.ts';
import type { Effect } from '../contract/machine.ts';
import type { LinkTests } from '../links/link-tests.ts';
import type { ServiceLayer } from '../replication/services.ts';
import type { JoinLeave } from './join-leave.ts';
import type { MemberCommands } from './member-commands.ts';
import type { Messaging } from './messaging.ts';
import { reply, replyFailure, replyWith } from './reply.ts';
import type { SnapshotScheduler } from './snapshots.ts';

export interface CommandTargets {
  readonly joinLeave: JoinLeave;
  readonly messaging: Messaging;
  readonly services: ServiceLayer;
  readonly members: MemberCommands;
  readonly snapshots: SnapshotScheduler;
  readonly links: LinkTests;
}

export class CommandDispatcher {
  readonly #targets: CommandTargets;

  constructor(targets: CommandTargets) {
    this.#targets = targets;
  }

  /**
   * The reply of `join`, `leave` and `pause` follows when they have ended, that of commands that change what a snapshot holds when it is
   * stored, that of all others at once.
   */
  dispatch(request: RequestId, command: Command, now: Millis, out: Effect[]): void {
    const { joinLeave, messaging, members, services, links } = this.#targets;
    switch (command.kind) {
      case 'join':
        return joinLeave.join(request, command, now, out);
      case 'leave':
        return joinLeave.leave(request, now, out);
      case 'pause':
        return joinLeave.pause(request, command.duration, now, out);
      case 'forget':
        return replyWith(
          request,
          () => {
            members.forget(command, now);
            return { ok: true };
          },
          out,
        );
      case 'setTags':
        return this.#replyWhenStored(request, () => void members.setTags(command, now), out);
      case 'reload':
        return this.#replyWhenStored(request, () => this.#reload(command, now, out), out);
      case 'testLinks':
      case 'surveyLinks':
        return replyWith(request, () => links.execute(command, now, out), out);
      case 'fireEvent':
      case 'query':
      case 'respond':
      case 'queryWitnesses':
      case 'openSync':
      case 'closeSync':
      case 'keys':
      case 'checkKeyring':
        return messaging.handleCommand(request, command, now, out);
      default:
        return this.#replyWhenStored(request, () => void services.handleCommand(command, now, out), out);
    }
  }

  /** A command that fails has changed nothing, and is replied at once. */
  #replyWhenStored(request: RequestId, execute: () => ReloadOutcome | undefined, out: Effect[]): void {
    let value: ReloadOutcome | undefined;
    try {
      value = execute();
    } catch (error) {
      return replyFailure(request, error, out);
    }
    this.#targets.snapshots.acknowledge(request, value, out);
  }

  /** What may be refused comes first. */
  #reload(
    { services, tags, keys, jobs }: Extract<Command, { kind: 'reload' }>,
    now: Millis,
    out: Effect[],
  ): ReloadOutcome {
    const { members, messaging, services: layer } = this.#targets;
    const plan = members.planTags(tags);
    if (keys !== undefined) messaging.assertReplaceable(keys);
    const changes = layer.replaceFileServices(services, now, out);
    return {
      services: changes,
      tags: members.applyTags(plan, now),
      ...(jobs === undefined ? {} : { jobs: layer.scheduling.jobs.replaceConfigured(jobs, now, out) }),
      ...(keys === undefined ? {} : { keys: messaging.replaceKeys(keys, out) }),
    };
  }
}

/** The reply to every command that comes after the agent has stopped. */
export function rejectStopped(request: RequestId, out: Effect[]): void {
  const error = new AgentError('failed', 'this agent is stopping: start it again');
  reply(request, { ok: false, error }, out);
}
