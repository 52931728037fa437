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
/** For how long the word of others about a contested owner does not count. */
const CONTESTED_FOR: Millis = 300_000;
/** Owners whose epoch changed lately. */
const MAX_CHANGES = 4096;

/**
 * The latest epoch that is believed of anybody. It is the same for all agents whatever their clocks say, and far below what
 * an owner cannot exceed: an owner with a wrong clock, or after that year, is asked.
 */
export const LATEST_PLAUSIBLE_EPOCH = YEAR_2060 * EPOCHS_PER_MS;

/** When the epoch of an owner changed, and until when the owner is contested. */
interface EpochChange {
  readonly at: Millis;
  readonly contestedUntil: Millis;
}

export class Doubts {
  readonly #latestEpoch: number;
  readonly #canAnswer: (owner: string) => boolean;
  readonly #owners = new Set<string>();
  readonly #changes = new BoundedMap<string, EpochChange>(MAX_CHANGES);

  constructor(latestEpoch: number, canAnswer: (owner: string) => boolean = () => false) {
    this.#latestEpoch = latestEpoch;
    this.#canAnswer = canAnswer;
  }

  /**
   * The epoch held of an owner has changed. Twice within seconds is no restart: the owner exceeds what others forge. From
   * then on it is contested: for a while its own word alone is believed.
   */
  recordEpoch(owner: string, before: number, now: Millis, after: number): void {
    if (before === 0 || before === after) return;
    const last = this.#changes.get(owner);
    this.#changes.delete(owner);
    const isRepeated = last !== undefined && now - last.at < REPEATED_WITHIN;
    const contestedUntil = isRepeated ? now + CONTESTED_FOR : (last?.contestedUntil ?? now);
    this.#changes.set(owner, { at: now, contestedUntil });
  }

  /** Must the owner be asked, before `told` is believed? `held` is our own progress, if any. Then the owner is noted. */
  doubt(told: Progress, held: Progress | undefined, now: Millis): boolean {
    const isDoubtful =
      this.#isImplausible(told, held) ||
      (isOutOfReach(held) && told.epoch < held.epoch) ||
      (isFurther(told, held) && this.#isContested(told.owner, now));
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

  #isContested(owner: string, now: Millis): boolean {
    return now < (this.#changes.get(owner)?.contestedUntil ?? now) && this.#canAnswer(owner);
  }

  #isImplausible({ epoch, version }: Progress, held: Progress | undefined): boolean {
    if (held !== undefined && epoch <= held.epoch)
      return epoch === held.epoch && version > held.version + MAX_VERSIONS_AHEAD;
    return epoch > this.#latestEpoch || version > MAX_FIRST_VERSION;
  }
}

const isFurther = (told: Progress, held: Progress | undefined): boolean =>
  held !== undefined &&
  (told.epoch > held.epoch || (told.epoch === held.epoch && told.version > held.version));

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
