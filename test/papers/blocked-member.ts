/**
 * The fault of Lifeguard's test bed, around an agent: during an anomaly a member blocks before it sends and after it
 * has received. memberlist does several things concurrently, and each of them blocks by itself; so timers run here
 * until the agent wants to probe a member, and there it blocks. A round of gossip blocks at its first packet, and the
 * others are made up afterwards.
 *
 * Source: Lifeguard §V. Differs: memberlist's suspicions time out while all else is blocked; here they do when the
 * anomaly ends, which nobody else can tell apart.
 */
import type { Agent, Effect, Input } from '../../src/agent/contract/machine.ts';
import type { View } from '../../src/agent/contract/view.ts';
import { type Millis, NEVER } from '../../src/base/time.ts';
import { hostEnvelope, messageKinds } from '../../src/sim/world/message-kinds.ts';

/** Size of a socket buffer, and what a datagram takes of it besides its payload, as in src/sim/world/host.ts. */
const BUFFER_BYTES = 212_992;
const OVERHEAD_BYTES = 512;
/** These worlds have neither keys nor labels. */
const BARE_HOST_ENVELOPE = hostEnvelope({});
/** Messages that a member with a backlog processes in one millisecond. */
const PACE = 10;

export class BlockedMember implements Agent {
  readonly #inner: Agent;
  readonly #settings: { gossipNodes: number };
  readonly #gossipNodes: number;
  #anomalous = false;
  /** It is blocked at sending a ping. */
  #blocked = false;
  #unsent: Effect[] = [];
  #backlog: Input[] = [];
  #backlogBytes = 0;
  #workAt: Millis = NEVER;

  /** `settings` are those that `inner` reads. */
  constructor(inner: Agent, settings: { gossipNodes: number }) {
    this.#inner = inner;
    this.#settings = settings;
    this.#gossipNodes = settings.gossipNodes;
  }

  get view(): View {
    return this.#inner.view;
  }

  get deadline(): Millis {
    if (this.#anomalous) return this.#blocked ? NEVER : this.#inner.deadline;
    return Math.min(this.#workAt, this.#inner.deadline);
  }

  /** Takes effect at the next input, which may be a tick. */
  startAnomaly(): void {
    this.#anomalous = true;
    this.#settings.gossipNodes = 1;
    this.#workAt = NEVER;
  }

  /** Takes effect at the next input, which should come at once: an empty datagram will do, since it is not kept. */
  endAnomaly(): void {
    this.#anomalous = false;
    this.#settings.gossipNodes = this.#gossipNodes;
    this.#workAt = 0;
  }

  handle(input: Input, now: Millis, out: Effect[]): void {
    if (this.#anomalous) return this.#handleWhileBlocked(input, now, out);
    if (this.#workAt === NEVER) return this.#inner.handle(input, now, out);
    if (input.kind !== 'tick') this.#buffer(input);
    if (this.#workAt === 0) return this.#resume(now, out);
    if (now >= this.#workAt) this.#processBacklog(PACE, now, out);
    if (this.#inner.deadline <= now) this.#inner.handle({ kind: 'tick' }, now, out);
  }

  #handleWhileBlocked(input: Input, now: Millis, out: Effect[]): void {
    if (input.kind !== 'tick') return this.#buffer(input);
    if (this.#blocked) return;
    const effects: Effect[] = [];
    this.#inner.handle(input, now, effects);
    for (const effect of effects)
      if (isTraffic(effect)) this.#unsent.push(effect);
      else out.push(effect);
    this.#blocked = this.#unsent.some(isPing);
  }

  /**
   * Sends what was blocked; then processes the message it had received and its timers, and then the other messages in
   * turn. If the input comes before the tick, the next round of gossip comes when it is due; a tick at once continues
   * the round that was blocked.
   */
  #resume(now: Millis, out: Effect[]): void {
    const gossiped = this.#unsent.some((effect) => !isPing(effect));
    out.push(...this.#unsent);
    this.#unsent = [];
    this.#blocked = false;
    if (gossiped) this.#inner.handle({ kind: 'tick' }, now, out);
    this.#processBacklog(1, now, out);
    if (!gossiped) this.#inner.handle({ kind: 'tick' }, now, out);
  }

  #processBacklog(count: number, now: Millis, out: Effect[]): void {
    for (const input of this.#backlog.splice(0, count)) {
      this.#backlogBytes -= sizeOf(input);
      this.#inner.handle(input, now, out);
    }
    this.#workAt = this.#backlog.length === 0 ? NEVER : now + 1;
  }

  #buffer(input: Input): void {
    const bytes = sizeOf(input);
    if (bytes === OVERHEAD_BYTES || this.#backlogBytes + bytes > BUFFER_BYTES) return;
    this.#backlogBytes += bytes;
    this.#backlog.push(input);
  }
}

/** Bytes in the socket buffer. Streams have buffers of their own. */
const sizeOf = (input: Input): number => (input.kind === 'packet' ? input.bytes.length + OVERHEAD_BYTES : 0);

const isTraffic = ({ kind }: Effect): boolean =>
  kind === 'sendPacket' || kind === 'openStream' || kind === 'writeStream' || kind === 'closeStream';

const isPing = (effect: Effect): boolean =>
  effect.kind === 'sendPacket' && messageKinds(effect.packet, BARE_HOST_ENVELOPE).includes('ping');
