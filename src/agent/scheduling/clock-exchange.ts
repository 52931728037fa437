/**
 * Asks agents that take part in jobs what their wall clocks read, one at a time and at random: quickly until some are
 * known, and seldom from then on. Whoever is asked answers at once, whether it takes part or not.
 */
import type { Address } from '../../base/address.ts';
import type { Rng } from '../../base/rng.ts';
import { type Millis, NEVER } from '../../base/time.ts';
import { MAX_ROUND_TRIP, PeerClocks } from '../../jobs/clocks.ts';
import { decodeClock, encodeClockAnswer, encodeClockRequest } from '../../wire/clock.ts';

const QUICK: Millis = 250;
const SELDOM: Millis = 10_000;
/** So many clocks of others are asked for quickly, or all of them if there are fewer. */
const QUICKLY_KNOWN = 7;
/** A peer that does not answer is asked quickly only so often. */
const QUICK_REQUESTS = 4 * QUICKLY_KNOWN;

export interface ClockExchangeContext {
  readonly rng: Rng;
  /** The agents that take part in jobs, without this one, and that are well. */
  peers(): readonly string[];
  addressOf(node: string): Address | undefined;
  isMember(from: Address): boolean;
  send(to: Address, body: Uint8Array): void;
  wall(now: Millis): number;
}

interface PendingRequest {
  readonly node: string;
  readonly address: string;
  readonly sentAt: Millis;
}

export class ClockExchange {
  readonly clocks = new PeerClocks();
  readonly #context: ClockExchangeContext;
  readonly #pending = new Map<number, PendingRequest>();
  #nextAt: Millis = NEVER;
  #quickLeft = QUICK_REQUESTS;

  constructor(context: ClockExchangeContext) {
    this.#context = context;
  }

  get deadline(): Millis {
    return this.#nextAt;
  }

  /** There may be peers to ask. */
  resume(now: Millis): void {
    if (this.#nextAt === NEVER) this.#nextAt = now;
  }

  /** Our clock was set: all are asked again. */
  restart(now: Millis): void {
    this.clocks.clear();
    this.#quickLeft = QUICK_REQUESTS;
    this.#nextAt = now;
  }

  tick(now: Millis): void {
    if (now < this.#nextAt) return;
    const peers = this.#context.peers();
    this.#nextAt = peers.length === 0 ? NEVER : now + this.#pauseAmong(peers);
    for (const [id, { sentAt }] of this.#pending) if (now - sentAt > MAX_ROUND_TRIP) this.#pending.delete(id);
    this.clocks.retain((node) => peers.includes(node));
    const unknown = peers.filter((node) => !this.clocks.has(node));
    const from = unknown.length > 0 ? unknown : peers;
    if (from.length > 0) this.#ask(from[this.#context.rng.int(from.length)] as string, now);
  }

  /** Returns whether another clock is known now. Throws `WireError`. */
  receive(body: Uint8Array, from: Address, now: Millis): boolean {
    const { isMember, send, wall } = this.#context;
    const message = decodeClock(body);
    if (message.kind === 'clockRequest') {
      if (isMember(from)) send(from, encodeClockAnswer(message.id, Math.max(0, Math.trunc(wall(now)))));
      return false;
    }
    const pending = this.#pending.get(message.id);
    if (pending === undefined || pending.address !== from.key) return false;
    this.#pending.delete(message.id);
    const received = wall(now);
    const sent = received - (now - pending.sentAt);
    this.clocks.record(pending.node, message.wall, { sent, received }, now);
    return true;
  }

  #pauseAmong(peers: readonly string[]): Millis {
    if (this.#quickLeft <= 0 || this.clocks.size >= Math.min(QUICKLY_KNOWN, peers.length)) return SELDOM;
    this.#quickLeft -= 1;
    return QUICK;
  }

  #ask(node: string, now: Millis): void {
    const { rng, addressOf, send } = this.#context;
    const address = addressOf(node);
    if (address === undefined) return;
    const id = rng.int(2 ** 32);
    this.#pending.set(id, { node, address: address.key, sentAt: now });
    send(address, encodeClockRequest(id));
  }
}
