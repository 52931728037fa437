/**
 * Queries of our own: who has said that it came, who has answered, when it is over. What they mean is their asker's.
 *
 * Source: serf query.go, QueryResponse; serf.go, registerQueryResponse, handleQueryResponse.
 */
import { copyOf } from '../../base/bytes.ts';
import { AgentError } from '../../base/errors.ts';
import type { Millis } from '../../base/time.ts';
import { Timers } from '../../base/timers.ts';
import type { QueryResponse } from '../../wire/serf.ts';
import type { AskedQuestion, QuestionId, SerfEffect } from '../types.ts';

/** Of a response: it is an ack. */
const ACK = 1;
/** Queries that run, and that are kept for a while when they are over. */
const MAX_RUNNING = 64;
const MAX_KEPT = 128;
const KEPT: Millis = 60_000;
/** When, of its timeout, the silent are reminded: gossip has reached all it will. */
const REMINDER = 0.4;

interface Running {
  readonly ltime: number;
  question: AskedQuestion;
  readonly acked: Set<string>;
  readonly answered: Set<string>;
  readonly remind: ((heardOf: (name: string) => boolean, out: SerfEffect[]) => void) | undefined;
  /** All whom it is for have said what they will say: no need to wait. */
  readonly done: (question: AskedQuestion) => boolean;
}

export class Asking {
  /** In the order they were asked. */
  readonly #all = new Map<QuestionId, Running>();
  readonly #ends = new Timers<QuestionId>();
  readonly #drops = new Timers<QuestionId>();
  readonly #reminders = new Timers<QuestionId>();

  get deadline(): Millis {
    return Math.min(this.#ends.deadline, this.#drops.deadline, this.#reminders.deadline);
  }

  get(id: QuestionId): AskedQuestion | undefined {
    return this.#all.get(id)?.question;
  }

  /** Throws `AgentError` if as many run as may; then nothing changed. */
  refuseIfFull(): void {
    if (this.#ends.size >= MAX_RUNNING)
      throw new AgentError(
        'conflict',
        `${MAX_RUNNING} queries of this agent wait for answers: try again later`,
      );
  }

  /** With `remind`, `tick` calls that once, when the silent may not have heard it. */
  start(
    question: AskedQuestion,
    ltime: number,
    remind: ((heardOf: (name: string) => boolean, out: SerfEffect[]) => void) | undefined,
    done: (question: AskedQuestion) => boolean,
    now: Millis,
  ): void {
    for (const [id, { question: old }] of this.#all) {
      if (this.#all.size < MAX_KEPT) break;
      if (old.finished) this.#drop(id);
    }
    this.#all.set(question.id, { ltime, question, acked: new Set(), answered: new Set(), remind, done });
    this.#ends.set(question.id, now + question.timeout);
    if (remind !== undefined) this.#reminders.set(question.id, now + question.timeout * REMINDER);
  }

  /** A response of a member. Why it is refused, if it is; repetitions are normal, and passed over. */
  hear(response: QueryResponse, now: Millis, out: SerfEffect[]): string | undefined {
    const running = this.#all.get(response.id);
    if (running === undefined || running.ltime !== response.ltime) return 'no query of ours';
    const { question, acked, answered } = running;
    if (question.finished) return 'too late';
    const isAck = (response.flags & ACK) !== 0;
    const heard = isAck ? acked : answered;
    if (heard.has(response.from)) return undefined;
    heard.add(response.from);
    running.question = isAck
      ? { ...question, acks: [...question.acks, response.from] }
      : {
          ...question,
          responses: [...question.responses, { from: response.from, payload: copyOf(response.payload) }],
        };
    if (running.done(running.question)) this.#finish(running, now);
    out.push({ kind: 'answered', question: running.question });
    return undefined;
  }

  tick(now: Millis, out: SerfEffect[]): void {
    for (let id = this.#reminders.pop(now); id !== undefined; id = this.#reminders.pop(now)) {
      const running = this.#all.get(id);
      running?.remind?.((name) => running.acked.has(name) || running.answered.has(name), out);
    }
    for (let id = this.#ends.pop(now); id !== undefined; id = this.#ends.pop(now)) {
      const running = this.#all.get(id);
      if (running === undefined) continue;
      this.#finish(running, now);
      out.push({ kind: 'answered', question: running.question });
    }
    for (let id = this.#drops.pop(now); id !== undefined; id = this.#drops.pop(now)) this.#drop(id);
  }

  #finish(running: Running, now: Millis): void {
    const { id } = running.question;
    running.question = { ...running.question, finished: true };
    this.#ends.clear(id);
    this.#reminders.clear(id);
    this.#drops.set(id, now + KEPT);
  }

  #drop(id: QuestionId): void {
    this.#all.delete(id);
    this.#ends.clear(id);
    this.#reminders.clear(id);
    this.#drops.clear(id);
  }
}
