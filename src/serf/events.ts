/**
 * User events: which are news, and which a push/pull tells others of. News is passed on; handing it to a local
 * handler, and firing events of our own, would start from `admit`.
 *
 * Source: serf serf.go, handleUserEvent; delegate.go, LocalState (protocol reference 4.6, 4.9).
 */
import { copyOf, sameBytes } from '../base/bytes.ts';
import type { EventBucket } from '../wire/serf.ts';
import { LamportClock } from './lamport.ts';
import { Ring } from './ring.ts';

/** Bytes of one event message, all included. Source: serf UserEventSizeLimit, the hard ceiling. */
export const MAX_EVENT_BYTES = 9216;
/** Names and payloads that go into one push/pull. Differs: real agents send all they hold. */
const MAX_STATE_BYTES = 256 * 1024;
/** What an event costs besides its name and payload. */
const OVERHEAD_BYTES = 32;

interface HeldEvent {
  readonly name: string;
  readonly payload: Uint8Array;
}

export class Events {
  readonly clock: LamportClock = new LamportClock();
  readonly #ring: Ring<HeldEvent>;

  constructor(buffer: number) {
    this.#ring = new Ring(buffer, (a, b) => a.name === b.name && sameBytes(a.payload, b.payload));
  }

  /** Witnesses a plausible stamp. True: news, to be passed on. The payload is copied. */
  admit(ltime: number, name: string, payload: Uint8Array): boolean {
    this.clock.witness(ltime);
    const weight = OVERHEAD_BYTES + name.length + payload.length;
    return this.#ring.admit(ltime, this.clock.time, { name, payload }, weight, (event) => ({
      name: event.name,
      payload: copyOf(event.payload),
    }));
  }

  /** Events before `ltime` are old news: seen in an earlier life, or from before we joined. */
  ignoreBefore(ltime: number): void {
    this.#ring.ignoreBefore(ltime);
  }

  /** What a push/pull tells: a compact list in rising order, the newest if not all fit. */
  buckets(): EventBucket[] {
    const out: EventBucket[] = [];
    let bytes = 0;
    for (const slot of this.#ring.newestFirst()) {
      bytes += slot.weight;
      if (bytes > MAX_STATE_BYTES) break;
      const events = slot.items.map(({ name, payload }) => ({ kind: 'eventBody', name, payload }) as const);
      out.push({ kind: 'eventBucket', ltime: slot.ltime, events });
    }
    return out.reverse();
  }
}
