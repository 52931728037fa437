/**
 * What each owner has published, by key and in order, and the position of each observer in it. An observer may lag
 * behind but never go back: that is how I7 and I8 look from outside, where versions are not visible.
 */
import type { Millis } from '../../../base/time.ts';
import type { NodeCatalog } from '../../../catalog/types.ts';
import { type EntryKey, type Published, toEntryKey } from '../../../model/service.ts';
import type { LawContext } from '../law.ts';

/** All entries of a node that readers see. */
export function entriesFromNode(node: NodeCatalog | undefined): Map<EntryKey, Published> {
  const entries = new Map<EntryKey, Published>();
  if (node === undefined) return entries;
  for (const check of node.checks) entries.set(toEntryKey(check), check);
  for (const { service, checks } of node.instances) {
    entries.set(toEntryKey(service), service);
    for (const check of checks) entries.set(toEntryKey(check), check);
  }
  return entries;
}

const texts = new WeakMap<object, string>();

/**
 * Canonical JSON, independent of the order of fields and map entries. It is equal exactly for values that readers
 * cannot tell apart.
 */
export function canonicalText(value: Published): string {
  let text = texts.get(value);
  if (text === undefined) {
    text = JSON.stringify(value, (_, inner: unknown) => sortKeys(inner));
    texts.set(value, text);
  }
  return text;
}

/** A check whose service is absent is not shown, even if the observer has it. */
function isHidden(text: string, entries: ReadonlyMap<EntryKey, Published>): boolean {
  const value = JSON.parse(text) as Published;
  return value.kind === 'check' && value.serviceId !== '' && !entries.has(`s:${value.serviceId}`);
}

function sortKeys(value: unknown): unknown {
  if (value instanceof Map) return [...value].sort();
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Marks a time in a history at which the owner had no such entry. */
const ABSENT = '';

/** The position of one observer in one owner's histories. */
interface ReadPosition {
  readonly indexes: Map<EntryKey, number>;
  readonly seen: Map<EntryKey, string>;
  /** The observer has dropped the owner: absent entries are no violation. */
  dropped: boolean;
}

export class Histories {
  readonly #published = new Map<string, Map<EntryKey, string[]>>();
  /** When each owner last removed an entry, by owner and key. */
  readonly #removedAt = new Map<string, Map<EntryKey, Millis>>();
  /** By observer, then by owner. */
  readonly #positions = new Map<string, Map<string, ReadPosition>>();
  /** Owners that restarted without data and with an earlier wall clock. */
  readonly #unordered = new Set<string>();
  readonly #judged: LawContext['judged'];

  constructor({ judged }: Pick<LawContext, 'judged'>) {
    this.#judged = judged;
  }

  /** Records what the owner has now. Returns whether it differs from before. */
  recordPublished(owner: string, entries: ReadonlyMap<EntryKey, Published>, now: Millis): boolean {
    let histories = this.#published.get(owner);
    if (histories === undefined) {
      histories = new Map();
      this.#published.set(owner, histories);
    }
    let changed = false;
    for (const [key, value] of entries) {
      const history = histories.get(key);
      const text = canonicalText(value);
      if (history === undefined) histories.set(key, [ABSENT, text]);
      else if (history[history.length - 1] !== text) history.push(text);
      else continue;
      changed = true;
    }
    for (const [key, history] of histories)
      if (!entries.has(key) && history[history.length - 1] !== ABSENT) {
        history.push(ABSENT);
        this.#recordRemoval(owner, key, now);
        changed = true;
      }
    return changed;
  }

  /**
   * A restart without data and with an earlier wall clock cannot be ordered after the boot before it, so from now on
   * this owner's order is not checked.
   */
  allowReordering(owner: string): void {
    this.#unordered.add(owner);
  }

  /** The observer has restarted. */
  resetObserver(observer: string): void {
    this.#positions.delete(observer);
  }

  /** The owner is no member at the observer any more. */
  dropOwner(observer: string, owner: string): void {
    this.#position(observer, owner).dropped = true;
  }

  /** Violations in what the observer shows now. Tombstones of what was removed before `sweptBefore` are gone. */
  checkObserved(
    observer: string,
    owner: string,
    entries: ReadonlyMap<EntryKey, Published>,
    sweptBefore: Millis,
  ): string[] {
    const position = this.#position(observer, owner);
    for (const [key, at] of this.#removedAt.get(owner) ?? [])
      if (at < sweptBefore && (position.indexes.get(key) ?? 0) > 0 && !position.dropped)
        this.#judged('I8 of a swept tombstone');
    const violations: string[] = [];
    for (const [key, value] of entries) {
      const text = canonicalText(value);
      if (position.seen.get(key) === text) continue;
      position.seen.set(key, text);
      this.#advance(position, owner, key, text, violations);
    }
    for (const [key, text] of [...position.seen]) {
      if (entries.has(key)) continue;
      position.seen.delete(key);
      if (!position.dropped && !isHidden(text, entries))
        this.#advance(position, owner, key, ABSENT, violations);
    }
    if (entries.size > 0) position.dropped = false;
    return violations;
  }

  #advance(position: ReadPosition, owner: string, key: EntryKey, text: string, violations: string[]): void {
    const history = this.#published.get(owner)?.get(key) ?? [];
    const index = position.indexes.get(key) ?? 0;
    this.#judged('I7');
    const removedAt = history.indexOf(ABSENT, 1);
    if (text !== ABSENT && removedAt > 0 && removedAt <= index) this.#judged('I8');
    const next = history.indexOf(text, index);
    if (next >= 0) {
      position.indexes.set(key, next);
      return;
    }
    const earlier = history.lastIndexOf(text);
    if (earlier >= 0 && this.#unordered.has(owner)) {
      position.indexes.set(key, earlier);
      return;
    }
    const what = `${owner}'s ${key}${text === ABSENT ? '' : ` as ${text.slice(0, 200)}`}`;
    if (text === ABSENT) violations.push(`I7 lost ${what}, which ${owner} never removed`);
    else if (earlier < 0) violations.push(`I7 holds ${what}, which ${owner} never published`);
    else if (history.indexOf(ABSENT, earlier) <= index && history.indexOf(ABSENT, earlier) > 0)
      violations.push(`I8 holds ${what}, which it had seen removed`);
    else violations.push(`I7 went back to ${what}`);
  }

  #recordRemoval(owner: string, key: EntryKey, now: Millis): void {
    const removedAt = this.#removedAt.get(owner);
    if (removedAt === undefined) this.#removedAt.set(owner, new Map([[key, now]]));
    else removedAt.set(key, now);
  }

  #position(observer: string, owner: string): ReadPosition {
    let positions = this.#positions.get(observer);
    if (positions === undefined) {
      positions = new Map();
      this.#positions.set(observer, positions);
    }
    let position = positions.get(owner);
    if (position === undefined) {
      position = { indexes: new Map(), seen: new Map(), dropped: false };
      positions.set(owner, position);
    }
    return position;
  }
}
