/** Blocking queries: requests that park until what they read has changed, or their time is up. */
import type { AgentHandle } from '../../agent/contract/door.ts';
import type { Topic } from '../../agent/contract/view.ts';
import { AgentError } from '../../base/errors.ts';
import type { Millis } from '../../base/time.ts';
import { durationParam, type ParamParser, type QueryParams, uintParam } from './query.ts';
import { HttpError } from './reply/reply.ts';

/** What a client asks to wait for. */
export interface BlockingParams {
  /** The index it has already seen; 0 never blocks. */
  readonly index: number;
  readonly wait: Millis;
}

const DEFAULT_WAIT: Millis = 5 * 60_000;
const MAX_WAIT: Millis = 10 * 60_000;
/** Requests parked at once, over all connections. */
export const MAX_PARKED = 4096;
/** Woken together, this many are answered before packets and probes get their turn. */
export const WAKE_BATCH_SIZE = 16;
/** Clients give up at wait * 1.0625; what is kept free of that is the way back. */
const HEADROOM: Millis = 20;

/** Reads `index` and `wait`. Source: Consul HTTP API, "Blocking Queries". */
export function parseBlockingParams(query: QueryParams): BlockingParams {
  return {
    index: uintParam(query.get('index') ?? [], 'index'),
    wait: waitParam(query.get('wait') ?? [], 'wait'),
  };
}

/** How long to wait at most: 5 min unless told, never more than 10. */
export const waitParam: ParamParser<Millis> = (values, name) => {
  let wait: Millis | undefined;
  try {
    wait = durationParam(values, name);
  } catch {
    throw new AgentError('badRequest', 'Invalid wait time');
  }
  return wait === undefined || wait <= 0 ? DEFAULT_WAIT : Math.min(wait, MAX_WAIT);
};

/** Calls `end` when the client goes away, at once if it already has; the result stops that. */
export type OnDisconnect = (end: () => void) => () => void;

/** One request that waits: over for good, or woken to look again. */
interface ParkedRequest {
  finished: boolean;
  wake(): void;
}

/** All parked requests of one server. */
export class BlockingQueries {
  readonly #agent: AgentHandle;
  readonly #random: () => number;
  readonly #parked = new Set<() => void>();
  /** Those who wait for the same topics, by these. */
  readonly #groups = new Map<string, TopicGroup>();
  readonly #woken: (() => void)[] = [];
  #closed = false;

  constructor(door: AgentHandle, random: () => number = Math.random) {
    this.#agent = door;
    this.#random = random;
  }

  /** Nobody is parked any more: the server is about to stop. */
  get closed(): boolean {
    return this.#closed;
  }

  get parkedCount(): number {
    return this.#parked.size;
  }

  /**
   * Resolves when the index of `topics` differs from the one asked for, when the wait is over (never early, at
   * most 1/16 late), or when the client is gone.
   *
   * Differs: an index above ours is answered at once, where Consul parks. It is from before a restart, and what
   * the client holds is stale.
   *
   * Source: Consul HTTP API, "Blocking Queries"; B1, B7 (docs/consul.md).
   */
  async waitForIndex(
    topics: readonly Topic[],
    { index, wait }: BlockingParams,
    gone: OnDisconnect,
  ): Promise<void> {
    const { view } = this.#agent;
    if (index === 0) return;
    await this.waitWhile(() => view.indexOf(topics) === index, topics, wait, gone);
  }

  /** The same for any other condition, which is looked at again whenever one of the topics changes. */
  async waitWhile(
    unchanged: () => boolean,
    topics: readonly Topic[],
    wait: Millis,
    gone: OnDisconnect,
  ): Promise<void> {
    if (this.#closed || !unchanged()) return;
    if (this.#parked.size >= MAX_PARKED)
      throw new HttpError(429, `Too many blocking queries: at most ${MAX_PARKED} can wait at once`, {
        'Retry-After': '1',
      });
    const parked: ParkedRequest = { finished: false, wake: () => undefined };
    const end = (): void => {
      parked.finished = true;
      parked.wake();
    };
    const forget = gone(end);
    const timer = setTimeout(end, this.#jitteredWait(wait));
    this.#parked.add(end);
    try {
      while (!parked.finished && unchanged()) {
        await this.#nextChange(topics, parked);
        if (!parked.finished) await this.#waitForTurn();
      }
    } finally {
      this.#parked.delete(end);
      clearTimeout(timer);
      forget();
    }
  }

  /** Lets everybody go, with what there is, and parks nobody any more. */
  close(): void {
    this.#closed = true;
    for (const end of [...this.#parked]) end();
  }

  /** Until one of the topics changes, or `parked` is woken otherwise. The door is asked once for all of a group. */
  #nextChange(topics: readonly Topic[], parked: ParkedRequest): Promise<void> {
    const key = JSON.stringify(topics);
    const group = this.#groups.get(key) ?? this.#subscribeGroup(key, topics);
    return new Promise((resolve) => {
      group.waiting.add(resolve);
      parked.wake = () => {
        resolve();
        if (group.waiting.delete(resolve) && group.waiting.size === 0) group.abort.abort();
      };
    });
  }

  #subscribeGroup(key: string, topics: readonly Topic[]): TopicGroup {
    const group: TopicGroup = { waiting: new Set(), abort: new AbortController() };
    this.#groups.set(key, group);
    const close = (): void => {
      if (this.#groups.get(key) === group) this.#groups.delete(key);
    };
    group.abort.signal.addEventListener('abort', close, { once: true });
    void this.#agent.waitForChange(topics, group.abort.signal).then(() => {
      close();
      for (const wake of group.waiting) wake();
      group.waiting.clear();
    });
    return group;
  }

  /** One change may wake thousands: answering them in one go would look like our own failure to other members. */
  #waitForTurn(): Promise<void> {
    return new Promise((resolve) => {
      this.#woken.push(resolve);
      if (this.#woken.length === 1) setImmediate(() => this.#releaseBatch());
    });
  }

  #releaseBatch(): void {
    for (const answer of this.#woken.splice(0, WAKE_BATCH_SIZE)) answer();
    if (this.#woken.length > 0) setImmediate(() => this.#releaseBatch());
  }

  /** Timers of Node may fire a fraction of a millisecond early: hence one more. */
  #jitteredWait(wait: Millis): Millis {
    return Math.ceil(wait + this.#random() * Math.max(0, wait / 16 - HEADROOM)) + 1;
  }
}

interface TopicGroup {
  readonly waiting: Set<() => void>;
  /** Aborted when nobody is left. */
  readonly abort: AbortController;
}
