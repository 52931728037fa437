/** One ledger as the catalogue keeps it: with its mark in the digest, its size, and when its tombstones came. */

import type { Millis } from '../base/time.ts';
import type { Entry } from '../model/service.ts';
import { type Mark, newMark } from './digest.ts';
import { emptyLedger, type Ledger, sweep } from './ledger.ts';

/** How long a tombstone is kept: whoever was away longer gets whole ledgers. */
const TOMBSTONE_KEPT: Millis = 3_600_000;
/** Tombstones of one ledger that are kept, however young. */
export const MAX_TOMBSTONES = 2048;
export interface Held extends Ledger {
  readonly mark: Mark;
  /** Entries that are no tombstones. */
  live: number;
  /** Bytes of its values, as `weigh` counts. */
  weight: number;
  /** From the disk, not yet confirmed by a member. */
  warm: boolean;
  /** Tombstones in the order in which they came. */
  graves: readonly Grave[];
}
export interface Grave {
  readonly version: number;
  readonly at: Millis;
}
const NO_GRAVES: readonly Grave[] = [];

export const newHeld = (owner: string, epoch: number): Held => ({
  ...emptyLedger(owner, epoch),
  mark: newMark(owner),
  live: 0,
  weight: 0,
  warm: false,
  graves: NO_GRAVES,
});

/** Is it, at its version, what every agent's copy would be? */
export function isEven({ version, entries, islands }: Ledger): boolean {
  if (islands.length > 0) return false;
  for (const entry of entries.values()) if (entry.version > version) return false;
  return true;
}

/** Notes when tombstones came. */
export function bury(held: Held, entries: readonly Entry[], at: Millis): void {
  const graves: Grave[] = [];
  for (const { version, value } of entries) if (value === undefined) graves.push({ version, at });
  if (graves.length > 0) held.graves = [...held.graves, ...graves];
}

/** A new epoch has no tombstones. */
export const unbury = (held: Held): void => {
  held.graves = NO_GRAVES;
};

/** Forgets tombstones that were kept long enough. */
export function sweepOld(held: Held, now: Millis): void {
  const old = held.graves.findIndex((grave) => grave.at > now - TOMBSTONE_KEPT);
  sweepFirst(held, old < 0 ? held.graves.length : old);
}

/** Forgets the older half of the tombstones: there are too many. */
export const sweepHalf = (held: Held): void => sweepFirst(held, held.graves.length >> 1);

function sweepFirst(held: Held, count: number): void {
  if (count === 0) return;
  let to = 0;
  for (const { version } of held.graves.slice(0, count)) to = Math.max(to, version);
  sweep(held, to);
  held.graves = held.graves.filter((grave) => grave.version > to);
}
