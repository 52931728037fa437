/**
 * User events, queries and key operations: what of them reaches readers, disks and commands. The rules are in serf/.
 */
import { AgentError } from '../../base/errors.ts';
import type { Millis } from '../../base/time.ts';
import { INTERNAL_QUERY_PREFIX, PING_QUERY } from '../../serf/queries/names.ts';
import type { Serf } from '../../serf/serf.ts';
import type { QueryReport, SerfEffect } from '../../serf/types.ts';
import { fingerprint } from '../../wire/crypt.ts';
import type { Keyring } from '../../wire/keyring.ts';
import type { Command, CommandResult, ReloadOutcome, RequestId } from '../contract/commands.ts';
import type { Effect } from '../contract/machine.ts';
import type { Investigations } from '../evidence/investigation.ts';
import type { AgentView } from '../readers/view.ts';
import type { SyncStatuses } from '../served/sync-statuses.ts';
import type { Packets } from '../transport/packets.ts';
import type { KeyOperations } from './key-operations.ts';
import { replyWith } from './reply.ts';

export type MessagingCommand = Extract<
  Command,
  {
    kind:
      | 'fireEvent'
      | 'query'
      | 'respond'
      | 'keys'
      | 'checkKeyring'
      | 'queryWitnesses'
      | 'openSync'
      | 'closeSync';
  }
>;
export type MessagingEffect = Extract<
  SerfEffect,
  { kind: 'userEvent' | 'send' | 'queryUpdated' | 'queryReceived' | 'pendingQueriesChanged' | 'storeKeys' }
>;

/**
 * Messages that one key may encrypt in a whole cluster: far below 2^32, the limit of AES-GCM with random nonces (S5).
 */
const MAX_SEALS_PER_KEY = 2 ** 31;
/** The ticket of a change that no key query waits for: those count from 1. */
const UNANSWERED = 0;

export interface MessagingContext {
  readonly serf: Serf;
  readonly serfOut: SerfEffect[];
  readonly packets: Packets;
  readonly keyring: Keyring;
  readonly keyOperations: KeyOperations;
  readonly view: AgentView;
  readonly investigations: Investigations;
  readonly syncStatuses: SyncStatuses;
  /** A Lamport clock has changed, which must survive a restart. */
  markDirty(now: Millis): void;
}

export class Messaging {
  readonly #context: MessagingContext;
  /** The key that the last `keyRotationDue` was about: one fact for each key. */
  #reportedKey: Uint8Array | undefined;

  constructor(context: MessagingContext) {
    this.#context = context;
  }

  handleCommand(request: RequestId, command: MessagingCommand, now: Millis, out: Effect[]): void {
    replyWith(request, () => this.#execute(command, now), out);
  }

  applyEffect(effect: MessagingEffect, now: Millis, out: Effect[]): void {
    const { view, keyring } = this.#context;
    switch (effect.kind) {
      case 'userEvent': {
        const { name, ltime, payload } = effect.event;
        view.onUserEvent(effect.event, effect.dropped);
        this.#context.markDirty(now);
        out.push({ kind: 'fact', fact: { kind: 'userEventReceived', name, ltime, bytes: payload.length } });
        out.push({ kind: 'notify', event: { kind: 'user', event: effect.event } });
        return;
      }
      case 'send':
        return this.#context.packets.sendUserMessage(effect.to, effect.body, out);
      case 'queryUpdated':
        return this.#onQueryUpdated(effect.report, now);
      case 'queryReceived':
        out.push({ kind: 'notify', event: { kind: 'query', query: effect.query } });
        return;
      case 'pendingQueriesChanged':
        this.#context.markDirty(now);
        return view.onPendingQueriesChanged();
      case 'storeKeys':
        out.push({ kind: 'storeKeys', ticket: effect.ticket, keys: keyring.keys });
        return;
    }
  }

  /** Throws `AgentError` if `replaceKeys` would. */
  assertReplaceable(keys: readonly Uint8Array[]): void {
    this.#context.keyring.assertReplaceable(keys);
  }

  /** Takes over exactly the keys of the keyring file, which an operator has edited. */
  replaceKeys(keys: readonly Uint8Array[], out: Effect[]): NonNullable<ReloadOutcome['keys']> {
    const { keyring } = this.#context;
    const changes = keyring.replace(keys);
    out.push({ kind: 'storeKeys', ticket: UNANSWERED, keys: keyring.keys, isConfigured: true });
    return changes.map(({ key, change }) => ({ key: fingerprint(key), change }));
  }

  /** To be called regularly: reports, once for each key, that it has encrypted so much that it should be replaced. */
  checkKeyUsage(members: number, out: Effect[]): void {
    const { primary, seals } = this.#context.keyring;
    if (primary === undefined || this.#reportedKey === primary || seals * members < MAX_SEALS_PER_KEY) return;
    this.#reportedKey = primary;
    out.push({
      kind: 'fact',
      fact: { kind: 'keyRotationDue', key: fingerprint(primary), encryptions: seals, members },
    });
  }

  #onQueryUpdated(query: QueryReport, now: Millis): void {
    const { view, investigations, keyOperations, syncStatuses, serfOut } = this.#context;
    syncStatuses.onQueryUpdated(query, now);
    investigations.onQueryUpdated(query, now);
    view.onQueryUpdated(query);
    const report = keyOperations.onQueryUpdated(query, now, serfOut);
    if (report !== undefined) view.onKeyOperationUpdated(report);
  }

  #execute(command: MessagingCommand, now: Millis): CommandResult {
    const { serf, serfOut, view, keyOperations, investigations, syncStatuses } = this.#context;
    switch (command.kind) {
      case 'fireEvent': {
        const { kind: _, ...event } = command;
        return { ok: true, value: serf.fire(event, serfOut) };
      }
      case 'query':
        if (command.query.name.startsWith(INTERNAL_QUERY_PREFIX) && command.query.name !== PING_QUERY)
          throw new AgentError(
            'badRequest',
            'query names that begin with _serf_ are reserved for agents: choose another name',
          );
        return { ok: true, value: serf.query(command.query, now, serfOut) };
      case 'queryWitnesses': {
        const { node, timeout } = command;
        return { ok: true, value: investigations.start(node, timeout, now, serfOut) };
      }
      case 'openSync':
        return { ok: true, value: syncStatuses.open(command.subject, command.wait, now) };
      case 'closeSync':
        syncStatuses.close(command.id);
        return { ok: true };
      case 'respond':
        serf.respond(command.id, command.payload, now, serfOut);
        return { ok: true };
      case 'keys':
      case 'checkKeyring': {
        const report =
          command.kind === 'keys'
            ? keyOperations.start(command, now, serfOut)
            : keyOperations.startCheck(command.keys, now, serfOut);
        view.onKeyOperationUpdated(report);
        return { ok: true, value: report };
      }
    }
  }
}
