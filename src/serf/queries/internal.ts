/**
 * Internal queries, which agents answer without involving programs: ping, name conflict, and key operations.
 *
 * Source: serf internal_query.go; P58 to P60 (docs/protocol.md).
 */
import { decodeUtf8 } from '../../base/bytes.ts';
import type { Millis } from '../../base/time.ts';
import { ConflictResponse, SERF_TYPE } from '../../wire/serf.ts';
import type { Statuses } from '../membership/status.ts';
import type { SerfEffect, SerfMember, SerfStatus } from '../types.ts';
import type { IncomingQuery } from './incoming.ts';
import type { KeyQueryHandler, SendReply } from './keys.ts';
import { CONFLICT_QUERY, PING_QUERY } from './names.ts';

/** An internal query of the layers above, which may reply at once, later, or not at all. */
export interface InternalQuery extends Pick<IncomingQuery, 'name' | 'payload' | 'from' | 'deadline'> {
  readonly reply: SendReply;
}

/** False: there is no query of this name. */
export type InternalQueryHandler = (query: InternalQuery, now: Millis, out: SerfEffect[]) => boolean;

const NIL = 0xc0;
const STATUS_NUMBERS: Readonly<Record<SerfStatus, number>> = { alive: 1, leaving: 2, left: 3, failed: 4 };

export class InternalQueries {
  readonly #self: string;
  readonly #statuses: Statuses;
  readonly #keys: KeyQueryHandler;
  readonly #fallback: InternalQueryHandler;

  constructor(self: string, statuses: Statuses, keys: KeyQueryHandler, fallback: InternalQueryHandler) {
    this.#self = self;
    this.#statuses = statuses;
    this.#keys = keys;
    this.#fallback = fallback;
  }

  /** False: there is no internal query of this name. */
  handle(query: IncomingQuery, reply: SendReply, now: Millis, out: SerfEffect[]): boolean {
    switch (query.name) {
      case PING_QUERY: // the ack is the answer
        return true;
      case CONFLICT_QUERY: {
        const name = decodeUtf8(query.payload);
        if (name !== this.#self) reply(encodeConflictRecord(this.#statuses.get(name)), now, out);
        return true;
      }
      default:
        return (
          this.#keys.handle(query, reply, now, out) ||
          this.#fallback(
            { name: query.name, payload: query.payload, from: query.from, deadline: query.deadline, reply },
            now,
            out,
          )
        );
    }
  }
}

/** The member that we hold under a name, as a response to a name conflict query. */
function encodeConflictRecord(held: SerfMember | undefined): Uint8Array {
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
