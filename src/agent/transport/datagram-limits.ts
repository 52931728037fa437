/**
 * Datagram limits: how long a datagram may be to reach a peer, where a link test has shown that longer ones get lost (P86 in
 * docs/protocol.md). What fits into none of them is told by a short message that makes the peer fetch it, or by a stream.
 */
import type { Member } from '../../swim/types.ts';

/** Bytes of UDP, the longest first. The shortest has room for a ping or an ack, and for one announcement. */
const LIMITS = [1024, 512, 256] as const;
export const SHORTEST_LIMIT = 256;
/** Of so many long rumors to a peer the last one goes with a ping too, if no ping since was long: only pings tell what arrives. */
const REPEAT_AFTER = 8;

/** A message that no datagram takes to this peer. */
export type LongMessage = Readonly<
  | { peer: Member; by: 'shorter' } // a short message has taken its place
  | { peer: Member; by: 'stream'; body: Uint8Array }
  | { peer: Member; by: 'pushPull' } // it is one of SWIM itself, which streams do not take alone
>;

interface Limit {
  /** The path is that to this address. */
  readonly address: string;
  readonly bytes: number;
}

/** Long rumors that a peer was sent since its last long ping. */
interface LongRumors {
  count: number;
  last: Uint8Array;
}

export class DatagramLimits {
  /** Only of peers that long datagrams do not reach. */
  readonly #limits = new Map<Member, Limit>();
  readonly #pings = new WeakMap<Member, number>();
  readonly #rumors = new WeakMap<Member, LongRumors>();
  #long: LongMessage[] = [];

  /** The peers that long datagrams do not reach. */
  get peers(): Iterable<Member> {
    return this.#limits.keys();
  }

  /** Bytes of a datagram to this peer, at most; `undefined`: as many as to any. */
  get(peer: Member): number | undefined {
    const limit = this.#limits.get(peer);
    return limit?.address === peer.identity.address.key ? limit.bytes : undefined;
  }

  /** Datagrams of `passing` bytes reach the peer, and longer ones do not. Returns the limit. */
  set(peer: Member, passing: number): number {
    const bytes = LIMITS.find((limit) => limit <= passing) ?? SHORTEST_LIMIT;
    this.#limits.set(peer, { address: peer.identity.address.key, bytes });
    return bytes;
  }

  delete(peer: Member): void {
    this.#limits.delete(peer);
  }

  /** Keeps only the limits of such peers. */
  retain(isWanted: (peer: Member) => boolean): void {
    for (const peer of this.#limits.keys()) if (!isWanted(peer)) this.#limits.delete(peer);
  }

  recordPing(peer: Member, bytes: number): void {
    this.#pings.set(peer, bytes);
    if (bytes > SHORTEST_LIMIT) this.#rumors.delete(peer);
  }

  /** To be called with each rumor that is put in a datagram. */
  recordRumor(peer: Member, message: Uint8Array): void {
    if (message.length <= SHORTEST_LIMIT) return;
    const rumors = this.#rumors.get(peer) ?? { count: 0, last: message };
    rumors.count += 1;
    rumors.last = message;
    this.#rumors.set(peer, rumors);
  }

  /** A rumor that makes the next ping to this peer long, if one is wanted. */
  rumorToRepeat(peer: Member): Uint8Array | undefined {
    const rumors = this.#rumors.get(peer);
    const isWanted = rumors !== undefined && rumors.count >= REPEAT_AFTER && this.get(peer) === undefined;
    return isWanted ? rumors.last : undefined;
  }

  /** Bytes of the datagram with the last ping to this peer. */
  lastPing(peer: Member): number {
    return this.#pings.get(peer) ?? 0;
  }

  addLong(message: LongMessage): void {
    this.#long.push(message);
  }

  /** What no datagram took since the last call. */
  consumeLong(): readonly LongMessage[] {
    if (this.#long.length === 0) return NONE;
    const long = this.#long;
    this.#long = [];
    return long;
  }
}

const NONE: readonly LongMessage[] = [];
