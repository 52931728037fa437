/**
 * Queries that members ask one another without a word to programs: is anybody there, who has this name, and keys.
 *
 * Source: serf internal_query.go (protocol reference 4.7, 4.8).
 */
import { text } from '../../base/bytes.ts';
import type { Millis } from '../../base/time.ts';
import { ConflictResponse, SERF_TYPE } from '../../wire/serf.ts';
import type { Statuses } from '../membership/status.ts';
import type { SerfEffect, SerfMember, SerfStatus } from '../types.ts';
import type { Asked } from './incoming.ts';
import type { KeyAnswers } from './keys.ts';
import { CONFLICT, PING } from './names.ts';

/** What answers the queries of the rooms above; `undefined`: there is none of this name. */
export type Answer = (name: string, payload: Uint8Array, now: Millis) => Uint8Array | undefined;

const NIL = 0xc0;
const STATUS_NUMBERS: Readonly<Record<SerfStatus, number>> = { alive: 1, leaving: 2, left: 3, failed: 4 };

export class Internal {
  readonly #self: string;
  readonly #statuses: Statuses;
  readonly #keys: KeyAnswers;
  readonly #above: Answer;

  constructor(self: string, statuses: Statuses, keys: KeyAnswers, above: Answer) {
    this.#self = self;
    this.#statuses = statuses;
    this.#keys = keys;
    this.#above = above;
  }

  /** False: there is no internal query of this name. */
  answer(
    asked: Asked,
    reply: (payload: Uint8Array, now: Millis, out: SerfEffect[]) => void,
    now: Millis,
    out: SerfEffect[],
  ): boolean {
    switch (asked.name) {
      case PING: // the ack was the answer
        return true;
      case CONFLICT: {
        const name = text(asked.payload);
        if (name !== this.#self) reply(recordOf(this.#statuses.get(name)), now, out);
        return true;
      }
      default:
        return this.#keys.answer(asked, reply, now, out) || this.#fromAbove(asked, reply, now, out);
    }
  }

  #fromAbove(
    { name, payload }: Asked,
    reply: (payload: Uint8Array, now: Millis, out: SerfEffect[]) => void,
    now: Millis,
    out: SerfEffect[],
  ): boolean {
    const answer = this.#above(name, payload, now);
    if (answer !== undefined) reply(answer, now, out);
    return answer !== undefined;
  }
}

/** What we hold of a name, as an answer to who should have it. */
function recordOf(held: SerfMember | undefined): Uint8Array {
  if (held === undefined) return Uint8Array.of(SERF_TYPE.conflictResponse, NIL);
  const { address, vsn } = held.member.identity;
  const at = (i: number): number => vsn[i] ?? 0;
  return ConflictResponse.encode({
    name: held.name,
    addr: address.ip,
    port: address.port,
    tags: held.tags,
    status: STATUS_NUMBERS[held.status],
    ...{ protocolMin: at(0), protocolMax: at(1), protocolCur: at(2) },
    ...{ delegateMin: at(3), delegateMax: at(4), delegateCur: at(5) },
  });
}
