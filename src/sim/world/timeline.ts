/** A world's time: what is due when, and in what order. Knows nothing of what deliveries and ticks mean. */
import { type Millis, NEVER } from '../../base/time.ts';
import { Timers } from '../../base/timers.ts';
import { Agenda } from './event-queue.ts';

/** `Due` is what is delivered, `Ticker` who has one alarm of its own. */
export class Timeline<Due, Ticker> {
  readonly #deliver: (due: Due) => void;
  readonly #ring: (ticker: Ticker) => void;
  readonly #agenda = new Agenda<Due>();
  readonly #alarms = new Timers<Ticker>();
  #now: Millis = 0;
  #ringsAtOnce = 0;

  constructor(deliver: (due: Due) => void, ring: (ticker: Ticker) => void) {
    this.#deliver = deliver;
    this.#ring = ring;
  }

  get now(): Millis {
    return this.#now;
  }

  put(at: Millis, due: Due): void {
    this.#agenda.put(Math.max(at, this.#now), due);
  }

  /** Sets or moves the one alarm of `ticker`; `NEVER` takes it away. */
  arm(ticker: Ticker, at: Millis): void {
    if (at === NEVER) this.#alarms.clear(ticker);
    else this.#alarms.set(ticker, Math.max(at, this.#now));
  }

  /** Lets time pass to `end`. Throws if it stands still because of alarms that set themselves again at once. */
  advance(end: Millis): void {
    for (;;) {
      const delivery = this.#agenda.deadline;
      const alarm = this.#alarms.deadline;
      // On a tie what the sockets hold goes first: the driver yields to them before it ticks.
      const next = Math.min(delivery, alarm);
      if (next > end) break;
      if (next > this.#now) {
        this.#now = next;
        this.#ringsAtOnce = 0;
      }
      if (delivery <= alarm) this.#deliver(this.#agenda.pop(delivery) as Due);
      else this.#wake(this.#alarms.pop(alarm) as Ticker);
    }
    this.#now = end;
  }

  #wake(ticker: Ticker): void {
    this.#ringsAtOnce += 1;
    if (this.#ringsAtOnce > MAX_RINGS_AT_ONCE)
      throw new Error(`somebody ticks without end at ${this.#now} ms`);
    this.#ring(ticker);
  }
}

/** More alarms at one instant than any world has members. */
const MAX_RINGS_AT_ONCE = 1_000_000;
