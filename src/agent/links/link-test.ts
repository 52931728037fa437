/** One link test: short pings to see how many are lost, and long ones to see how long a datagram may be. */
import type { Address } from '../../base/address.ts';
import type { Millis } from '../../base/time.ts';
import type { StreamPingOutcome } from '../../swim/types.ts';
import { encodeLinkPing, type LinkPong } from '../../wire/links.ts';
import type { LinkReport } from '../contract/links.ts';
import type { Effect } from '../contract/machine.ts';
import type { Packets } from '../transport/packets.ts';

/** Bytes of UDP. The short one is the length of a probe; the longest fills an Ethernet frame. */
const SHORT = 128;
export const LONGEST = 1472;
const LONG_SIZES = [512, 1024, 1400, LONGEST] as const;
/** Turns of a test, and short pings in each: enough to see a loss of a tenth. */
const TURNS = 8;
const SHORT_PER_TURN = 2;
/** A long ping is sent again so often until it is answered: 32 pings in all, as many as a pong has bits for. */
const LONG_TRIES = 4;
const TURN: Millis = 100;
/** Answers that come later than this are lost. */
const PATIENCE: Millis = 700;
/** If a turn comes later than this, this agent itself is late, and what it measures says nothing of the way. */
const MAX_LATENESS: Millis = 250;
/** A size is blocked only if its pings did not get lost by chance: so many were tried, and so many short ones were answered. */
const MIN_TRIES = 3;
const MIN_ANSWERED = 0.75;

export const TEST_DURATION: Millis = TURNS * TURN + PATIENCE;

interface SentPing {
  readonly bytes: number;
  readonly at: Millis;
  isAnswered: boolean;
}

export class LinkTest {
  readonly id: number;
  readonly node: string;
  readonly to: Address;
  readonly until: Millis;
  readonly #self: string;
  readonly #pings: SentPing[] = [];
  #turns = 0;
  #nextAt: Millis;
  #heard = 0;
  #roundTrip: Millis | undefined;
  #clockAhead: Millis | undefined;
  #seenFrom = '';
  tcp: StreamPingOutcome | undefined;
  /** This agent was late itself: there is nothing to report. */
  isVoid = false;

  constructor(id: number, self: string, node: string, to: Address, now: Millis) {
    this.id = id;
    this.node = node;
    this.until = now + TEST_DURATION;
    this.#self = self;
    this.to = to;
    this.#nextAt = now;
  }

  get deadline(): Millis {
    return Math.min(this.#nextAt, this.until);
  }

  /** Sends the pings of a turn that is due. */
  advance(now: Millis, packets: Packets, out: Effect[]): void {
    if (now < this.#nextAt) return;
    if (now - this.#nextAt > MAX_LATENESS) this.isVoid = true;
    this.#turns += 1;
    this.#nextAt = this.#turns < TURNS ? now + TURN : this.until;
    for (let i = 0; i < SHORT_PER_TURN; i++) this.#send(SHORT, now, packets, out);
    for (const size of LONG_SIZES) {
      const sent = this.#pings.filter(({ bytes }) => bytes === size);
      if (sent.length < LONG_TRIES && !sent.some(({ isAnswered }) => isAnswered))
        this.#send(size, now, packets, out);
    }
  }

  #send(bytes: number, now: Millis, packets: Packets, out: Effect[]): void {
    const ping = { test: this.id, seq: this.#pings.length, from: this.#self };
    this.#pings.push({ bytes, at: now, isAnswered: false });
    const body = (filler: number): Uint8Array => encodeLinkPing({ ...ping, filler: new Uint8Array(filler) });
    packets.sendExactly(this.to, bytes, body, out);
  }

  /** `clock`: wall-clock milliseconds here. */
  onPong(pong: LinkPong, seenFrom: string, clock: Millis, now: Millis): void {
    const ping = this.#pings[pong.seq];
    if (ping === undefined || ping.isAnswered) return;
    ping.isAnswered = true;
    this.#heard |= pong.heard;
    this.#seenFrom = seenFrom;
    const roundTrip = now - ping.at;
    if (this.#roundTrip !== undefined && this.#roundTrip <= roundTrip) return;
    this.#roundTrip = roundTrip;
    this.#clockAhead = pong.clock - (clock - roundTrip / 2);
  }

  /** Nothing is left to wait for. */
  get isComplete(): boolean {
    const isTcpKnown = this.tcp !== undefined && this.tcp !== 'connected';
    return this.#turns === TURNS && isTcpKnown && this.#pings.every(({ isAnswered }) => isAnswered);
  }

  report(heardBack: number, now: Millis): LinkReport {
    const short = this.#pings.filter(({ bytes }) => bytes === SHORT);
    const answered = short.filter(({ isAnswered }) => isAnswered).length;
    const isSound = answered >= MIN_ANSWERED * short.length && short.length > 0;
    const isBlocked = (size: number): boolean => {
      const sent = this.#pings.filter(({ bytes }) => bytes === size);
      return sent.length >= MIN_TRIES && !sent.some(({ isAnswered }) => isAnswered);
    };
    const heard = this.#pings.filter(
      ({ bytes }, seq) => bytes === SHORT && ((this.#heard >>> seq) & 1) === 1,
    ).length;
    return {
      ...{ from: this.#self, to: this.node, sent: short.length, answered, heard: Math.max(heard, answered) },
      heardBack,
      longest: Math.max(0, ...this.#pings.filter(({ isAnswered }) => isAnswered).map(({ bytes }) => bytes)),
      blocked: isSound ? (LONG_SIZES.find(isBlocked) ?? 0) : 0,
      ...{ roundTrip: this.#roundTrip, clockAhead: this.#clockAhead },
      ...{ seenFrom: this.#seenFrom, tcp: this.tcp, at: now },
    };
  }
}
