/** What streams need of the agent: the contents of push/pulls and user messages, and where the outcomes go. */
import type { Address } from '../../base/address.ts';
import type { InTurns, Millis, Turn } from '../../base/time.ts';
import type { StreamPingOutcome } from '../../swim/types.ts';
import type { PushPull } from '../../wire/memberlist.ts';
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
  composePushPull(join: boolean, peer: { readonly to: Address } | { readonly theirs: PushPull }): PushPull;
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
  /** A request of ours has ended, without a response if `body` is `undefined`. Throws `WireError`. */
  onResponse(request: StreamRequest, body: Uint8Array | undefined, turn: Turn): InTurns<void>;
  /** A ping of ours has connected, or ended. */
  onPingOutcome(seqNo: number, outcome: StreamPingOutcome, now: Millis): void;
  onPushPullFinished(sync: PushPullRequest, outcome: PushPullOutcome, now: Millis): void;
}

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
}

/** A user message to send over a stream, between catalog peers. */
export interface StreamRequest {
  readonly to: Address;
  readonly body: Uint8Array;
  /** Returned with the response; `undefined`: none is expected. */
  readonly ticket: PullTicket | undefined;
}
