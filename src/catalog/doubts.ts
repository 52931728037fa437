/**
 * Doubts: progress that is too far ahead to be believed of anybody but the owner itself. Whoever holds the gossip key can forge a delta, and
 * one that nothing can exceed would stay for ever; so agents ask the owner at its member address (docs/replication.md, A33 to A36).
 */
import { BoundedMap } from '../base/bounded-map.ts';
import type { Millis } from '../base/time.ts';
import { MAX_VERSION } from '../wire/entry-limits.ts';
import type { Delta, Progress } from './types.ts';

/** Epochs count milliseconds in this unit (A3). */
export const EPOCHS_PER_MS = 1024;
/** 2060-01-01 in Unix milliseconds. */
const YEAR_2060: Millis = 2_840_140_800_000;
/** An owner exceeds no epoch of others from here on, so that it can always exceed its own. Wall clocks reach it in the year 2105. */
export const OUTBID_LIMIT = MAX_VERSION - 2 ** 47;
/** Versions of one epoch that may be missed before the owner is asked. */
const MAX_VERSIONS_AHEAD = 2 ** 24;
/** The highest version of an epoch that nothing is held of: a write each second for a hundred years. */
const MAX_FIRST_VERSION = 2 ** 32;
/** An owner exceeds what others forge at most once a second (A15). */
const REPEATED_WITHIN: Millis = 10_000;
/** For how long at most the word of others about a contested owner does not count. */
const CONTESTED_FOR: Millis = 300_000;
/** Owners that are remembered. */
const MAX_DISPUTES = 4096;

/**
 * The latest epoch that is believed of anybody. It is the same for all agents whatever their clocks say, and far below what
 * an owner cannot exceed: an owner with a wrong clock, or after that year, is asked.
 */
export const LATEST_PLAUSIBLE_EPOCH = YEAR_2060 * EPOCHS_PER_MS;

/** An owner whose epoch changed lately, or of whose ledger two things were told that cannot both be so. */
interface Dispute {
  changedAt: Millis;
  contestedUntil: Millis;
  /** From then on its own word ends the contest, if it covers what others told. */
  endsFrom: Millis;
  /** Contests without five minutes between them. */
  contests: number;
  /** The farthest that others have told of it while it was contested. */
  claimed: Progress | undefined;
  /** Since then it has not said what it has. */
  isUnsettled: boolean;
}

export class Doubts {
  readonly #latestEpoch: number;
  readonly #canAnswer: (owner: string) => boolean;
  readonly #owners = new Set<string>();
  readonly #disputes = new BoundedMap<string, Dispute>(MAX_DISPUTES);

  constructor(latestEpoch: number, canAnswer: (owner: string) => boolean = () => false) {
    this.#latestEpoch = latestEpoch;
    this.#canAnswer = canAnswer;
  }

  /**
   * The epoch held of an owner has changed. Twice within seconds it exceeds what others forge, or it has started twice: it is
   * contested, that is, its own word alone is believed until that has settled which of both it is.
   */
  recordEpoch(owner: string, before: number, now: Millis, after: number): void {
    if (before === 0 || before === after) return;
    const dispute = this.#disputeOf(owner);
    const isRepeated = now - dispute.changedAt < REPEATED_WITHIN;
    dispute.changedAt = now;
    this.#disputes.set(owner, dispute);
    if (!isRepeated) return;
    startContest(dispute, now);
    dispute.endsFrom = Math.max(dispute.endsFrom, now + quietTimeOf(dispute.contests));
    this.demand(owner);
  }

  /** One of two things that were told of this ledger is a lie: its owner is asked for all that it has. */
  demand(owner: string): void {
    const dispute = this.#disputeOf(owner);
    dispute.isUnsettled = true;
    this.#disputes.set(owner, dispute);
    this.#owners.add(owner);
  }

  /** The owner has not said yet what it has, since that is in doubt. */
  isUnsettled(owner: string): boolean {
    return this.#disputes.get(owner)?.isUnsettled === true;
  }

  /**
   * An owner is about to be asked. `undefined`: only for what is new. Otherwise for all that it has; then this is the
   * farthest that was told of it, of which its answer decides. `held` is how far our own copy reaches.
   */
  toldOf(held: Progress, now: Millis): Progress | undefined {
    const dispute = this.#disputes.get(held.owner);
    if (dispute === undefined || !(dispute.isUnsettled || this.#isContested(held.owner, now)))
      return undefined;
    const { claimed } = dispute;
    return claimed !== undefined && isFurther(claimed, held) ? claimed : held;
  }

  /**
   * The owner has said how far its ledger goes. `told` is what `toldOf` said when it was asked: if it goes farther, that was a
   * lie. If not, and the epoch is the same, the owner has merely started twice.
   */
  onWord(word: Progress, told: Progress, now: Millis): void {
    const dispute = this.#disputes.get(word.owner);
    if (dispute === undefined) return;
    dispute.isUnsettled = false;
    if (dispute.claimed !== undefined && !isFurther(dispute.claimed, told)) dispute.claimed = undefined;
    if (isFurther(told, word)) {
      startContest(dispute, now);
      dispute.endsFrom = dispute.contestedUntil;
    } else if (told.epoch === word.epoch && now >= dispute.endsFrom)
      dispute.contestedUntil = Math.min(dispute.contestedUntil, now);
  }

  /** Must the owner be asked, before `told` is believed? `held` is our own progress, if any. Then the owner is noted. */
  doubt(told: Progress, held: Progress | undefined, now: Millis): boolean {
    const isContested = held !== undefined && isFurther(told, held) && this.#isContested(told.owner, now);
    if (isContested) this.#recordClaim(told);
    const isDoubtful =
      isContested || this.#isImplausible(told, held) || (isOutOfReach(held) && told.epoch < held.epoch);
    if (isDoubtful) this.#owners.add(told.owner);
    return isDoubtful;
  }

  /** Owners to ask since the last call. */
  consume(): readonly string[] {
    if (this.#owners.size === 0) return [];
    const owners = [...this.#owners];
    this.#owners.clear();
    return owners;
  }

  /** Would not be believed if it were new: a copy on disk is not restored then. */
  isImplausible(told: Progress): boolean {
    return this.#isImplausible(told, undefined);
  }

  #disputeOf(owner: string): Dispute {
    const found = this.#disputes.get(owner);
    if (found !== undefined) return found;
    const never = Number.NEGATIVE_INFINITY;
    return {
      ...{ changedAt: never, contestedUntil: never, endsFrom: never, contests: 0 },
      ...{ claimed: undefined, isUnsettled: false },
    };
  }

  #recordClaim(told: Progress): void {
    const dispute = this.#disputes.get(told.owner);
    if (dispute === undefined) return;
    if (dispute.claimed === undefined || isFurther(told, dispute.claimed)) dispute.claimed = told;
  }

  #isContested(owner: string, now: Millis): boolean {
    return now < (this.#disputes.get(owner)?.contestedUntil ?? now) && this.#canAnswer(owner);
  }

  #isImplausible({ epoch, version }: Progress, held: Progress | undefined): boolean {
    if (held !== undefined && epoch <= held.epoch)
      return epoch === held.epoch && version > held.version + MAX_VERSIONS_AHEAD;
    return epoch > this.#latestEpoch || version > MAX_FIRST_VERSION;
  }
}

function startContest(dispute: Dispute, now: Millis): void {
  if (now >= dispute.contestedUntil)
    dispute.contests = now < dispute.contestedUntil + CONTESTED_FOR ? dispute.contests + 1 : 1;
  dispute.contestedUntil = now + CONTESTED_FOR;
}

/** The first contest ends with the owner's word. Whoever goes on pays for each further one with a silence twice as long. */
const quietTimeOf = (contests: number): Millis =>
  contests < 2 ? 0 : Math.min(CONTESTED_FOR, REPEATED_WITHIN * 2 ** (contests - 2));

export const isFurther = (a: Progress, b: Progress): boolean =>
  a.epoch > b.epoch || (a.epoch === b.epoch && a.version > b.version);

/** What is held goes beyond the owner's word, and was told before the owner was asked. */
export const isDisproved = (held: Progress, word: Progress, told: Progress): boolean =>
  isFurther(held, word) && !isFurther(held, told);

/** Its owner cannot exceed this epoch: it is asked, and whatever it says replaces it. */
export const isOutOfReach = (held: Progress | undefined): held is Progress =>
  held !== undefined && held.epoch >= OUTBID_LIMIT;

/** How far a delta goes, with entries beyond a gap. */
export function reachOf({ owner, epoch, to, entries }: Delta): Progress {
  let version = to;
  for (const entry of entries) version = Math.max(version, entry.version);
  return { owner, epoch, version };
}

/**
 * The epoch after `saved`, if that can be exceeded. One that cannot is ignored: nobody believes it without asking us.
 */
export function firstEpoch(epoch: number, saved: number, stride: number): number {
  const least = saved === 0 || saved >= OUTBID_LIMIT ? 1 : saved + stride;
  return Math.min(OUTBID_LIMIT, Math.max(epoch, least));
}
