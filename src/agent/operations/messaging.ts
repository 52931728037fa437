/**
 * What members say to one another beside who they are: user events, queries, changes of keys. Serf's rules are serf/'s;
 * here is what of it reaches readers, disk and commands.
 */
import { AgentError } from '../../base/errors.ts';
import type { Millis } from '../../base/time.ts';
import { INTERNAL, PING } from '../../serf/queries/names.ts';
import type { Serf } from '../../serf/serf.ts';
import type { AskedQuestion, SerfEffect } from '../../serf/types.ts';
import { fingerprint } from '../../wire/crypt.ts';
import type { Keyring } from '../../wire/keyring.ts';
import type { Command, KeyReport, RequestId, Result } from '../contract/commands.ts';
import type { Effect } from '../contract/machine.ts';
import type { Evidence } from '../evidence/log.ts';
import { inquire } from '../evidence/witness-query.ts';
import type { LandingView } from '../readers/view.ts';
import type { Packets } from '../transport/packets.ts';
import type { KeyTasks } from './key-operations.ts';

export type TalkCommand = Extract<Command, { kind: 'fireEvent' | 'query' | 'respond' | 'keys' | 'inquire' }>;
export type TalkEffect = Extract<
  SerfEffect,
  { kind: 'heard' | 'send' | 'answered' | 'queryHeard' | 'queriesChanged' | 'keepKeys' }
>;

/** Messages that one key may seal in a whole cluster: far below the bound for random nonces, 2^32. Source: S5. */
const WORN = 2 ** 31;

/** What talk needs of the landing. */
export interface TalkHost {
  readonly serf: Serf;
  readonly serfOut: SerfEffect[];
  readonly packets: Packets;
  readonly keyring: Keyring;
  readonly keyTasks: KeyTasks;
  readonly view: LandingView;
  readonly evidence: Evidence;
  /** A clock moved that must outlive us. */
  stir(now: Millis): void;
}

export class Talk {
  readonly #host: TalkHost;
  #worn: Uint8Array | undefined;

  constructor(host: TalkHost) {
    this.#host = host;
  }

  command(request: RequestId, command: TalkCommand, now: Millis, out: Effect[]): void {
    out.push({ kind: 'reply', request, result: attempt(() => this.#carryOut(command, now)) });
  }

  /** Something serf/ has to say to those above. */
  take(effect: TalkEffect, now: Millis, out: Effect[]): void {
    const { view, keyring } = this.#host;
    switch (effect.kind) {
      case 'heard': {
        const { name, ltime, payload } = effect.event;
        view.heard(effect.event, effect.dropped);
        this.#host.stir(now);
        out.push({ kind: 'fact', fact: { kind: 'eventHeard', name, ltime, bytes: payload.length } });
        out.push({ kind: 'tell', news: { kind: 'user', event: effect.event } });
        return;
      }
      case 'send':
        return this.#host.packets.user(effect.to, effect.body, out);
      case 'answered':
        return this.#answered(effect.question, now);
      case 'queryHeard':
        out.push({ kind: 'tell', news: { kind: 'query', query: effect.query } });
        return;
      case 'queriesChanged':
        this.#host.stir(now);
        return view.touchTopics(['queries']);
      case 'keepKeys':
        out.push({ kind: 'keepKeys', ticket: effect.ticket, keys: keyring.keys });
        return;
    }
  }

  /** Called now and then: has the key sealed so much that a new one should be used? Told once for each key. */
  weigh(members: number, out: Effect[]): void {
    const { primary, seals } = this.#host.keyring;
    if (primary === undefined || this.#worn === primary || seals * members < WORN) return;
    this.#worn = primary;
    out.push({ kind: 'fact', fact: { kind: 'keyWorn', key: fingerprint(primary), seals, members } });
  }

  #answered(question: AskedQuestion, now: Millis): void {
    const { view, keyTasks, serfOut } = this.#host;
    view.answered(question);
    const report = keyTasks.answered(question, now, serfOut);
    if (report !== undefined) this.#reported(report);
  }

  #reported({ id, finished }: KeyReport): void {
    this.#host.view.touchKeys(id, finished);
  }

  #carryOut(command: TalkCommand, now: Millis): Result {
    const { serf, serfOut, keyTasks } = this.#host;
    switch (command.kind) {
      case 'fireEvent': {
        const { name, payload, coalesce } = command;
        return { ok: true, value: serf.fire(name, payload, coalesce, serfOut) };
      }
      case 'query':
        if (command.question.name.startsWith(INTERNAL) && command.question.name !== PING)
          throw new AgentError('badRequest', 'names with _serf_ in front are between agents: choose another');
        return { ok: true, value: serf.ask(command.question, now, serfOut) };
      case 'inquire': {
        const { node, timeout } = command;
        return { ok: true, value: inquire(serf, this.#host.evidence, node, timeout, now, serfOut) };
      }
      case 'respond':
        serf.respond(command.id, command.payload, now, serfOut);
        return { ok: true };
      case 'keys': {
        const { operation, key, force, timeout } = command;
        const report = keyTasks.start(operation, key, force, timeout, now, serfOut);
        this.#reported(report);
        return { ok: true, value: report };
      }
    }
  }
}

function attempt(act: () => Result): Result {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    return { ok: false, error };
  }
}
