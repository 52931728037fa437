/** What streams need of the agent, and what they share with watch streams: contents of messages, and where outcomes go. */
import type { Address } from '../../base/address.ts';
import type { InTurns, Millis, Turn } from '../../base/time.ts';
import type { StreamPingOutcome } from '../../swim/types.ts';
import type { PushPull, StreamMessage } from '../../wire/memberlist.ts';
import type { StreamDecoder } from '../contract/codec.ts';
import type { Effect, StreamId } from '../contract/machine.ts';
import type { PullTicket } from '../replication/host.ts';

/** The outcome of a push/pull that we dialed. `news` counts members that are up and were not before. */
export type PushPullOutcome =
  | { readonly ok: true; readonly news: number }
  | { readonly ok: false; readonly why: string };

export interface StreamHost {
  /** Does a member live at this host, at whatever port? */
  isMemberHost(from: Address): boolean;
  /** False if this peer has exceeded its rate of push/pulls. */
  acquirePushPull(from: Address, now: Millis): boolean;
  /** Reads the parts of a push/pull that other layers encode, before it is answered or merged. */
  readPushPull(state: PushPull, turn: Turn): InTurns<void>;
  composePushPull(join: boolean, peer: PushPullPeer): PushPull;
  /**
   * Merges a peer's state and counts its news; with `sync` we dialed it. Throws `WireError` if it is incompatible with
   * ours.
   */
  mergeRemoteState(
    state: PushPull,
    from: Address,
    sync: PushPullRequest | undefined,
    turn: Turn,
  ): InTurns<number>;
  /** Whether a stream ping to this name is for this agent. */
  isOwnName(node: string): boolean;
  /** Handles a user message; returns the response if the peer waits for one. */
  handleUserMessage(from: Address, body: Uint8Array, turn: Turn): InTurns<Uint8Array | undefined>;
  /** A dialer asks to keep its stream open: false if it may not. From then on the host is its owner. Throws `WireError`. */
  keepOpen(stream: StreamId, body: Uint8Array, out: Effect[]): boolean;
  /** A request of ours has ended, without a response if `body` is `undefined`. Throws `WireError`. */
  onResponse(request: StreamRequest, body: Uint8Array | undefined, turn: Turn): InTurns<void>;
  /** A ping of ours has connected, or ended. */
  onPingOutcome(seqNo: number, outcome: StreamPingOutcome, now: Millis): void;
  onPushPullFinished(sync: PushPullRequest, outcome: PushPullOutcome, now: Millis): void;
}

/** What other owners of streams share with this one. */
export interface StreamCodec {
  nextStream(): StreamId;
  write(stream: StreamId, message: StreamMessage, role: StreamRole, end: boolean, out: Effect[]): void;
  createDecoder(role: StreamRole): StreamDecoder;
}

export type StreamRole = 'dialer' | 'listener';

/** A push/pull to dial, and what it is for. */
export interface PushPullRequest {
  readonly to: Address;
  readonly join: boolean;
  /** It belongs to the join command with this ticket. */
  readonly ticket?: number;
  /** Events from before it are delivered. */
  readonly replay?: boolean;
  /** It is an early sync (early-sync.ts). */
  readonly early?: boolean;
  /** The buckets whose rows differ: only these are exchanged; absent: all. */
  readonly buckets?: Uint8Array;
}

/** Whom a push/pull is for: the peer that we dial, or that we answer. */
export type PushPullPeer = Pick<PushPullRequest, 'to' | 'buckets'> | { readonly theirs: PushPull };

/** A user message to send over a stream, between catalog peers. */
export interface StreamRequest {
  readonly to: Address;
  readonly body: Uint8Array;
  /** Returned with the response; `undefined`: none is expected. */
  readonly ticket: PullTicket | undefined;
}
