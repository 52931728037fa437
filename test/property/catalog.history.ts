/** Random histories of one owner and its replicas, and what must hold after them, whichever rules they live by. */
import fc from 'fast-check';
import {
  applyDelta,
  deltaSince,
  emptyLedger,
  type Ledger,
  reapTombstones,
  startEpoch,
  writeEntries,
} from '../../src/catalog/ledger.ts';
import type { Delta, Progress } from '../../src/catalog/types.ts';
import type { Entry, EntryKey, EntryWrite } from '../../src/model/service.ts';
import { service } from '../unit/catalog/values.ts';

/** The rules under test. */
export interface Rules {
  readonly apply: typeof applyDelta;
  readonly deltaSince: typeof deltaSince;
  readonly sweep: typeof reapTombstones;
  readonly begin: typeof startEpoch;
}
export const RULES: Rules = { apply: applyDelta, deltaSince, sweep: reapTombstones, begin: startEpoch };

const REPLICAS = 4;
const KEYS = ['s:a', 's:b', 's:c', 's:d'] as const;
const VALUES = KEYS.map((key) => [0, 1, 2, 3].map((port) => service(key.slice(2), { port })));

/** One owner, its replicas, and every delta that was ever sent, to be delivered at any time. */
class World {
  readonly rules: Rules;
  owner: Ledger = emptyLedger('owner', 1);
  readonly copies: Ledger[] = Array.from({ length: REPLICAS }, () => emptyLedger('owner', 0));
  /** How often each case occurred, so that no property seems to hold because it was never tried. */
  readonly tally: Record<string, number>;
  readonly #saved: Ledger[] = [];
  readonly #said: Delta[] = [];
  /** For each epoch, what the owner wrote at each version; index 0 is empty. */
  readonly #written = new Map<number, (Entry | undefined)[]>([[1, [undefined]]]);

  constructor(rules: Rules, tally: Record<string, number>) {
    this.rules = rules;
    this.tally = tally;
  }

  take(step: number): void {
    const which = (step >>> 4) % REPLICAS;
    const other = (step >>> 6) % (REPLICAS + 1);
    const key = (step >>> 9) % KEYS.length;
    const pick = step >>> 12;
    switch (step % 16) {
      case 0:
      case 1:
      case 2:
        return this.#write([{ put: VALUES[key]?.[pick % 4] as (typeof VALUES)[0][0] }]);
      case 3:
        return this.#write(VALUES.slice(key).map((of) => ({ put: of[pick % 4] as (typeof VALUES)[0][0] })));
      case 4:
      case 5:
        return this.#write([{ remove: KEYS[key] as EntryKey }]);
      case 6:
      case 7:
      case 8:
        return this.#hear(which, this.#said.at(-1 - (pick % 6)));
      case 9:
        return this.#hear(which, this.#said[pick % Math.max(1, this.#said.length)]);
      case 10:
      case 11:
        return this.#hear(which, this.#say(other, this.#progress(which)));
      case 12:
        this.#say(other, this.#progress(which));
        return;
      case 13: {
        const ledger = this.#ledger(other);
        this.rules.sweep(ledger, pick % (ledger.version + 4));
        if (ledger !== this.owner) this.#check(ledger);
        return;
      }
      case 14:
        if (pick % 5 === 0) this.#restartOwner(pick % 2 === 0);
        return;
      case 15:
        return this.#restartCopy(which, pick);
    }
  }

  /** Each replica pulls from each other, twice; after that all are equal. */
  calm(): void {
    for (let round = 0; round < 2; round++)
      for (let which = 0; which < REPLICAS; which++)
        for (let other = 0; other <= REPLICAS; other++)
          this.#hear(which, this.#say(other, this.#progress(which)));
    for (const copy of this.copies) {
      const { epoch, version } = this.owner;
      if (this.owner.version > 0 || copy.epoch > 0)
        must(copy.epoch === epoch && copy.version === version, 'a copy that stays behind', copy);
      for (const key of KEYS)
        must(
          copy.entries.get(key)?.value === undefined
            ? this.owner.entries.get(key)?.value === undefined
            : copy.entries.get(key)?.version === this.owner.entries.get(key)?.version,
          `a copy that differs in ${key}`,
          copy,
        );
    }
  }

  #write(changes: readonly EntryWrite[]): void {
    const delta = writeEntries(this.owner, changes);
    if (delta === undefined) return;
    for (const entry of delta.entries) this.#written.get(this.owner.epoch)?.push(entry);
    this.#said.push(delta);
  }

  #restartOwner(forgetful: boolean): void {
    const epoch = this.owner.epoch + 1;
    if (forgetful) this.owner = emptyLedger('owner', epoch);
    else this.rules.begin(this.owner, epoch);
    const written: (Entry | undefined)[] = [undefined];
    for (const entry of this.owner.entries.values()) written[entry.version] = entry;
    if (!this.#written.has(this.owner.epoch)) this.#written.set(this.owner.epoch, written);
    this.#say(REPLICAS, undefined);
  }

  #restartCopy(which: number, pick: number): void {
    if (pick % 4 === 0) this.copies[which] = emptyLedger('owner', 0);
    else if (pick % 4 === 1 && this.#saved.length > 0) {
      const saved = this.#saved[(pick >>> 2) % this.#saved.length] as Ledger;
      this.copies[which] = { ...saved };
    } else {
      const copy = this.copies[which] as Ledger;
      copy.shared = true;
      this.#saved.push({ ...copy });
    }
  }

  #count(what: string): void {
    this.tally[what] = (this.tally[what] ?? 0) + 1;
  }

  #ledger(which: number): Ledger {
    return this.copies[which] ?? this.owner;
  }

  #progress(which: number): Progress {
    const { owner, epoch, version } = this.#ledger(which);
    return { owner, epoch, version };
  }

  #say(which: number, progress: Progress | undefined): Delta | undefined {
    const ledger = this.#ledger(which);
    const delta = ledger.epoch === 0 ? undefined : this.rules.deltaSince(ledger, progress);
    if (delta !== undefined) this.#said.push(delta);
    return delta;
  }

  #hear(which: number, delta: Delta | undefined): void {
    if (delta === undefined) return;
    const copy = this.copies[which] as Ledger;
    const { epoch, version } = copy;
    const outcome = this.rules.apply(copy, delta);
    this.#count(outcome);
    if (outcome === 'applied' && copy.version > delta.to) this.#count('absorbed');
    if (outcome === 'applied' && delta.from === 0 && epoch === copy.epoch && version > 0)
      this.#count('whole');
    if (copy.swept > 0) this.#count('swept');
    if (epoch > 0 && copy.epoch > epoch) this.#count('restarted');
    must(copy.epoch > epoch || (copy.epoch === epoch && copy.version >= version), 'went back', copy);
    if (outcome === 'stale' || outcome === 'needsWhole')
      must(copy.epoch === epoch && copy.version === version, `moved by what is ${outcome}`, copy);
    this.#check(copy);
  }

  /** A replica holds what the owner wrote; at its version it lacks nothing, and holds nothing that was removed. */
  #check(copy: Ledger): void {
    const written = this.#written.get(copy.epoch) ?? [undefined];
    must(copy.swept <= copy.version, 'swept beyond its version', copy);
    must(copy.version < written.length, 'knows the future', copy);
    for (const entry of copy.entries.values()) {
      const truth = written[entry.version];
      must(truth?.key === entry.key && truth.value === entry.value, 'an entry nobody wrote', copy);
    }
    this.#covers(copy, written, 0, copy.version);
    for (const { from, to } of copy.rangesAhead) {
      must(from > copy.version, 'an island that is none', copy);
      this.#covers(copy, written, from, to);
    }
  }

  #covers(copy: Ledger, written: readonly (Entry | undefined)[], from: number, to: number): void {
    const latest = new Map<EntryKey, Entry>();
    for (let version = from + 1; version <= to; version++) {
      const entry = written[version];
      if (entry !== undefined) latest.set(entry.key, entry);
    }
    for (const [key, { version, value }] of latest) {
      const entry = copy.entries.get(key);
      if (entry === undefined) must(value === undefined && version <= copy.swept, `lost ${key}`, copy);
      else must(entry.version >= version, `has an old ${key}`, copy);
    }
  }
}

function must(holds: boolean, what: string, copy: Ledger): void {
  if (!holds) throw new Error(`a copy at epoch ${copy.epoch}, version ${copy.version}: ${what}`);
}

export const history = fc.array(fc.integer({ min: 0, max: 0x7fff_ffff }), { size: 'max', maxLength: 120 });

export function live(steps: readonly number[], rules: Rules, tally: Record<string, number> = {}): void {
  const world = new World(rules, tally);
  for (const step of steps) world.take(step);
  world.calm();
}
