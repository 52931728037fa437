/** Virtual time of a world: what is due when, and in what order. It does not know what events and alarms mean. */
import { assert } from '../../base/assert.ts';
import { type Millis, NEVER } from '../../base/time.ts';
import { Timers } from '../../base/timers.ts';
import { EventQueue } from './event-queue.ts';

/** `Due` is an event to deliver, `Ticker` an owner of one alarm. */
export class Timeline<Due, Ticker> {
  readonly #deliver: (due: Due) => void;
  readonly #onAlarm: (ticker: Ticker) => void;
  readonly #queue = new EventQueue<Due>();
  readonly #alarms = new Timers<Ticker>();
  #now: Millis = 0;
  #alarmsAtOnce = 0;

  constructor(deliver: (due: Due) => void, onAlarm: (ticker: Ticker) => void) {
    this.#deliver = deliver;
    this.#onAlarm = onAlarm;
  }

  get now(): Millis {
    return this.#now;
  }

  schedule(at: Millis, due: Due): void {
    this.#queue.enqueue(Math.max(at, this.#now), due);
  }

  /** Sets or moves the one alarm of `ticker`; `NEVER` clears it. */
  setAlarm(ticker: Ticker, at: Millis): void {
    if (at === NEVER) this.#alarms.clear(ticker);
    else this.#alarms.set(ticker, Math.max(at, this.#now));
  }

  /** Lets time pass to `end`. Throws if alarms that are set again at once keep it from advancing. */
  advanceTo(end: Millis): void {
    for (;;) {
      const delivery = this.#queue.deadline;
      const alarm = this.#alarms.deadline;
      // On a tie the event comes first, as the driver reads its sockets before it ticks.
      const next = Math.min(delivery, alarm);
      if (next > end) break;
      // Invariant: virtual time never goes back.
      assert(next >= this.#now, 'virtual time goes back');
      if (next > this.#now) {
        this.#now = next;
        this.#alarmsAtOnce = 0;
      }
      if (delivery <= alarm) this.#deliver(this.#queue.dequeue(delivery) as Due);
      else this.#fireAlarm(this.#alarms.pop(alarm) as Ticker);
    }
    this.#now = end;
  }

  #fireAlarm(ticker: Ticker): void {
    this.#alarmsAtOnce += 1;
    if (this.#alarmsAtOnce > MAX_ALARMS_AT_ONCE)
      throw new Error(`somebody ticks without end at ${this.#now} ms`);
    this.#onAlarm(ticker);
  }
}

/** More alarms at one instant than any world has members. */
const MAX_ALARMS_AT_ONCE = 1_000_000;
