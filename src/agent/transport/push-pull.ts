/**
 * Push/pull: composes and merges its body of three parts (members, Serf's state, a summary of the catalog), and routes
 * user messages, requests and responses of streams to their layers. Sessions are in streams.ts.
 *
 * Source: serf delegate.go, LocalState and MergeRemoteState; P49, P50, P66 (docs/protocol.md).
 */
import { type Address, toAddress } from '../../base/address.ts';
import { copyBytes, NO_BYTES } from '../../base/bytes.ts';
import { WireError } from '../../base/errors.ts';
import type { InTurns, Millis, Turn } from '../../base/time.ts';
import type { Serf } from '../../serf/serf.ts';
import type { SerfEffect } from '../../serf/types.ts';
import type { Swim } from '../../swim/swim.ts';
import type { StreamPingOutcome, SwimEffect } from '../../swim/types.ts';
import { isCatalogType } from '../../wire/catalog.ts';
import type { PushPull } from '../../wire/memberlist.ts';
import { decodeSerfStateInTurns, type SerfState } from '../../wire/serf.ts';
import { includesBucket } from '../../wire/table.ts';
import type { Effect, StreamId } from '../contract/machine.ts';
import type { ServiceLayer } from '../replication/services.ts';
import { PushPullLimiter } from './push-pull-limiter.ts';
import type {
  PushPullOutcome,
  PushPullPeer,
  PushPullRequest,
  StreamHost,
  StreamRequest,
} from './stream-host.ts';
import { bucketOf } from './table-digest.ts';
import type { Watches } from './watches.ts';

export interface PushPullHost {
  /** This agent's own name. */
  readonly name: string;
  /** It was a member of a cluster in an earlier run, whose clocks it has restored. */
  readonly isReturning: boolean;
  readonly swimOut: SwimEffect[];
  readonly serfOut: SerfEffect[];
  watches(): Watches;
  /** Executes the effects of the layers so far. */
  runEffects(): void;
  /** False: this ping over TCP is SWIM's. */
  onLinkPing(seqNo: number, outcome: StreamPingOutcome): boolean;
  onStreamRejected(from: Address, error: WireError): void;
  onPushPullFinished(sync: PushPullRequest, outcome: PushPullOutcome, now: Millis): void;
}

export class PushPullHandler implements StreamHost {
  readonly #swim: Swim;
  readonly #serf: Serf;
  readonly #services: ServiceLayer;
  readonly #host: PushPullHost;
  readonly #limiter = new PushPullLimiter();
  /** Serf's part of each push/pull that is being handled, or why it cannot be read. */
  readonly #states = new WeakMap<PushPull, SerfState | WireError>();
  /** Whether this agent has become part of a cluster, whose events concern it. */
  #isInCluster: boolean;

  constructor(swim: Swim, serf: Serf, services: ServiceLayer, host: PushPullHost) {
    this.#swim = swim;
    this.#serf = serf;
    this.#services = services;
    this.#host = host;
    this.#isInCluster = host.isReturning;
  }

  isMemberHost(from: Address): boolean {
    return this.#swim.members.isHostOfMember(from);
  }

  acquirePushPull(from: Address, now: Millis): boolean {
    return this.#limiter.tryAcquire(from, now, (host) => this.#swim.members.countAtHost(host));
  }

  *readPushPull(state: PushPull, turn: Turn): InTurns<void> {
    if (state.userState.length === 0) return;
    try {
      this.#states.set(state, yield* decodeSerfStateInTurns(state.userState, turn));
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#states.set(state, error);
    }
  }

  /**
   * Only a catalog peer gets a summary: a peer that we dial is known by its tag, one that we answer by a summary of its
   * own.
   */
  composePushPull(join: boolean, peer: PushPullPeer): PushPull {
    const theirs = 'theirs' in peer ? this.#stateOf(peer.theirs) : undefined;
    const isCatalogPeer =
      'to' in peer ? this.#services.catalogPeerAt(peer.to) !== undefined : (theirs?.summary.length ?? 0) > 0;
    const buckets = ('to' in peer ? peer.buckets : theirs?.buckets) ?? NO_BYTES;
    const isTold = (node: string): boolean => buckets.length === 0 || includesBucket(buckets, bucketOf(node));
    return {
      kind: 'pushPull',
      join,
      nodes: this.#swim.localStates({ believe: isCatalogPeer, isTold }),
      userState: this.#serf.localState({
        ...(isCatalogPeer && { summary: this.#services.replication.summary() }),
        ...{ buckets, isTold },
      }),
      dropped: 0,
    };
  }

  #stateOf(theirs: PushPull): SerfState | undefined {
    const state = this.#states.get(theirs);
    return state instanceof WireError ? undefined : state;
  }

  /**
   * Differs: in Serf a join without replay makes all earlier events old. Here only the first one after the start does, and only while
   * no other push/pull has brought this agent into the cluster. Joins are repeated while members are missing
   * (rejoin-policy.ts), and over a bad link their answer can be seconds old: events of these seconds would be lost. An
   * agent that returns to its cluster with its clocks hears what was fired meanwhile, as a Serf agent with a snapshot does.
   */
  *mergeRemoteState(
    state: PushPull,
    from: Address,
    sync: PushPullRequest | undefined,
    turn: Turn,
  ): InTurns<number> {
    const { swimOut, serfOut } = this.#host;
    const joins = sync?.ticket !== undefined;
    if (state.dropped > 0)
      this.#host.onStreamRejected(
        from,
        new WireError('badValue', `${state.dropped} members that must not be stored`),
      );
    if (sync !== undefined && this.#serf.nameConflictVote.isAsking) this.#countHolder(state, from);
    const before = this.#swim.members.upCount;
    const source = { kind: sync === undefined ? 'inbound' : 'outbound', from } as const;
    yield* this.#runningEffects(this.#swim.mergeStatesInTurns(state.nodes, turn, swimOut, source));
    const theirs = this.#states.get(state);
    if (theirs instanceof WireError) throw theirs;
    if (theirs !== undefined) {
      const isOld = joins && sync.replay !== true && !this.#isInCluster;
      const host = sync === undefined ? undefined : from.host;
      yield* this.#runningEffects(this.#serf.mergeStateInTurns(theirs, isOld, turn, serfOut, host));
      const summary = copyBytes(theirs.summary);
      // A peer that joins through us may be new itself.
      this.#isInCluster ||= sync !== undefined || !state.join;
      if (summary.length > 0)
        this.#services.replication.compareSummary(summary, from, sync !== undefined, turn.now);
      // Only now is it known that the dialed peer is a catalog peer, so it got no summary: the whole catalog is
      // requested.
      else if (sync !== undefined && this.#services.catalogPeerAt(from) !== undefined)
        this.#services.replication.requestSync(from, undefined, turn.now);
    }
    return Math.max(0, this.#swim.members.upCount - before);
  }

  /** Our name is claimed by another node: for whom does this member hold it? */
  #countHolder({ nodes }: PushPull, from: Address): void {
    const held = nodes.find(({ name, state }) => name === this.#host.name && state <= SUSPECT);
    if (held !== undefined && (held.addr.length === 4 || held.addr.length === 16))
      this.#serf.nameConflictVote.onHolder(from, toAddress(held.addr, held.port));
  }

  /** Executes the effects of the layers in the turn that they belong to. */
  *#runningEffects(work: InTurns<void>): InTurns<void> {
    for (;;) {
      const { done } = work.next();
      this.#host.runEffects();
      if (done === true) return;
      yield;
    }
  }

  isOwnName(node: string): boolean {
    if (this.#swim.pausing) return false;
    return node === '' || node === this.#host.name;
  }

  *handleUserMessage(from: Address, body: Uint8Array, turn: Turn): InTurns<Uint8Array | undefined> {
    try {
      if (isCatalogType(body[0] ?? 0))
        return yield* this.#services.replication.receiveRequest(body, from, turn);
      this.#serf.receive(body, turn.now, this.#host.serfOut, from.key);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#host.onStreamRejected(from, error);
    }
    return undefined;
  }

  keepOpen(stream: StreamId, body: Uint8Array, out: Effect[]): boolean {
    return this.#host.watches().accept(stream, body, out);
  }

  *onResponse({ to, ticket }: StreamRequest, body: Uint8Array | undefined, turn: Turn): InTurns<void> {
    if (ticket === undefined) return;
    if (body === undefined) this.#services.replication.onRequestFailed(ticket, to, turn.now);
    else yield* this.#services.replication.receiveResponse(body, ticket, to, turn);
  }

  onPingOutcome(seqNo: number, outcome: StreamPingOutcome, now: Millis): void {
    if (!this.#host.onLinkPing(seqNo, outcome))
      this.#swim.onStreamPing(seqNo, outcome, now, this.#host.swimOut);
  }

  onPushPullFinished(sync: PushPullRequest, outcome: PushPullOutcome, now: Millis): void {
    this.#host.onPushPullFinished(sync, outcome, now);
  }
}

/** The number of this state in a row; `alive` is below it. */
const SUSPECT = 1;
