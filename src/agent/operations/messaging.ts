/**
 * What members say to one another beside who they are: user events, queries, changes of keys. Serf's rules are serf/'s;
 * here is what of it reaches readers, disk and commands.
 */
import { AgentError } from '../../base/errors.ts';
import type { Millis } from '../../base/time.ts';
import { INTERNAL_QUERY_PREFIX, PING_QUERY } from '../../serf/queries/names.ts';
import type { Serf } from '../../serf/serf.ts';
import type { QueryReport, SerfEffect } from '../../serf/types.ts';
import { fingerprint } from '../../wire/crypt.ts';
import type { Keyring } from '../../wire/keyring.ts';
import type { Command, CommandResult, KeyOperationReport, RequestId } from '../contract/commands.ts';
import type { Effect } from '../contract/machine.ts';
import type { EvidenceLog } from '../evidence/log.ts';
import { startWitnessQuery } from '../evidence/witness-query.ts';
import type { AgentView } from '../readers/view.ts';
import type { Packets } from '../transport/packets.ts';
import type { KeyOperations } from './key-operations.ts';
import { replyWith } from './reply.ts';

export type MessagingCommand = Extract<
  Command,
  { kind: 'fireEvent' | 'query' | 'respond' | 'keys' | 'queryWitnesses' }
>;
export type MessagingEffect = Extract<
  SerfEffect,
  { kind: 'userEvent' | 'send' | 'queryUpdated' | 'queryReceived' | 'pendingQueriesChanged' | 'storeKeys' }
>;

/** Messages that one key may seal in a whole cluster: far below the bound for random nonces, 2^32. Source: S5. */
const MAX_SEALS_PER_KEY = 2 ** 31;

/** What talk needs of the landing. */
export interface MessagingHost {
  readonly serf: Serf;
  readonly serfOut: SerfEffect[];
  readonly packets: Packets;
  readonly keyring: Keyring;
  readonly keyOperations: KeyOperations;
  readonly view: AgentView;
  readonly evidence: EvidenceLog;
  /** A clock moved that must outlive us. */
  markDirty(now: Millis): void;
}

export class Messaging {
  readonly #host: MessagingHost;
  #wornKey: Uint8Array | undefined;

  constructor(host: MessagingHost) {
    this.#host = host;
  }

  handleCommand(request: RequestId, command: MessagingCommand, now: Millis, out: Effect[]): void {
    replyWith(request, () => this.#execute(command, now), out);
  }

  /** Something serf/ has to say to those above. */
  applyEffect(effect: MessagingEffect, now: Millis, out: Effect[]): void {
    const { view, keyring } = this.#host;
    switch (effect.kind) {
      case 'userEvent': {
        const { name, ltime, payload } = effect.event;
        view.onUserEvent(effect.event, effect.dropped);
        this.#host.markDirty(now);
        out.push({ kind: 'fact', fact: { kind: 'userEventReceived', name, ltime, bytes: payload.length } });
        out.push({ kind: 'notify', event: { kind: 'user', event: effect.event } });
        return;
      }
      case 'send':
        return this.#host.packets.sendUserMessage(effect.to, effect.body, out);
      case 'queryUpdated':
        return this.#answered(effect.report, now);
      case 'queryReceived':
        out.push({ kind: 'notify', event: { kind: 'query', query: effect.query } });
        return;
      case 'pendingQueriesChanged':
        this.#host.markDirty(now);
        return view.markTopicsChanged(['queries']);
      case 'storeKeys':
        out.push({ kind: 'storeKeys', ticket: effect.ticket, keys: keyring.keys });
        return;
    }
  }

  /** Called now and then: has the key sealed so much that a new one should be used? Told once for each key. */
  checkKeyUsage(members: number, out: Effect[]): void {
    const { primary, seals } = this.#host.keyring;
    if (primary === undefined || this.#wornKey === primary || seals * members < MAX_SEALS_PER_KEY) return;
    this.#wornKey = primary;
    out.push({
      kind: 'fact',
      fact: { kind: 'keyRotationDue', key: fingerprint(primary), encryptions: seals, members },
    });
  }

  #answered(question: QueryReport, now: Millis): void {
    const { view, keyOperations, serfOut } = this.#host;
    view.onQueryUpdated(question);
    const report = keyOperations.answered(question, now, serfOut);
    if (report !== undefined) this.#reported(report);
  }

  #reported({ id, finished }: KeyOperationReport): void {
    this.#host.view.markKeyOperationChanged(id, finished);
  }

  #execute(command: MessagingCommand, now: Millis): CommandResult {
    const { serf, serfOut, keyOperations } = this.#host;
    switch (command.kind) {
      case 'fireEvent': {
        const { name, payload, coalesce } = command;
        return { ok: true, value: serf.fire(name, payload, coalesce, serfOut) };
      }
      case 'query':
        if (command.question.name.startsWith(INTERNAL_QUERY_PREFIX) && command.question.name !== PING_QUERY)
          throw new AgentError('badRequest', 'names with _serf_ in front are between agents: choose another');
        return { ok: true, value: serf.query(command.question, now, serfOut) };
      case 'queryWitnesses': {
        const { node, timeout } = command;
        return { ok: true, value: startWitnessQuery(serf, this.#host.evidence, node, timeout, now, serfOut) };
      }
      case 'respond':
        serf.respond(command.id, command.payload, now, serfOut);
        return { ok: true };
      case 'keys': {
        const { operation, key, force, timeout } = command;
        const report = keyOperations.start(operation, key, force, timeout, now, serfOut);
        this.#reported(report);
        return { ok: true, value: report };
      }
    }
  }
}
