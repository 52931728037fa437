/**
 * The ledger of one owner, and how a copy of it grows. Only its owner writes a ledger, so copies never conflict: they
 * only lag (docs/replication.md, A1 to A14). Which owners there are, sizes and time are in catalog.ts.
 *
 * A copy at version v holds, for every key, what the owner last wrote at or before v, or something newer. All
 * tombstones above `swept` are held; those at or below it may have been reaped.
 */
import { assert } from '../base/assert.ts';
import { type Entry, type EntryKey, type EntryWrite, type Published, toEntryKey } from '../model/service.ts';
import type { Delta, EntryChange, Progress } from './types.ts';
import { samePublished } from './values.ts';

export interface Ledger {
  readonly owner: string;
  epoch: number;
  version: number;
  /** The highest version of an entry that was taken in this epoch: above `version` something may be held beyond a gap. */
  highest: number;
  /** The highest version whose tombstone was reaped. */
  swept: number;
  entries: ReadonlyMap<EntryKey, Entry>;
  /** `entries` is used by other agents of this process, too (in the simulator): it is copied before a write. */
  shared: boolean;
  /** The versions held above `version`, beyond gaps. */
  rangesAhead: readonly VersionRange[];
}

/** Versions above `from`, up to `to`. */
export interface VersionRange {
  readonly from: number;
  readonly to: number;
}

/**
 * `applied`: the version moved. `gap`: the entries are taken, and the version stays, since versions below are missing.
 * `stale`: nothing new. `needsWhole`: a part of a later epoch, which only a whole ledger may begin; nothing changed.
 */
export type ApplyOutcome = 'applied' | 'gap' | 'stale' | 'needsWhole';

/** Ranges that are remembered. A range that is not costs a pull later, and no entry. */
const MAX_RANGES_AHEAD = 32;
const NO_ENTRIES: ReadonlyMap<EntryKey, Entry> = new Map();
const NO_RANGES: readonly VersionRange[] = [];

export const emptyLedger = (owner: string, epoch: number): Ledger => ({
  owner,
  epoch,
  version: 0,
  highest: 0,
  swept: 0,
  entries: NO_ENTRIES,
  shared: true,
  rangesAhead: NO_RANGES,
});

/** Invariant: `swept` is at most `version`; `rangesAhead` ascend, are disjoint, and begin above `version`. */
function assertConsistent({ owner, version, swept, rangesAhead }: Ledger): void {
  assert(swept <= version, `the ledger of ${owner} was swept to ${swept}, and ends at ${version}`);
  let end = version;
  for (const { from, to } of rangesAhead) {
    assert(from > end && to > from, `the ledger of ${owner} at ${version} holds ${from} to ${to} ahead`);
    end = to;
  }
}

/** Takes in what is new, and appends what readers will see of it to `changes`. Source: A5 to A9. */
export function applyDelta(ledger: Ledger, delta: Delta, changes: EntryChange[] = []): ApplyOutcome {
  const isWhole = delta.from === 0;
  if (delta.epoch < ledger.epoch) return 'stale';
  if (delta.epoch > ledger.epoch) {
    if (!isWhole) return 'needsWhole';
    replaceEntries(ledger, delta, NO_ENTRIES, changes);
    ledger.epoch = delta.epoch;
    ledger.version = delta.to;
    ledger.rangesAhead = NO_RANGES;
    assertConsistent(ledger);
    return 'applied';
  }
  if (delta.to <= ledger.version || isCovered(ledger.rangesAhead, delta))
    return mergeEntries(ledger, entriesAbove(delta.entries, ledger.version), changes) ? 'gap' : 'stale';
  if (isWhole) replaceEntries(ledger, delta, ledger.entries, changes);
  else mergeEntries(ledger, delta.entries, changes);
  const outcome = advanceVersion(ledger, delta);
  assertConsistent(ledger);
  return outcome;
}

/**
 * The owner's own word of the epoch that is held: up to `delta.to` nothing stays but what it says, whatever version the
 * ledger is at (A46).
 */
export function replaceUpTo(ledger: Ledger, delta: Delta, changes: EntryChange[]): ApplyOutcome {
  assert(delta.epoch === ledger.epoch && delta.from === 0, 'a part of a ledger replaces nothing');
  replaceEntries(ledger, delta, ledger.entries, changes);
  ledger.version = Math.max(ledger.version, delta.to);
  absorbRanges(ledger);
  assertConsistent(ledger);
  return 'applied';
}

/** A whole ledger replaces everything up to `delta.to`; entries of `newer` above that stay. */
function replaceEntries(
  ledger: Ledger,
  delta: Delta,
  newer: ReadonlyMap<EntryKey, Entry>,
  changes: EntryChange[],
): void {
  const old = ledger.entries;
  const fresh = new Map<EntryKey, Entry>();
  for (const entry of delta.entries) putNewer(fresh, entry, old.get(entry.key));
  for (const entry of newer.values()) if (entry.version > delta.to) putNewer(fresh, entry, entry);
  ledger.entries = fresh;
  ledger.shared = false;
  ledger.swept = delta.swept;
  ledger.highest = highestOf(fresh.values());
  for (const { key, value } of old.values()) recordChange(changes, key, value, fresh.get(key)?.value);
  for (const { key, value } of fresh.values())
    if (!old.has(key)) recordChange(changes, key, undefined, value);
}

/** Takes the entries that are newer; true if there were any. */
function mergeEntries(ledger: Ledger, received: readonly Entry[], changes: EntryChange[]): boolean {
  const news = received.filter(({ key, version }) => version > (ledger.entries.get(key)?.version ?? -1));
  if (news.length === 0) return false;
  const entries = writableEntries(ledger);
  ledger.highest = Math.max(ledger.highest, highestOf(news));
  for (const entry of news) {
    const before = entries.get(entry.key);
    if (putNewer(entries, entry, before))
      recordChange(changes, entry.key, before?.value, entries.get(entry.key)?.value);
  }
  return true;
}

function highestOf(entries: Iterable<Entry>): number {
  let highest = 0;
  for (const { version } of entries) highest = Math.max(highest, version);
  return highest;
}

/** The newer entry wins. A value equal to the one before stays the same object, which readers compare. */
function putNewer(into: Map<EntryKey, Entry>, entry: Entry, before: Entry | undefined): boolean {
  const { key, version, value } = entry;
  const present = into.get(key);
  if (present !== undefined && present.version >= version) return false;
  const old = before?.value;
  const isEqual = old !== value && old !== undefined && value !== undefined && samePublished(old, value);
  into.set(key, isEqual ? { key, version, value: old } : entry);
  return true;
}

function recordChange(
  changes: EntryChange[],
  key: EntryKey,
  before: Published | undefined,
  after: Published | undefined,
): void {
  if (before !== after) changes.push({ key, before, after });
}

/** Copy on write. */
function writableEntries(ledger: Ledger): Map<EntryKey, Entry> {
  if (ledger.shared) {
    ledger.entries = new Map(ledger.entries);
    ledger.shared = false;
  }
  return ledger.entries as Map<EntryKey, Entry>;
}

const isCovered = (ranges: readonly VersionRange[], { from, to }: VersionRange): boolean =>
  ranges.some((range) => range.from <= from && to <= range.to);

/** Moves the version over what is now held without a gap, or remembers the range that is held beyond one. */
function advanceVersion(ledger: Ledger, { from, to }: VersionRange): ApplyOutcome {
  if (from <= ledger.version) ledger.version = Math.max(ledger.version, to);
  else if (to > from) ledger.rangesAhead = addRange(ledger.rangesAhead, { from, to });
  if (ledger.rangesAhead.length > 0) absorbRanges(ledger);
  return ledger.version >= to ? 'applied' : 'gap';
}

/** Ranges that begin at or below the version are no longer beyond a gap. */
function absorbRanges(ledger: Ledger): void {
  let absorbed = 0;
  for (const { from, to } of ledger.rangesAhead) {
    if (from > ledger.version) break;
    ledger.version = Math.max(ledger.version, to);
    absorbed += 1;
  }
  if (absorbed > 0)
    ledger.rangesAhead =
      absorbed === ledger.rangesAhead.length ? NO_RANGES : ledger.rangesAhead.slice(absorbed);
}

/** Adds a range, joined with those it touches. The highest are dropped first: they are needed last. */
function addRange(ranges: readonly VersionRange[], added: VersionRange): readonly VersionRange[] {
  let { from, to } = added;
  const joined: VersionRange[] = [];
  for (const range of ranges) {
    if (range.to < from || range.from > to) joined.push(range);
    else {
      from = Math.min(from, range.from);
      to = Math.max(to, range.to);
    }
  }
  joined.push({ from, to });
  return joined.sort((a, b) => a.from - b.from).slice(0, MAX_RANGES_AHEAD);
}

/**
 * What a copy at `progress` lacks of this ledger; `undefined` if nothing. Entries beyond a gap are included, since the
 * delta must not lose what they replaced here (A11). A copy that ends below `swept` gets the whole ledger (A14).
 */
export function deltaSince(ledger: Ledger, progress: Progress | undefined): Delta | undefined {
  const { owner, epoch, version, swept } = ledger;
  const known = progress !== undefined && progress.epoch === epoch ? progress.version : 0;
  if (progress !== undefined && (progress.epoch > epoch || (progress.epoch === epoch && known > version)))
    return undefined;
  const from = known >= swept ? known : 0;
  const entries = entriesAbove(ledger.entries.values(), from);
  // A copy of the same version lacks at most what is held beyond a gap.
  if (known === version && progress?.epoch === epoch && entries.length === 0) return undefined;
  return { owner, epoch, from, to: version, swept: from === 0 ? swept : 0, entries };
}

/** Entries of later versions, in no order. */
export function entriesAbove(entries: Iterable<Entry>, version: number): Entry[] {
  const found: Entry[] = [];
  for (const entry of entries) if (entry.version > version) found.push(entry);
  return found;
}

/**
 * The owner's own writes, one version for each that changes anything; `undefined` if none does.
 * Invariant: an owner's own ledger has no gaps.
 */
export function writeEntries(
  ledger: Ledger,
  writes: readonly EntryWrite[],
  changes: EntryChange[] = [],
): Delta | undefined {
  assert(ledger.rangesAhead.length === 0, `the own ledger of ${ledger.owner} has a gap`);
  const from = ledger.version;
  const entries: Entry[] = [];
  for (const write of writes) {
    const value = 'put' in write ? write.put : undefined;
    const key = 'put' in write ? toEntryKey(write.put) : write.remove;
    const before = ledger.entries.get(key)?.value;
    if (value === undefined ? before === undefined : before !== undefined && samePublished(before, value))
      continue;
    ledger.version += 1;
    const entry = { key, version: ledger.version, value };
    writableEntries(ledger).set(key, entry);
    entries.push(entry);
    changes.push({ key, before, after: value });
  }
  if (entries.length === 0) return undefined;
  return { owner: ledger.owner, epoch: ledger.epoch, from, to: ledger.version, swept: 0, entries };
}

/** The owner begins a higher epoch with its present services and checks (A15). Invariant: epochs only rise. */
export function startEpoch(ledger: Ledger, epoch: number): void {
  assert(epoch > ledger.epoch, `epoch ${epoch} after ${ledger.epoch}`);
  const entries = new Map<EntryKey, Entry>();
  for (const { key, value } of ledger.entries.values())
    if (value !== undefined) entries.set(key, { key, version: entries.size + 1, value });
  ledger.epoch = epoch;
  ledger.version = entries.size;
  ledger.highest = entries.size;
  ledger.swept = 0;
  ledger.entries = entries;
  ledger.shared = false;
  ledger.rangesAhead = NO_RANGES;
}

/** Deletes tombstones at or below `version`, and returns their number. Copies that end below get the whole ledger. */
export function reapTombstones(ledger: Ledger, version: number): number {
  const limit = Math.min(version, ledger.version);
  const reaped: Entry[] = [];
  for (const entry of ledger.entries.values())
    if (entry.value === undefined && entry.version <= limit) reaped.push(entry);
  if (reaped.length === 0) return 0;
  const entries = writableEntries(ledger);
  for (const { key, version: at } of reaped) {
    entries.delete(key);
    ledger.swept = Math.max(ledger.swept, at);
  }
  assertConsistent(ledger);
  return reaped.length;
}
