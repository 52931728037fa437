/**
 * What the mechanisms of this room share: the table, the queue, our health, and small ways to say things. It
 * decides nothing.
 */
import { type Address, toAddress } from '../base/address.ts';
import { sameBytes } from '../base/bytes.ts';
import { oncePer, RateLimiter } from '../base/rate-limiter.ts';
import type { Rng } from '../base/rng.ts';
import type { Millis } from '../base/time.ts';
import type { SwimConfig } from '../config/protocol.ts';
import type { Ping, SwimMessage } from '../wire/memberlist.ts';
import { BroadcastQueue } from './broadcasts.ts';
import { MemberTable, type MutableMember } from './members.ts';
import { AccusationLimiter } from './state/accusation-limit.ts';
import { Awareness } from './state/awareness.ts';
import { DeadProbes } from './state/dead-probes.ts';
import { NameConflicts } from './state/name-conflicts.ts';
import { DownNotifier } from './state/notify-down.ts';
import { OneWayLinks } from './state/one-way-links.ts';
import { RecentlyDropped } from './state/recently-dropped.ts';
import { Suspicions } from './state/suspicion.ts';
import { UnrefutableAccusation } from './state/unrefutable.ts';
import { Verifications } from './state/verifications.ts';
import type { Identity, Member, MemberEvent, SwimEffect, SwimFact } from './types.ts';

/** What a Swim is born with. */
export interface SwimOptions {
  readonly identity: Identity;
  /** First one announced, at least 1. */
  readonly incarnation: number;
  readonly config: SwimConfig;
  readonly rng: Rng;
  readonly now: Millis;
  /** Rides on acks. Read at each; not kept. */
  readonly ackPayload: () => Uint8Array;
  /** Is there anything to gossip, in any lane? Absent: our own is asked. */
  readonly hasBroadcasts?: () => boolean;
  /** For worlds with many agents in one process: returns one shared object for equal identities. */
  readonly intern?: (identity: Identity) => Identity;
}

export class SwimContext {
  readonly config: SwimConfig;
  readonly rng: Rng;
  readonly members: MemberTable;
  readonly broadcasts = new BroadcastQueue();
  readonly awareness: Awareness;
  readonly suspicions: Suspicions;
  readonly recentlyDropped = new RecentlyDropped();
  readonly deadProbes: DeadProbes;
  readonly verifications = new Verifications();
  readonly nameConflicts = new NameConflicts();
  readonly downNotifier: DownNotifier;
  /** Of answers to accusations that were answered before, by the address they go to. */
  readonly refutationLimiter: RateLimiter;
  readonly accusationLimiter = new AccusationLimiter();
  readonly oneWayLinks = new OneWayLinks();
  readonly unrefutable = new UnrefutableAccusation();
  readonly ackPayload: () => Uint8Array;
  /** Where we lived before our address changed, latest last: who says that we live there means nobody else. */
  readonly formerAddresses: Address[] = [];
  readonly #intern: (identity: Identity) => Identity;
  #seqNo = 0;

  constructor(options: SwimOptions) {
    this.config = options.config;
    this.rng = options.rng;
    this.ackPayload = options.ackPayload;
    this.#intern = options.intern ?? ((identity) => identity);
    this.members = new MemberTable(
      this.#intern(options.identity),
      options.incarnation,
      options.rng,
      options.now,
    );
    this.awareness = new Awareness(options.config.awarenessMax);
    this.suspicions = new Suspicions(options.config);
    this.deadProbes = new DeadProbes(options.config.probeInterval, options.rng);
    this.downNotifier = new DownNotifier(options.config.gossipInterval);
    this.refutationLimiter = new RateLimiter(oncePer(options.config.gossipInterval));
  }

  get self(): MutableMember {
    return this.members.self;
  }

  get name(): string {
    return this.members.self.identity.name;
  }

  /** One counter for probes and relays; never 0. */
  nextSeqNo(): number {
    this.#seqNo = this.#seqNo === 0xffff_ffff ? 1 : this.#seqNo + 1;
    return this.#seqNo;
  }

  intern(identity: Identity): Identity {
    return this.#intern(identity);
  }
}

export const emit = (out: SwimEffect[], event: MemberEvent): void => {
  out.push({ kind: 'event', event });
};

export const recordFact = (out: SwimEffect[], fact: SwimFact): void => {
  out.push({ kind: 'fact', fact });
};

/** One message to `peer`, with broadcasts in the room that is left. */
export const sendWithPiggyback = (
  out: SwimEffect[],
  to: Address,
  peer: Member | undefined,
  message: SwimMessage,
): void => {
  out.push({ kind: 'send', to, peer, message, piggyback: true });
};

/** A ping as we send them: for `node`, answer to us. */
export function createPing(core: SwimContext, seqNo: number, node: string): Ping {
  const { name, address } = core.self.identity;
  return {
    kind: 'ping',
    seqNo,
    node,
    sourceAddr: address.ip,
    sourcePort: address.port,
    sourceNode: name,
  };
}

/** Is that where this identity lives? By octets: the two forms of one IPv4 are two addresses. */
export const isAtAddress = (identity: Identity, ip: Uint8Array, port: number): boolean =>
  identity.address.port === port && sameBytes(identity.address.ip, ip);

/** The member of this name, if it lives at `to`. */
export function memberAt(core: SwimContext, name: string, to: Address): MutableMember | undefined {
  const row = core.members.get(name);
  return row !== undefined && isAtAddress(row.identity, to.ip, to.port) ? row : undefined;
}

/** Where a ping or an indirect ping wants its answer: where it says, else where it came from. */
export function ackAddress(
  message: { readonly sourceAddr: Uint8Array; readonly sourcePort: number },
  from: Address,
): Address {
  const { sourceAddr, sourcePort } = message;
  if (sourcePort === 0 || !isIp(sourceAddr)) return from;
  if (sourcePort === from.port && sameBytes(sourceAddr, from.ip)) return from;
  return toAddress(sourceAddr, sourcePort);
}

export const isIp = (octets: Uint8Array): boolean => octets.length === 4 || octets.length === 16;
