/**
 * User events: which are news, what was heard lately, which a push/pull tells others of, and firing our own.
 *
 * Source: serf serf.go, UserEvent, handleUserEvent; delegate.go, LocalState; P51 (docs/protocol.md).
 */
import { copyBytes, encodeUtf8, sameBytes } from '../base/bytes.ts';
import { AgentError } from '../base/errors.ts';
import { type EventBucket, UserEvent } from '../wire/serf.ts';
import { DedupBuffer } from './dedup-buffer.ts';
import { LamportClock } from './lamport.ts';
import type { ReceivedUserEvent, SerfEffect } from './types.ts';

/** Bytes of one event message, all included. Source: serf UserEventSizeLimit, the hard ceiling. */
export const MAX_EVENT_BYTES = 9216;
/** Events kept for readers. Source: Consul agent, eventBuf. */
export const RECENT_EVENTS = 256;
/** Names and payloads that go into one push/pull. Differs: real agents send all they hold. */
const MAX_STATE_BYTES = 256 * 1024;
/** What an event costs besides its name and payload. */
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

  /** What was heard lately, oldest first. */
  get recent(): readonly ReceivedUserEvent[] {
    return this.#recent;
  }

  /**
   * Witnesses a plausible stamp. True: news, told here, and to be passed on. The payload is copied. `allows` is asked
   * about news only: a no, and it is as if it had not come.
   */
  handleUserEvent(heard: ReceivedUserEvent, out: SerfEffect[], allows?: () => boolean): boolean {
    const { ltime, name } = heard;
    this.clock.witness(ltime);
    const weight = OVERHEAD_BYTES + name.length + heard.payload.length;
    let event = heard;
    const keep = (): HeldEvent => {
      event = { ...heard, payload: copyBytes(heard.payload) };
      return event;
    };
    if (!this.#dedup.admit(ltime, this.clock.time, heard, weight, keep, allows)) return false;
    const dropped = this.#recent.length < RECENT_EVENTS ? undefined : this.#recent[0];
    this.#recent = [...(dropped === undefined ? this.#recent : this.#recent.slice(1)), event];
    out.push({ kind: 'userEvent', event, dropped });
    return true;
  }

  /**
   * Stamps an event of our own, tells it here, and gives the message for others. `limit` is for name and payload, and
   * for the message. Throws `AgentError`; then nothing changed.
   */
  fire(name: string, payload: Uint8Array, coalesce: boolean, limit: number, out: SerfEffect[]): Uint8Array {
    if (name === '') throw new AgentError('badRequest', 'an event needs a name');
    if (/[\p{Cc}\p{Cs}]/u.test(name))
      throw new AgentError('badRequest', 'the name of an event must be text without control characters');
    const said = encodeUtf8(name).length + payload.length;
    const body = UserEvent.encode({ ltime: this.clock.time, name, payload, cc: coalesce });
    if (said > limit || body.length > limit)
      throw new AgentError(
        'tooLarge',
        `name and payload of an event take ${said} bytes (${body.length} as a message) and ${limit} may stand: send a reference to what is larger`,
      );
    const ltime = this.clock.stamp();
    this.handleUserEvent({ ltime, name, payload, coalesce }, out);
    return body;
  }

  /** Events before `ltime` are old news: seen in an earlier life, or from before we joined. */
  ignoreBefore(ltime: number): void {
    this.#dedup.ignoreBefore(ltime);
  }

  /** What a push/pull tells: a compact list in rising order, the newest if not all fit. */
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
