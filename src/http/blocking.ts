/** Blocking queries: requests that park until what they read has changed, or their time is up. */
import type { Door, Topic } from '../agent/types.ts';
import { AgentError } from '../base/errors.ts';
import type { Millis } from '../base/time.ts';
import { duration, type Param, type Query, uint } from './query.ts';
import { Refusal } from './reply.ts';

/** What a client asks to wait for. */
export interface Block {
  /** The index it has already seen; 0 never blocks. */
  readonly index: number;
  readonly wait: Millis;
}

const DEFAULT_WAIT: Millis = 5 * 60_000;
const MAX_WAIT: Millis = 10 * 60_000;
/** Requests parked at once, over all connections. */
export const MAX_PARKED = 4096;
/** Woken together, this many are answered before packets and probes get their turn. */
export const ANSWERED_AT_ONCE = 16;
/** Clients give up at wait * 1.0625; what is kept free of that is the way back. */
const HEADROOM: Millis = 20;

/** Reads `index` and `wait`. Source: http.md section 2. */
export function blockOf(query: Query): Block {
  return { index: uint(query.get('index') ?? [], 'index'), wait: waitTime(query.get('wait') ?? [], 'wait') };
}

/** How long to wait at most: 5 min unless told, never more than 10. */
export const waitTime: Param<Millis> = (values, name) => {
  let wait: Millis | undefined;
  try {
    wait = duration(values, name);
  } catch {
    throw new AgentError('badRequest', 'Invalid wait time');
  }
  return wait === undefined || wait <= 0 ? DEFAULT_WAIT : Math.min(wait, MAX_WAIT);
};

/** All parked requests of one server. */
export class Watchers {
  readonly #door: Door;
  readonly #random: () => number;
  readonly #parked = new Set<() => void>();
  readonly #woken: (() => void)[] = [];
  #closed = false;

  constructor(door: Door, random: () => number = Math.random) {
    this.#door = door;
    this.#random = random;
  }

  /** Nobody is parked any more: the server is about to stop. */
  get closed(): boolean {
    return this.#closed;
  }

  get parked(): number {
    return this.#parked.size;
  }

  /**
   * Resolves when the index of `topics` differs from the one asked for, when the wait is over (never early, at
   * most 1/16 late), or when the client is gone.
   *
   * Differs: an index above ours is answered at once, where Consul parks. It is from before a restart, and what
   * the client holds is stale.
   *
   * Source: http.md section 5.
   */
  async until(topics: readonly Topic[], { index, wait }: Block, gone: () => AbortSignal): Promise<void> {
    const { view } = this.#door;
    if (index === 0) return;
    await this.while(() => view.indexOf(topics) === index, topics, wait, gone);
  }

  /** The same for any other condition, which is looked at again whenever one of the topics changes. */
  async while(
    unchanged: () => boolean,
    topics: readonly Topic[],
    wait: Millis,
    gone: () => AbortSignal,
  ): Promise<void> {
    if (this.#closed || !unchanged()) return;
    if (this.#parked.size >= MAX_PARKED)
      throw new Refusal(429, `Too many blocking queries: at most ${MAX_PARKED} can wait at once`, {
        'Retry-After': '1',
      });
    const over = new AbortController();
    const end = (): void => over.abort();
    const client = gone();
    if (client.aborted) return;
    client.addEventListener('abort', end, { once: true });
    const timer = setTimeout(end, this.#stay(wait));
    this.#parked.add(end);
    try {
      do {
        await this.#door.changed(topics, over.signal);
        if (!over.signal.aborted) await this.#turn();
      } while (!over.signal.aborted && unchanged());
    } finally {
      this.#parked.delete(end);
      clearTimeout(timer);
      client.removeEventListener('abort', end);
    }
  }

  /** Lets everybody go, with what there is, and parks nobody any more. */
  close(): void {
    this.#closed = true;
    for (const end of [...this.#parked]) end();
  }

  /** One change may wake thousands: answering them in one go would look like our own failure to other members. */
  #turn(): Promise<void> {
    return new Promise((resolve) => {
      this.#woken.push(resolve);
      if (this.#woken.length === 1) setImmediate(() => this.#nextGroup());
    });
  }

  #nextGroup(): void {
    for (const answer of this.#woken.splice(0, ANSWERED_AT_ONCE)) answer();
    if (this.#woken.length > 0) setImmediate(() => this.#nextGroup());
  }

  /** Timers of Node may fire a fraction of a millisecond early: hence one more. */
  #stay(wait: Millis): Millis {
    return Math.ceil(wait + this.#random() * Math.max(0, wait / 16 - HEADROOM)) + 1;
  }
}
