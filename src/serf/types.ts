/** The types of serf/: members, events, queries, and the effects and facts that it returns to the agent. */
import type { Address } from '../base/address.ts';
import type { Millis } from '../base/time.ts';
import type { Member } from '../swim/types.ts';
import type { EventFilter } from '../wire/event-filter.ts';

/** A suspect member of swim/ is alive here. */
export type SerfStatus = 'alive' | 'leaving' | 'left' | 'failed';

export interface SerfMember {
  readonly name: string;
  readonly status: SerfStatus;
  /** Lamport time of the last join or leave intent that was applied. */
  readonly statusLTime: number;
  /** When it left or failed; `undefined` while it is alive or leaving. */
  readonly downAt: Millis | undefined;
  /** Its last row in swim's table; it stays here after swim dropped the row. */
  readonly member: Member;
  readonly tags: ReadonlyMap<string, string>;
}

export type SerfEvent = Readonly<
  | { kind: 'joined'; member: SerfMember }
  | { kind: 'updated'; member: SerfMember }
  | { kind: 'leaving'; member: SerfMember }
  | { kind: 'left'; member: SerfMember }
  | { kind: 'failed'; member: SerfMember }
  /** It had failed before this agent could see it; a peer has told us. */
  | { kind: 'failedBefore'; member: SerfMember }
  | { kind: 'reaped'; member: SerfMember }
>;

/** A user event delivered here. `payload` must not be changed. */
export interface ReceivedUserEvent {
  readonly ltime: number;
  readonly name: string;
  readonly payload: Uint8Array;
  /** Its sender says that only the newest event of this name matters. */
  readonly coalesce: boolean;
  /** It is for matching agents only, of which this is one. */
  readonly filter?: EventFilter;
}

/** A user event of ours, before it is sent. */
export type UserEventDefinition = Omit<ReceivedUserEvent, 'ltime'>;

/** A query of ours, before it is sent. */
export interface QueryDefinition {
  readonly name: string;
  readonly payload: Uint8Array;
  /** Names of the members it is for; empty: all. */
  readonly nodes: readonly string[];
  /** RE2 expressions by tag; each must match somewhere in the value of its tag. */
  readonly tags: ReadonlyMap<string, string>;
  /** Does each member it is for acknowledge it? */
  readonly ack: boolean;
  /** The number of members that relay each response as well, against packet loss. */
  readonly relayFactor: number;
  /** By default from Serf's formula. */
  readonly timeout?: Millis;
  /** A few members that receive it at once, and not only by gossip. */
  readonly directTo?: readonly string[];
  /** Only those receive it, nobody passes it on, and what answers it comes from the address of the member that it names. */
  readonly direct?: boolean;
}

export type QueryId = number;

/** The acks and responses to a query of ours so far. A new object after each of them. */
export interface QueryReport {
  readonly id: QueryId;
  readonly name: string;
  readonly timeout: Millis;
  readonly finished: boolean;
  /** The number of members that were alive at its start, of those in `nodes` if it names any. */
  readonly expected: number;
  /** Names of the members that acknowledged it. */
  readonly acks: readonly string[];
  readonly responses: readonly { readonly from: string; readonly payload: Uint8Array }[];
}

/** A query of a peer that a program here may answer once, until `deadline`. */
export interface PendingQuery {
  readonly id: QueryId;
  readonly ltime: number;
  readonly name: string;
  readonly payload: Uint8Array;
  /** Empty if the sender is an old agent that does not send its name. */
  readonly from: string;
  readonly deadline: Millis;
}

/** Serf's names of member events for handlers, without `member-`. */
export type MemberChange = 'join' | 'leave' | 'failed' | 'update' | 'reap';

/** An event for handlers and streams. */
export type HandlerEvent = Readonly<
  | { kind: 'members'; change: MemberChange; members: readonly SerfMember[] }
  | { kind: 'user'; event: ReceivedUserEvent }
  /** It waits for a response until its deadline. */
  | { kind: 'query'; query: PendingQuery }
>;

export type SerfEffect = Readonly<
  | { kind: 'event'; event: SerfEvent }
  /** A new user event, possibly our own. `dropped` made room for it. */
  | { kind: 'userEvent'; event: ReceivedUserEvent; dropped: ReceivedUserEvent | undefined }
  /** Send one Serf message in a datagram of its own. */
  | { kind: 'send'; to: Address; body: Uint8Array }
  /** A query of ours received an ack or a response, or ended. */
  | { kind: 'queryUpdated'; report: QueryReport }
  /** A query arrived that a program here may answer. */
  | { kind: 'queryReceived'; query: PendingQuery }
  /** The list of pending queries changed. */
  | { kind: 'pendingQueriesChanged' }
  /** Store the current keys, then call `onKeysStored`. */
  | { kind: 'storeKeys'; ticket: number }
  /** Another node has our name, and won two votes. */
  | { kind: 'nameVoteLost'; other: Address }
  /** Start a push/pull, `join` true, with the last address of a failed member. */
  | { kind: 'reconnect'; name: string; to: Address }
  /** Start a push/pull with this member. */
  | { kind: 'pushPull'; to: Address }
  | { kind: 'fact'; fact: SerfFact }
>;

export type SerfFact = Readonly<
  | { kind: 'intentRefused'; node: string; reason: string }
  /** `source`: the address that it came from by gossip. */
  | {
      kind: 'lamportTimeRefused';
      clock: 'member' | 'event' | 'query';
      ltime: number;
      local: number;
      source?: string;
    }
  | { kind: 'eventRefused'; name: string; reason: string } // it is for some agents only, and was not delivered
  /** The members show this time: our clock was left behind, or led astray. */
  | { kind: 'lamportClockSet'; clock: 'member' | 'event' | 'query'; from: number; to: number }
  | { kind: 'queryRefused'; name: string; from: string; reason: string } // no response was sent
  | { kind: 'responseRefused'; from: string; reason: string }
  | { kind: 'relayRefused'; to: string; reason: string }
  | { kind: 'keysChanged'; change: 'install' | 'use' | 'remove'; key: string; by: string } // `key` is a fingerprint
  | { kind: 'keyChangeRefused'; change: 'install' | 'use' | 'remove'; by: string; reason: string }
  | { kind: 'keyRotationDue'; key: string; encryptions: number; members: number } // the key encrypted so many packets
  | { kind: 'nameConflictVote'; node: string; votesForUs: number; votesAgainst: number }
  | { kind: 'eventsRateLimited'; from: string } // more than an honest agent forwards
  | { kind: 'leaveIntentRefuted'; ltime: number }
  | { kind: 'memberReaped'; node: string; status: SerfStatus }
  | { kind: 'reconnectAttempted'; node: string }
  | { kind: 'broadcastQueuePruned'; lane: string; dropped: number }
>;

/** Serf's member table for readers. */
export interface SerfView {
  get(name: string): SerfMember | undefined;
  all(): Iterable<SerfMember>;
  readonly size: number;
}
