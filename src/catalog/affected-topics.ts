/** Which changes concern which readers (B4, B5 in docs/consul.md). */
import type { Entry, EntryKey } from '../model/service.ts';
import type { EntryChange } from './types.ts';
import { samePublished, sameTags } from './values.ts';

/** Ids of services that have a check. */
export function serviceIdsWithChecks(entries: ReadonlyMap<EntryKey, Entry>): Set<string> {
  const ids = new Set<string>();
  for (const { value } of entries.values()) if (value?.kind === 'check') ids.add(value.serviceId);
  return ids;
}

/** Adds the lower-case names of all services: what concerns a node concerns each of them. */
export function addServiceNames(entries: ReadonlyMap<EntryKey, Entry>, into: Set<string>): void {
  for (const { value } of entries.values()) if (value?.kind === 'service') into.add(value.name.toLowerCase());
}

/** Checks show the name and the tags of their service. */
export function isNameOrTagsChanged({ before, after }: EntryChange): boolean {
  if (before?.kind !== 'service' || after?.kind !== 'service') return true;
  return before.name !== after.name || !sameTags(before.tags, after.tags);
}

/** The list of services shows names and tags, and can be filtered by all else but whether an instance drains (B5). */
export const isSameInServiceList = ({ before, after }: EntryChange): boolean =>
  before?.kind === 'service' &&
  after?.kind === 'service' &&
  samePublished({ ...before, draining: after.draining }, after);

/** Readers of checks see a draining instance as one more critical check. */
export const isDrainingChanged = ({ before, after }: EntryChange): boolean =>
  isDraining(before) !== isDraining(after);

const isDraining = (value: EntryChange['before']): boolean => value?.kind === 'service' && value.draining;
