/**
 * Queries of this agent: their acks, their responses, and their end.
 *
 * Source: serf query.go, QueryResponse; serf.go, registerQueryResponse, handleQueryResponse.
 */
import { assert } from '../../base/assert.ts';
import { copyBytes } from '../../base/bytes.ts';
import { AgentError } from '../../base/errors.ts';
import type { Millis } from '../../base/time.ts';
import { Timers } from '../../base/timers.ts';
import type { QueryResponse } from '../../wire/serf.ts';
import type { QueryId, QueryReport, SerfEffect } from '../types.ts';

/** The flag of a response that is an ack. */
const ACK = 1;
/** Running queries, and queries in all with those that have ended. */
const MAX_RUNNING = 64;
const MAX_RETAINED = 128;
/** How long a report is kept after the end. */
const RETENTION: Millis = 60_000;
/** The part of the timeout after which the query is sent again to silent members: by then gossip has spread it. */
const RESEND_AT = 0.4;

/** Sends the query again to members that `hasAnswered` does not hold for. */
export type Resend = (hasAnswered: (name: string) => boolean, out: SerfEffect[]) => void;

/** A query as it is sent. */
export interface StartedQuery {
  readonly report: QueryReport;
  readonly ltime: number;
  /** Called once, for members whose acks and responses are missing. */
  readonly resend: Resend | undefined;
  /** The query can end before its timeout. */
  readonly isComplete: (report: QueryReport) => boolean;
  /** Only the members that it was sent to answer it. */
  readonly isDirect: boolean;
}

interface OutgoingQuery extends Omit<StartedQuery, 'report'> {
  report: QueryReport;
  readonly acked: Set<string>;
  readonly answered: Set<string>;
}

export class OutgoingQueries {
  /** Oldest first. */
  readonly #queries = new Map<QueryId, OutgoingQuery>();
  readonly #deadlines = new Timers<QueryId>();
  readonly #expiries = new Timers<QueryId>();
  readonly #resends = new Timers<QueryId>();

  get deadline(): Millis {
    return Math.min(this.#deadlines.deadline, this.#expiries.deadline, this.#resends.deadline);
  }

  get(id: QueryId): QueryReport | undefined {
    return this.#queries.get(id)?.report;
  }

  /** Throws `AgentError` if too many queries are running. */
  throwIfFull(): void {
    if (this.#deadlines.size >= MAX_RUNNING)
      throw new AgentError(
        'conflict',
        `${MAX_RUNNING} queries of this agent are running, which is the limit: try again later`,
      );
  }

  start(query: StartedQuery, now: Millis): void {
    const { id, timeout } = query.report;
    assert(!this.#queries.has(id), 'two queries with one id');
    for (const [oldId, { report: old }] of this.#queries) {
      if (this.#queries.size < MAX_RETAINED) break;
      if (old.finished) this.#delete(oldId);
    }
    this.#queries.set(id, { ...query, acked: new Set(), answered: new Set() });
    this.#deadlines.set(id, now + timeout);
    if (query.resend !== undefined) this.#resends.set(id, now + timeout * RESEND_AT);
  }

  /** Does the response claim to be one to a direct query? */
  isDirect({ id }: Pick<QueryResponse, 'id'>): boolean {
    return this.#queries.get(id)?.isDirect === true;
  }

  /** Handles a response of a member. Returns why it is refused, if it is; duplicates are normal and ignored. */
  handleResponse(response: QueryResponse, now: Millis, out: SerfEffect[]): string | undefined {
    const query = this.#queries.get(response.id);
    if (query === undefined || query.ltime !== response.ltime) return 'no query of ours';
    const { report, acked, answered } = query;
    if (report.finished) return 'too late';
    const isAck = (response.flags & ACK) !== 0;
    const senders = isAck ? acked : answered;
    if (senders.has(response.from)) return undefined;
    senders.add(response.from);
    query.report = isAck
      ? { ...report, acks: [...report.acks, response.from] }
      : {
          ...report,
          responses: [...report.responses, { from: response.from, payload: copyBytes(response.payload) }],
        };
    if (query.isComplete(query.report)) this.#finish(query, now);
    out.push({ kind: 'queryUpdated', report: query.report });
    return undefined;
  }

  tick(now: Millis, out: SerfEffect[]): void {
    for (let id = this.#resends.pop(now); id !== undefined; id = this.#resends.pop(now)) {
      const query = this.#queries.get(id);
      query?.resend?.((name) => query.acked.has(name) || query.answered.has(name), out);
    }
    for (let id = this.#deadlines.pop(now); id !== undefined; id = this.#deadlines.pop(now)) {
      const query = this.#queries.get(id);
      // Invariant: a deadline belongs to a query.
      assert(query !== undefined && !query.report.finished, 'a deadline of a query that is not running');
      this.#finish(query, now);
      out.push({ kind: 'queryUpdated', report: query.report });
    }
    for (let id = this.#expiries.pop(now); id !== undefined; id = this.#expiries.pop(now)) this.#delete(id);
  }

  #finish(query: OutgoingQuery, now: Millis): void {
    const { id } = query.report;
    query.report = { ...query.report, finished: true };
    this.#deadlines.clear(id);
    this.#resends.clear(id);
    this.#expiries.set(id, now + RETENTION);
  }

  #delete(id: QueryId): void {
    this.#queries.delete(id);
    this.#deadlines.clear(id);
    this.#resends.clear(id);
    this.#expiries.clear(id);
  }
}
