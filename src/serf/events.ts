/**
 * User events: deduplicates those received, keeps the recent ones for readers and for push/pulls, and fires our own.
 *
 * Source: serf serf.go, UserEvent, handleUserEvent; delegate.go, LocalState; P51 (docs/protocol.md).
 */
import { copyBytes, encodeUtf8, sameBytes } from '../base/bytes.ts';
import { AgentError, WireError } from '../base/errors.ts';
import {
  type EventFilter,
  FILTERED_EVENT_PREFIX,
  isFilteredEvent,
  unwrapFilteredEvent,
  wrapFilteredEvent,
} from '../wire/event-filter.ts';
import { type EventBucket, UserEvent } from '../wire/serf.ts';
import { DedupBuffer } from './dedup-buffer.ts';
import { LamportClock } from './lamport.ts';
import type { FilterResult } from './queries/filters.ts';
import type { ReceivedUserEvent, SerfEffect, UserEventDefinition } from './types.ts';

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

/** Whether an event with this filter is for this agent. */
export type EventFilterCheck = (filter: EventFilter) => FilterResult;

export class UserEventBuffer {
  readonly clock: LamportClock = new LamportClock();
  readonly #dedup: DedupBuffer<HeldEvent>;
  readonly #isForHere: EventFilterCheck | undefined;
  #recent: readonly ReceivedUserEvent[] = [];

  /** Without `isForHere` events with filters are plain ones, as for an agent of Serf. */
  constructor(buffer: number, isForHere?: EventFilterCheck) {
    this.#isForHere = isForHere;
    this.#dedup = new DedupBuffer(buffer, (a, b) => a.name === b.name && sameBytes(a.payload, b.payload));
  }

  /** The events received lately, oldest first. */
  get recent(): readonly ReceivedUserEvent[] {
    return this.#recent;
  }

  /**
   * Handles an event with a plausible time. True: it is new, was delivered if it is for this agent, and is to be broadcast.
   * The payload is copied. `allows` is called for new events only; an event that it refuses is not recorded as seen.
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
    if (this.#isForHere === undefined || !isFilteredEvent(name)) this.#deliver(event, out);
    else this.#deliverFiltered(event, this.#isForHere, out);
    return true;
  }

  #deliver(event: ReceivedUserEvent, out: SerfEffect[]): void {
    const dropped = this.#recent.length < RECENT_EVENTS ? undefined : this.#recent[0];
    this.#recent = [...(dropped === undefined ? this.#recent : this.#recent.slice(1)), event];
    out.push({ kind: 'userEvent', event, dropped });
  }

  #deliverFiltered(carrier: ReceivedUserEvent, isForHere: EventFilterCheck, out: SerfEffect[]): void {
    const refuse = (reason: string): void =>
      void out.push({ kind: 'fact', fact: { kind: 'eventRefused', name: carrier.name, reason } });
    try {
      const event = { ...carrier, ...unwrapFilteredEvent(carrier.name, carrier.payload) };
      const { matches, error } = isForHere(event.filter);
      if (matches) this.#deliver(event, out);
      else if (error !== undefined) refuse(error);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      refuse(error.message);
    }
  }

  /**
   * Gives a new event its Lamport time, delivers it here if it is for this agent, and returns it with the message for the
   * other members. `limit` bounds both name plus payload and the message. Throws `AgentError`; then nothing changed.
   */
  fire(
    fired: UserEventDefinition,
    limit: number,
    out: SerfEffect[],
  ): { readonly event: ReceivedUserEvent; readonly body: Uint8Array } {
    const { coalesce, filter } = fired;
    validateName(fired.name);
    const { name, payload } = filter === undefined ? fired : wrapFilteredEvent({ ...fired, filter });
    const length = encodeUtf8(name).length + payload.length;
    const body = UserEvent.encode({ ltime: this.clock.time, name, payload, cc: coalesce });
    if (length > limit || body.length > limit)
      throw new AgentError(
        'tooLarge',
        `name${filter === undefined ? '' : ', filters'} and payload of the event take ${length} bytes (${body.length} as a message), and at most ${limit} are allowed: send a reference to larger data`,
      );
    const ltime = this.clock.stamp();
    const before = this.#recent.at(-1);
    this.handleUserEvent({ ltime, name, payload, coalesce }, out);
    const last = this.#recent.at(-1);
    return { event: last === undefined || last === before ? { ltime, ...fired } : last, body };
  }

  /** Events before `ltime` are ignored: they are from before an earlier boot or a join. */
  ignoreBefore(ltime: number): void {
    this.#dedup.ignoreBefore(ltime);
  }

  /** Nothing before this time is held, or heard any more. */
  get floor(): number {
    return this.#dedup.floor(this.clock.time);
  }

  /** The events held from a time on, in no particular order; each is the same object at each call. */
  *heldFrom(floor: number): Generator<{ readonly ltime: number; readonly event: HeldEvent }> {
    for (const { ltime, items } of this.#dedup.newestFirst())
      if (ltime >= floor) for (const event of items) yield { ltime, event };
  }

  forgetFrom(next: number): void {
    this.#dedup.forgetFrom(next);
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

function validateName(name: string): void {
  if (name === '') throw new AgentError('badRequest', 'an event needs a name');
  if (/[\p{Cc}\p{Cs}]/u.test(name))
    throw new AgentError('badRequest', 'the name of an event must be text without control characters');
  if (isFilteredEvent(name))
    throw new AgentError(
      'badRequest',
      `names that begin with ${FILTERED_EVENT_PREFIX} carry the filters of events: choose another name`,
    );
}
