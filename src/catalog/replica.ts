/** A ledger with its bookkeeping: its digest hash, its size, and the age of its tombstones. */

import { assert } from '../base/assert.ts';
import type { Millis } from '../base/time.ts';
import type { Entry } from '../model/service.ts';
import { updateContents } from './contents.ts';
import { type LedgerHash, newLedgerHash } from './digest.ts';
import { emptyLedger, entriesAbove, type Ledger, reapTombstones } from './ledger.ts';
import type { EntryChange, Progress } from './types.ts';
import { estimateBytes } from './values.ts';

/** An agent that was away for longer gets whole ledgers (A12 in docs/replication.md). */
export const TOMBSTONE_TTL: Millis = 3_600_000;
/** Tombstones that are kept of one ledger, whatever their age. */
export const MAX_TOMBSTONES = 2048;

export interface Replica extends Ledger {
  readonly ledgerHash: LedgerHash;
  /** Number of entries that are no tombstones. */
  live: number;
  /** What it says: `updateContents`. */
  contents: number;
  /** Bytes of its values, as `estimateBytes` counts. */
  estimatedBytes: number;
  /** Restored from disk, and not confirmed by a member since. */
  unconfirmed: boolean;
  /** In the order in which they were received. */
  tombstones: readonly TombstoneRecord[];
}

export interface TombstoneRecord {
  readonly version: number;
  readonly at: Millis;
}

const NO_TOMBSTONES: readonly TombstoneRecord[] = [];

/** Field by field: with a spread the engine gives each object a hidden class of its own, which takes more memory than the object. */
export function newReplica(owner: string, epoch: number): Replica {
  const { version, highest, swept, entries, shared, rangesAhead } = emptyLedger(owner, epoch);
  return {
    owner,
    epoch,
    version,
    highest,
    swept,
    entries,
    shared,
    rangesAhead,
    ledgerHash: newLedgerHash(owner),
    live: 0,
    contents: 0,
    estimatedBytes: 0,
    unconfirmed: false,
    tombstones: NO_TOMBSTONES,
  };
}

/** Nothing is held beyond a gap, so any other agent's copy at the same version is equal. */
export const isContiguous = ({ version, highest, rangesAhead }: Ledger): boolean =>
  rangesAhead.length === 0 && highest <= version;

/** Readers have seen entries beyond a gap, too: a copy that ends below them would undo them. */
export const replicaReach = ({ owner, epoch, version, highest }: Ledger): Progress => ({
  owner,
  epoch,
  version: Math.max(version, highest),
});

/** For a sync: with its contents, if its progress says all of it. */
export const progressRow = (replica: Replica): Progress => ({
  owner: replica.owner,
  epoch: replica.epoch,
  version: replica.version,
  contents: isContiguous(replica) ? replica.contents : undefined,
});

/** Versions of the entries that are held beyond a gap, ascending. */
export const versionsAhead = ({ entries, version, highest }: Ledger): readonly number[] =>
  highest <= version
    ? NO_VERSIONS
    : entriesAbove(entries.values(), version)
        .map((entry) => entry.version)
        .sort((a, b) => a - b);

const NO_VERSIONS: readonly number[] = [];

/** Invariant: `live` counts the entries with a value, and neither total is negative. */
export function updateReplicaTotals(replica: Replica, changes: readonly EntryChange[]): void {
  for (const { before, after } of changes) {
    replica.live += (after === undefined ? 0 : 1) - (before === undefined ? 0 : 1);
    replica.estimatedBytes += estimateBytes(after) - estimateBytes(before);
  }
  replica.contents = updateContents(replica.contents, changes);
  const { live, estimatedBytes, entries } = replica;
  assert(live >= 0 && live <= entries.size, `${live} live entries of ${entries.size}`);
  assert(estimatedBytes >= 0, `a ledger of ${estimatedBytes} bytes`);
}

/** Does this progress go further than what we know of that ledger? */
export const isAhead = ({ epoch, version }: Progress, known: Progress | undefined): boolean =>
  known === undefined
    ? version > 0
    : epoch > known.epoch || (epoch === known.epoch && version > known.version);

/** What readers lose with the whole ledger. */
export function removalOfAll(replica: Replica): EntryChange[] {
  const changes: EntryChange[] = [];
  for (const { key, value } of replica.entries.values())
    if (value !== undefined) changes.push({ key, before: value, after: undefined });
  return changes;
}

export function recordTombstones(replica: Replica, entries: readonly Entry[], at: Millis): void {
  const received: TombstoneRecord[] = [];
  for (const { version, value } of entries) if (value === undefined) received.push({ version, at });
  if (received.length > 0) replica.tombstones = [...replica.tombstones, ...received];
}

/** For a new epoch, which has no tombstones yet. */
export const clearTombstones = (replica: Replica): void => {
  replica.tombstones = NO_TOMBSTONES;
};

/** How often to reap: once a minute, or more often if tombstones are kept for a few minutes only. */
export const tombstoneReapInterval = (ttl: Millis): Millis => Math.min(MAX_REAP_INTERVAL, ttl / 4);

const MAX_REAP_INTERVAL: Millis = 60_000;

export function reapExpiredTombstones(replica: Replica, ttl: Millis, now: Millis): void {
  const young = replica.tombstones.findIndex(({ at }) => at > now - ttl);
  reapFirstTombstones(replica, young < 0 ? replica.tombstones.length : young);
}

/** Reaps the older half of the tombstones, whatever their age. */
export const reapOlderTombstones = (replica: Replica): void =>
  reapFirstTombstones(replica, replica.tombstones.length >> 1);

function reapFirstTombstones(replica: Replica, count: number): void {
  if (count === 0) return;
  let highest = 0;
  for (const { version } of replica.tombstones.slice(0, count)) highest = Math.max(highest, version);
  reapTombstones(replica, highest);
  replica.tombstones = replica.tombstones.filter(({ version }) => version > highest);
}
