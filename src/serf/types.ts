/** The words of this room: Serf's statuses and events, and what can come out of serf/. */
import type { Address } from '../base/address.ts';
import type { Millis } from '../base/time.ts';
import type { Member } from '../swim/types.ts';

/** Serf's view of a member. swim's `suspect` is `alive` here. */
export type SerfStatus = 'alive' | 'leaving' | 'left' | 'failed';

export interface SerfMember {
  readonly name: string;
  readonly status: SerfStatus;
  /** Lamport time of the last join or leave intent that counted. */
  readonly statusLTime: number;
  /** When it left or failed; `undefined` while it is up. */
  readonly downAt: Millis | undefined;
  /** Its last row in swim's table, kept after the row was dropped there. */
  readonly member: Member;
  readonly tags: ReadonlyMap<string, string>;
}

export type SerfEvent = Readonly<
  | { kind: 'joined'; member: SerfMember }
  | { kind: 'updated'; member: SerfMember }
  | { kind: 'leaving'; member: SerfMember }
  | { kind: 'left'; member: SerfMember }
  | { kind: 'failed'; member: SerfMember }
  | { kind: 'reaped'; member: SerfMember }
>;

/** A user event as it is told to people and programs here. `payload` must not be changed. */
export interface ReceivedUserEvent {
  readonly ltime: number;
  readonly name: string;
  readonly payload: Uint8Array;
  /** Whoever fired it says that only the newest of its name matters. */
  readonly coalesce: boolean;
}

/** A query of ours, before it is sent. */
export interface QueryDefinition {
  readonly name: string;
  readonly payload: Uint8Array;
  /** Members it is for; empty: all. */
  readonly nodes: readonly string[];
  /** RE2 expressions that must match somewhere in the value of each tag. */
  readonly tags: ReadonlyMap<string, string>;
  /** Should everybody it is for say that it came? */
  readonly ack: boolean;
  /** Members through which each answer comes as well, against loss. */
  readonly relayFactor: number;
  /** Absent: Serf's formula. */
  readonly timeout?: Millis;
  /** Members that are told at once, and not only by gossip: a few. */
  readonly directTo?: readonly string[];
}

export type QueryId = number;

/** A query of ours as far as it has come. A new object whenever something came. */
export interface QueryReport {
  readonly id: QueryId;
  readonly name: string;
  readonly timeout: Millis;
  readonly finished: boolean;
  /** Members that were alive when it was asked, those in `nodes` if it names some. */
  readonly expected: number;
  /** Who said that it came. */
  readonly acks: readonly string[];
  readonly responses: readonly { readonly from: string; readonly payload: Uint8Array }[];
}

/** A query somebody asked, which programs here may answer once, until `deadline`. */
export interface PendingQuery {
  readonly id: QueryId;
  readonly ltime: number;
  readonly name: string;
  readonly payload: Uint8Array;
  /** Empty: agents of old do not say it. */
  readonly from: string;
  readonly deadline: Millis;
}

/** What became of members, in Serf's words for programs: `member-join` and so on. */
export type MemberChange = 'join' | 'leave' | 'failed' | 'update' | 'reap';

/** What programs here are told. */
export type HandlerEvent = Readonly<
  | { kind: 'members'; change: MemberChange; members: readonly SerfMember[] }
  | { kind: 'user'; event: ReceivedUserEvent }
  /** It waits for an answer until its deadline. */
  | { kind: 'query'; query: PendingQuery }
>;

export type SerfEffect = Readonly<
  | { kind: 'event'; event: SerfEvent }
  /** A user event that is news, one of our own included. */
  | { kind: 'userEvent'; event: ReceivedUserEvent; dropped: ReceivedUserEvent | undefined }
  /** One Serf message, by a datagram of its own. */
  | { kind: 'send'; to: Address; body: Uint8Array }
  /** Something came of a query of ours. */
  | { kind: 'queryUpdated'; report: QueryReport }
  /** A query came that may be answered here. */
  | { kind: 'queryReceived'; query: PendingQuery }
  /** Queries that may be answered here came or went. */
  | { kind: 'pendingQueriesChanged' }
  /** Keep the keys as they are now, then call `keysKept`. */
  | { kind: 'storeKeys'; ticket: number }
  /** Another node has our name, and more members vouch for it. */
  | { kind: 'nameVoteLost'; other: Address }
  /** Try a push/pull, `join` true, with a failed member's last address. */
  | { kind: 'reconnect'; name: string; to: Address }
  | { kind: 'fact'; fact: SerfFact }
>;

export type SerfFact = Readonly<
  | { kind: 'intentRefused'; node: string; reason: string }
  /** `source`: the address it came from, if it came by gossip. */
  | {
      kind: 'lamportTimeRefused';
      clock: 'member' | 'event' | 'query';
      ltime: number;
      local: number;
      source?: string;
    }
  | { kind: 'queryRefused'; name: string; from: string; reason: string } // not answered
  | { kind: 'responseRefused'; from: string; reason: string }
  | { kind: 'relayRefused'; to: string; reason: string }
  | { kind: 'keysChanged'; change: 'install' | 'use' | 'remove'; key: string; by: string } // a fingerprint
  | { kind: 'keyChangeRefused'; change: 'install' | 'use' | 'remove'; by: string; reason: string }
  | { kind: 'keyRotationDue'; key: string; encryptions: number; members: number } // time to rotate
  | { kind: 'nameConflictVote'; node: string; votesForUs: number; votesAgainst: number }
  | { kind: 'eventsRateLimited'; from: string } // more at once than an honest agent forwards
  | { kind: 'leaveIntentRefuted'; ltime: number }
  | { kind: 'memberReaped'; node: string; status: SerfStatus }
  | { kind: 'reconnectAttempted'; node: string }
  | { kind: 'broadcastQueuePruned'; lane: string; dropped: number }
>;

/** Reading statuses, for every floor above. */
export interface SerfView {
  get(name: string): SerfMember | undefined;
  all(): Iterable<SerfMember>;
  readonly size: number;
}
