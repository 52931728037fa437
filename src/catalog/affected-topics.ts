/** Which readers are affected when the entries of one owner change (B4, B5 in docs/consul.md). */
import type { Entry, EntryKey } from '../model/service.ts';
import type { EntryChange } from './types.ts';
import { samePublished, sameTags } from './values.ts';

type Entries = ReadonlyMap<EntryKey, Entry>;

export interface AffectedReaders {
  /** Readers of the list of services. */
  serviceList: boolean;
  /** Readers of checks. */
  checks: boolean;
  /** Readers of these services; lower-case names. */
  readonly services: Set<string>;
}

/** `entries` are the owner's after the changes. */
export function affectedReaders(changes: readonly EntryChange[], entries: Entries): AffectedReaders {
  const affected: AffectedReaders = { serviceList: false, checks: false, services: new Set() };
  const nameBefore = new Map<string, string>();
  let withChecks: Set<string> | undefined;
  for (const change of changes) {
    const { key, before, after } = change;
    if (!key.startsWith('s:')) continue;
    const id = key.slice(2);
    if (before?.kind === 'service') nameBefore.set(id, before.name);
    withChecks ??= serviceIdsWithChecks(entries);
    for (const value of [before, after])
      if (value?.kind === 'service') affected.services.add(value.name.toLowerCase());
    if (!isSameInServiceList(change)) affected.serviceList = true;
    if (isDrainingChanged(change) || (withChecks.has(id) && isNameOrTagsChanged(change)))
      affected.checks = true;
  }
  for (const { before, after } of changes)
    for (const value of [before, after]) {
      if (value?.kind !== 'check') continue;
      affected.checks = true;
      addServicesOfCheck(value.serviceId, entries, nameBefore, affected.services);
    }
  return affected;
}

/** Adds the lower-case name of the check's service; a check of the node (`''`) counts for all its services. */
function addServicesOfCheck(
  serviceId: string,
  entries: Entries,
  nameBefore: ReadonlyMap<string, string>,
  into: Set<string>,
): void {
  if (serviceId === '') {
    for (const { value } of entries.values())
      if (value?.kind === 'service') into.add(value.name.toLowerCase());
    return;
  }
  const service = entries.get(`s:${serviceId}`)?.value;
  const name = service?.kind === 'service' ? service.name : nameBefore.get(serviceId);
  if (name !== undefined) into.add(name.toLowerCase());
}

function serviceIdsWithChecks(entries: Entries): Set<string> {
  const ids = new Set<string>();
  for (const { value } of entries.values()) if (value?.kind === 'check') ids.add(value.serviceId);
  return ids;
}

/** Checks are shown with the name and the tags of their service. */
function isNameOrTagsChanged({ before, after }: EntryChange): boolean {
  if (before?.kind !== 'service' || after?.kind !== 'service') return true;
  return before.name !== after.name || !sameTags(before.tags, after.tags);
}

/** The list of services shows names and tags, and can be filtered by every field except `draining` (B5). */
const isSameInServiceList = ({ before, after }: EntryChange): boolean =>
  before?.kind === 'service' &&
  after?.kind === 'service' &&
  samePublished({ ...before, draining: after.draining }, after);

/** A draining instance is shown to readers of checks as one more critical check. */
const isDrainingChanged = ({ before, after }: EntryChange): boolean =>
  isDraining(before) !== isDraining(after);

const isDraining = (value: EntryChange['before']): boolean => value?.kind === 'service' && value.draining;
