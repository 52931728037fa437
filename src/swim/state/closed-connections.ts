/**
 * Closed connections: members whose process seems to have ended, since the connection that this agent kept to it closed,
 * and what their hosts have answered since. Rules are in closed-connection.ts.
 */
import type { Millis } from '../../base/time.ts';
import { Timers } from '../../base/timers.ts';
import type { MutableMember } from '../members.ts';

export interface ClosedConnection {
  readonly row: MutableMember;
  /** The member's incarnation at that time: what is found out says nothing about a later one. */
  readonly incarnation: number;
  readonly closedAt: Millis;
  /** Since when nothing has been heard from it. */
  silentSince: Millis;
  /** Of the ping and the stream ping that are under way, or were the last. */
  seqNo: number;
  /** Connections that its host has refused since. */
  refusals: number;
  /** Connections that it has accepted since, and closed without an answer. */
  acceptances: number;
}

export class ClosedConnections {
  readonly #byRow = new Map<MutableMember, ClosedConnection>();
  /** When the host of each is asked again. */
  readonly #timers = new Timers<MutableMember>();

  get size(): number {
    return this.#byRow.size;
  }

  get deadline(): Millis {
    return this.#timers.deadline;
  }

  get(row: MutableMember): ClosedConnection | undefined {
    return this.#byRow.get(row);
  }

  all(): Iterable<ClosedConnection> {
    return this.#byRow.values();
  }

  start(row: MutableMember, now: Millis): ClosedConnection {
    const { incarnation } = row;
    const closed = {
      row,
      incarnation,
      closedAt: now,
      silentSince: now,
      seqNo: 0,
      refusals: 0,
      acceptances: 0,
    };
    this.#byRow.set(row, closed);
    return closed;
  }

  bySeqNo(seqNo: number): ClosedConnection | undefined {
    for (const closed of this.#byRow.values()) if (closed.seqNo === seqNo) return closed;
    return undefined;
  }

  schedule({ row }: ClosedConnection, at: Millis): void {
    this.#timers.set(row, at);
  }

  delete({ row }: ClosedConnection): void {
    this.#byRow.delete(row);
    this.#timers.clear(row);
  }

  /** One whose host is to be asked again. */
  nextDue(now: Millis): ClosedConnection | undefined {
    const row = this.#timers.pop(now);
    return row === undefined ? undefined : this.#byRow.get(row);
  }
}
