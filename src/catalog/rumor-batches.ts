/**
 * Groups an owner's changes into rumors, and orders them when they do not fit into one (A21 in docs/replication.md).
 */

import {
  type EntryKey,
  type EntryWrite,
  type Published,
  parseExternalKey,
  toEntryKey,
} from '../model/service.ts';
import { entrySize } from '../wire/catalog.ts';
import { MAX_VERSION } from '../wire/entry-limits.ts';
import type { EntryChange } from './types.ts';

/** A rumor of several changes takes at most this, so that it shares a packet with other messages. */
export const MAX_RUMOR_BYTES = 900;

/** Goes before all other rumors: a removal, a check that turned critical, an instance that began to drain. */
export function isUrgent({ before, after }: EntryChange): boolean {
  if (after === undefined) return true;
  if (after.kind === 'external') {
    if (after.value.kind === 'node') return false;
    const earlier = before?.kind === 'external' && before.value.kind !== 'node' ? before.value : undefined;
    return isUrgent({ key: `c:${after.value.id}`, before: earlier, after: after.value });
  }
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
    const service = value === undefined ? '' : unitOf(value);
    const unit = units.get(service);
    if (unit === undefined) units.set(service, [change]);
    else unit.push(change);
  }
  return [...units.values()].map((unit) => unit.sort((a, b) => sendOrder(a) - sendOrder(b)));
}

/** The service that a value is about; what is on external nodes is kept apart by their names. */
function unitOf(value: Published): string {
  if (value.kind === 'service') return value.id;
  if (value.kind === 'check') return value.serviceId;
  return `${value.node}\n${value.value.kind === 'node' ? '' : unitOf(value.value)}`;
}

function sendOrder(change: EntryWrite): number {
  if ('put' in change) {
    const value = change.put.kind === 'external' ? change.put.value : change.put;
    return value.kind === 'check' ? 1 : 2;
  }
  return (parseExternalKey(change.remove)?.key ?? change.remove).startsWith('s:') ? 0 : 3;
}

const encodedSize = (change: EntryWrite): number =>
  'put' in change
    ? entrySize({ key: toEntryKey(change.put), version: MAX_VERSION, value: change.put })
    : entrySize({ key: change.remove, version: MAX_VERSION, value: undefined });
