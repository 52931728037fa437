/**
 * Groups an owner's changes into rumors, and orders them when they do not fit into one (A21 in docs/replication.md).
 */

import { type EntryKey, type EntryWrite, type Published, toEntryKey } from '../model/service.ts';
import { entrySize } from '../wire/catalog.ts';
import { MAX_VERSION } from '../wire/entry.ts';
import type { EntryChange } from './types.ts';

/** A rumor of several changes takes at most this, so that it shares a packet with other messages. */
export const MAX_RUMOR_BYTES = 900;

/** Goes before all other rumors: a removal, a check that turned critical, an instance that began to drain. */
export function isUrgent({ before, after }: EntryChange): boolean {
  if (after === undefined) return true;
  if (after.kind === 'service') return after.draining && !(before?.kind === 'service' && before.draining);
  return after.status === 'critical' && !(before?.kind === 'check' && before.status === 'critical');
}

/**
 * Groups of changes, each for one rumor. A service and its checks stay together if they fit. If they do not, a service
 * is put after its checks and removed before them, so that nobody sees it pass without them. `current` gives the
 * present value of a key.
 */
export function groupIntoRumors(
  changes: readonly EntryWrite[],
  current: (key: EntryKey) => Published | undefined,
): readonly (readonly EntryWrite[])[] {
  const groups: EntryWrite[][] = [];
  let bytesLeft = 0;
  for (const unit of groupByService(changes, current)) {
    const sizes = unit.map(encodedSize);
    const total = sizes.reduce((sum, size) => sum + size, 0);
    if (total > bytesLeft && total <= MAX_RUMOR_BYTES) bytesLeft = 0; // starts a group of its own
    unit.forEach((change, i) => {
      const size = sizes[i] as number;
      const last = groups.at(-1);
      if (last !== undefined && bytesLeft >= size) last.push(change);
      else {
        groups.push([change]);
        bytesLeft = MAX_RUMOR_BYTES;
      }
      bytesLeft = Math.max(0, bytesLeft - size);
    });
  }
  return groups;
}

/** Changes by the service they are about (`''`: the node), each group in the order in which it is to be seen. */
function groupByService(
  changes: readonly EntryWrite[],
  current: (key: EntryKey) => Published | undefined,
): EntryWrite[][] {
  const units = new Map<string, EntryWrite[]>();
  for (const change of changes) {
    const value = 'put' in change ? change.put : current(change.remove);
    const service = value === undefined ? '' : value.kind === 'service' ? value.id : value.serviceId;
    const unit = units.get(service);
    if (unit === undefined) units.set(service, [change]);
    else unit.push(change);
  }
  return [...units.values()].map((unit) => unit.sort((a, b) => sendOrder(a) - sendOrder(b)));
}

function sendOrder(change: EntryWrite): number {
  if ('put' in change) return change.put.kind === 'check' ? 1 : 2;
  return change.remove.startsWith('s:') ? 0 : 3;
}

const encodedSize = (change: EntryWrite): number =>
  'put' in change
    ? entrySize({ key: toEntryKey(change.put), version: MAX_VERSION, value: change.put })
    : entrySize({ key: change.remove, version: MAX_VERSION, value: undefined });
