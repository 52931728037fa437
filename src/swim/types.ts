/** The types of swim/: members, and the effects, events and facts that it returns to the agent. */
import type { Address } from '../base/address.ts';
import type { Millis } from '../base/time.ts';
import type { SwimMessage } from '../wire/memberlist.ts';

export type MemberState = 'alive' | 'suspect' | 'dead' | 'left';

/** Name, address, meta and versions of a member. Immutable: an alive message brings a new one. Simulations share them. */
export interface Identity {
  readonly name: string;
  readonly address: Address;
  /** At most 512 bytes; holds Serf's tags. */
  readonly meta: Uint8Array;
  /** Six octets: protocol min, max, current, delegate min, max, current. */
  readonly vsn: Uint8Array;
}

/** One row of the member table. Only swim/ changes it. */
export interface Member {
  readonly identity: Identity;
  readonly state: MemberState;
  readonly incarnation: number;
  /** When `state` last changed. */
  readonly since: Millis;
  /** It has stopped, and said that it will be back. */
  readonly absence?: Absence | undefined;
  /** It is suspected, and its host refuses connections (refusal.ts): readers do without it. */
  readonly refused?: true | undefined;
  /** It has answered this agent at its address: it is no invention of a peer. */
  readonly hasAnswered?: boolean;
}

/** What is known of an address: a member has answered there, a member is said to be there, or none is. */
export type Standing = 'answered' | 'unanswered' | 'outsider';

/** An announced absence: it ends with `until`, or as soon as the member announces itself above `incarnation`. */
export interface Absence {
  readonly incarnation: number;
  readonly until: Millis;
}

/** A change of a member, for the layers above. */
export type MemberEvent = Readonly<
  | { kind: 'memberJoined'; member: Member; isNew?: true } // it was unknown (`isNew`: its row is the last of the table), dead or left
  | { kind: 'memberUpdated'; member: Member } // its meta or address changed
  | { kind: 'memberDown'; member: Member; left: boolean; by: string } // declared dead, or left by its own message
  /** Its row was removed; `displaced`: though it may be up, for a member that answers. */
  | { kind: 'memberDropped'; member: Member; displaced?: boolean }
  | { kind: 'nameConflict'; member: Member; other: Address } // `member` holds the name here, `other` claims it
>;

/** An action that swim/ wants. The agent core encodes messages, piggybacks broadcasts, and passes events up. */
export type SwimEffect = Readonly<
  /** Send `message` (and `compoundWith`) at once. With `piggyback`, broadcasts fill the rest of the packet. */
  | {
      kind: 'send';
      to: Address;
      peer: Member | undefined; // the member at `to`, if known: it decides about CRC and capabilities
      message: SwimMessage;
      compoundWith?: SwimMessage;
      piggyback: boolean;
    }
  /** Send one packet of broadcasts, if there are any for this peer. */
  | { kind: 'gossip'; peer: Member }
  /** Ping over a stream until `deadline`; `onStreamPing` takes its outcomes. */
  | { kind: 'streamPing'; seqNo: number; peer: Member; deadline: Millis }
  /** Start a push/pull with this member, `join` false; `periodic`: unless it is known to hold the same. */
  | { kind: 'pushPull'; peer: Member; periodic?: true }
  /** A direct ack arrived in time; `payload` is a copy. */
  | { kind: 'roundTrip'; peer: Member; millis: Millis; payload: Uint8Array }
  /** The member lives, as a relay or a stream has shown, and the ping that was sent straight to it was not answered. */
  | { kind: 'directPingLost'; peer: Member }
  /** Whether the host of this member refuses connections has changed: look at its row. */
  | { kind: 'reachability'; member: Member }
  | { kind: 'event'; event: MemberEvent }
  | { kind: 'fact'; fact: SwimFact }
>;

/**
 * Why no connection came about. `refused`: the host answers, and no process listens there. `unreachable`: the network
 * knows no way to the host. `timeout`: nothing answered.
 */
export type DialFailure = 'refused' | 'unreachable' | 'timeout';

/**
 * How a stream ping failed. `unanswered`: the host accepted the connection, and no process answered on it. `closed`: it
 * was closed without an ack, as by an agent of another name.
 */
export type StreamFailure = DialFailure | 'unanswered' | 'closed';

/** What a stream ping has come to. `connected` says that an ack may still follow. */
export type StreamPingOutcome = 'connected' | 'acked' | StreamFailure;

/** Facts for logs, metrics, traces and tests. */
export type SwimFact = Readonly<
  /** The connection that this agent kept to the member closed without a farewell. */
  | { kind: 'connectionClosed'; node: string }
  | { kind: 'probeFailed'; node: string; awareness: number; reason: ProbeReason }
  | { kind: 'probeSavedByTcp'; node: string }
  /** In several rounds only relays, or a stream, reached the member: the link is broken in one direction at least. */
  | { kind: 'linkOneWay'; node: string; rounds: number; by: 'relay' | 'stream' }
  | { kind: 'linkRestored'; node: string }
  | {
      kind: 'memberSuspected';
      node: string;
      by: string;
      incarnation: number;
      deadline: Millis;
      reason: AccusationReason;
    }
  | {
      kind: 'suspicionConfirmed';
      node: string;
      by: string;
      confirmations: number;
      deadline: Millis;
      reason: AccusationReason;
    }
  /** By the member's refutation; `source` is the address it came from, as in `MessageReason`. */
  | { kind: 'suspicionCleared'; node: string; incarnation: number; source: string }
  /** This agent refuted an accusation by `by`, which came from `source`. */
  | { kind: 'suspicionRefuted'; incarnation: number; by: string; source: string }
  | {
      kind: 'memberDeclaredDead';
      node: string;
      by: string;
      incarnation: number;
      left: boolean;
      reason: AccusationReason;
    }
  /** Too many accusations from one source: `node` was not accused. */
  | { kind: 'accusationRateLimited'; node: string; by: string; source: string }
  /** The incarnation held was raised, and nothing else. */
  | { kind: 'incarnationRaised'; node: string; incarnation: number }
  /** Others had led us to `held`, and the member itself says that it is far below. */
  | { kind: 'incarnationCorrected'; node: string; incarnation: number; held: number }
  | { kind: 'memberReturned'; node: string; incarnation: number; source: string }
  | { kind: 'memberDiscovered'; node: string; address: string }
  | { kind: 'memberDropped'; node: string; address: string }
  | { kind: 'nameConflict'; node: string; current: string; claimed: string }
  /** The member moved: nobody answered at `previous` any more. */
  | { kind: 'nameReclaimed'; node: string; previous: string; claimed: string }
  /** The holder of a name does not answer; the claimant was notified of the incarnation to outbid. */
  | { kind: 'claimNotSuperseding'; node: string; incarnation: number; claimed: string }
  /** This agent's own address changed. */
  | { kind: 'addressChanged'; previous: string; address: string }
  /** Others say that the member left: `source` is where that came from. The member answered, and did not say so. */
  | { kind: 'leaveUnconfirmed'; node: string; source: string }
  /** The member stops, and says that it will be back within this time. */
  | { kind: 'memberPaused'; node: string; incarnation: number; durationMs: Millis }
  /** The member is back, or it left, or its time is over. */
  | { kind: 'pauseEnded'; node: string; returned: boolean }
  /** An unknown member did not answer: it is not announced. `streamFailure`: what a ping over TCP met there. */
  | { kind: 'memberUnverified'; node: string; address: string; streamFailure?: StreamFailure }
  /** A peer holds an accusation of this agent that nothing can outbid: a quiet period starts. */
  | { kind: 'unrefutableAccusation'; incarnation: number; source: string; until: Millis }
  | { kind: 'unrefutableAccusationEnded'; incarnation: number }
  | { kind: 'gossipMessageRefused'; node: string; reason: string; source?: string } // implausible incarnation, incompatible versions …
  | { kind: 'awarenessChanged'; awareness: number }
  | { kind: 'stalled'; latenessMs: Millis }
>;

/** Why a member was accused (I10): part of every suspicion and every death. */
export type AccusationReason = ProbeReason | MessageReason | PushPullReason | TimeoutReason | ClosedReason;

/** A probe round of this agent failed. */
export interface ProbeReason {
  readonly kind: 'probe';
  readonly seqNo: number;
  /** From the first ping to the end of the round. */
  readonly durationMs: Millis;
  /** The members that were asked for an indirect probe, and how many of them sent a nack. */
  readonly helpers: readonly string[];
  readonly nacks: number;
  /** A stream was tried as well. */
  readonly stream: boolean;
  /** How it failed; absent if none was tried. */
  readonly streamFailure?: StreamFailure;
  /** The health score at the start of the round; 0 is healthy. */
  readonly awareness: number;
  /** By how much this agent's timers were late in the round, at most. */
  readonly latenessMs: Millis;
}

/** A message of a peer accused it. */
export interface MessageReason {
  readonly kind: 'message';
  readonly by: string;
  /** `host:port` of the peer that passed it on; this agent's address for its own messages. */
  readonly source: string;
}

/** A push/pull with `source` had it in this state. */
export interface PushPullReason {
  readonly kind: 'pushPull';
  readonly state: MemberState;
  /** `host:port`; the port of a dialer is not the one it listens on. */
  readonly source: string;
}

/** A suspicion that was not refuted in time. */
export interface TimeoutReason {
  readonly kind: 'timeout';
  /** The accusers, the first one first. */
  readonly accusers: readonly string[];
  /** How long the suspicion lasted. */
  readonly durationMs: Millis;
  /** Why it started. */
  readonly cause: AccusationReason;
  /** How the last stream ping before the end failed; absent if this agent tried none. */
  readonly streamFailure?: StreamFailure;
}

/** The connection that was kept to the member has closed, and its host refuses others: no process listens there. */
export interface ClosedReason {
  readonly kind: 'closed';
  /** The watchers that were refused, this agent first. */
  readonly accusers: readonly string[];
  /** The connections that it was refused. */
  readonly refusals: number;
  /** Since the connection closed. */
  readonly durationMs: Millis;
}

/** The member table for readers. */
export interface MembersView {
  readonly self: Member;
  get(name: string): Member | undefined;
  /** All rows, including dead and left ones. */
  all(): Iterable<Member>;
  /** Rows of any state, this agent's included. */
  readonly size: number;
  /** Rows that are alive or suspect, this agent's included. */
  readonly upCount: number;
  /** Rises with every change of a row's identity, state or incarnation, and of which rows there are. */
  readonly revision: number;
  /** Rows that are absent. */
  readonly absentCount: number;
  /** Most rows have never answered (members.ts). */
  readonly isCrowded: boolean;
  /** Rows that have answered this agent. */
  readonly answered: ReadonlySet<Member>;
  /** Does a row of any state have this address? */
  isAddressOfMember(address: Address): boolean;
  standingOf(address: Address): Standing;
  /** The same without the port: streams of a member come from any. */
  isHostOfMember(address: Address): boolean;
  /** The rows of any state and port at this host. */
  countAtHost(host: string): number;
  /** Up to `k` different random rows for which `eligible` holds. */
  pickRandom(k: number, eligible: (row: Member) => boolean): readonly Member[];
}
