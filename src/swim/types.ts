/** The words of this room: members, what can come out of swim/, and what the landing may ask of it. */
import type { Address } from '../base/address.ts';
import type { Millis } from '../base/time.ts';
import type { SwimMessage } from '../wire/memberlist.ts';

export type MemberState = 'alive' | 'suspect' | 'dead' | 'left';

/** Who a member is. Immutable; a new `alive` brings a new one. Worlds share these between members. */
export interface Identity {
  readonly name: string;
  readonly address: Address;
  /** As gossiped, at most 512 bytes; Serf's tags are inside. */
  readonly meta: Uint8Array;
  /** Six octets: protocol min, max, current, delegate min, max, current. */
  readonly vsn: Uint8Array;
}

/** One row of the table. Only swim/ writes it; everybody else reads. */
export interface Member {
  readonly identity: Identity;
  readonly state: MemberState;
  readonly incarnation: number;
  /** When `state` last changed. */
  readonly since: Millis;
}

/** What the layers above must know of a member. */
export type MemberEvent = Readonly<
  | { kind: 'memberJoined'; member: Member } // unknown, dead or left before
  | { kind: 'memberUpdated'; member: Member } // meta changed
  | { kind: 'memberDown'; member: Member; left: boolean; by: string } // dead, or left by its own word
  | { kind: 'memberDropped'; member: Member } // its row is gone; the name is free
  | { kind: 'nameConflict'; member: Member; other: Address } // `member` is who holds the name here
>;

/** What swim/ wants done. The landing encodes, fills packets from the lanes, and passes events up. */
export type SwimEffect = Readonly<
  /** Send `message` (and `rider`) at once. With `fill`, broadcasts may use the room that is left. */
  | {
      kind: 'send';
      to: Address;
      peer: Member | undefined; // known to be this member: CRC and capabilities are its
      message: SwimMessage;
      compoundWith?: SwimMessage;
      piggyback: boolean;
    }
  /** Send one packet of broadcasts, or nothing if there are none for this peer. */
  | { kind: 'gossip'; peer: Member }
  /** Ping over a stream until `deadline`; report by `streamAcked`. */
  | { kind: 'streamPing'; seqNo: number; peer: Member; deadline: Millis }
  /** Exchange full state with this member, `join` false. */
  | { kind: 'pushPull'; peer: Member }
  /** A direct ack came in time; `payload` is a copy. */
  | { kind: 'roundTrip'; peer: Member; millis: Millis; payload: Uint8Array }
  | { kind: 'event'; event: MemberEvent }
  | { kind: 'fact'; fact: SwimFact }
>;

/** What happened, for logs, metrics, traces and tests. */
export type SwimFact = Readonly<
  | { kind: 'probeFailed'; node: string; awareness: number; reason: ProbeReason }
  | { kind: 'probeSavedByTcp'; node: string }
  /** Round after round only others, or a stream, got through: the direct way is cut in one direction at least. */
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
  /** By its own word; `source` is the address this came from, as in `WordReason`. */
  | { kind: 'suspicionCleared'; node: string; incarnation: number; source: string }
  /** Ours: we were accused, by word that came from `source`. */
  | { kind: 'suspicionRefuted'; incarnation: number; by: string; source: string }
  | {
      kind: 'memberDeclaredDead';
      node: string;
      by: string;
      incarnation: number;
      left: boolean;
      reason: AccusationReason;
    }
  /** Too many accusations from one source; `node` is the accused. */
  | { kind: 'accusationRateLimited'; node: string; by: string; source: string }
  /** Its incarnation rose, and nothing else about it. */
  | { kind: 'incarnationRaised'; node: string; incarnation: number }
  | { kind: 'memberReturned'; node: string; incarnation: number; source: string }
  | { kind: 'memberDiscovered'; node: string; address: string }
  | { kind: 'memberDropped'; node: string }
  | { kind: 'nameConflict'; node: string; current: string; claimed: string }
  /** It moved: nobody answered at `held` any more. */
  | { kind: 'nameReclaimed'; node: string; previous: string; claimed: string }
  /** Nobody answers where the name lived; who claims it elsewhere is told which incarnation to outbid. */
  | { kind: 'claimNotSuperseding'; node: string; incarnation: number; claimed: string }
  /** Our own. */
  | { kind: 'addressChanged'; previous: string; address: string }
  /** It said that it is there, and did not answer: nobody is told of it. */
  | { kind: 'memberUnverified'; node: string; address: string }
  /** A peer believes an accusation of us that nothing can outbid. We keep quiet until it is forgotten. */
  | { kind: 'unrefutableAccusation'; incarnation: number; source: string; until: Millis }
  | { kind: 'unrefutableAccusationEnded'; incarnation: number }
  | { kind: 'gossipMessageRefused'; node: string; reason: string; source?: string } // implausible incarnation, bad versions …
  | { kind: 'awarenessChanged'; awareness: number }
  | { kind: 'stalled'; latenessMs: Millis }
>;

/** Why a member was accused (I10): recorded with every suspicion and every death. */
export type AccusationReason = ProbeReason | MessageReason | PushPullReason | TimeoutReason;

/** A probe of our own that nobody answered, directly or otherwise. */
export interface ProbeReason {
  readonly kind: 'probe';
  readonly seqNo: number;
  /** From the ping to the verdict. */
  readonly durationMs: Millis;
  /** Who tried for us, and how many of them said that they got no answer either. */
  readonly helpers: readonly string[];
  readonly nacks: number;
  /** A stream was tried as well. */
  readonly stream: boolean;
  /** Our health at the start of the round; 0 is well. */
  readonly awareness: number;
  /** By how much our own loop came late in this round, at worst. */
  readonly latenessMs: Millis;
}

/** Somebody's rumor, and the address it came from: that of the last who told it. */
export interface MessageReason {
  readonly kind: 'message';
  readonly by: string;
  /** `host:port`; our own address for what we say ourselves. */
  readonly source: string;
}

/** A full exchange with `source` had it in this state. */
export interface PushPullReason {
  readonly kind: 'pushPull';
  readonly state: MemberState;
  /** `host:port`; of a dialer the port is not the one it listens on. */
  readonly source: string;
}

/** A suspicion that was not refuted in time. */
export interface TimeoutReason {
  readonly kind: 'timeout';
  /** Who accused it, the initiator first. */
  readonly accusers: readonly string[];
  /** How long it ran. */
  readonly durationMs: Millis;
  /** Why it began. */
  readonly cause: AccusationReason;
}

/** Reading the table, for every floor above. */
export interface MembersView {
  readonly self: Member;
  get(name: string): Member | undefined;
  /** All rows, also dead and left ones. */
  all(): Iterable<Member>;
  /** Rows of any state, ourselves included. */
  readonly size: number;
  /** Rows that are alive or suspect, ourselves included. */
  readonly upCount: number;
}
