/**
 * Since when this agent sees things as they are: checks that are not passing or changed their status, services that
 * drain. Nothing is kept of what has been well since it was first heard of, which is nearly everything.
 */
import type { Millis } from '../base/time.ts';
import type { EntryKey, Published } from '../model/service.ts';
import type { EntryChange } from './types.ts';

export class StatusSince {
  readonly #owners = new Map<string, Map<EntryKey, Millis>>();

  get(owner: string, key: EntryKey): Millis | undefined {
    return this.#owners.get(owner)?.get(key);
  }

  /** At once after an owner's entries changed. */
  record(owner: string, changes: readonly EntryChange[], now: Millis): void {
    for (const { key, before, after } of changes) {
      if (after === undefined) this.#delete(owner, key);
      else if (statusWord(before) !== statusWord(after)) this.#set(owner, key, now);
    }
  }

  deleteOwner(owner: string): void {
    this.#owners.delete(owner);
  }

  #set(owner: string, key: EntryKey, now: Millis): void {
    const held = this.#owners.get(owner) ?? new Map<EntryKey, Millis>();
    this.#owners.set(owner, held.set(key, now));
  }

  #delete(owner: string, key: EntryKey): void {
    const held = this.#owners.get(owner);
    if (held?.delete(key) === true && held.size === 0) this.#owners.delete(owner);
  }
}

/** What an entry says of itself; one that is new is taken to have been well. */
function statusWord(value: Published | undefined): string {
  if (value?.kind === 'check') return value.status;
  return value?.kind === 'service' && value.draining ? 'draining' : 'passing';
}
