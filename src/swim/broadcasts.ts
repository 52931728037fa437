/**
 * The broadcast queue: messages that wait to be piggybacked, each until it was sent as often as the retransmit limit
 * says, or until all peers are known to have it. There is one queue per lane; it knows no packets, and peers by key only.
 *
 * Source: memberlist queue.go (TransmitLimitedQueue); SWIM §4.1.
 */
import { assert } from '../base/assert.ts';
import { sameBytes } from '../base/bytes.ts';

/** By this factor times the audience a message is passed over in a row before its pass counts as over. */
const MAX_PASSED_OVER = 4;

/** A message in the queue. */
export interface Broadcast {
  readonly message: Uint8Array;
  /** The number of packets it was put in. */
  readonly sends: number;
  /** It reached the limit, was replaced by a newer message of the same name, or was pruned. */
  readonly finished: boolean;
}

/** Where a packet goes. */
export interface Recipient {
  /** The peer, by a key of its own. */
  readonly peer: string;
  /** The peers that the lane is for, this one included. */
  readonly audience: number;
  /** Only messages that were sent less often than this are wanted; absent: all. */
  readonly maxSends?: number | undefined;
}

/** Tells a peer of a message that no datagram takes to it; false: not this time. */
export type Tell = (message: Uint8Array) => boolean;

interface Entry extends Broadcast {
  readonly name: string | undefined;
  /** Newer entries have larger ones. */
  readonly id: number;
  /** Of the message's octets. */
  readonly hash: number;
  /** Peers that sent us this very message: they need no copy. */
  holders: ReadonlySet<string>;
  /** The holders, and the peers that it was sent to in this pass over all of them. */
  told: ReadonlySet<string>;
  /** How often in a row it was not put in a packet, since the peer was told. */
  passedOver: number;
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
  /** The newest entry of each hash. */
  readonly #byHash = new Map<number, Entry>();
  #size = 0;
  #lastId = 0;

  get size(): number {
    return this.#size;
  }

  /** Is there a message that was never sent? */
  get hasUnsent(): boolean {
    return (this.#tiers[0]?.sizes.length ?? 0) > 0;
  }

  /** Is there a message that `peer` was not told in this pass? */
  hasFor(peer: string): boolean {
    for (const { stacks } of this.#tiers)
      for (const stack of stacks) for (const { told } of stack) if (!told.has(peer)) return true;
    return false;
  }

  /** Adds `message` (not a copy). It replaces an older one of the same `name`. */
  enqueue(message: Uint8Array, name?: string): Broadcast {
    if (name !== undefined) this.cancelNamed(name);
    const id = ++this.#lastId;
    const hash = hashOf(message);
    // Without spreads: with them the engine gives each object a hidden class of its own, which takes more memory than the object.
    const entry: Entry = {
      message,
      name,
      id,
      hash,
      holders: NOBODY,
      told: NOBODY,
      passedOver: 0,
      sends: 0,
      finished: false,
    };
    if (name !== undefined) this.#named.set(name, entry);
    this.#byHash.set(hash, entry);
    this.#insert(entry);
    return entry;
  }

  /** Takes the message of a name out, if there is one. */
  cancelNamed(name: string): void {
    this.cancel(this.#named.get(name));
  }

  /** Takes a message of this queue out, sent or not. */
  cancel(broadcast: Broadcast | undefined): void {
    if (broadcast === undefined || broadcast.finished) return;
    this.#remove(broadcast as Entry);
    this.#finish(broadcast as Entry);
  }

  /**
   * `peer` has sent us this very message, so it needs no copy. Once all of the `audience` have it, it is finished.
   *
   * Differs: memberlist remembers nobody, and sends copies back to where they came from.
   */
  recordHolder(message: Uint8Array, peer: string, audience: number): void {
    if (this.#size === 0) return;
    const entry = this.#byHash.get(hashOf(message));
    if (entry !== undefined && sameBytes(entry.message, message)) this.recordHolderOf(entry, peer, audience);
  }

  /** As `recordHolder`, for a caller that knows what the message says. */
  recordHolderOf(broadcast: Broadcast, peer: string, audience: number): void {
    if (broadcast.finished) return;
    const entry = broadcast as Entry;
    entry.holders = withPeer(entry.holders, peer);
    if (hasEnded(entry, { peer, audience })) this.cancel(entry);
  }

  /**
   * Appends to `into` the messages that fit in `room` bytes, each with `overhead` bytes more, and counts a send for each:
   * least-sent first, then the largest that fits, then the newest. Drops messages sent `limit` times. Returns the bytes
   * used.
   *
   * Differs: with a recipient, nobody gets a message twice before all have had it once.
   *
   * Source: memberlist queue.go, GetBroadcasts.
   */
  dequeue(room: number, overhead: number, limit: number, into: Uint8Array[], to?: Recipient): number {
    if (this.#size === 0) return 0;
    const taken: Entry[] = [];
    const stuck: Entry[] = [];
    const isWanted = (entry: Entry): boolean => to === undefined || !passesOver(entry, to, stuck);
    let used = 0;
    const tiers = Math.min(this.#tiers.length, to?.maxSends ?? Number.POSITIVE_INFINITY);
    for (let sends = 0; sends < tiers; sends++)
      used += takeFitting(this.#tiers[sends] as Tier, room - used, overhead, isWanted, taken);
    this.#size -= taken.length;
    for (const entry of taken) into.push(entry.message);
    for (const entry of stuck) this.#remove(entry);
    // Not earlier, or a message could be in one packet twice.
    for (const entry of [...taken, ...stuck]) this.#countSend(entry, limit, to);
    return used;
  }

  /**
   * Counts a send for each message of more than `size` bytes that `tell` has told this peer in another way, and drops it
   * as `dequeue` does. `holds`: the peer surely has it then.
   */
  takeLonger(size: number, limit: number, to: Recipient, holds: boolean, tell: Tell): void {
    if (this.#size === 0) return;
    const tiers = this.#tiers.slice(0, to.maxSends);
    const longer = tiers.flatMap(({ sizes, stacks }) => stacks.slice(firstAbove(sizes, size)).flat());
    for (const entry of longer) {
      const stuck: Entry[] = [];
      if (passesOver(entry, to, stuck) ? stuck.length === 0 : !tell(entry.message)) continue;
      if (holds && stuck.length === 0) entry.holders = withPeer(entry.holders, to.peer);
      this.#remove(entry);
      this.#countSend(entry, limit, to);
    }
  }

  #countSend(entry: Entry, limit: number, to: Recipient | undefined): void {
    entry.sends++;
    entry.passedOver = 0;
    if (entry.sends >= limit || (to !== undefined && hasEnded(entry, to))) this.#finish(entry);
    else this.#insert(entry);
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
    if (this.#byHash.get(entry.hash) === entry) this.#byHash.delete(entry.hash);
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
      stack.splice(slotOf(stack, entry), 0, entry);
    }
    this.#size++;
  }

  #remove(entry: Entry): void {
    const { sizes, stacks } = this.#tiers[entry.sends] as Tier;
    const at = firstAbove(sizes, entry.message.length - 1);
    const stack = stacks[at] as Entry[];
    const slot = slotOf(stack, entry);
    assert(stack[slot] === entry, 'a broadcast is not in the tier of its send count');
    stack.splice(slot, 1);
    if (stack.length === 0) {
      sizes.splice(at, 1);
      stacks.splice(at, 1);
    }
    this.#size--;
  }
}

/** One set for all that nobody was told: most of a crowd's messages. */
const NOBODY: ReadonlySet<string> = new Set();

const copyOf = (peers: ReadonlySet<string>): ReadonlySet<string> =>
  peers.size === 0 ? NOBODY : new Set(peers);

function withPeer(peers: ReadonlySet<string>, peer: string): ReadonlySet<string> {
  return peers === NOBODY ? new Set([peer]) : (peers as Set<string>).add(peer);
}

/** One more peer has it, or is told. Have all got it, as far as is known? If all were told once, another pass begins. */
function hasEnded(entry: Entry, { peer, audience }: Recipient): boolean {
  entry.told = withPeer(entry.told, peer);
  return beginsPass(entry, audience) && entry.holders.size >= audience;
}

function beginsPass(entry: Entry, audience: number): boolean {
  if (entry.told.size < audience) return false;
  entry.told = copyOf(entry.holders);
  return true;
}

/**
 * Was this peer told, while others still have to be? If that happens too often in a row, nobody else is met (members may
 * share an address, or be gone): the entry is `stuck`, which counts as a send, so that it ends some day.
 */
function passesOver(entry: Entry, { peer, audience }: Recipient, stuck: Entry[]): boolean {
  if (!entry.told.has(peer)) return false;
  if (beginsPass(entry, audience) && !entry.told.has(peer)) return false; // the audience is smaller now
  entry.passedOver++;
  if (entry.passedOver <= MAX_PASSED_OVER * (audience + 1)) return true;
  entry.told = copyOf(entry.holders);
  stuck.push(entry);
  return true;
}

/**
 * Moves entries that fit in `room` bytes, each with `overhead` more, to `taken`: the largest first, then the newest.
 * Returns the bytes used.
 */
function takeFitting(
  { sizes, stacks }: Tier,
  room: number,
  overhead: number,
  isWanted: (entry: Entry) => boolean,
  taken: Entry[],
): number {
  let left = room;
  for (let at = sizes.length; ; ) {
    at = Math.min(at, firstAbove(sizes, left - overhead)) - 1;
    if (at < 0) return room - left;
    const stack = stacks[at] as Entry[];
    const bytes = (sizes[at] as number) + overhead;
    for (let slot = stack.length - 1; slot >= 0 && bytes <= left; slot--) {
      const entry = stack[slot] as Entry;
      if (!isWanted(entry)) continue;
      stack.splice(slot, 1);
      taken.push(entry);
      left -= bytes;
    }
    if (stack.length > 0) continue;
    sizes.splice(at, 1);
    stacks.splice(at, 1);
  }
}

/** Where it is, or belongs, among entries of one size. A crowd of members that somebody has invented has thousands. */
function slotOf(stack: readonly Entry[], { id }: Entry): number {
  let [low, high] = [0, stack.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((stack[middle] as Entry).id < id) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** FNV-1a, 32 bits. */
function hashOf(message: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < message.length; i++) hash = Math.imul(hash ^ (message[i] as number), 0x01000193);
  return hash;
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
 * Differs: at least twice `mult`. With memberlist's formula up to 6 % of the messages pass somebody by in clusters of 5 to 9, without
 * any loss, and 1 % in clusters of 2 and 3 if 30 % of the datagrams are lost; they wait for a push/pull.
 *
 * Source: memberlist util.go, retransmitLimit.
 */
export const retransmitLimit = (mult: number, n: number): number =>
  Math.max(1, mult * Math.max(2, Math.ceil(Math.log10(n + 1))));
