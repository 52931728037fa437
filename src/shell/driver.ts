/**
 * The driver runs the sans-IO agent on Node: it dispatches inputs one at a time, executes effects in order and arms the
 * one timer. Sockets, disk and logs are behind `DriverIo`.
 */
import { createHistogram } from 'node:perf_hooks';
import type { CommandResult, RequestId } from '../agent/contract/commands.ts';
import type { Fact } from '../agent/contract/facts.ts';
import type { Agent, Effect, Input, Snapshot, StreamId } from '../agent/contract/machine.ts';
import type { Topic } from '../agent/contract/view.ts';
import type { Address } from '../base/address.ts';
import { type Millis, NEVER } from '../base/time.ts';
import type { CheckRun } from '../checks/types.ts';
import type { RunRequest } from '../jobs/types.ts';
import type { HandlerEvent } from '../serf/types.ts';

/** Where effects go. A failure comes back as an input or is recorded; nothing here throws. */
export interface DriverIo {
  readonly udp: { send(packet: Uint8Array, to: Address): void };
  readonly tcp: {
    open(stream: StreamId, to: Address): void;
    write(stream: StreamId, bytes: Uint8Array, end: boolean): void;
    hold(stream: StreamId): void;
    destroy(stream: StreamId): void;
  };
  readonly requests: { reply(request: RequestId, result: CommandResult): void };
  readonly subscriptions: { notify(topics: readonly Topic[]): void };
  /** Readers that have not been sent what the view shows at `index`, by default the present one. */
  readonly readers: {
    count(index: number | undefined): { readonly index: number; readonly waiting: number };
  };
  readonly storage: {
    /** Calls `onWritten` later: when the snapshot survives a crash, or with the reason why it does not yet. */
    save(snapshot: Snapshot, onWritten: (error?: string) => void): void;
    saveCatalog(bytes: Uint8Array): void;
  };
  /** Stores gossip keys; calls `done` once, later. `isConfigured`: the keyring file has the same. */
  readonly keys: {
    save(keys: readonly Uint8Array[], done: (error?: string) => void, isConfigured: boolean): void;
  };
  readonly runners: { run(run: CheckRun): void; stop(check: string): void };
  readonly jobs: { start(run: RunRequest): void };
  readonly journal: { record(fact: Fact): void };
  readonly handlers: { notify(event: HandlerEvent): void };
  onStopped(reason: string | undefined): void;
}

type EffectHandlers = {
  readonly [K in Effect['kind']]: (effect: Extract<Effect, { kind: K }>) => void;
};

/** One handler for each kind of effect. A new kind does not compile without one. */
export const createEffectHandlers = (io: DriverIo, dispatch: (input: Input) => void): EffectHandlers => ({
  sendPacket: ({ packet, to }) => io.udp.send(packet, to),
  openStream: ({ stream, to }) => io.tcp.open(stream, to),
  writeStream: ({ stream, bytes, end }) => io.tcp.write(stream, bytes, end),
  holdStream: ({ stream }) => io.tcp.hold(stream),
  closeStream: ({ stream }) => io.tcp.destroy(stream),
  runCheck: ({ run }) => io.runners.run(run),
  stopCheck: ({ check }) => io.runners.stop(check),
  startJobRun: ({ run }) => io.jobs.start(run),
  reply: ({ request, result }) => io.requests.reply(request, result),
  topicsChanged: ({ topics }) => io.subscriptions.notify(topics),
  countReaders: ({ ticket, index }) =>
    dispatch({ kind: 'readersCounted', ticket, ...io.readers.count(index) }),
  saveSnapshot: ({ revision, snapshot }) =>
    io.storage.save(snapshot, (error) =>
      dispatch({ kind: 'snapshotStored', revision, ...(error === undefined ? {} : { error }) }),
    ),
  saveCatalog: ({ bytes }) => io.storage.saveCatalog(bytes),
  storeKeys: ({ ticket, keys, isConfigured = false }) =>
    io.keys.save(
      keys,
      (error) => dispatch({ kind: 'keysStored', ticket, ...(error === undefined ? {} : { error }) }),
      isConfigured,
    ),
  fact: ({ fact }) => io.journal.record(fact),
  notify: ({ event }) => io.handlers.notify(event),
  stopped: ({ why }) => io.onStopped(why),
});

/** The agent's clock: milliseconds since this process began, never set back. */
export const monotonicNow = (): Millis => performance.now();

/** Event loop lag since the start: how late ticks ran, in milliseconds. */
export interface Lateness {
  readonly ticks: number;
  readonly max: Millis;
  readonly p999: Millis;
}

/** libuv reads at most this many datagrams of a socket before it turns to other handles. */
const BATCH_SIZE = 32;
/** Batches read before a tick that is due: 2,048 packets, about what a receive buffer holds. */
const MAX_YIELDS = 64;
/** The longest delay of Node's timers, milliseconds. */
const MAX_TIMER_DELAY = 2 ** 31 - 1;

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

  /** `onFatal` is called once, with an error that the agent or an effect threw. Nothing is dispatched after it. */
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

  /** Dispatches the first tick; the agent starts to send. */
  start(): void {
    this.dispatch({ kind: 'tick' });
  }

  /** Not re-entrant: an input that an effect causes waits until all earlier effects are executed. */
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

  /** After this no input is dispatched, and no tick comes. */
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

  /** A timer that fires too early is not replaced: when it fires, it arms the right one. */
  #armTimer(): void {
    const { deadline } = this.#agent;
    if (this.#stopped || this.#yield !== undefined || deadline >= this.#armedAt) return;
    clearTimeout(this.#timer);
    const now = monotonicNow();
    this.#armedAt = Math.max(deadline, now);
    this.#timer = setTimeout(
      () => this.#onTimer(),
      Math.min(Math.ceil(this.#armedAt - now), MAX_TIMER_DELAY),
    );
  }

  #onTimer(): void {
    const due = Math.max(this.#armedAt, this.#agent.deadline);
    this.#armedAt = NEVER;
    if (monotonicNow() < due) return this.#armTimer();
    this.#yieldToSockets(due, MAX_YIELDS);
  }

  /**
   * Node runs timers before it reads sockets. After a stall of the event loop a probe would time out while its ack
   * waits in the socket, so arrived packets are read first, batch by batch, and then the tick is dispatched.
   */
  #yieldToSockets(due: Millis, yields: number): void {
    const before = this.#dispatched;
    this.#yield = setImmediate(() => {
      if (this.#dispatched - before >= BATCH_SIZE && yields > 1) return this.#yieldToSockets(due, yields - 1);
      this.#yield = undefined;
      this.#lateness.record(Math.max(1, Math.round((monotonicNow() - due) * 1000)));
      this.dispatch({ kind: 'tick' });
    });
  }
}
