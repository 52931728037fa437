/**
 * The table of members, the ring that orders probes, and random choice from it. Who may change a row, and why, is
 * decided elsewhere.
 *
 * Source: memberlist state.go (nodeMap, nodes), util.go (kRandomNodes, moveDeadNodes); SWIM §4.3.
 */
import { type Rng, shuffle } from '../base/rng.ts';
import type { Millis } from '../base/time.ts';
import { isUp } from './precedence.ts';
import type { Identity, Member, MemberState, MembersView } from './types.ts';

/** A member as this room writes it. The object stays the same for the life of the row. */
export interface MutableMember extends Member {
  identity: Identity;
  state: MemberState;
  incarnation: number;
  since: Millis;
}

export class MemberTable implements MembersView {
  readonly self: MutableMember;
  readonly #rng: Rng;
  readonly #byName = new Map<string, MutableMember>();
  /** Every row once, in random order: probes walk it, random choice draws from it. */
  readonly #ring: MutableMember[] = [];
  #cursor = 0;
  #up = 1;

  constructor(identity: Identity, incarnation: number, rng: Rng, now: Millis) {
    this.#rng = rng;
    this.self = { identity, state: 'alive', incarnation, since: now };
    this.#byName.set(identity.name, this.self);
    this.#ring.push(this.self);
  }

  get size(): number {
    return this.#ring.length;
  }

  get upCount(): number {
    return this.#up;
  }

  get(name: string): MutableMember | undefined {
    return this.#byName.get(name);
  }

  all(): IterableIterator<MutableMember> {
    return this.#byName.values();
  }

  /** A new row, dead at incarnation 0 until something better is said of it, at a random place of the ring. */
  add(identity: Identity, now: Millis): MutableMember {
    const row: MutableMember = { identity, state: 'dead', incarnation: 0, since: now };
    this.#byName.set(identity.name, row);
    const at = this.#rng.int(this.#ring.length + 1);
    const moved = this.#ring[at];
    if (moved === undefined) this.#ring.push(row);
    else {
      this.#ring.push(moved);
      this.#ring[at] = row;
    }
    return row;
  }

  /** Notes the time only if the state is another. */
  setState(row: MutableMember, state: MemberState, now: Millis): void {
    if (row.state === state) return;
    this.#up += Number(isUp(state)) - Number(isUp(row.state));
    row.state = state;
    row.since = now;
  }

  /** Drops one row that is down. Walks the ring, so not for every packet. */
  remove(row: MutableMember): void {
    const at = this.#ring.indexOf(row);
    this.#ring.splice(at, 1);
    if (at < this.#cursor) this.#cursor--;
    this.#byName.delete(row.identity.name);
  }

  /**
   * The next member to probe: never ourselves, never one that is down; `undefined` when a pass finds none.
   * `wrapped` is called at each end of the ring, before the next pass.
   */
  nextToProbe(wrapped: () => void): MutableMember | undefined {
    for (let left = this.#ring.length; left > 0; left--) {
      if (this.#cursor >= this.#ring.length) {
        wrapped();
        this.#cursor = 0;
        left = this.#ring.length;
      }
      const row = this.#ring[this.#cursor++] as MutableMember;
      if (row !== this.self && isUp(row.state)) return row;
    }
    return undefined;
  }

  /** Drops rows that went down before `before`, and shuffles the ring. Returns what was dropped. */
  removeExpired(before: Millis): MutableMember[] {
    const dropped: MutableMember[] = [];
    if (this.#up < this.#ring.length) {
      let kept = 0;
      for (const row of this.#ring) {
        if (row === this.self || isUp(row.state) || row.since >= before) this.#ring[kept++] = row;
        else {
          dropped.push(row);
          this.#byName.delete(row.identity.name);
        }
      }
      this.#ring.length = kept;
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
}
