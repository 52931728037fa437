/**
 * Claims that wait for an answer before they are believed: whom we asked, how often, until when. What a claim and its
 * answer mean is claims.ts's business.
 */
import { type Address, address } from '../../base/address.ts';
import { copyOf } from '../../base/bytes.ts';
import type { Millis } from '../../base/time.ts';
import { Timers } from '../../base/timers.ts';
import type { SwimConfig } from '../../config/protocol.ts';
import type { Alive } from '../../wire/memberlist.ts';
import { lastCall } from './suspicion.ts';

/**
 * `revival`: a name we had dropped. `newcomer`: one nobody vouches for. `owner`: of a name claimed elsewhere. `verdict`:
 * one whose suspicion is about to run out.
 */
export type Doubt = 'revival' | 'newcomer' | 'owner' | 'verdict';

export interface Question {
  readonly about: Doubt;
  /** Of every ping that asks it. */
  readonly seqNo: number;
  /** Who is asked. */
  readonly to: Address;
  /** Memory of our own. */
  claim: Alive;
  /** How often it was asked. */
  attempt: number;
}

/** One time of asking: how long to wait for the answer, and for how long to try a stream as well. */
export interface Attempt {
  readonly wait: Millis;
  readonly stream?: Millis;
}

/** Open at one time; further claims are not looked at. They come again. */
const MAX_QUESTIONS = 1024;

export class Questions {
  readonly #byName = new Map<string, Question>();
  readonly #bySeqNo = new Map<number, Question>();
  readonly #timers = new Timers<string>();

  get deadline(): Millis {
    return this.#timers.deadline;
  }

  of(name: string): Question | undefined {
    return this.#byName.get(name);
  }

  /** Opens one, with a copy of the claim; `undefined` if there are too many. The name has none yet. */
  open(about: Doubt, claim: Alive, to: Address, seqNo: number): Question | undefined {
    if (this.#byName.size >= MAX_QUESTIONS) return undefined;
    const question = { about, seqNo, to, claim: kept(claim), attempt: 0 };
    this.#byName.set(claim.node, question);
    this.#bySeqNo.set(seqNo, question);
    return question;
  }

  /** The same claim again, perhaps of a higher incarnation: the highest counts. */
  repeat(question: Question, claim: Alive): void {
    if (claim.incarnation > question.claim.incarnation) question.claim = kept(claim);
  }

  waitUntil(question: Question, until: Millis): void {
    this.#timers.set(question.claim.node, until);
  }

  /** Takes the question that this ack answers. */
  answered(seqNo: number): Question | undefined {
    const question = this.#bySeqNo.get(seqNo);
    if (question !== undefined) this.close(question);
    return question;
  }

  /** One whose last attempt got no answer in time; it stays open. */
  due(now: Millis): Question | undefined {
    const name = this.#timers.pop(now);
    return name === undefined ? undefined : this.#byName.get(name);
  }

  close(question: Question): void {
    this.#byName.delete(question.claim.node);
    this.#bySeqNo.delete(question.seqNo);
    this.#timers.clear(question.claim.node);
  }

  /** The answers of that time may still wait in our socket: none is given up before `notBefore`. */
  postpone(lateness: Millis, notBefore: Millis): void {
    for (const name of this.#byName.keys()) {
      const at = this.#timers.at(name);
      if (at !== undefined) this.#timers.set(name, Math.max(at + lateness, notBefore));
    }
  }
}

/**
 * The `n`th attempt, from 1; `undefined`: enough. The first goes by UDP alone, but an owner has to answer fast, or the
 * newcomer waits too long (G10).
 */
export function attempt(about: Doubt, n: number, config: SwimConfig): Attempt | undefined {
  const { probeInterval, probeTimeout, gossipInterval } = config;
  if (about === 'newcomer') {
    if (n > 4) return undefined;
    return { wait: gossipInterval * 2 ** (n - 1), ...(n > 1 ? { stream: probeInterval } : {}) };
  }
  if (about === 'verdict') {
    const whole = lastCall(config);
    return n > 2 ? undefined : { wait: whole / 2, ...(n === 1 ? { stream: whole } : {}) };
  }
  if (n > 3) return undefined;
  if (about === 'owner') return { wait: probeTimeout, ...(n === 1 ? { stream: 3 * probeTimeout } : {}) };
  return { wait: probeInterval, ...(n > 1 ? { stream: probeInterval } : {}) };
}

/** Decoded messages are views on their datagram. */
const kept = (alive: Alive): Alive => ({
  ...alive,
  addr: address(alive.addr, alive.port).ip,
  meta: copyOf(alive.meta),
  vsn: copyOf(alive.vsn),
});
