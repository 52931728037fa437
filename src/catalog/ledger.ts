/**
 * One owner's entries, and how a copy of them grows. Pure: no owner writes any ledger but its own, so copies cannot
 * conflict, only lag. Which owners there are, sizes and time are catalog.ts's business.
 *
 * A copy at version v holds, for every key, what the owner last wrote at or before v, or something newer. Tombstones
 * above `swept` are all there; those at or below it may be gone, and are nobody's to learn any more.
 */
import { type Entry, type EntryKey, type EntryWrite, type Published, toEntryKey } from '../model/service.ts';
import type { Delta, EntryChange, Progress } from './types.ts';
import { samePublished } from './values.ts';

export interface Ledger {
  readonly owner: string;
  epoch: number;
  version: number;
  /** Never above `version`. */
  swept: number;
  entries: ReadonlyMap<EntryKey, Entry>;
  /** `entries` is another's too (the agents of a simulated world share equal ones): copied before it is written. */
  shared: boolean;
  /** What is held above `version`: ascending, apart from one another and from it. */
  rangesAhead: readonly VersionRange[];
}

/** Versions above `from` up to `to`. */
export interface VersionRange {
  readonly from: number;
  readonly to: number;
}

/**
 * `applied`: the version moved. `ahead`: news from beyond a gap; its entries are in, the version is not. `known`:
 * nothing new. `behind`: a later epoch, of which only the whole ledger can be the beginning; nothing changed.
 */
export type ApplyOutcome = 'applied' | 'ahead' | 'known' | 'behind';

/** Stretches kept beyond gaps. More are forgotten, which costs a pull and no entry. */
const MAX_RANGES_AHEAD = 32;
const NOTHING: ReadonlyMap<EntryKey, Entry> = new Map();
const NONE: readonly VersionRange[] = [];

export const emptyLedger = (owner: string, epoch: number): Ledger => ({
  owner,
  epoch,
  version: 0,
  swept: 0,
  entries: NOTHING,
  shared: true,
  rangesAhead: NONE,
});

/** Copies what is new, and appends what readers will see of it to `changes`. Source: A5 to A9 (docs/replication.md). */
export function applyDelta(ledger: Ledger, delta: Delta, changes: EntryChange[] = []): ApplyOutcome {
  const whole = delta.from === 0;
  if (delta.epoch < ledger.epoch) return 'known';
  if (delta.epoch > ledger.epoch) {
    if (!whole) return 'behind';
    replace(ledger, delta, NOTHING, changes);
    ledger.epoch = delta.epoch;
    ledger.version = delta.to;
    ledger.rangesAhead = NONE;
    return 'applied';
  }
  if (delta.to <= ledger.version || isCovered(ledger.rangesAhead, delta)) return 'known';
  if (whole) replace(ledger, delta, ledger.entries, changes);
  else merge(ledger, delta.entries, changes);
  return advanceVersion(ledger, delta);
}

/** A whole ledger takes the place of all it covers; only what is newer than it stays. */
function replace(
  ledger: Ledger,
  delta: Delta,
  keep: ReadonlyMap<EntryKey, Entry>,
  changes: EntryChange[],
): void {
  const old = ledger.entries;
  const fresh = new Map<EntryKey, Entry>();
  for (const entry of delta.entries) putNewer(fresh, entry, old.get(entry.key));
  for (const entry of keep.values()) if (entry.version > delta.to) putNewer(fresh, entry, entry);
  ledger.entries = fresh;
  ledger.shared = false;
  ledger.swept = delta.swept;
  for (const { key, value } of old.values()) recordChange(changes, key, value, fresh.get(key)?.value);
  for (const { key, value } of fresh.values())
    if (!old.has(key)) recordChange(changes, key, undefined, value);
}

function merge(ledger: Ledger, entries: readonly Entry[], changes: EntryChange[]): void {
  const held = writable(ledger);
  for (const entry of entries) {
    const before = held.get(entry.key);
    if (putNewer(held, entry, before))
      recordChange(changes, entry.key, before?.value, held.get(entry.key)?.value);
  }
}

/** The newer entry wins. A value that says the same stays the same object. */
function putNewer(into: Map<EntryKey, Entry>, entry: Entry, before: Entry | undefined): boolean {
  const { key, version, value } = entry;
  const held = into.get(key);
  if (held !== undefined && held.version >= version) return false;
  const kept = before?.value;
  const unchanged = kept !== value && kept !== undefined && value !== undefined && samePublished(kept, value);
  into.set(key, unchanged ? { key, version, value: kept } : entry);
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

function writable(ledger: Ledger): Map<EntryKey, Entry> {
  if (ledger.shared) {
    ledger.entries = new Map(ledger.entries);
    ledger.shared = false;
  }
  return ledger.entries as Map<EntryKey, Entry>;
}

const isCovered = (islands: readonly VersionRange[], { from, to }: VersionRange): boolean =>
  islands.some((island) => island.from <= from && to <= island.to);

/** Moves the version over what is now held without a gap, or remembers what is held beyond one. */
function advanceVersion(ledger: Ledger, { from, to }: VersionRange): ApplyOutcome {
  if (from <= ledger.version) ledger.version = Math.max(ledger.version, to);
  else ledger.rangesAhead = addRange(ledger.rangesAhead, { from, to });
  if (ledger.rangesAhead.length > 0) absorbRanges(ledger);
  return ledger.version >= to ? 'applied' : 'ahead';
}

function absorbRanges(ledger: Ledger): void {
  let reached = 0;
  for (const island of ledger.rangesAhead) {
    if (island.from > ledger.version) break;
    ledger.version = Math.max(ledger.version, island.to);
    reached += 1;
  }
  if (reached > 0)
    ledger.rangesAhead = reached === ledger.rangesAhead.length ? NONE : ledger.rangesAhead.slice(reached);
}

/** Adds one, joined with those it touches. The farthest are forgotten first: they take longest to matter. */
function addRange(islands: readonly VersionRange[], added: VersionRange): readonly VersionRange[] {
  let { from, to } = added;
  const apart: VersionRange[] = [];
  for (const island of islands) {
    if (island.to < from || island.from > to) apart.push(island);
    else {
      from = Math.min(from, island.from);
      to = Math.max(to, island.to);
    }
  }
  apart.push({ from, to });
  return apart.sort((a, b) => a.from - b.from).slice(0, MAX_RANGES_AHEAD);
}

/**
 * What a copy that goes as far as `progress` lacks of this one; `undefined` if nothing. Entries from beyond a gap go
 * along: whoever takes the delta must not lose what they replaced here.
 */
export function deltaSince(ledger: Ledger, progress: Progress | undefined): Delta | undefined {
  const { owner, epoch, version, swept } = ledger;
  const known = progress !== undefined && progress.epoch === epoch ? progress.version : 0;
  if (progress !== undefined && (progress.epoch > epoch || (progress.epoch === epoch && known >= version)))
    return undefined;
  const from = known >= swept ? known : 0;
  const entries: Entry[] = [];
  for (const entry of ledger.entries.values()) if (entry.version > from) entries.push(entry);
  return { owner, epoch, from, to: version, swept: from === 0 ? swept : 0, entries };
}

/** The owner's own hand: one version for each change that changes anything. `undefined` if none does. */
export function writeEntries(
  ledger: Ledger,
  intended: readonly EntryWrite[],
  changes: EntryChange[] = [],
): Delta | undefined {
  const from = ledger.version;
  const entries: Entry[] = [];
  for (const change of intended) {
    const value = 'put' in change ? change.put : undefined;
    const key = 'put' in change ? toEntryKey(change.put) : change.remove;
    const before = ledger.entries.get(key)?.value;
    if (value === undefined ? before === undefined : before !== undefined && samePublished(before, value))
      continue;
    ledger.version += 1;
    const entry = { key, version: ledger.version, value };
    writable(ledger).set(key, entry);
    entries.push(entry);
    changes.push({ key, before, after: value });
  }
  if (entries.length === 0) return undefined;
  return { owner: ledger.owner, epoch: ledger.epoch, from, to: ledger.version, swept: 0, entries };
}

/** The owner begins again above `epoch`: the same services and checks, counted anew. Source: A15 (docs/replication.md). */
export function startEpoch(ledger: Ledger, epoch: number): void {
  const entries = new Map<EntryKey, Entry>();
  for (const { key, value } of ledger.entries.values())
    if (value !== undefined) entries.set(key, { key, version: entries.size + 1, value });
  ledger.epoch = epoch;
  ledger.version = entries.size;
  ledger.swept = 0;
  ledger.entries = entries;
  ledger.shared = false;
  ledger.rangesAhead = NONE;
}

/** Forgets tombstones at or below `version`, and says how many. Whoever asks from before them gets all. */
export function reapTombstones(ledger: Ledger, version: number): number {
  const limit = Math.min(version, ledger.version);
  const swept: Entry[] = [];
  for (const entry of ledger.entries.values())
    if (entry.value === undefined && entry.version <= limit) swept.push(entry);
  if (swept.length === 0) return 0;
  const entries = writable(ledger);
  for (const { key, version: at } of swept) {
    entries.delete(key);
    ledger.swept = Math.max(ledger.swept, at);
  }
  return swept.length;
}
