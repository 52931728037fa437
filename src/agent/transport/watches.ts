/**
 * Watch streams: idle connections that close when the process at their other end does. Each agent keeps one to each of the
 * catalog peers that follow it on the ring, so each is watched by as many. A stream that closes without a farewell is
 * told to SWIM, which finds out whether the process has ended (swim/connections/closed-connection.ts).
 *
 * Source: P81 (docs/protocol.md).
 */
import { WireError } from '../../base/errors.ts';
import type { Rng } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import { Timers } from '../../base/timers.ts';
import type { SwimConfig } from '../../config/protocol.ts';
import type { Swim } from '../../swim/swim.ts';
import type { Member, MembersView, SwimEffect } from '../../swim/types.ts';
import { decodeWatch, encodeWatch, FAREWELL, isWatchType, WATCHING } from '../../wire/watch.ts';
import type { Effect, StreamId } from '../contract/machine.ts';
import type { StreamCodec } from './stream-host.ts';

/** Streams that are kept open for watchers at most: a few more than watch an agent on average. */
const MAX_WATCHERS = 32;
/** After a change of the ring, or a stream that ended: the first wait, and the longest that it doubles to. */
const RETRY: readonly [Millis, Millis] = [1000, 60_000];
/** A stream that lasted this long does not count as a failure. */
const LASTING: Millis = 60_000;

export interface WatchHost {
  readonly members: MembersView;
  /** The next `count` catalog peers on the ring, and in a crowd the next ones of those that have answered. */
  allSuccessors(count: number): readonly Member[];
  successors(count: number): readonly Member[];
  /** Whether this agent is leaving, or pausing. */
  isDeparting(): boolean;
  onConnectionClosed(node: string, now: Millis): void;
}

export const createWatchHost = (
  swim: Swim,
  swimOut: SwimEffect[],
  ring: Pick<WatchHost, 'successors' | 'allSuccessors'>,
  isDeparting: () => boolean,
): WatchHost => ({
  members: swim.members,
  successors: (count) => ring.successors(count),
  allSuccessors: (count) => ring.allSuccessors(count),
  isDeparting,
  onConnectionClosed: (node, now) => swim.onConnectionClosed(node, now, swimOut),
});

interface Watched {
  readonly name: string;
  /** Where it lived when it was dialed. */
  readonly at: string;
  stream: StreamId | undefined;
  /** Since when it is kept open; `undefined`: not yet. */
  since: Millis | undefined;
  /** Streams in a row that failed, or ended soon. */
  failures: number;
  /** When it was dialed last, or was to be, or when its stream ended. */
  triedAt: Millis;
}

export class Watches {
  readonly #codec: StreamCodec;
  readonly #host: WatchHost;
  readonly #count: number;
  readonly #timeout: Millis;
  readonly #rng: Rng;
  readonly #watched = new Map<string, Watched>();
  readonly #dialed = new Map<
    StreamId,
    { readonly watched: Watched; decoder: ReturnType<StreamCodec['createDecoder']> }
  >();
  /** The watcher of each stream that is kept open for one. */
  readonly #held = new Map<StreamId, string>();
  /** When each watched member is dialed again, or given up; and when the ring is looked at again. */
  readonly #timers = new Timers<Watched | 'ring'>();
  #saidFarewell = false;

  constructor(config: SwimConfig, codec: StreamCodec, rng: Rng, host: WatchHost) {
    this.#codec = codec;
    this.#host = host;
    this.#count = config.streamPing ? config.watchedMembers : 0;
    this.#timeout = config.streamTimeout;
    this.#rng = rng;
  }

  get deadline(): Millis {
    return this.#timers.deadline;
  }

  /** The names of the members that are watched now. */
  get watching(): readonly string[] {
    return [...this.#watched.values()].filter(({ since }) => since !== undefined).map(({ name }) => name);
  }

  /** The watchers of this agent. */
  get watchers(): readonly string[] {
    return [...new Set(this.#held.values())];
  }

  /** A member came, went or moved. Many may come at once, so the ring is looked at a little later. */
  onRingChanged(now: Millis): void {
    if (this.#count > 0 && !this.#timers.has('ring')) this.#timers.set('ring', now + this.#wait(0));
  }

  owns(stream: StreamId): boolean {
    return this.#dialed.has(stream) || this.#held.has(stream);
  }

  /** A dialer asks to keep its stream open. False: it is refused. */
  accept(stream: StreamId, body: Uint8Array, out: Effect[]): boolean {
    const message = decodeWatch(body);
    const { members } = this.#host;
    if (message.kind !== 'watch' || message.node !== members.self.identity.name) return false;
    // Its host says nothing: a watcher may have several addresses, or be behind a NAT.
    if (this.#host.isDeparting() || members.get(message.watcher) === undefined) return false;
    if (this.#held.size >= MAX_WATCHERS) return false;
    this.#held.set(stream, message.watcher);
    this.#codec.write(stream, { kind: 'user', body: WATCHING }, 'listener', false, out);
    out.push({ kind: 'holdStream', stream });
    return true;
  }

  onOpened(stream: StreamId, out: Effect[]): void {
    const dialed = this.#dialed.get(stream);
    if (dialed === undefined) return;
    const body = encodeWatch({ node: dialed.watched.name, watcher: this.#host.members.self.identity.name });
    this.#codec.write(stream, { kind: 'user', body }, 'dialer', false, out);
  }

  onData(stream: StreamId, bytes: Uint8Array, now: Millis, out: Effect[]): void {
    const dialed = this.#dialed.get(stream);
    // A watcher has nothing more to say.
    if (dialed === undefined) return this.#drop(stream, out);
    const { watched } = dialed;
    try {
      const message = dialed.decoder.push(bytes);
      if (message === undefined) return;
      dialed.decoder = this.#codec.createDecoder('dialer');
      const body = message.kind === 'user' ? message.body : new Uint8Array(0);
      if (!isWatchType(body[0] ?? 0)) return this.#giveUp(watched, now, out);
      const { kind } = decodeWatch(body);
      if (kind !== 'watching' || watched.since !== undefined) return this.#giveUp(watched, now, out);
      watched.since = now;
      this.#timers.clear(watched);
      out.push({ kind: 'holdStream', stream });
      if (this.#watched.size > this.#count) this.onRingChanged(now);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#giveUp(watched, now, out);
    }
  }

  onClosed(stream: StreamId, now: Millis): void {
    this.#held.delete(stream);
    const watched = this.#dialed.get(stream)?.watched;
    if (watched === undefined) return;
    const isAlarm = watched.since !== undefined;
    this.#forget(watched, now);
    if (isAlarm && !this.#host.isDeparting()) this.#host.onConnectionClosed(watched.name, now);
  }

  tick(now: Millis, out: Effect[]): void {
    for (let due = this.#timers.pop(now); due !== undefined; due = this.#timers.pop(now)) {
      if (this.#host.isDeparting()) continue;
      if (due === 'ring') this.#followRing(now, out);
      else if (due.stream !== undefined) this.#giveUp(due, now, out);
      else this.#dial(due, now, out);
    }
  }

  /** This agent leaves or pauses: watchers learn that from this, and not from the end of its process. */
  sayFarewell(out: Effect[]): void {
    if (this.#saidFarewell) return;
    this.#saidFarewell = true;
    for (const stream of [...this.#held.keys()]) this.#drop(stream, out);
  }

  #followRing(now: Millis, out: Effect[]): void {
    const wanted = this.#chooseWatched();
    for (const watched of [...this.#watched.values()])
      if (wanted.get(watched.name)?.identity.address.key !== watched.at) this.#unwatch(watched, out);
    for (const [name, member] of wanted) {
      const watched = this.#watched.get(name) ?? this.#add(name, member.identity.address.key);
      // It is back since then, perhaps as another process: what failed with the last one says nothing.
      if (watched.stream !== undefined || member.since < watched.triedAt) continue;
      watched.failures = 0;
      this.#dial(watched, now, out);
    }
  }

  #add(name: string, at: string): Watched {
    const triedAt = Number.NEGATIVE_INFINITY;
    const watched = { name, at, stream: undefined, since: undefined, failures: 0, triedAt };
    this.#watched.set(name, watched);
    return watched;
  }

  /**
   * In a crowd, most of those that follow on the ring have never answered. They are watched all the same, since all agents of a
   * cluster that has just started are like that; for each that cannot be, since it may not exist, one that has answered is.
   */
  #chooseWatched(): ReadonlyMap<string, Member> {
    const wanted = new Map<string, Member>();
    const want = (member: Member): unknown => wanted.set(member.identity.name, member);
    const next = this.#host.allSuccessors(this.#count);
    next.forEach(want);
    const isFailing = ({ identity: { name } }: Member): boolean => {
      const watched = this.#watched.get(name);
      return watched !== undefined && watched.since === undefined && watched.failures > 0;
    };
    this.#host.successors(next.filter(isFailing).length).forEach(want);
    return wanted;
  }

  #dial(watched: Watched, now: Millis, out: Effect[]): void {
    watched.triedAt = now;
    const member = this.#host.members.get(watched.name);
    const isThere = member?.state === 'alive' && member.absence === undefined;
    if (!isThere) return this.#timers.set(watched, now + this.#wait(++watched.failures));
    const stream = this.#codec.nextStream();
    watched.stream = stream;
    this.#dialed.set(stream, { watched, decoder: this.#codec.createDecoder('dialer') });
    this.#timers.set(watched, now + this.#timeout);
    out.push({ kind: 'openStream', stream, to: member.identity.address });
  }

  #giveUp(watched: Watched, now: Millis, out: Effect[]): void {
    if (watched.stream !== undefined) out.push({ kind: 'closeStream', stream: watched.stream });
    this.#forget(watched, now);
  }

  /** Its stream is gone, and dialed again later. */
  #forget(watched: Watched, now: Millis): void {
    if (watched.stream !== undefined) this.#dialed.delete(watched.stream);
    const hasLasted = watched.since !== undefined && now - watched.since >= LASTING;
    watched.failures = hasLasted ? 0 : watched.failures + 1;
    watched.stream = undefined;
    watched.since = undefined;
    watched.triedAt = now;
    this.#timers.set(watched, now + this.#wait(watched.failures));
    if (this.#host.members.isCrowded) this.onRingChanged(now);
  }

  #unwatch(watched: Watched, out: Effect[]): void {
    this.#watched.delete(watched.name);
    this.#timers.clear(watched);
    if (watched.stream === undefined) return;
    this.#dialed.delete(watched.stream);
    out.push({ kind: 'closeStream', stream: watched.stream });
  }

  /** Closes the stream of a watcher in order. */
  #drop(stream: StreamId, out: Effect[]): void {
    if (!this.#held.delete(stream)) return;
    this.#codec.write(stream, { kind: 'user', body: FAREWELL }, 'listener', true, out);
  }

  #wait(failures: number): Millis {
    return Math.min(RETRY[1], RETRY[0] * 2 ** failures) * (0.5 + 0.5 * this.#rng.next());
  }
}
