/**
 * Answers other agents' questions how far this one serves some ledgers. A question waits until they are served: the versions are
 * held, and readers that waited for a change have been sent it. Just before its time is over it is answered with what there is.
 */
import { BoundedMap } from '../../base/bounded-map.ts';
import { WireError } from '../../base/errors.ts';
import { type Millis, NEVER } from '../../base/time.ts';
import type { Catalog } from '../../catalog/catalog.ts';
import type { Progress } from '../../catalog/types.ts';
import type { InternalQuery } from '../../serf/queries/internal.ts';
import { SERVED_QUERY } from '../../serf/queries/names.ts';
import type { SerfEffect } from '../../serf/types.ts';
import { decodeServedQuestion, encodeServedAnswer, MAX_SERVED_ROWS } from '../../wire/served.ts';
import type { Effect } from '../contract/machine.ts';
import { reaches } from './verdict.ts';

/** Questions that wait. One that is dropped is asked again. */
const MAX_WAITING = 128;
/** Of them, of one asker, whoever else claims its name. */
const MAX_WAITING_OF_ONE = 8;
/** Whatever time a question gives. */
const MAX_PATIENCE: Millis = 5000;
/** The part of its time that a question waits: the answer must arrive before the end. */
const PATIENCE = 0.7;
/** Readers are counted again as long as there are some. */
const COUNT_INTERVAL: Millis = 50;

interface WaitingQuestion {
  readonly from: string;
  readonly rows: readonly Progress[];
  readonly answerAt: Millis;
  readonly reply: InternalQuery['reply'];
  /** The index of the view with which the rows were served; `undefined`: they are not. */
  index: number | undefined;
  /** `NEVER`: the shell is counting. */
  countAt: Millis;
  waiting: number;
}

export class ServedResponder {
  readonly #catalog: Pick<Catalog, 'replicaProgress'>;
  readonly #questions = new BoundedMap<number, WaitingQuestion>(MAX_WAITING);
  #lastTicket = 0;

  constructor(catalog: Pick<Catalog, 'replicaProgress'>) {
    this.#catalog = catalog;
  }

  get deadline(): Millis {
    let earliest = NEVER;
    for (const { answerAt, countAt, index } of this.#questions.values())
      earliest = Math.min(earliest, answerAt, index === undefined ? NEVER : countAt);
    return earliest;
  }

  /** False: it is another query, or not to be read. */
  handleQuery({ name, payload, from, deadline, reply }: InternalQuery, now: Millis): boolean {
    if (name !== SERVED_QUERY) return false;
    let rows: readonly Progress[];
    try {
      rows = decodeServedQuestion(payload);
    } catch (error) {
      if (error instanceof WireError) return false;
      throw error;
    }
    if (rows.length === 0 || rows.length > MAX_SERVED_ROWS) return false;
    const ofOne = [...this.#questions.entries()].filter(([, one]) => one.from === from);
    if (ofOne.length >= MAX_WAITING_OF_ONE) this.#questions.delete((ofOne[0] as [number, unknown])[0]);
    this.#lastTicket += 1;
    const answerAt = now + Math.min(MAX_PATIENCE, (deadline - now) * PATIENCE);
    this.#questions.set(this.#lastTicket, {
      ...{ from, rows, answerAt, reply },
      ...{ index: undefined, countAt: now, waiting: 0 },
    });
    return true;
  }

  /** To be called after each input: answers what can be answered, and has readers counted. `index` is that of the view. */
  advance(now: Millis, serfOut: SerfEffect[], out: Effect[]): void {
    if (this.#questions.size === 0) return;
    for (const [ticket, question] of [...this.#questions.entries()]) {
      const { rows, answerAt, countAt } = question;
      const isServed = rows.every((row) => reaches(this.#catalog.replicaProgress(row.owner), row));
      if (now >= answerAt) this.#answer(ticket, question, now, serfOut);
      else if (isServed && now >= countAt) {
        question.countAt = NEVER;
        const { index } = question;
        out.push({ kind: 'countReaders', ticket, ...(index === undefined ? {} : { index }) });
      }
    }
  }

  /** So many readers have not been sent what the view shows at `index`. */
  onReadersCounted(ticket: number, index: number, waiting: number, now: Millis, serfOut: SerfEffect[]): void {
    const question = this.#questions.get(ticket);
    if (question === undefined) return;
    question.index = index;
    question.waiting = waiting;
    question.countAt = now + COUNT_INTERVAL;
    if (waiting === 0) this.#answer(ticket, question, now, serfOut);
  }

  #answer(
    ticket: number,
    { rows, waiting, reply }: WaitingQuestion,
    now: Millis,
    serfOut: SerfEffect[],
  ): void {
    this.#questions.delete(ticket);
    const held = rows.map(({ owner }) => {
      const { epoch, version } = this.#catalog.replicaProgress(owner) ?? { epoch: 0, version: 0 };
      return { epoch, version };
    });
    reply(encodeServedAnswer({ rows: held, waiting: Math.min(waiting, MAX_COUNT) }), now, serfOut);
  }
}

const MAX_COUNT = 0xffff;
