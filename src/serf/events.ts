/**
 * User events: deduplicates those received, keeps the recent ones for readers and for push/pulls, and fires our own.
 *
 * Source: serf serf.go, UserEvent, handleUserEvent; delegate.go, LocalState; P51 (docs/protocol.md).
 */
import { copyBytes, encodeUtf8, sameBytes } from '../base/bytes.ts';
import { AgentError } from '../base/errors.ts';
import { type EventBucket, UserEvent } from '../wire/serf.ts';
import { DedupBuffer } from './dedup-buffer.ts';
import { LamportClock } from './lamport.ts';
import type { ReceivedUserEvent, SerfEffect } from './types.ts';

/** Bytes of a whole event message. Source: serf UserEventSizeLimit, the hard limit. */
export const MAX_EVENT_BYTES = 9216;
/** Events kept for readers. Source: Consul agent, eventBuf. */
export const RECENT_EVENTS = 256;
/** Bytes of names and payloads in one push/pull. Differs: Serf sends all it holds. */
const MAX_STATE_BYTES = 256 * 1024;
/** Bytes of an event besides its name and payload. */
const OVERHEAD_BYTES = 32;

interface HeldEvent {
  readonly name: string;
  readonly payload: Uint8Array;
}

export class UserEventBuffer {
  readonly clock: LamportClock = new LamportClock();
  readonly #dedup: DedupBuffer<HeldEvent>;
  #recent: readonly ReceivedUserEvent[] = [];

  constructor(buffer: number) {
    this.#dedup = new DedupBuffer(buffer, (a, b) => a.name === b.name && sameBytes(a.payload, b.payload));
  }

  /** The events received lately, oldest first. */
  get recent(): readonly ReceivedUserEvent[] {
    return this.#recent;
  }

  /**
   * Handles an event with a plausible time. True: it is new, was delivered here, and is to be broadcast. The payload is
   * copied. `allows` is called for new events only; an event that it refuses is not recorded as seen.
   */
  handleUserEvent(received: ReceivedUserEvent, out: SerfEffect[], allows?: () => boolean): boolean {
    const { ltime, name } = received;
    this.clock.witness(ltime);
    const weight = OVERHEAD_BYTES + name.length + received.payload.length;
    let event = received;
    const copy = (): HeldEvent => {
      event = { ...received, payload: copyBytes(received.payload) };
      return event;
    };
    if (!this.#dedup.admit(ltime, this.clock.time, received, weight, copy, allows)) return false;
    const dropped = this.#recent.length < RECENT_EVENTS ? undefined : this.#recent[0];
    this.#recent = [...(dropped === undefined ? this.#recent : this.#recent.slice(1)), event];
    out.push({ kind: 'userEvent', event, dropped });
    return true;
  }

  /**
   * Gives a new event its Lamport time, delivers it here, and returns the message for the other members. `limit` bounds
   * both name plus payload and the message. Throws `AgentError`; then nothing changed.
   */
  fire(name: string, payload: Uint8Array, coalesce: boolean, limit: number, out: SerfEffect[]): Uint8Array {
    if (name === '') throw new AgentError('badRequest', 'an event needs a name');
    if (/[\p{Cc}\p{Cs}]/u.test(name))
      throw new AgentError('badRequest', 'the name of an event must be text without control characters');
    const length = encodeUtf8(name).length + payload.length;
    const body = UserEvent.encode({ ltime: this.clock.time, name, payload, cc: coalesce });
    if (length > limit || body.length > limit)
      throw new AgentError(
        'tooLarge',
        `name and payload of the event take ${length} bytes (${body.length} as a message), and at most ${limit} are allowed: send a reference to larger data`,
      );
    const ltime = this.clock.stamp();
    this.handleUserEvent({ ltime, name, payload, coalesce }, out);
    return body;
  }

  /** Events before `ltime` are ignored: they are from before an earlier boot or a join. */
  ignoreBefore(ltime: number): void {
    this.#dedup.ignoreBefore(ltime);
  }

  /** The events for a push/pull in ascending order of time; the newest if not all fit. */
  buckets(): EventBucket[] {
    const out: EventBucket[] = [];
    let bytes = 0;
    for (const slot of this.#dedup.newestFirst()) {
      bytes += slot.weight;
      if (bytes > MAX_STATE_BYTES) break;
      const events = slot.items.map(({ name, payload }) => ({ kind: 'eventBody', name, payload }) as const);
      out.push({ kind: 'eventBucket', ltime: slot.ltime, events });
    }
    return out.reverse();
  }
}

export const toReceivedUserEvent = ({ ltime, name, payload, cc }: UserEvent): ReceivedUserEvent => ({
  ltime,
  name,
  payload,
  coalesce: cc,
});
