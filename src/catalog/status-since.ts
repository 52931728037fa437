/**
 * When this agent first saw each entry in its present state. Nothing is stored for an entry that has been passing since
 * it was first seen, and nearly all have.
 */
import type { Millis } from '../base/time.ts';
import type { EntryKey, Published } from '../model/service.ts';
import type { EntryChange } from './types.ts';

export class StatusSince {
  readonly #owners = new Map<string, Map<EntryKey, Millis>>();

  get(owner: string, key: EntryKey): Millis | undefined {
    return this.#owners.get(owner)?.get(key);
  }

  /** To be called when an owner's entries have changed. */
  record(owner: string, changes: readonly EntryChange[], now: Millis): void {
    for (const { key, before, after } of changes) {
      if (after === undefined) this.#delete(owner, key);
      else if (entryStatus(before) !== entryStatus(after)) this.#set(owner, key, now);
    }
  }

  deleteOwner(owner: string): void {
    this.#owners.delete(owner);
  }

  #set(owner: string, key: EntryKey, now: Millis): void {
    const times = this.#owners.get(owner) ?? new Map<EntryKey, Millis>();
    this.#owners.set(owner, times.set(key, now));
  }

  #delete(owner: string, key: EntryKey): void {
    const times = this.#owners.get(owner);
    if (times?.delete(key) === true && times.size === 0) this.#owners.delete(owner);
  }
}

/** A missing entry counts as passing, so that a new one that passes is not recorded. */
function entryStatus(value: Published | undefined): string {
  if (value?.kind === 'check') return value.status;
  return value?.kind === 'service' && value.draining ? 'draining' : 'passing';
}
