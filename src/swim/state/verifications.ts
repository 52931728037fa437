/**
 * Claims that wait for an answer before they are believed: whom we asked, how often, until when. What a claim and its
 * answer mean is claims.ts's business.
 */
import { type Address, toAddress } from '../../base/address.ts';
import { copyBytes } from '../../base/bytes.ts';
import type { Millis } from '../../base/time.ts';
import { Timers } from '../../base/timers.ts';
import type { SwimConfig } from '../../config/protocol.ts';
import type { Alive } from '../../wire/memberlist.ts';
import { verificationTime } from './suspicion.ts';

/**
 * `revival`: a name we had dropped. `newcomer`: one nobody vouches for. `owner`: of a name claimed elsewhere. `verdict`:
 * one whose suspicion is about to run out.
 */
export type VerificationKind = 'revival' | 'newcomer' | 'nameConflict' | 'suspicion';

export interface Verification {
  readonly kind: VerificationKind;
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
export interface AttemptTiming {
  readonly timeout: Millis;
  readonly streamTimeout?: Millis;
}

/** Open at one time; further claims are not looked at. They come again. */
const MAX_VERIFICATIONS = 1024;

export class Verifications {
  readonly #byName = new Map<string, Verification>();
  readonly #bySeqNo = new Map<number, Verification>();
  readonly #timers = new Timers<string>();

  get deadline(): Millis {
    return this.#timers.deadline;
  }

  get(name: string): Verification | undefined {
    return this.#byName.get(name);
  }

  /** Opens one, with a copy of the claim; `undefined` if there are too many. The name has none yet. */
  start(about: VerificationKind, claim: Alive, to: Address, seqNo: number): Verification | undefined {
    if (this.#byName.size >= MAX_VERIFICATIONS) return undefined;
    const question = { kind: about, seqNo, to, claim: copyClaim(claim), attempt: 0 };
    this.#byName.set(claim.node, question);
    this.#bySeqNo.set(seqNo, question);
    return question;
  }

  /** The same claim again, perhaps of a higher incarnation: the highest counts. */
  updateClaim(question: Verification, claim: Alive): void {
    if (claim.incarnation > question.claim.incarnation) question.claim = copyClaim(claim);
  }

  setDeadline(question: Verification, until: Millis): void {
    this.#timers.set(question.claim.node, until);
  }

  /** Takes the question that this ack answers. */
  finish(seqNo: number): Verification | undefined {
    const question = this.#bySeqNo.get(seqNo);
    if (question !== undefined) this.delete(question);
    return question;
  }

  /** One whose last attempt got no answer in time; it stays open. */
  nextDue(now: Millis): Verification | undefined {
    const name = this.#timers.pop(now);
    return name === undefined ? undefined : this.#byName.get(name);
  }

  delete(question: Verification): void {
    this.#byName.delete(question.claim.node);
    this.#bySeqNo.delete(question.seqNo);
    this.#timers.clear(question.claim.node);
  }

  /** The answers of that time may still wait in our socket: none is given up before `notBefore`. */
  postpone(lateness: Millis, notBefore: Millis): void {
    for (const name of this.#byName.keys()) {
      const at = this.#timers.dueAt(name);
      if (at !== undefined) this.#timers.set(name, Math.max(at + lateness, notBefore));
    }
  }
}

/**
 * The `n`th attempt, from 1; `undefined`: enough. The first goes by UDP alone, but an owner has to answer fast, or the
 * newcomer waits too long (G10).
 */
export function attemptTiming(
  about: VerificationKind,
  n: number,
  config: SwimConfig,
): AttemptTiming | undefined {
  const { probeInterval, probeTimeout, gossipInterval } = config;
  if (about === 'newcomer') {
    if (n > 4) return undefined;
    return { timeout: gossipInterval * 2 ** (n - 1), ...(n > 1 ? { streamTimeout: probeInterval } : {}) };
  }
  if (about === 'suspicion') {
    const whole = verificationTime(config);
    return n > 2 ? undefined : { timeout: whole / 2, ...(n === 1 ? { streamTimeout: whole } : {}) };
  }
  if (n > 3) return undefined;
  if (about === 'nameConflict')
    return { timeout: probeTimeout, ...(n === 1 ? { streamTimeout: 3 * probeTimeout } : {}) };
  return { timeout: probeInterval, ...(n > 1 ? { streamTimeout: probeInterval } : {}) };
}

/** Decoded messages are views on their datagram. */
const copyClaim = (alive: Alive): Alive => ({
  ...alive,
  addr: toAddress(alive.addr, alive.port).ip,
  meta: copyBytes(alive.meta),
  vsn: copyBytes(alive.vsn),
});
