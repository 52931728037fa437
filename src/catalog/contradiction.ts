/**
 * Contradictions: two things that were told of one epoch of a ledger and cannot both be so, which honest agents never say
 * (docs/replication.md, A46). Progress does not show them: a lie may end at the very version that the owner has reached.
 */
import type { EntryKey, Published } from '../model/service.ts';
import { entriesAbove } from './ledger.ts';
import { isContiguous, type Replica } from './replica.ts';
import type { Delta } from './types.ts';
import { samePublished } from './values.ts';

/**
 * Does the delta say that the owner wrote something that is not held, though everything of its version is, or lack what is
 * held? A tombstone that was reaped is neither. `same`: are these the value that was written?
 */
export function contradicts(held: Replica, delta: Delta, same: Same = isSame): boolean {
  if (delta.epoch !== held.epoch) return false;
  const { from, to, entries } = delta;
  let current = 0;
  let end = to;
  for (const { key, version, value } of entries) {
    end = Math.max(end, version);
    const own = held.entries.get(key);
    if ((own?.version ?? 0) > version || !isCovered(held, version)) continue;
    if (own?.version === version) {
      if (!same(own.value, value)) return true;
      if (value !== undefined) current += 1;
    } else if (version > held.swept) return true;
  }
  if (!isContiguous(held)) return lacksWhatIsAhead(delta, held);
  return from === 0 && to === held.version && end === to && current !== held.live;
}

/** All that the owner wrote at this version is held, if nothing of it is newer: also in a range beyond a gap. */
const isCovered = ({ version, rangesAhead }: Replica, at: number): boolean =>
  at <= version || rangesAhead.some(({ from, to }) => from < at && at <= to);

/** Something is held beyond a gap that the delta must have, since it holds everything from there. */
function lacksWhatIsAhead({ from, to, swept, entries }: Delta, held: Replica): boolean {
  const versions = new Map<EntryKey, number>();
  for (const { key, version } of entries) versions.set(key, Math.max(version, versions.get(key) ?? 0));
  return entriesAbove(held.entries.values(), held.version).some(
    ({ key, version }) =>
      version > Math.max(from, swept) && version <= to && (versions.get(key) ?? 0) < version,
  );
}

type Same = (a: Published | undefined, b: Published | undefined) => boolean;

const isSame: Same = (a, b) => (a === undefined || b === undefined ? a === b : samePublished(a, b));

/**
 * For an owner that hears of its own entries: outputs are not compared, since in a redacted recording those of others are masked, and
 * those that the agent itself has written are not (src/replay/masks.ts).
 */
export const isSameButOutput: Same = (a, b) => isSame(withoutOutput(a), withoutOutput(b));

const withoutOutput = (value: Published | undefined): Published | undefined =>
  value?.kind === 'check' ? { ...value, output: '' } : value;
