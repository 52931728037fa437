/** How changes of one agent travel: what belongs together in one rumor, and in which order if it is too much for one. */

import { type EntryKey, type EntryWrite, type Published, toEntryKey } from '../model/service.ts';
import { entrySize } from '../wire/catalog.ts';
import { MAX_VERSION } from '../wire/entry.ts';
import type { EntryChange } from './types.ts';

/** A rumor of several changes stays below this, so that it fits a packet beside others. */
const MAX_RUMOR_BYTES = 900;

/** Should it overtake other news? A removal, a check that turned critical, an instance being taken out. */
export function isUrgent({ before, after }: EntryChange): boolean {
  if (after === undefined) return true;
  if (after.kind === 'service') return after.draining && !(before?.kind === 'service' && before.draining);
  return after.status === 'critical' && !(before?.kind === 'check' && before.status === 'critical');
}

/**
 * Changes in groups, each for one rumor. A service and its checks are kept together if they fit; if not, what could
 * make it pass wrongly comes last: a service goes before its checks go, and comes after its checks came.
 */
export function groupIntoRumors(
  changes: readonly EntryWrite[],
  held: (key: EntryKey) => Published | undefined,
): readonly (readonly EntryWrite[])[] {
  const groups: EntryWrite[][] = [];
  let room = 0;
  for (const unit of unitsOf(changes, held)) {
    const sizes = unit.map(sizeOf);
    const total = sizes.reduce((sum, size) => sum + size, 0);
    if (total > room && total <= MAX_RUMOR_BYTES) room = 0; // starts a group of its own
    unit.forEach((change, i) => {
      const size = sizes[i] as number;
      const last = groups.at(-1);
      if (last !== undefined && room >= size) last.push(change);
      else {
        groups.push([change]);
        room = MAX_RUMOR_BYTES;
      }
      room = Math.max(0, room - size);
    });
  }
  return groups;
}

function unitsOf(
  changes: readonly EntryWrite[],
  held: (key: EntryKey) => Published | undefined,
): EntryWrite[][] {
  const units = new Map<string, EntryWrite[]>();
  for (const change of changes) {
    const value = 'put' in change ? change.put : held(change.remove);
    const service = value === undefined ? '' : value.kind === 'service' ? value.id : value.serviceId;
    const unit = units.get(service);
    if (unit === undefined) units.set(service, [change]);
    else unit.push(change);
  }
  return [...units.values()].map((unit) => unit.sort((a, b) => phase(a) - phase(b)));
}

function phase(change: EntryWrite): number {
  if ('put' in change) return change.put.kind === 'check' ? 1 : 2;
  return change.remove.startsWith('s:') ? 0 : 3;
}

const sizeOf = (change: EntryWrite): number =>
  'put' in change
    ? entrySize({ key: toEntryKey(change.put), version: MAX_VERSION, value: change.put })
    : entrySize({ key: change.remove, version: MAX_VERSION, value: undefined });
