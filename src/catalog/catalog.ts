/**
 * All ledgers of one agent: its own, which it alone writes, and its copies of the others'. Says what to tell whom,
 * never tells: lanes and streams are the landing's. How entries merge is ledger.ts's, what readers see view.ts's.
 */

import { AgentError } from '../base/errors.ts';
import type { Millis } from '../base/time.ts';
import { type Change, type Entry, type EntryKey, keyOf } from '../model/service.ts';
import { decodeMemory, encodeMemory, type Memory, type Summary } from '../wire/catalog.ts';
import { MAX_COUNT } from '../wire/entry.ts';
import { type Accepted, type Answer, type Answered, accept, answer, type Request } from './anti-entropy.ts';
import { ALL, type Buckets, Digest, newMark } from './digest.ts';
import { apply, begin, deltaSince, write } from './ledger.ts';
import { checkPublishable, MAX_CATALOG_BYTES, MAX_ENTRIES, MAX_LEDGER_BYTES } from './publish-limits.ts';
import { bury, type Held, isEven, MAX_TOMBSTONES, newHeld, sweepHalf, sweepOld, unbury } from './replica.ts';
import { grouped, isUrgent } from './rumor-batches.ts';
import type { Applied, Delta, EntryChange, Progress, Rumor } from './types.ts';
import { weigh } from './values.ts';
import { Floors } from './watermarks.ts';

export interface CatalogOptions {
  /** Our own name. */
  readonly owner: string;
  /** Wall-clock milliseconds at birth; raised above the remembered one if the clock went back. */
  readonly epoch: number;
  readonly memory?: Memory;
  /** Is this a member? No member, no ledger. */
  readonly admits: (owner: string) => boolean;
  /** Lets the agents of one process share equal maps: gives the map known for this state, or keeps this one. */
  readonly intern?: Intern;
}
export type Intern = (
  state: { readonly owner: string; readonly epoch: number; readonly version: number; readonly swept: number },
  entries: ReadonlyMap<EntryKey, Entry>,
) => ReadonlyMap<EntryKey, Entry>;

/** We do not begin epochs more often than this, whatever strangers say of us. */
const OUTBID_INTERVAL: Millis = 1000;
/**
 * Epochs above a known one lie by another stride at each birth: two births that outbid the same epoch, neither knowing
 * of the other, would else share one, and copies of the first would pass for copies of the second.
 */
const STRIDES = 1021;

/** Reads what `remember` gave. Throws `WireError`. */
export const recall = (octets: Uint8Array): Memory => decodeMemory(octets);

export class Catalog {
  readonly #own: Held;
  readonly #held = new Map<string, Held>();
  readonly #floors = new Floors();
  readonly #digest = new Digest();
  readonly #admits: (owner: string) => boolean;
  readonly #intern: Intern | undefined;
  readonly #stride: number;
  #weight = 0;
  /** Copies from the disk that no member has confirmed yet. */
  #warm = 0;
  #outbidAt: Millis = Number.NEGATIVE_INFINITY;
  #confirmed: string[] = [];

  constructor({ owner, epoch, memory, admits, intern }: CatalogOptions) {
    this.#admits = admits;
    this.#intern = intern;
    this.#stride = 1 + (epoch % STRIDES);
    const above = memory?.owner === owner ? memory.epoch + this.#stride : 1;
    this.#own = this.#open(owner, Math.min(MAX_COUNT, Math.max(epoch, above)));
    for (const ledger of memory?.ledgers ?? []) {
      if (ledger.owner === owner || ledger.from !== 0) continue;
      const held = this.#open(ledger.owner, 0);
      this.#take(held, ledger, 0, []);
      held.warm = true;
      this.#warm += 1;
    }
  }

  /** Our own ledger's. */
  get epoch(): number {
    return this.#own.epoch;
  }

  /** Bytes of all values, roughly. */
  get weight(): number {
    return this.#weight;
  }

  owners(): Iterable<string> {
    return this.#held.keys();
  }

  /** Tombstones are among them. */
  entries(owner: string): ReadonlyMap<EntryKey, Entry> | undefined {
    return this.#held.get(owner)?.entries;
  }

  isWarm(owner: string): boolean {
    return this.#held.get(owner)?.warm ?? false;
  }

  /** Do we hold something of it from beyond a gap? */
  hasGap(owner: string): boolean {
    return (this.#held.get(owner)?.islands.length ?? 0) > 0;
  }

  progressOf(owner: string): Progress | undefined {
    const held = this.#held.get(owner);
    return held === undefined ? undefined : { owner, epoch: held.epoch, version: held.version };
  }

  /** What a copy at `progress` lacks of ours; `undefined` if nothing, or if we have no such ledger. */
  deltaFor(owner: string, progress?: Progress): Delta | undefined {
    const held = this.#held.get(owner);
    return held === undefined ? undefined : deltaSince(held, progress);
  }

  /**
   * Our own services and checks: all of the changes, or none and an `AgentError`. What says nothing new is no change.
   * A service travels with its checks, so that nobody sees it without them.
   */
  write(
    intended: readonly Change[],
    now: Millis,
  ): { readonly rumors: readonly Rumor[]; readonly changes: readonly EntryChange[] } {
    const own = this.#own;
    this.#checkRoom(intended);
    const rumors: Rumor[] = [];
    const changes: EntryChange[] = [];
    for (const group of grouped(intended, (key) => own.entries.get(key)?.value)) {
      const noted: EntryChange[] = [];
      const delta = write(own, group, noted);
      if (delta === undefined) continue;
      bury(own, delta.entries, now);
      rumors.push({ delta, urgent: noted.some(isUrgent) });
      changes.push(...noted);
    }
    if (rumors.length > 0) this.#settle(own, changes);
    return { rumors, changes };
  }

  #checkRoom(intended: readonly Change[]): void {
    let { live, weight } = this.#own;
    for (const change of intended) {
      if (!('put' in change)) continue;
      checkPublishable(change.put);
      const before = this.#own.entries.get(keyOf(change.put))?.value;
      if (before === undefined) live += 1;
      weight += weigh(change.put) - weigh(before);
    }
    if (live > MAX_ENTRIES || weight > MAX_LEDGER_BYTES)
      throw new AgentError(
        'tooLarge',
        `An agent publishes at most ${MAX_ENTRIES} services and checks, and ${MAX_LEDGER_BYTES} bytes of them. ` +
          'Nothing was changed.',
      );
  }

  /** What another says of any owner, us included. */
  apply(delta: Delta, now: Millis): Applied {
    const { owner } = delta;
    if (owner === this.#own.owner) {
      const to = delta.entries.reduce((max, entry) => Math.max(max, entry.version), delta.to);
      const heard = this.hear({ owner, epoch: delta.epoch, version: to }, now);
      return { owner, outcome: heard === 'outbid' ? 'outbid' : 'known', changes: [] };
    }
    if (!this.#admits(owner)) return { owner, outcome: 'stranger', changes: [] };
    const held = this.#held.get(owner);
    if (held === undefined && this.#floors.isAbove(delta)) return { owner, outcome: 'known', changes: [] };
    if (held === undefined && delta.from !== 0) return { owner, outcome: 'behind', changes: [] };
    if (this.#isTooMuch(held, delta)) return { owner, outcome: 'refused', changes: [] };
    const ledger = held ?? this.#open(owner, 0);
    const changes: EntryChange[] = [];
    const outcome = this.#take(ledger, delta, now, changes);
    this.#floors.delete(owner);
    if (delta.epoch === ledger.epoch && delta.to >= ledger.version) this.#confirm(ledger);
    return { owner, outcome, changes };
  }

  /**
   * That an owner's ledger goes so far somewhere. `ask`: farther than ours. `outbid`: farther than our own, of which
   * we know nothing any more, so we began an epoch above it: spread `deltaFor(us)`. Source: ledger rule 7.
   */
  hear({ owner, epoch, version }: Progress, now: Millis): 'ask' | 'known' | 'outbid' {
    const ours = this.known(owner);
    const isNews =
      ours === undefined
        ? version > 0
        : epoch > ours.epoch || (epoch === ours.epoch && version > ours.version);
    if (!isNews) return 'known';
    if (owner !== this.#own.owner) return this.#admits(owner) ? 'ask' : 'known';
    if (now < this.#outbidAt + OUTBID_INTERVAL || epoch >= MAX_COUNT) return 'known';
    this.#outbidAt = now;
    begin(this.#own, Math.min(MAX_COUNT, epoch + this.#stride));
    unbury(this.#own);
    this.#settle(this.#own, []);
    return 'outbid';
  }

  /** Forgets an owner that is no member any more, and says what readers lose. Source: ledger rule 8. */
  drop(owner: string): readonly EntryChange[] {
    const held = this.#held.get(owner);
    if (held === undefined || held === this.#own) return [];
    // Readers have seen what was ahead of a gap, too: a copy that ends before it would take them back.
    const version = held.islands.at(-1)?.to ?? held.version;
    this.#floors.set({ owner, epoch: held.epoch, version });
    this.#held.delete(owner);
    this.#weight -= held.weight;
    if (held.warm) this.#warm -= 1;
    this.#digest.update(held.mark, owner, 0, 0);
    const changes: EntryChange[] = [];
    for (const { key, value } of held.entries.values())
      if (value !== undefined) changes.push({ key, before: value, after: undefined });
    return changes;
  }

  /** Forgets old tombstones. Once a minute or so is enough. */
  sweep(now: Millis): void {
    for (const held of this.#held.values()) if (held.graves.length > 0) sweepOld(held, now);
  }

  /** Everything we know in a few octets: `encodeSummary`'s. The same array until something changes. */
  summary(): Uint8Array {
    return this.#digest.encoded();
  }

  /** Where a member's summary differs from ours; `undefined`: nowhere. Copies of which both say the same are confirmed. */
  differing(theirs: Summary): Buckets | undefined {
    const found = this.#digest.differing(theirs);
    if (this.#warm === 0) return found;
    const { of, buckets } = found ?? { of: 1, buckets: [] };
    const differ = new Set(buckets);
    for (const held of this.#held.values())
      if (held.warm && !differ.has(held.mark.bucket % of)) this.#confirm(held);
    return found;
  }

  /** Asks for all we lack in some buckets; in `ALL`, for everything. */
  request(buckets: Buckets = ALL): Request {
    return { ...buckets, rows: this.rowsIn(buckets) };
  }

  /** Asks for single owners: after `ahead`, `behind` or an announcement. */
  requestOf(owners: Iterable<string>): Request {
    const rows = [...owners].map((owner) => this.known(owner) ?? { owner, epoch: 0, version: 0 });
    return { of: 0, buckets: [], rows };
  }

  /** What whoever asks lacks, and what we lack of it. */
  answer(request: Request, now: Millis): Answered {
    return answer(this, request, now);
  }

  /** Takes an answer in. */
  accept(given: Answer, now: Millis): Accepted {
    return accept(this, given, now);
  }

  /** Owners whose remembered copy was confirmed since the last call. */
  takeConfirmed(): readonly string[] {
    const confirmed = this.#confirmed;
    if (confirmed.length > 0) this.#confirmed = [];
    return confirmed;
  }

  /** For the disk: how far our epochs went, and all we know of others. `recall` reads it. */
  remember(): Uint8Array {
    const { owner, epoch, version } = this.#own;
    const ledgers: Delta[] = [];
    for (const held of this.#held.values()) {
      const delta = held === this.#own || held.version === 0 ? undefined : deltaSince(held, undefined);
      if (delta !== undefined) ledgers.push(delta);
    }
    return encodeMemory({ owner, epoch, version, ledgers });
  }

  /** How far we hold an owner's ledger; of one that was dropped, nothing of its last epoch. */
  known(owner: string): Progress | undefined {
    const floor = this.#floors.get(owner);
    return this.progressOf(owner) ?? (floor === undefined ? undefined : { ...floor, version: 0 });
  }

  /** How far we hold each owner in some buckets. */
  rowsIn({ of, buckets }: Buckets): Progress[] {
    const wanted = new Set(buckets);
    const rows: Progress[] = [];
    for (const { owner, epoch, version, mark } of this.#held.values())
      if (wanted.has(mark.bucket % of)) rows.push({ owner, epoch, version });
    for (const floor of this.#floors.all())
      if (this.#admits(floor.owner) && wanted.has(newMark(floor.owner).bucket % of))
        rows.push({ ...floor, version: 0 });
    return rows;
  }

  /** A member holds the same. */
  confirm(owner: string): void {
    const held = this.#held.get(owner);
    if (held !== undefined) this.#confirm(held);
  }

  #open(owner: string, epoch: number): Held {
    const held = newHeld(owner, epoch);
    this.#held.set(owner, held);
    return held;
  }

  #take(held: Held, delta: Delta, now: Millis, changes: EntryChange[]): Applied['outcome'] {
    const { epoch } = held;
    const outcome = apply(held, delta, changes);
    if (held.epoch !== epoch) unbury(held);
    if (outcome !== 'applied' && outcome !== 'ahead') return outcome;
    bury(held, delta.entries, now);
    this.#settle(held, changes);
    return outcome;
  }

  /** Counts and marks what changed. */
  #settle(held: Held, changes: readonly EntryChange[]): void {
    const { owner, epoch, version } = held;
    const before = held.weight;
    for (const change of changes) {
      held.live += (change.after === undefined ? 0 : 1) - (change.before === undefined ? 0 : 1);
      held.weight += weigh(change.after) - weigh(change.before);
    }
    this.#weight += held.weight - before;
    if (held.entries.size - held.live > MAX_TOMBSTONES) sweepHalf(held);
    this.#digest.update(held.mark, owner, epoch, version);
    if (this.#intern !== undefined && isEven(held)) {
      held.entries = this.#intern(held, held.entries);
      held.shared = true;
    }
  }

  #isTooMuch(held: Held | undefined, delta: Delta): boolean {
    const isWhole = held === undefined || delta.from === 0;
    let count = isWhole ? 0 : held.entries.size;
    let weight = isWhole ? 0 : held.weight;
    for (const { key, value } of delta.entries) {
      const before = isWhole ? undefined : held.entries.get(key);
      if (before === undefined) count += 1;
      weight += weigh(value) - weigh(before?.value);
    }
    const added = weight - (held?.weight ?? 0);
    return (
      count > MAX_ENTRIES + 2 * MAX_TOMBSTONES ||
      weight > MAX_LEDGER_BYTES ||
      (added > 0 && this.#weight + added > MAX_CATALOG_BYTES)
    );
  }

  #confirm(held: Held): void {
    if (!held.warm) return;
    held.warm = false;
    this.#warm -= 1;
    this.#confirmed.push(held.owner);
  }
}
