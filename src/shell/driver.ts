/**
 * Runs the machine: feeds inputs one at a time, carries out effects in order, arms the one timer. Sockets, disk and
 * logs are behind `Io`; what the inputs mean is the agent's business.
 */
import { createHistogram } from 'node:perf_hooks';
import type { CommandResult, RequestId } from '../agent/contract/commands.ts';
import type { Fact } from '../agent/contract/facts.ts';
import type { Agent, Effect, Input, Snapshot, StreamId } from '../agent/contract/machine.ts';
import type { Topic } from '../agent/contract/view.ts';
import type { Address } from '../base/address.ts';
import { type Millis, NEVER } from '../base/time.ts';
import type { CheckRun } from '../checks/types.ts';
import type { HandlerEvent } from '../serf/types.ts';

/** Everything effects reach. Failures come back as inputs, or as nothing. */
export interface DriverIo {
  readonly udp: { send(packet: Uint8Array, to: Address): void };
  readonly tcp: {
    open(stream: StreamId, to: Address): void;
    write(stream: StreamId, bytes: Uint8Array, end: boolean): void;
    destroy(stream: StreamId): void;
  };
  readonly requests: { reply(request: RequestId, result: CommandResult): void };
  readonly watchers: { notify(topics: readonly Topic[]): void };
  readonly storage: { save(snapshot: Snapshot): void; saveCatalog(bytes: Uint8Array): void };
  /** Keeps gossip keys; what became of it is told once, later. */
  readonly keys: { save(keys: readonly Uint8Array[], done: (error?: string) => void): void };
  readonly runners: { run(order: CheckRun): void };
  readonly journal: { record(fact: Fact): void };
  readonly handlers: { notify(news: HandlerEvent): void };
  onStopped(why: string | undefined): void;
}

type EffectHandlers = {
  readonly [K in Effect['kind']]: (effect: Extract<Effect, { kind: K }>) => void;
};

/** One line per effect: a new one does not compile without it. */
export const createEffectHandlers = (io: DriverIo, feed: (input: Input) => void): EffectHandlers => ({
  sendPacket: ({ packet, to }) => io.udp.send(packet, to),
  openStream: ({ stream, to }) => io.tcp.open(stream, to),
  writeStream: ({ stream, bytes, end }) => io.tcp.write(stream, bytes, end),
  closeStream: ({ stream }) => io.tcp.destroy(stream),
  runCheck: ({ run }) => io.runners.run(run),
  reply: ({ request, result }) => io.requests.reply(request, result),
  topicsChanged: ({ topics }) => io.watchers.notify(topics),
  saveSnapshot: ({ snapshot }) => io.storage.save(snapshot),
  saveCatalog: ({ bytes }) => io.storage.saveCatalog(bytes),
  storeKeys: ({ ticket, keys }) =>
    io.keys.save(keys, (error) =>
      feed({ kind: 'keysStored', ticket, ...(error === undefined ? {} : { error }) }),
    ),
  fact: ({ fact }) => io.journal.record(fact),
  notify: ({ event }) => io.handlers.notify(event),
  stopped: ({ why }) => io.onStopped(why),
});

/** The agent's clock: milliseconds since this process began, never set back. */
export const monotonicNow = (): Millis => performance.now();

/** How late ticks came, in milliseconds, since the start. */
export interface Lateness {
  readonly ticks: number;
  readonly max: Millis;
  readonly p999: Millis;
}

/** libuv reads at most this many datagrams of a socket before it looks elsewhere. */
const BATCH = 32;
/** Batches a due tick lets pass first: 2,048 packets, about what a receive buffer holds. */
const YIELDS = 64;
/** The longest span Node's timers take. */
const LONGEST = 2 ** 31 - 1;

export class Driver {
  readonly #agent: Agent;
  readonly #effectHandlers: EffectHandlers;
  readonly #onFatal: (error: unknown) => void;
  readonly #queue: Input[] = [];
  readonly #effects: Effect[] = [];
  readonly #lateness = createHistogram(); // microseconds
  #busy = false;
  #stopped = false;
  #dispatched = 0;
  #timer: NodeJS.Timeout | undefined;
  #yield: NodeJS.Immediate | undefined;
  /** When the armed timer is due; `NEVER` if none is armed. */
  #armedAt: Millis = NEVER;

  /** `onFatal` gets what should have been impossible, once; nothing is fed after it. */
  constructor(agent: Agent, io: DriverIo, onFatal: (error: unknown) => void) {
    this.#agent = agent;
    this.#effectHandlers = createEffectHandlers(io, (input) => this.dispatch(input));
    this.#onFatal = onFatal;
  }

  get lateness(): Lateness {
    const { count, max } = this.#lateness;
    if (count === 0) return { ticks: 0, max: 0, p999: 0 };
    return { ticks: count, max: max / 1000, p999: this.#lateness.percentile(99.9) / 1000 };
  }

  /** Gives the agent its first tick, in which it may speak. */
  start(): void {
    this.dispatch({ kind: 'tick' });
  }

  /** Never re-entrant: what an effect causes waits until all effects before it are carried out. */
  dispatch(input: Input): void {
    if (this.#stopped) return;
    this.#dispatched += 1;
    this.#queue.push(input);
    if (this.#busy) return;
    this.#busy = true;
    try {
      for (let i = 0; i < this.#queue.length; i++) this.#handle(this.#queue[i] as Input);
    } catch (error) {
      this.stop();
      this.#onFatal(error);
    } finally {
      this.#queue.length = 0;
      this.#effects.length = 0;
      this.#busy = false;
    }
    this.#armTimer();
  }

  /** Nothing is fed, and no tick comes, after this. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    clearImmediate(this.#yield);
  }

  #handle(input: Input): void {
    if (this.#stopped) return;
    this.#agent.handle(input, monotonicNow(), this.#effects);
    for (const effect of this.#effects)
      (this.#effectHandlers[effect.kind] as (effect: Effect) => void)(effect);
    this.#effects.length = 0;
  }

  /** A timer that is due too early is left alone: when it wakes, it arms the right one. */
  #armTimer(): void {
    const { deadline } = this.#agent;
    if (this.#stopped || this.#yield !== undefined || deadline >= this.#armedAt) return;
    clearTimeout(this.#timer);
    const now = monotonicNow();
    this.#armedAt = Math.max(deadline, now);
    this.#timer = setTimeout(() => this.#onTimer(), Math.min(Math.ceil(this.#armedAt - now), LONGEST));
  }

  #onTimer(): void {
    const due = Math.max(this.#armedAt, this.#agent.deadline);
    this.#armedAt = NEVER;
    if (monotonicNow() < due) return this.#armTimer();
    this.#yieldToSockets(due, YIELDS);
  }

  /**
   * Node runs timers before it reads sockets. After a stall a probe's timeout would fire while its ack waits in
   * the socket: so what has arrived is read first, batch by batch, and only then the tick is fed.
   */
  #yieldToSockets(due: Millis, yields: number): void {
    const before = this.#dispatched;
    this.#yield = setImmediate(() => {
      if (this.#dispatched - before >= BATCH && yields > 1) return this.#yieldToSockets(due, yields - 1);
      this.#yield = undefined;
      this.#lateness.record(Math.max(1, Math.round((monotonicNow() - due) * 1000)));
      this.dispatch({ kind: 'tick' });
    });
  }
}
