/** Pending verifications: which member is asked about which claim, how often, and until when. Rules are in verify.ts. */
import { type Address, toAddress } from '../../base/address.ts';
import { assert } from '../../base/assert.ts';
import { copyBytes } from '../../base/bytes.ts';
import type { Millis } from '../../base/time.ts';
import { Timers } from '../../base/timers.ts';
import type { SwimConfig } from '../../config/protocol.ts';
import type { Alive } from '../../wire/memberlist.ts';
import type { AccusationReason, StreamFailure, StreamPingOutcome } from '../types.ts';
import { verificationTime } from './suspicion.ts';

/**
 * `revival`: the claim is about a recently dropped member. `newcomer`: about an unknown member that nobody introduces.
 * `nameConflict`: about a name held at another address. `suspicion`: a suspect is verified before it is declared dead.
 * `leave`: others say that the member left.
 */
export type VerificationKind = 'revival' | 'newcomer' | 'nameConflict' | 'suspicion' | 'leave';

export interface Verification {
  readonly kind: VerificationKind;
  /** The sequence number of all its pings. */
  readonly seqNo: number;
  /** Where the pings go. */
  readonly to: Address;
  /** A copy: decoded messages are views on their datagram. */
  claim: Alive;
  /** Pings sent so far, since the last answer. */
  attempt: number;
  /** Answers that did not end it. */
  answers: number;
  /** Why the member counts as left if it does not answer. */
  readonly reason: AccusationReason | undefined;
  /** What has become of the last stream ping, `dialed` before anything is known; `undefined`: none was tried. */
  stream: 'dialed' | StreamPingOutcome | undefined;
}

/** How long one attempt waits for an ack, and a stream ping beside it, if any. */
export interface AttemptTiming {
  readonly timeout: Millis;
  readonly streamTimeout?: Millis;
}

/** Verifications at one time. Claims beyond it are ignored: they will be repeated. */
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

  /** Adds one for a name that has none; `undefined` if there are too many. */
  start(
    kind: VerificationKind,
    claim: Alive,
    to: Address,
    seqNo: number,
    reason?: AccusationReason,
  ): Verification | undefined {
    assert(!this.#byName.has(claim.node), 'a second verification of one name');
    if (this.#byName.size >= MAX_VERIFICATIONS) return undefined;
    const verification: Verification = {
      kind,
      seqNo,
      to,
      claim: copyClaim(claim),
      attempt: 0,
      answers: 0,
      reason,
      stream: undefined,
    };
    this.#byName.set(claim.node, verification);
    this.#bySeqNo.set(seqNo, verification);
    return verification;
  }

  /** The claim was repeated: the highest incarnation counts. */
  updateClaim(verification: Verification, claim: Alive): void {
    if (claim.incarnation > verification.claim.incarnation) verification.claim = copyClaim(claim);
  }

  setDeadline(verification: Verification, until: Millis): void {
    this.#timers.set(verification.claim.node, until);
  }

  /** The verification that pings with this number. */
  bySeqNo(seqNo: number): Verification | undefined {
    return this.#bySeqNo.get(seqNo);
  }

  /** One whose last attempt was not answered in time; it stays pending. */
  nextDue(now: Millis): Verification | undefined {
    const name = this.#timers.pop(now);
    if (name === undefined) return undefined;
    const verification = this.#byName.get(name);
    assert(verification !== undefined, `a timer of ${name}, which is not under verification`);
    return verification;
  }

  delete(verification: Verification): void {
    this.#byName.delete(verification.claim.node);
    this.#bySeqNo.delete(verification.seqNo);
    this.#timers.clear(verification.claim.node);
    // Invariant: every verification is found by its name and by its sequence number.
    assert(this.#byName.size === this.#bySeqNo.size, 'verifications by name and by number differ');
  }

  /** After a stall: acks may wait in the socket, so no attempt ends before `notBefore`. */
  postpone(lateness: Millis, notBefore: Millis): void {
    for (const name of this.#byName.keys()) {
      const at = this.#timers.dueAt(name);
      if (at !== undefined) this.#timers.set(name, Math.max(at + lateness, notBefore));
    }
  }
}

/**
 * Times of attempt `n`, counted from 1; `undefined` after the last one. The first attempt uses UDP alone, except where the
 * result is needed fast: for a name conflict (G10) and for a suspicion.
 */
export function attemptTiming(
  kind: VerificationKind,
  n: number,
  config: SwimConfig,
): AttemptTiming | undefined {
  const { probeInterval, probeTimeout, gossipInterval } = config;
  if (kind === 'newcomer') {
    if (n > 4) return undefined;
    return { timeout: gossipInterval * 2 ** (n - 1), ...(n > 1 ? { streamTimeout: probeInterval } : {}) };
  }
  if (kind === 'suspicion' || kind === 'leave') {
    const whole = verificationTime(config);
    return n > 2 ? undefined : { timeout: whole / 2, ...(n === 1 ? { streamTimeout: whole } : {}) };
  }
  if (n > 3) return undefined;
  if (kind === 'nameConflict')
    return { timeout: probeTimeout, ...(n === 1 ? { streamTimeout: 3 * probeTimeout } : {}) };
  return { timeout: probeInterval, ...(n > 1 ? { streamTimeout: probeInterval } : {}) };
}

/**
 * The failure of a stream ping as a field of a reason; none if no stream was tried, or it was acked. A ping that is still
 * `dialed` at the end of its round has met silence, one that is still `connected` has met a process that does not answer.
 */
export function streamFailureField(stream: 'dialed' | StreamPingOutcome | undefined): {
  readonly streamFailure?: StreamFailure;
} {
  if (stream === undefined || stream === 'acked') return {};
  if (stream === 'dialed') return { streamFailure: 'timeout' };
  return { streamFailure: stream === 'connected' ? 'unanswered' : stream };
}

const copyClaim = (alive: Alive): Alive => ({
  ...alive,
  addr: toAddress(alive.addr, alive.port).ip,
  meta: copyBytes(alive.meta),
  vsn: copyBytes(alive.vsn),
});
