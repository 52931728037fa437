/**
 * The transmit-limited queue: what we still have to tell, and how often each was told. One instance per lane; it
 * knows neither packets nor peers.
 *
 * Source: memberlist queue.go (TransmitLimitedQueue); SWIM §4.1.
 */

/** One message waiting to be told. The handle that `queue` gives out. */
export interface Broadcast {
  readonly message: Uint8Array;
  /** Packets it went into so far. */
  readonly sends: number;
  /** It was sent often enough, replaced by newer news of the same name, or pruned. */
  readonly finished: boolean;
}

interface Entry extends Broadcast {
  readonly name: string | undefined;
  /** Grows with every entry: the larger, the newer. */
  readonly id: number;
  sends: number;
  finished: boolean;
}

/** Entries that were sent equally often: `sizes` ascending, and for each size its entries, oldest first. */
interface Tier {
  readonly sizes: number[];
  readonly stacks: Entry[][];
}

export class BroadcastQueue {
  /** By send count. Rarely more than twenty, since the retransmit limit grows with the logarithm of n. */
  readonly #tiers: Tier[] = [];
  readonly #named = new Map<string, Entry>();
  #size = 0;
  #lastId = 0;

  get size(): number {
    return this.#size;
  }

  /** Keeps `message` (not a copy) until it was sent often enough. A newer entry of `name` replaces the older. */
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
   * Appends to `into` what fits in `room` bytes, each message at its length plus `overhead`, and counts a send for
   * each: least-sent first, among those the largest that fits, newest first. A message sent `limit` times is
   * dropped. Returns the bytes used.
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
      else this.#insert(entry); // only now, so that no message is twice in one packet
    }
    return used;
  }

  /** Drops the most-sent, smallest first, until at most `max` are left. Returns how many went. */
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
    if (entry.name !== undefined) this.#named.delete(entry.name);
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
    stack.splice(stack.indexOf(entry), 1);
    if (stack.length === 0) {
      sizes.splice(at, 1);
      stacks.splice(at, 1);
    }
    this.#size--;
  }
}

/** Takes the largest entry of at most `free` bytes, the newest of them, out of the tier. */
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

/** Index of the first number above `bound` in an ascending list. */
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
 * How often a broadcast is sent in a cluster of `n`, at least once.
 *
 * Source: memberlist util.go, retransmitLimit.
 */
export const retransmitLimit = (mult: number, n: number): number =>
  Math.max(1, mult * Math.ceil(Math.log10(n + 1)));
