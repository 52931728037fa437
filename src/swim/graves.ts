/**
 * Names whose rows were dropped, remembered for a while, and who claimed since that they are alive. Asking them is
 * revival.ts's business.
 */
import { address } from '../base/address.ts';
import { copyOf } from '../base/bytes.ts';
import { type Millis, NEVER } from '../base/time.ts';
import type { Alive } from '../wire/memberlist.ts';
import type { Row } from './members.ts';

/** How long. Longer than news stays on its way: duplicates, and the tables of peers that were cut off. */
export const GRAVE_TIME: Millis = 10 * 60_000;
/** How many; beyond it the oldest go. */
const MAX_GRAVES = 4096;

interface Grave {
  readonly incarnation: number;
  readonly diedAt: Millis;
  question: Question | undefined;
}

/** A claim, and our question whether it is so. */
export interface Question {
  readonly seqNo: number;
  readonly alive: Alive;
  readonly askedAt: Millis;
  /** From 1. */
  readonly attempt: number;
}

export class Graves {
  readonly #patience: Millis;
  readonly #graves = new Map<string, Grave>();
  /** Open questions, oldest first: all wait equally long. */
  readonly #questions = new Map<number, Question>();

  /** `patience`: how long a question waits for its answer. */
  constructor(patience: Millis) {
    this.#patience = patience;
  }

  /** When the oldest question has waited long enough. */
  get deadline(): Millis {
    if (this.#questions.size === 0) return NEVER;
    for (const question of this.#questions.values()) return question.askedAt + this.#patience;
    return NEVER;
  }

  bury(row: Row, now: Millis): void {
    const { incarnation, identity } = row;
    this.open(identity.name);
    this.#graves.set(identity.name, { incarnation, diedAt: now, question: undefined });
    for (const [name, grave] of this.#graves) {
      if (this.#graves.size <= MAX_GRAVES && now - grave.diedAt < GRAVE_TIME) break;
      this.open(name);
    }
  }

  /** Is this no more than we knew when we dropped the name? */
  covers(alive: Alive, now: Millis): boolean {
    const grave = this.#graves.get(alive.node);
    if (grave === undefined) return false;
    if (now - grave.diedAt < GRAVE_TIME) return alive.incarnation <= grave.incarnation;
    this.open(alive.node);
    return false;
  }

  /** Forgets the name: whoever has it now is welcome. */
  open(name: string): void {
    const grave = this.#graves.get(name);
    if (grave === undefined) return;
    if (grave.question !== undefined) this.#questions.delete(grave.question.seqNo);
    this.#graves.delete(name);
  }

  /** Is a question about the name open? */
  isAsked(name: string): boolean {
    return this.#graves.get(name)?.question !== undefined;
  }

  /** Keeps a copy of the claim until its answer. */
  ask(alive: Alive, seqNo: number, attempt: number, now: Millis): void {
    const grave = this.#graves.get(alive.node);
    if (grave === undefined) return;
    grave.question = { seqNo, alive: kept(alive), askedAt: now, attempt };
    this.#questions.set(seqNo, grave.question);
  }

  /** The claim that this ack makes credible; its name is free again. */
  answered(seqNo: number): Alive | undefined {
    const claim = this.#questions.get(seqNo)?.alive;
    if (claim !== undefined) this.open(claim.node);
    return claim;
  }

  /** Takes a question that got no answer in time. */
  unanswered(now: Millis): Question | undefined {
    for (const [seqNo, question] of this.#questions) {
      if (question.askedAt + this.#patience > now) return undefined;
      this.#questions.delete(seqNo);
      const grave = this.#graves.get(question.alive.node);
      if (grave !== undefined) grave.question = undefined;
      return question;
    }
    return undefined;
  }
}

/** Decoded messages are views on their datagram. */
const kept = (alive: Alive): Alive => ({
  ...alive,
  addr: address(alive.addr, alive.port).ip,
  meta: copyOf(alive.meta),
  vsn: copyOf(alive.vsn),
});
