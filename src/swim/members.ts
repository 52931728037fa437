/**
 * The member table, the ring that orders probes, and random choice from it. The rules decide which rows change.
 *
 * Source: memberlist state.go (nodeMap, nodes), util.go (kRandomNodes, moveDeadNodes); SWIM §4.3.
 */
import type { Address } from '../base/address.ts';
import { assert } from '../base/assert.ts';
import { type Rng, shuffle } from '../base/rng.ts';
import type { Millis } from '../base/time.ts';
import { foldName } from '../config/names.ts';
import { AddressBook } from './address-book.ts';
import { createRow, type MutableMember, type Row } from './member-row.ts';
import { isUp } from './precedence.ts';
import type { Absence, Identity, MemberState, MembersView, Standing } from './types.ts';

export type { MutableMember } from './member-row.ts';

/** Members that never answered which one pass of probes visits, at least. */
const MIN_NEWCOMERS_PER_PASS = 16;
/** Members that never answered, and have said something, which wait for a probe. */
const MAX_SPEAKERS = 64;
/** A cluster of this size may start at once: its times are those of its size. */
const MIN_TIMING_SIZE = 256;

export class MemberTable implements MembersView {
  readonly self: MutableMember;
  readonly #rng: Rng;
  readonly #byName = new Map<string, MutableMember>();
  /** Rows whose names are not what they fold to. No two names fold alike: readers and DNS could take one for the other. */
  readonly #byFoldedName = new Map<string, MutableMember>();
  /** Every row once, in random order: probes go round it, and random choices are made from it. */
  readonly #ring: MutableMember[] = [];
  readonly #addresses = new AddressBook();
  #cursor = 0;
  /** Where the search for a member that has answered goes on, in a crowd. */
  #answeredCursor = 0;
  #turn = 0; // of the probes of a crowd, from 0 to 3
  #up = 1;
  #revision = 0;
  #absent = 0;
  readonly #answered = new Set<MutableMember>();
  /** Rows that have said something, and never answered: in a crowd they have a share of the probes. */
  readonly #speakers = new Set<MutableMember>();
  /** Members that never answered which this pass of probes may still visit. */
  #newcomersLeft = MIN_NEWCOMERS_PER_PASS;

  constructor(identity: Identity, incarnation: number, rng: Rng, now: Millis) {
    this.#rng = rng;
    this.self = createRow(identity, 'alive', incarnation, now);
    this.#list(this.self);
    this.#ring.push(this.self);
  }

  get size(): number {
    return this.#ring.length;
  }

  get upCount(): number {
    return this.#up;
  }

  get revision(): number {
    return this.#revision;
  }

  get absentCount(): number {
    return this.#absent;
  }

  get(name: string): MutableMember | undefined {
    return this.#byName.get(name);
  }

  /** The member of this name, or of one that differs in letter case or form only. */
  getFolded(name: string): MutableMember | undefined {
    const folded = foldName(name);
    return this.#byFoldedName.get(folded) ?? this.#byName.get(folded);
  }

  all(): IterableIterator<MutableMember> {
    return this.#byName.values();
  }

  /** Something came from where this row is said to live, so it may exist: an agent that joins a crowd finds the others by that. */
  onHeardFrom(row: MutableMember): void {
    if (row.hasAnswered !== true && this.#speakers.size < MAX_SPEAKERS && this.isCrowded)
      this.#speakers.add(row);
  }

  /** Adds a row at a random place of the ring. Until an alive message is applied, it is dead at incarnation 0. */
  add(identity: Identity, now: Millis): MutableMember {
    assert(this.getFolded(identity.name) === undefined, `a second row of ${identity.name}`);
    const row = createRow(identity, 'dead', 0, now);
    this.#revision += 1;
    this.#list(row);
    const at = this.#rng.int(this.#ring.length + 1);
    const moved = this.#ring[at];
    if (moved === undefined) this.#ring.push(row);
    else {
      this.#ring.push(moved);
      this.#ring[at] = row;
    }
    this.#assertRingMatchesTable();
    return row;
  }

  setIdentity(row: MutableMember, identity: Identity): void {
    if (row.identity === identity) return;
    this.#revision += 1;
    this.#addresses.delete(row);
    (row as Row).identity = identity;
    this.#addresses.add(row);
  }

  isAddressOfMember(address: Address): boolean {
    return this.#addresses.standingOf(address) !== 'outsider';
  }

  isHostOfMember(address: Address): boolean {
    return this.#addresses.countAtHost(address.host) > 0;
  }

  standingOf(address: Address): Standing {
    return this.#addresses.standingOf(address);
  }

  countAtHost(host: string): number {
    return this.#addresses.countAtHost(host);
  }

  /** Does another member than this agent live there, and is up? */
  isAddressOfPeer(at: Address): boolean {
    const own = this.self.identity.address;
    const isOwn = isUp(this.self.state) && own.port === at.port && own.host === at.host;
    return this.#addresses.countUpAt(at) > Number(isOwn);
  }

  /** Whether it has answered at its address; not any more once it has another one. */
  setAnswered(row: MutableMember, hasAnswered: boolean): void {
    if ((row.hasAnswered === true) === hasAnswered) return;
    (row as Row).hasAnswered = hasAnswered;
    if (hasAnswered) this.#answered.add(row);
    else this.#answered.delete(row);
    this.#addresses.onAnswered(row, hasAnswered ? 1 : -1);
    // Invariant: no row is counted twice.
    assert(this.#answered.size < this.size, `${this.#answered.size} rows have answered`);
  }

  /**
   * Most rows have never answered: in a cluster that has just started, or since somebody has told of members that do not exist. Then
   * probes and gossip see to it that those which do exist are not forgotten among them.
   */
  get isCrowded(): boolean {
    return this.size - 1 - this.#answered.size > Math.max(MIN_NEWCOMERS_PER_PASS, this.#answered.size);
  }

  /** The number of members that times are scaled by: invented ones must not stretch them. */
  get timingSize(): number {
    return this.isCrowded
      ? Math.min(this.size, Math.max(MIN_TIMING_SIZE, 2 * this.#answered.size + 1))
      : this.size;
  }

  get answered(): ReadonlySet<MutableMember> {
    return this.#answered;
  }

  /** A member that never answered, one that is down if there is one. */
  findUnanswered(): MutableMember | undefined {
    let found: MutableMember | undefined;
    for (const row of this.#ring) {
      if (row === this.self || row.hasAnswered === true) continue;
      if (!isUp(row.state)) return row;
      found ??= row;
    }
    return found;
  }

  setAbsence(row: MutableMember, absence: Absence | undefined): void {
    this.#absent += Number(absence !== undefined) - Number(row.absence !== undefined);
    (row as Row).absence = absence;
  }

  setIncarnation(row: MutableMember, incarnation: number): void {
    if (row.incarnation !== incarnation) this.#revision += 1;
    (row as Row).incarnation = incarnation;
  }

  /** `since` changes only with the state. */
  setState(row: MutableMember, state: MemberState, now: Millis): void {
    if (row.state === state) return;
    const by = Number(isUp(state)) - Number(isUp(row.state));
    this.#up += by;
    this.#revision += 1;
    (row as Row).state = state;
    (row as Row).since = now;
    if (by !== 0) this.#addresses.onUp(row, by);
    // Invariant: the count of members that are up stays within the table.
    assert(
      this.#up >= 0 && this.#up <= this.#ring.length,
      `${this.#up} of ${this.#ring.length} members are up`,
    );
  }

  /** Removes one row that is down. Takes time linear in the table: not for every packet. */
  remove(row: MutableMember): void {
    const at = this.#ring.indexOf(row);
    assert(at >= 0 && !isUp(row.state), `${row.identity.name} is not in the ring, or up`);
    this.#ring.splice(at, 1);
    if (at < this.#cursor) this.#cursor--;
    if (at < this.#answeredCursor) this.#answeredCursor--;
    this.#unlist(row);
    this.#assertRingMatchesTable();
  }

  /**
   * The next member to probe: one that is up, not absent, and not this agent; `undefined` if there is none. `onPassEnd` is called at the
   * end of the ring. A pass visits as many that never answered as have answered, and 16 at least. In a crowd every second probe is
   * of a member that exists: of one that has answered, or has said something, by turns. The others are of the pass whatever these
   * take: where many start together, those that say nothing, and may have crashed, are found by it alone.
   *
   * Differs: memberlist visits all rows in each pass, so that invented ones keep it from those that exist.
   */
  nextToProbe(onPassEnd: () => void): MutableMember | undefined {
    if (!this.isCrowded) return this.#nextSpeaker() ?? this.#nextInPass(onPassEnd);
    this.#turn = (this.#turn + 1) % 4;
    const answered = this.#turn === 1 ? this.#nextAnswered() : undefined;
    const real = this.#turn % 2 === 1 ? (answered ?? this.#nextSpeaker() ?? this.#nextAnswered()) : undefined;
    return real ?? this.#nextInPass(onPassEnd);
  }

  #nextAnswered(): MutableMember | undefined {
    for (let left = this.#answered.size === 0 ? 0 : this.#ring.length; left > 0; left--) {
      if (this.#answeredCursor >= this.#ring.length) this.#answeredCursor = 0;
      const row = this.#ring[this.#answeredCursor++] as MutableMember;
      if (row.hasAnswered === true && isUp(row.state) && row.absence === undefined) return row;
    }
    return undefined;
  }

  #nextSpeaker(): MutableMember | undefined {
    for (const row of this.#speakers) {
      this.#speakers.delete(row);
      const isHeld = this.#byName.get(row.identity.name) === row;
      if (isHeld && row.hasAnswered !== true && isUp(row.state) && row.absence === undefined) return row;
    }
    return undefined;
  }

  #nextInPass(onPassEnd: () => void): MutableMember | undefined {
    for (let left = this.#ring.length; left > 0; left--) {
      if (this.#cursor >= this.#ring.length) {
        onPassEnd();
        this.#cursor = 0;
        left = this.#ring.length;
        this.#newcomersLeft = Math.max(MIN_NEWCOMERS_PER_PASS, this.#answered.size);
      }
      const row = this.#ring[this.#cursor++] as MutableMember;
      if (row === this.self || !isUp(row.state) || row.absence !== undefined) continue;
      if (row.hasAnswered === true) return row;
      if (this.#newcomersLeft <= 0) continue;
      this.#newcomersLeft -= 1;
      return row;
    }
    return undefined;
  }

  #list(row: MutableMember): void {
    const { name } = row.identity;
    const folded = foldName(name);
    this.#byName.set(name, row);
    if (folded !== name) this.#byFoldedName.set(folded, row);
    this.#addresses.add(row);
  }

  #unlist(row: MutableMember): void {
    const { name } = row.identity;
    this.#revision += 1;
    this.#answered.delete(row);
    this.#addresses.delete(row);
    this.#byName.delete(name);
    this.#byFoldedName.delete(foldName(name));
  }

  /** Removes rows that went down before `before`, and shuffles the ring. Returns the rows removed. */
  removeExpired(before: Millis): MutableMember[] {
    const dropped: MutableMember[] = [];
    if (this.#up < this.#ring.length) {
      let kept = 0;
      for (const row of this.#ring) {
        if (row === this.self || isUp(row.state) || row.since >= before) this.#ring[kept++] = row;
        else {
          dropped.push(row);
          this.#unlist(row);
        }
      }
      this.#ring.length = kept;
      this.#assertRingMatchesTable();
    }
    shuffle(this.#ring, this.#rng);
    return dropped;
  }

  /** Up to `k` different random rows for which `eligible` holds. */
  pickRandom(k: number, eligible: (row: MutableMember) => boolean): MutableMember[] {
    const n = this.#ring.length;
    if (k === 0 || n === 1) return [];
    const chosen: MutableMember[] = [];
    if (n < 3 * k) {
      for (const row of shuffle([...this.#ring], this.#rng)) {
        if (chosen.length === k) break;
        if (eligible(row)) chosen.push(row);
      }
      return chosen;
    }
    for (let draws = 3 * n; draws > 0 && chosen.length < k; draws--) {
      const row = this.#ring[this.#rng.int(n)] as MutableMember;
      if (eligible(row) && !chosen.includes(row)) chosen.push(row);
    }
    return chosen;
  }

  /** The same, where members that exist must not be missed: while the table is crowded the first is one that has answered. */
  pickAnswered(k: number, eligible: (row: MutableMember) => boolean): MutableMember[] {
    if (!this.isCrowded) return this.pickRandom(k, eligible);
    const first = this.#pickOfAnswered(Math.min(k, 1), eligible);
    return [...first, ...this.pickRandom(k - first.length, (row) => !first.includes(row) && eligible(row))];
  }

  /** By drawing from all rows thousands of draws would miss them. */
  #pickOfAnswered(k: number, eligible: (row: MutableMember) => boolean): MutableMember[] {
    const picked: MutableMember[] = [];
    for (const row of shuffle([...this.#answered], this.#rng)) {
      if (picked.length >= k) break;
      if (eligible(row)) picked.push(row);
    }
    return picked;
  }

  /** The same, where a row that does not exist would do harm: while the table is crowded all have answered, if any has. */
  pickReliable(k: number, eligible: (row: MutableMember) => boolean): MutableMember[] {
    const reliable = this.isCrowded ? this.#pickOfAnswered(k, eligible) : [];
    return reliable.length > 0 ? reliable : this.pickRandom(k, eligible);
  }

  /** Invariant: table and ring hold the same rows. */
  #assertRingMatchesTable(): void {
    assert(this.#byName.size === this.#ring.length, 'member table and probe ring differ in size');
  }
}
