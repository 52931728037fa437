/**
 * The context that all rules of swim/ work in: the member table, the state beside it, and the current input. It decides
 * nothing.
 */
import { type Address, toAddress } from '../base/address.ts';
import { sameBytes } from '../base/bytes.ts';
import { oncePer, type RateLimit, RateLimiter } from '../base/rate-limiter.ts';
import type { Rng } from '../base/rng.ts';
import type { Millis } from '../base/time.ts';
import { Timers } from '../base/timers.ts';
import type { SwimConfig } from '../config/protocol.ts';
import type { Ping, SwimMessage } from '../wire/memberlist.ts';
import { BroadcastQueue } from './broadcasts.ts';
import { MemberTable, type MutableMember } from './members.ts';
import type { OwnWord } from './precedence.ts';
import { Absences } from './state/absences.ts';
import { AccusationLimiter } from './state/accusation-limit.ts';
import { Awareness } from './state/awareness.ts';
import { ClosedConnections } from './state/closed-connections.ts';
import { DeadProbes } from './state/dead-probes.ts';
import { IncarnationBudget } from './state/incarnation-budget.ts';
import { NameConflicts } from './state/name-conflicts.ts';
import { OneWayLinks } from './state/one-way-links.ts';
import { RecentlyDropped } from './state/recently-dropped.ts';
import { Suspicions } from './state/suspicion.ts';
import { UnrefutableAccusation } from './state/unrefutable.ts';
import { Verifications } from './state/verifications.ts';
import type { Identity, Member, MemberEvent, SwimEffect, SwimFact } from './types.ts';

/** By host. A name that is passed over is announced again, or comes with the next push/pull. */
const DIAL_BACK_LIMIT: RateLimit = { burst: 16, refillInterval: 500, maxKeys: 4096, overflow: 'share' };
/** Between two questions for a member's own word. */
export const ASK_INTERVAL: Millis = 5000;
/** Such questions in all: a push/pull costs the more the larger the cluster is. */
const ASK_RATE: RateLimit = { burst: 16, refillInterval: 500, maxKeys: 1, overflow: 'share' };

export interface SwimOptions {
  readonly identity: Identity;
  /** The first one announced, at least 1. */
  readonly incarnation: number;
  readonly config: SwimConfig;
  readonly rng: Rng;
  readonly now: Millis;
  /** The payload of an ack. `held`: the hash of the payload that the pinging member has, or 0. Called for each ack; the result is not kept. */
  readonly ackPayload: (held: number) => Uint8Array;
  /** The hash of the payload in the last ack of this member, or 0. By default 0: memberlist knows no such hash. */
  readonly heldPayload?: (peer: Member) => number;
  /** Is there anything to gossip, in any lane? By default, in the broadcast queue of membership. */
  readonly hasBroadcasts?: () => boolean;
  /** Is there anything that this member was not told yet? By default there is. */
  readonly hasBroadcastsFor?: (peer: Member) => boolean;
  /** How long the names of dropped members are remembered; ten minutes if absent. */
  readonly droppedRetention?: Millis | undefined;
  /** For simulations with many agents in one process: returns one shared object for equal identities. */
  readonly intern?: (identity: Identity) => Identity;
}

export class SwimContext {
  readonly config: SwimConfig;
  readonly rng: Rng;
  readonly members: MemberTable;
  readonly broadcasts = new BroadcastQueue();
  readonly awareness: Awareness;
  readonly suspicions: Suspicions;
  readonly recentlyDropped: RecentlyDropped;
  readonly deadProbes: DeadProbes;
  readonly verifications = new Verifications();
  readonly absences: Absences;
  readonly closedConnections = new ClosedConnections();
  readonly nameConflicts = new NameConflicts();
  /** Limits down notifications, by the name of the member that is down. */
  readonly downNotificationLimiter: RateLimiter;
  /** Limits repeated refutations, by the address that they are sent to. */
  readonly refutationLimiter: RateLimiter;
  /** Limits the verifications of unknown names at one host that datagrams ask for. */
  readonly dialBackLimiter = new RateLimiter(DIAL_BACK_LIMIT);
  /** Limits questions for the own word of a member, by its name, and in all. */
  readonly askLimiter = new RateLimiter(oncePer(ASK_INTERVAL));
  readonly askRate = new RateLimiter(ASK_RATE);
  /** Members whose own word is wanted, once the limits allow a question. */
  readonly unasked = new Timers<string>();
  readonly incarnationBudget: IncarnationBudget;
  readonly accusationLimiter = new AccusationLimiter();
  readonly oneWayLinks = new OneWayLinks();
  readonly unrefutable = new UnrefutableAccusation();
  readonly ackPayload: (held: number) => Uint8Array;
  readonly heldPayload: (peer: Member) => number;
  /** Addresses that this agent had before, latest last: an old claim of one of them is no name conflict. */
  readonly formerAddresses: Address[] = [];
  readonly #intern: (identity: Identity) => Identity;
  /** This agent has said that it pauses: it says nothing more. */
  isPausing = false;
  #now: Millis;
  #lastWord: OwnWord = { incarnation: 0, at: 0 };
  #out: SwimEffect[] = [];
  readonly #seqNos: Rng;

  constructor(options: SwimOptions) {
    const { config, rng, now } = options;
    this.config = config;
    this.rng = rng;
    this.#seqNos = rng.derive('ping numbers');
    this.ackPayload = options.ackPayload;
    this.heldPayload = options.heldPayload ?? (() => 0);
    this.#intern = options.intern ?? ((identity) => identity);
    this.#now = now;
    this.members = new MemberTable(this.#intern(options.identity), options.incarnation, rng, now);
    this.absences = new Absences(this.members);
    this.recentlyDropped = new RecentlyDropped(options.droppedRetention);
    this.awareness = new Awareness(config.awarenessMax);
    this.suspicions = new Suspicions(config);
    this.incarnationBudget = new IncarnationBudget(now);
    this.deadProbes = new DeadProbes(config.probeInterval, rng);
    this.downNotificationLimiter = new RateLimiter(oncePer(config.gossipInterval));
    this.refutationLimiter = new RateLimiter(oncePer(config.gossipInterval));
  }

  /** To be called first for every input: until the next one, `now` is its time and `out` receives its effects. */
  beginInput(now: Millis, out: SwimEffect[]): void {
    this.#now = now;
    this.#out = out;
  }

  get now(): Millis {
    return this.#now;
  }

  get out(): SwimEffect[] {
    return this.#out;
  }

  get self(): MutableMember {
    return this.members.self;
  }

  get name(): string {
    return this.members.self.identity.name;
  }

  /**
   * The number of a new ping; never 0.
   *
   * Differs: memberlist counts up. Then whoever was pinged once, or tries small numbers, can send the acks of members that do not exist.
   */
  nextSeqNo(): number {
    return 1 + this.#seqNos.int(0xffff_ffff);
  }

  intern(identity: Identity): Identity {
    return this.#intern(identity);
  }

  emit(event: MemberEvent): void {
    this.#out.push({ kind: 'event', event });
  }

  recordFact(fact: SwimFact): void {
    this.#out.push({ kind: 'fact', fact });
  }

  /** A word of now. Members that come together have said the same, so they share it: a large table has as many words as rows. */
  wordOf(incarnation: number): OwnWord {
    const { incarnation: last, at } = this.#lastWord;
    if (last !== incarnation || at !== this.#now) this.#lastWord = { incarnation, at: this.#now };
    return this.#lastWord;
  }

  /** `peer`: the member known to live at `to`, if any. */
  send(to: Address, peer: Member | undefined, message: SwimMessage): void {
    this.#out.push({ kind: 'send', to, peer, message, piggyback: false });
  }

  sendWithPiggyback(to: Address, peer: Member | undefined, message: SwimMessage): void {
    this.#out.push({ kind: 'send', to, peer, message, piggyback: true });
  }

  /** A message to an address without a member, and another one in the same packet, if any. */
  sendToOutsider(to: Address, message: SwimMessage, compoundWith: SwimMessage | undefined): void {
    const together = compoundWith === undefined ? {} : { compoundWith };
    this.#out.push({ kind: 'send', to, peer: undefined, message, ...together, piggyback: false });
  }

  /** A ping together with the accusation that its receiver should refute. */
  sendPingWithAccusation(peer: Member, message: Ping, compoundWith: SwimMessage): void {
    const to = peer.identity.address;
    this.#out.push({ kind: 'send', to, peer, message, compoundWith, piggyback: false });
  }

  /** A ping for `node` that is acked to this agent. */
  createPing(seqNo: number, node: string): Ping {
    const { name, address } = this.self.identity;
    return {
      kind: 'ping',
      held: 0,
      seqNo,
      node,
      sourceAddr: address.ip,
      sourcePort: address.port,
      sourceNode: name,
    };
  }

  /** The member of this name, if it lives at `to`. */
  memberAt(name: string, to: Address): MutableMember | undefined {
    const row = this.members.get(name);
    return row !== undefined && isAtAddress(row.identity, to.ip, to.port) ? row : undefined;
  }
}

/** Compares octets: the two forms of one IPv4 address are different here. */
export const isAtAddress = (identity: Identity, ip: Uint8Array, port: number): boolean =>
  identity.address.port === port && sameBytes(identity.address.ip, ip);

/** Where a ping or an indirect ping is answered: the address it names, or else the one it came from. */
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
