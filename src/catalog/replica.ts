/** One ledger as the catalogue keeps it: with its mark in the digest, its size, and when its tombstones came. */

import type { Millis } from '../base/time.ts';
import type { Entry } from '../model/service.ts';
import { type LedgerHash, newLedgerHash } from './digest.ts';
import { emptyLedger, type Ledger, reapTombstones } from './ledger.ts';

/** How long a tombstone is kept: whoever was away longer gets whole ledgers. */
const TOMBSTONE_TTL: Millis = 3_600_000;
/** Tombstones of one ledger that are kept, however young. */
export const MAX_TOMBSTONES = 2048;
export interface Replica extends Ledger {
  readonly ledgerHash: LedgerHash;
  /** Entries that are no tombstones. */
  live: number;
  /** Bytes of its values, as `weigh` counts. */
  estimatedBytes: number;
  /** From the disk, not yet confirmed by a member. */
  unconfirmed: boolean;
  /** Tombstones in the order in which they came. */
  tombstones: readonly TombstoneRecord[];
}
export interface TombstoneRecord {
  readonly version: number;
  readonly at: Millis;
}
const NO_TOMBSTONES: readonly TombstoneRecord[] = [];

export const newReplica = (owner: string, epoch: number): Replica => ({
  ...emptyLedger(owner, epoch),
  ledgerHash: newLedgerHash(owner),
  live: 0,
  estimatedBytes: 0,
  unconfirmed: false,
  tombstones: NO_TOMBSTONES,
});

/** Is it, at its version, what every agent's copy would be? */
export function isContiguous({ version, entries, rangesAhead: islands }: Ledger): boolean {
  if (islands.length > 0) return false;
  for (const entry of entries.values()) if (entry.version > version) return false;
  return true;
}

/** Notes when tombstones came. */
export function recordTombstones(held: Replica, entries: readonly Entry[], at: Millis): void {
  const graves: TombstoneRecord[] = [];
  for (const { version, value } of entries) if (value === undefined) graves.push({ version, at });
  if (graves.length > 0) held.tombstones = [...held.tombstones, ...graves];
}

/** A new epoch has no tombstones. */
export const clearTombstones = (held: Replica): void => {
  held.tombstones = NO_TOMBSTONES;
};

/** Forgets tombstones that were kept long enough. */
export function reapExpiredTombstones(held: Replica, now: Millis): void {
  const old = held.tombstones.findIndex((grave) => grave.at > now - TOMBSTONE_TTL);
  reapFirstTombstones(held, old < 0 ? held.tombstones.length : old);
}

/** Forgets the older half of the tombstones: there are too many. */
export const reapOlderTombstones = (held: Replica): void =>
  reapFirstTombstones(held, held.tombstones.length >> 1);

function reapFirstTombstones(held: Replica, count: number): void {
  if (count === 0) return;
  let to = 0;
  for (const { version } of held.tombstones.slice(0, count)) to = Math.max(to, version);
  reapTombstones(held, to);
  held.tombstones = held.tombstones.filter((grave) => grave.version > to);
}
