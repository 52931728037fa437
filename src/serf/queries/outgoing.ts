/**
 * Queries of our own: who has said that it came, who has answered, when it is over. What they mean is their asker's.
 *
 * Source: serf query.go, QueryResponse; serf.go, registerQueryResponse, handleQueryResponse.
 */
import { copyBytes } from '../../base/bytes.ts';
import { AgentError } from '../../base/errors.ts';
import type { Millis } from '../../base/time.ts';
import { Timers } from '../../base/timers.ts';
import type { QueryResponse } from '../../wire/serf.ts';
import type { QueryId, QueryReport, SerfEffect } from '../types.ts';

/** Of a response: it is an ack. */
const ACK = 1;
/** Queries that run, and that are kept for a while when they are over. */
const MAX_RUNNING = 64;
const MAX_RETAINED = 128;
const RETENTION: Millis = 60_000;
/** When, of its timeout, the silent are reminded: gossip has reached all it will. */
const RESEND_AT = 0.4;

interface RunningQuery {
  readonly ltime: number;
  report: QueryReport;
  readonly acked: Set<string>;
  readonly answered: Set<string>;
  readonly resend: ((heardOf: (name: string) => boolean, out: SerfEffect[]) => void) | undefined;
  /** All whom it is for have said what they will say: no need to wait. */
  readonly isComplete: (question: QueryReport) => boolean;
}

export class OutgoingQueries {
  /** In the order they were asked. */
  readonly #queries = new Map<QueryId, RunningQuery>();
  readonly #deadlines = new Timers<QueryId>();
  readonly #expiries = new Timers<QueryId>();
  readonly #resends = new Timers<QueryId>();

  get deadline(): Millis {
    return Math.min(this.#deadlines.deadline, this.#expiries.deadline, this.#resends.deadline);
  }

  get(id: QueryId): QueryReport | undefined {
    return this.#queries.get(id)?.report;
  }

  /** Throws `AgentError` if as many run as may; then nothing changed. */
  throwIfFull(): void {
    if (this.#deadlines.size >= MAX_RUNNING)
      throw new AgentError(
        'conflict',
        `${MAX_RUNNING} queries of this agent wait for answers: try again later`,
      );
  }

  /** With `remind`, `tick` calls that once, when the silent may not have heard it. */
  start(
    question: QueryReport,
    ltime: number,
    remind: ((heardOf: (name: string) => boolean, out: SerfEffect[]) => void) | undefined,
    done: (question: QueryReport) => boolean,
    now: Millis,
  ): void {
    for (const [id, { report: old }] of this.#queries) {
      if (this.#queries.size < MAX_RETAINED) break;
      if (old.finished) this.#delete(id);
    }
    this.#queries.set(question.id, {
      ltime,
      report: question,
      acked: new Set(),
      answered: new Set(),
      resend: remind,
      isComplete: done,
    });
    this.#deadlines.set(question.id, now + question.timeout);
    if (remind !== undefined) this.#resends.set(question.id, now + question.timeout * RESEND_AT);
  }

  /** A response of a member. Why it is refused, if it is; repetitions are normal, and passed over. */
  handleResponse(response: QueryResponse, now: Millis, out: SerfEffect[]): string | undefined {
    const running = this.#queries.get(response.id);
    if (running === undefined || running.ltime !== response.ltime) return 'no query of ours';
    const { report: question, acked, answered } = running;
    if (question.finished) return 'too late';
    const isAck = (response.flags & ACK) !== 0;
    const heard = isAck ? acked : answered;
    if (heard.has(response.from)) return undefined;
    heard.add(response.from);
    running.report = isAck
      ? { ...question, acks: [...question.acks, response.from] }
      : {
          ...question,
          responses: [...question.responses, { from: response.from, payload: copyBytes(response.payload) }],
        };
    if (running.isComplete(running.report)) this.#finish(running, now);
    out.push({ kind: 'queryUpdated', report: running.report });
    return undefined;
  }

  tick(now: Millis, out: SerfEffect[]): void {
    for (let id = this.#resends.pop(now); id !== undefined; id = this.#resends.pop(now)) {
      const running = this.#queries.get(id);
      running?.resend?.((name) => running.acked.has(name) || running.answered.has(name), out);
    }
    for (let id = this.#deadlines.pop(now); id !== undefined; id = this.#deadlines.pop(now)) {
      const running = this.#queries.get(id);
      if (running === undefined) continue;
      this.#finish(running, now);
      out.push({ kind: 'queryUpdated', report: running.report });
    }
    for (let id = this.#expiries.pop(now); id !== undefined; id = this.#expiries.pop(now)) this.#delete(id);
  }

  #finish(running: RunningQuery, now: Millis): void {
    const { id } = running.report;
    running.report = { ...running.report, finished: true };
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
