/** Blocking queries: requests that wait until what they read has changed, or until their wait time is over. */
import type { AgentHandle, ReaderGauge } from '../../agent/contract/agent-handle.ts';
import type { Topic } from '../../agent/contract/view.ts';
import { AgentError } from '../../base/errors.ts';
import type { Millis } from '../../base/time.ts';
import { durationParam, type ParamParser, type QueryParams, uintParam } from './query.ts';
import { HttpError } from './reply/reply.ts';

/** The query parameters of a blocking query. */
export interface BlockingParams {
  /** The index the client has already seen; 0 never blocks. */
  readonly index: number;
  readonly wait: Millis;
}

const DEFAULT_WAIT: Millis = 5 * 60_000;
const MAX_WAIT: Millis = 10 * 60_000;
/** Parked requests over all connections. */
export const MAX_PARKED = 4096;
/** Woken requests that are answered in one turn of the event loop. */
export const WAKE_BATCH_SIZE = 16;
/** Clients give up at 1.0625 times the wait: jitter leaves this much time for the reply to travel. */
const HEADROOM: Millis = 20;

/** Reads `index` and `wait`. Source: Consul HTTP API, "Blocking Queries". */
export function parseBlockingParams(query: QueryParams): BlockingParams {
  return {
    index: uintParam(query.get('index') ?? [], 'index'),
    wait: waitParam(query.get('wait') ?? [], 'wait'),
  };
}

/** The longest time to wait: 5 min by default, 10 min at most. */
export const waitParam: ParamParser<Millis> = (values, name) => {
  let wait: Millis | undefined;
  try {
    wait = durationParam(values, name);
  } catch {
    throw new AgentError('badRequest', 'Invalid wait time');
  }
  return wait === undefined || wait <= 0 ? DEFAULT_WAIT : Math.min(wait, MAX_WAIT);
};

/** Calls `end` when the client disconnects, at once if it already has; the returned function cancels that. */
export type OnDisconnect = (end: () => void) => () => void;

/** A request whose reply waits for a change. */
interface ParkedRequest {
  finished: boolean;
  unchanged(): boolean;
  wake(): void;
}

/** How far the client of an event stream has been sent the changes; `undefined`: it is being sent everything. */
export interface StreamProgress {
  seen: number | undefined;
}

/** All parked requests of one server. */
export class BlockingQueries implements ReaderGauge {
  readonly #agent: AgentHandle;
  readonly #random: () => number;
  readonly #parked = new Set<ParkedRequest>();
  readonly #streams = new Set<StreamProgress>();
  readonly #woken: (() => void)[] = [];
  #closed = false;

  constructor(agent: AgentHandle, random: () => number = Math.random) {
    this.#agent = agent;
    this.#random = random;
  }

  /** The server is stopping: no request waits any more. */
  get closed(): boolean {
    return this.#closed;
  }

  get parkedCount(): number {
    return this.#parked.size;
  }

  /**
   * Resolves when the index of `topics` differs from the one the client has seen, when the wait is over (never early,
   * at most 1/16 late), or when the client disconnects.
   *
   * Until `isAnswerable` it waits in any case: an agent that has just started cannot tell yet.
   *
   * Differs: an index above ours is answered at once, where Consul parks. It is from before a restart, so the data of
   * the client is stale.
   *
   * Source: Consul HTTP API, "Blocking Queries"; B1, B7 (docs/consul.md).
   */
  async waitForIndex(
    topics: readonly Topic[],
    { index, wait }: BlockingParams,
    onDisconnect: OnDisconnect,
    isAnswerable: () => boolean = () => true,
  ): Promise<void> {
    const { view } = this.#agent;
    if (index === 0) return;
    const unchanged = (): boolean => view.indexOf(topics) === index || !isAnswerable();
    await this.waitWhile(unchanged, [...topics, 'readiness'], wait, onDisconnect);
  }

  /**
   * A parked request that is woken is behind until it has its turn. A stream that sends a change is behind until its client has
   * taken it, in as far as the socket tells.
   */
  countBehind(index: number): number {
    let behind = 0;
    for (const request of this.#parked) if (!request.finished && !request.unchanged()) behind += 1;
    for (const { seen } of this.#streams) if (seen === undefined || seen < index) behind += 1;
    return behind;
  }

  /** An event stream has begun; the returned function says that it has ended. */
  trackStream(progress: StreamProgress): () => void {
    this.#streams.add(progress);
    return () => void this.#streams.delete(progress);
  }

  /** Throws 429 if nobody more can wait. */
  requireRoom(): void {
    if (this.#parked.size >= MAX_PARKED)
      throw new HttpError(429, `Too many blocking queries: at most ${MAX_PARKED} can wait at once`, {
        'Retry-After': '1',
      });
  }

  /** Waits in the same way while `unchanged` holds; it is checked again whenever one of the topics changes. */
  async waitWhile(
    unchanged: () => boolean,
    topics: readonly Topic[],
    wait: Millis,
    onDisconnect: OnDisconnect,
  ): Promise<void> {
    if (this.#closed || !unchanged()) return;
    this.requireRoom();
    await this.waitInStream(unchanged, topics, wait, onDisconnect);
  }

  /**
   * The same for a stream that has begun: between two waits others may have taken all the room, and it must not end for that.
   * Streams are bounded by connections, and begin with `requireRoom`.
   */
  async waitInStream(
    unchanged: () => boolean,
    topics: readonly Topic[],
    wait: Millis,
    onDisconnect: OnDisconnect,
  ): Promise<void> {
    if (this.#closed || !unchanged()) return;
    const request: ParkedRequest = { finished: false, unchanged, wake: () => undefined };
    const finish = (): void => finishRequest(request);
    const cancel = onDisconnect(finish);
    const timer = setTimeout(finish, this.#jitteredWait(wait));
    const unsubscribe = this.#agent.subscribe(topics, () => request.wake());
    this.#parked.add(request);
    try {
      while (!request.finished && unchanged()) {
        await new Promise<void>((resolve) => {
          request.wake = resolve;
        });
        if (!request.finished) await this.#waitForTurn();
      }
    } finally {
      this.#parked.delete(request);
      unsubscribe();
      clearTimeout(timer);
      cancel();
    }
  }

  /** Releases all parked requests, which are answered with the present state, and parks no more. */
  close(): void {
    this.#closed = true;
    for (const request of [...this.#parked]) finishRequest(request);
  }

  /**
   * Woken requests take turns in small batches: one change can wake thousands, and answering all of them at once would
   * delay packets and probes until other members suspect this agent.
   */
  #waitForTurn(): Promise<void> {
    return new Promise((resolve) => {
      this.#woken.push(resolve);
      if (this.#woken.length === 1) setImmediate(() => this.#releaseBatch());
    });
  }

  #releaseBatch(): void {
    for (const resume of this.#woken.splice(0, WAKE_BATCH_SIZE)) resume();
    if (this.#woken.length > 0) setImmediate(() => this.#releaseBatch());
  }

  /** Node may fire timers a fraction of a millisecond early, so one millisecond is added. */
  #jitteredWait(wait: Millis): Millis {
    return Math.ceil(wait + this.#random() * Math.max(0, wait / 16 - HEADROOM)) + 1;
  }
}

function finishRequest(request: ParkedRequest): void {
  request.finished = true;
  request.wake();
}
