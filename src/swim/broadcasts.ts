/**
 * The broadcast queue: messages that wait to be piggybacked, each until it was sent as often as the retransmit limit
 * says. There is one queue per lane; it knows neither packets nor peers.
 *
 * Source: memberlist queue.go (TransmitLimitedQueue); SWIM §4.1.
 */
import { assert } from '../base/assert.ts';

/** A message in the queue. */
export interface Broadcast {
  readonly message: Uint8Array;
  /** The number of packets it was put in. */
  readonly sends: number;
  /** It reached the limit, was replaced by a newer message of the same name, or was pruned. */
  readonly finished: boolean;
}

interface Entry extends Broadcast {
  readonly name: string | undefined;
  /** Newer entries have larger ones. */
  readonly id: number;
  sends: number;
  finished: boolean;
}

/** Entries of one send count: their sizes in ascending order, and the entries of each size, oldest first. */
interface Tier {
  readonly sizes: number[];
  readonly stacks: Entry[][];
}

export class BroadcastQueue {
  /** By send count. Rarely more than twenty: the retransmit limit grows with the logarithm of the cluster. */
  readonly #tiers: Tier[] = [];
  /** The newest entry of each name. */
  readonly #named = new Map<string, Entry>();
  #size = 0;
  #lastId = 0;

  get size(): number {
    return this.#size;
  }

  /** Adds `message` (not a copy). It replaces an older one of the same `name`. */
  enqueue(message: Uint8Array, name?: string): Broadcast {
    const entry: Entry = { message, name, id: ++this.#lastId, sends: 0, finished: false };
    if (name !== undefined) {
      const older = this.#named.get(name);
      if (older !== undefined) {
        this.#remove(older);
        older.finished = true;
      }
      this.#named.set(name, entry);
    }
    this.#insert(entry);
    return entry;
  }

  /**
   * Appends to `into` the messages that fit in `room` bytes, each with `overhead` bytes more, and counts a send for each:
   * least-sent first, then the largest that fits, then the newest. Drops messages sent `limit` times. Returns the bytes
   * used.
   *
   * Source: memberlist queue.go, GetBroadcasts.
   */
  dequeue(room: number, overhead: number, limit: number, into: Uint8Array[]): number {
    if (this.#size === 0) return 0;
    let used = 0;
    let taken: Entry[] | undefined;
    for (const tier of this.#tiers) {
      for (;;) {
        const entry = takeLargest(tier, room - used - overhead);
        if (entry === undefined) break;
        used += entry.message.length + overhead;
        into.push(entry.message);
        taken ??= [];
        taken.push(entry);
      }
    }
    if (taken === undefined) return 0;
    this.#size -= taken.length;
    for (const entry of taken) {
      entry.sends++;
      if (entry.sends >= limit) this.#finish(entry);
      else this.#insert(entry); // not earlier, or a message could be in one packet twice
    }
    return used;
  }

  /** Drops the most-sent messages, smallest first, until at most `max` are left. Returns how many it dropped. */
  prune(max: number): number {
    let dropped = 0;
    for (let sends = this.#tiers.length - 1; sends >= 0; sends--) {
      const tier = this.#tiers[sends] as Tier;
      while (this.#size > max) {
        const entry = tier.stacks[0]?.[0];
        if (entry === undefined) break;
        this.#remove(entry);
        this.#finish(entry);
        dropped++;
      }
    }
    return dropped;
  }

  #finish(entry: Entry): void {
    entry.finished = true;
    if (entry.name === undefined) return;
    // Invariant: of each name only the newest entry is queued.
    assert(this.#named.get(entry.name) === entry, 'an old broadcast of a name is still queued');
    this.#named.delete(entry.name);
  }

  #insert(entry: Entry): void {
    while (this.#tiers.length <= entry.sends) this.#tiers.push({ sizes: [], stacks: [] });
    const { sizes, stacks } = this.#tiers[entry.sends] as Tier;
    const at = firstAbove(sizes, entry.message.length - 1);
    if (sizes[at] !== entry.message.length) {
      sizes.splice(at, 0, entry.message.length);
      stacks.splice(at, 0, [entry]);
    } else {
      const stack = stacks[at] as Entry[];
      let slot = stack.length;
      while (slot > 0 && (stack[slot - 1] as Entry).id > entry.id) slot--;
      stack.splice(slot, 0, entry);
    }
    this.#size++;
  }

  #remove(entry: Entry): void {
    const { sizes, stacks } = this.#tiers[entry.sends] as Tier;
    const at = firstAbove(sizes, entry.message.length - 1);
    const stack = stacks[at] as Entry[];
    const slot = stack.indexOf(entry);
    assert(slot >= 0, 'a broadcast is not in the tier of its send count');
    stack.splice(slot, 1);
    if (stack.length === 0) {
      sizes.splice(at, 1);
      stacks.splice(at, 1);
    }
    this.#size--;
  }
}

/** Removes and returns the newest of the largest entries of at most `free` bytes. */
function takeLargest(tier: Tier, free: number): Entry | undefined {
  const at = firstAbove(tier.sizes, free) - 1;
  if (at < 0) return undefined;
  const stack = tier.stacks[at] as Entry[];
  const entry = stack.pop();
  if (stack.length === 0) {
    tier.sizes.splice(at, 1);
    tier.stacks.splice(at, 1);
  }
  return entry;
}

/** Binary search: the index of the first number above `bound` in an ascending list. */
function firstAbove(ascending: readonly number[], bound: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ascending[middle] as number) > bound) high = middle;
    else low = middle + 1;
  }
  return low;
}

/**
 * How often a broadcast is sent in a cluster of `n` members; at least once.
 *
 * Source: memberlist util.go, retransmitLimit.
 */
export const retransmitLimit = (mult: number, n: number): number =>
  Math.max(1, mult * Math.ceil(Math.log10(n + 1)));
