/**
 * Path tests: link tests that nobody asks for. One follows when a member lives and did not answer a long ping; what it shows decides how
 * long datagrams to that member are from then on (P86 in docs/protocol.md). A datagram of somebody else changes nothing: only what became of
 * our own does.
 */
import { type RateLimit, RateLimiter } from '../../base/rate-limiter.ts';
import type { Millis } from '../../base/time.ts';
import { isUp } from '../../swim/precedence.ts';
import type { Member, MembersView } from '../../swim/types.ts';
import type { LinkReport } from '../contract/links.ts';
import type { Effect } from '../contract/machine.ts';
import type { CatalogPeers } from '../replication/catalog-peers.ts';
import { SHORTEST_LIMIT } from '../transport/datagram-limits.ts';
import type { Packets } from '../transport/packets.ts';
import type { Streams } from '../transport/streams.ts';
import { LONGEST } from './link-test.ts';

/** Between two path tests of one member; each that shows nothing new doubles it. */
const FIRST_WAIT: Millis = 30_000;
const MAX_WAIT: Millis = 120_000;
/** Where nothing long is said, a member that has a limit is tested again after this time, one at a time. */
const RECHECK_WAIT: Millis = 120_000;
const RECHECK_INTERVAL: Millis = 30_000;
/** A test is 7 kB, and 17 kB where long datagrams get lost. */
const TEST_LIMIT: RateLimit = { burst: 4, refillInterval: 5000, maxKeys: 1, overflow: 'share' };
/** What swallows long datagrams, or no longer does, may be near this agent: so many other members are tested then. */
const OTHERS = 3;
/** Between two push/pulls for messages of SWIM that are too long. */
const PUSH_PULL_WAIT: Millis = 2000;

export interface PathTestParts {
  readonly members: MembersView;
  readonly catalogPeers: CatalogPeers;
  readonly packets: Packets;
  readonly streams: Streams;
}

interface NextTest {
  readonly at: Millis;
  readonly wait: Millis;
  /** When it was tested last. */
  readonly testedAt: Millis;
}

/** False: it cannot be tested now. */
type StartTest = (peer: Member, now: Millis, out: Effect[]) => boolean;

export class PathTests {
  readonly #parts: PathTestParts;
  readonly #packetBytes: number;
  readonly #start: StartTest;
  readonly #limiter = new RateLimiter(TEST_LIMIT);
  /** When a member may be tested next, and how long after that again. */
  readonly #next = new WeakMap<Member, NextTest>();
  /** Members whose test nobody has asked for. */
  readonly #unasked = new WeakSet<Member>();
  readonly #pushPullAt = new WeakMap<Member, Millis>();
  /** Members that a push/pull is owed. */
  readonly #unsynced = new Set<Member>();
  #recheckAt: Millis = 0;

  constructor(parts: PathTestParts, packetBytes: number, start: StartTest) {
    this.#parts = parts;
    this.#packetBytes = packetBytes;
    this.#start = start;
  }

  /** The member lives and did not answer our ping: was that a long datagram? */
  onDirectPingLost(peer: Member, now: Millis, out: Effect[]): void {
    if (this.#parts.packets.limits.lastPing(peer) > SHORTEST_LIMIT) this.#test(peer, now, out);
  }

  onTested(report: LinkReport, now: Millis, out: Effect[]): void {
    const { members, packets } = this.#parts;
    const { to: node, blocked, longest } = report;
    const peer = members.get(node);
    if (peer === undefined) return;
    const isUnasked = this.#unasked.delete(peer);
    const before = packets.limits.get(peer);
    if (longest >= Math.min(this.#packetBytes, LONGEST)) packets.limits.delete(peer);
    else if (blocked > 0) packets.limits.set(peer, longest);
    const after = packets.limits.get(peer);
    const wait = before === after ? Math.min(MAX_WAIT, 2 * this.#waitOf(peer)) : FIRST_WAIT;
    this.#next.set(peer, { at: now + wait, wait, testedAt: now });
    if (before === after) return;
    const isLimited = after !== undefined;
    if (isLimited)
      out.push({ kind: 'fact', fact: { kind: 'longDatagramsLost', node, bytes: blocked, limit: after } });
    else out.push({ kind: 'fact', fact: { kind: 'longDatagramsPass', node } });
    // Who asks for tests says himself of whom.
    if (isUnasked && isLimited !== (before !== undefined)) this.#testOthers(!isLimited, now, out);
  }

  /** To be called after each input: what was too long for its datagram leaves by a stream, and the path is tried again. */
  advance(now: Millis, out: Effect[]): void {
    const { packets, streams } = this.#parts;
    this.#recheck(now, out);
    const long = packets.limits.consumeLong();
    if (long.length === 0 && this.#unsynced.size === 0) return;
    this.#dropLimits();
    for (const message of long) {
      const { peer, by } = message;
      if (by === 'pushPull') this.#unsynced.add(peer);
      if (by === 'stream')
        streams.dialRequest({ to: peer.identity.address, body: message.body, ticket: undefined }, now, out);
    }
    for (const peer of new Set(long.map((message) => message.peer))) this.#test(peer, now, out);
    for (const peer of this.#unsynced) {
      if (packets.limits.get(peer) === undefined) this.#unsynced.delete(peer);
      else if (now >= (this.#pushPullAt.get(peer) ?? 0)) {
        this.#unsynced.delete(peer);
        this.#pushPullAt.set(peer, now + PUSH_PULL_WAIT);
        streams.dialPushPull({ to: peer.identity.address, join: false }, now, out);
      }
    }
  }

  /** Of members that died, or were dropped. */
  #dropLimits(): void {
    const { packets, members } = this.#parts;
    packets.limits.retain((peer) => isUp(peer.state) && members.get(peer.identity.name) === peer);
  }

  #test(peer: Member, now: Millis, out: Effect[]): void {
    if (this.#isDue(peer, now) && this.#parts.catalogPeers.isCatalogPeer(peer))
      if (this.#limiter.tryAcquire('', now)) this.#begin(peer, now, out);
  }

  /** The limit stands in what `why` says, so it is to end with its reason. */
  #recheck(now: Millis, out: Effect[]): void {
    if (now < this.#recheckAt) return;
    this.#recheckAt = now + RECHECK_INTERVAL;
    this.#dropLimits();
    const isLongAgo = (peer: Member): boolean => now >= this.#testedAt(peer) + RECHECK_WAIT;
    const peers = [...this.#parts.packets.limits.peers].filter(isLongAgo);
    const peer = peers.sort((a, b) => this.#testedAt(a) - this.#testedAt(b))[0];
    if (peer !== undefined) this.#test(peer, now, out);
  }

  /** `limited`: those that have a limit; else those that have none. */
  #testOthers(limited: boolean, now: Millis, out: Effect[]): void {
    const { catalogPeers, packets } = this.#parts;
    const isWanted = (peer: Member): boolean =>
      now >= this.#testedAt(peer) + FIRST_WAIT && (packets.limits.get(peer) !== undefined) === limited;
    for (const peer of catalogPeers.pickRandom(OTHERS, isWanted))
      if (isWanted(peer)) this.#begin(peer, now, out);
  }

  #begin(peer: Member, now: Millis, out: Effect[]): void {
    if (!this.#start(peer, now, out)) return;
    this.#unasked.add(peer);
    this.#next.set(peer, { at: now + FIRST_WAIT, wait: this.#waitOf(peer), testedAt: now });
  }

  #isDue(peer: Member, now: Millis): boolean {
    return now >= (this.#next.get(peer)?.at ?? 0);
  }

  #testedAt(peer: Member): Millis {
    return this.#next.get(peer)?.testedAt ?? Number.NEGATIVE_INFINITY;
  }

  #waitOf(peer: Member): Millis {
    return this.#next.get(peer)?.wait ?? FIRST_WAIT / 2;
  }
}
