/**
 * The simulated world: a discrete-event simulation that runs the production agents, byte for byte, on a virtual clock
 * and one seed. It hands inputs to agents and their effects to effects.ts; time passes in timeline.ts.
 */

import type { Command, CommandResult } from '../../agent/contract/commands.ts';
import type { Effect, Input } from '../../agent/contract/machine.ts';
import type { Address } from '../../base/address.ts';
import { createRng, type Rng } from '../../base/rng.ts';
import { type Millis, NEVER } from '../../base/time.ts';
import { type Datagram, type EffectContext, SimEffects } from './effects.ts';
import { openInjectedStream, type SimHost, type SimHostOptions } from './host.ts';
import { LAN_QUALITY, SimNetwork } from './network.ts';
import { Population } from './population.ts';
import { SimStreams, type StreamsContext } from './streams.ts';
import { Timeline } from './timeline.ts';
import { Trace } from './trace.ts';
import type {
  PendingCommand,
  StartOptions,
  StopOptions,
  WorldCounts,
  WorldListener,
  WorldOptions,
} from './types.ts';

type QueuedEvent = Datagram | (() => void);

export class World {
  readonly seed: number;
  readonly rng: Rng;
  readonly network: SimNetwork;
  readonly trace: Trace;
  readonly counts: WorldCounts = {
    packets: 0,
    packetBytes: 0,
    lost: 0,
    bufferOverflows: 0,
    streams: 0,
    streamBytes: 0,
    inputs: 0,
  };
  readonly #options: WorldOptions;
  readonly #streams: SimStreams;
  readonly #simEffects: SimEffects;
  readonly #population = new Population();
  readonly #timeline = new Timeline<QueuedEvent, SimHost>(
    (due) => this.#deliver(due),
    (host) => this.#tick(host),
  );
  readonly #listeners: WorldListener[] = [];
  /** Those of the listeners that look at datagrams. */
  readonly #datagramListeners: WorldListener[] = [];
  readonly #pendingCommands = new Map<number, PendingCommand>();
  readonly #effects: Effect[] = [];
  #busy = false;
  #request = 0;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.seed = options.seed;
    this.rng = createRng(options.seed);
    this.trace = new Trace(options.trace ?? { detail: 'off', maxLines: 0 });
    this.network = new SimNetwork(
      this.rng.fork(),
      { ...LAN_QUALITY, ...options.linkQuality },
      () => this.now,
    );
    this.#streams = new SimStreams(this.#createStreamsContext(), this.rng.fork());
    this.#simEffects = new SimEffects(this.#createEffectContext());
  }

  get now(): Millis {
    return this.#timeline.now;
  }

  get hosts(): Iterable<SimHost> {
    return this.#population.all();
  }

  host(label: string): SimHost {
    return this.#population.get(label);
  }

  subscribe(listener: WorldListener): void {
    this.#listeners.push(listener);
    if (listener.onDatagram !== undefined) this.#datagramListeners.push(listener);
  }

  /** Adds a host with an address of its own; nothing runs there yet. */
  add(label: string, options: SimHostOptions = {}): SimHost {
    return this.#population.add(label, options);
  }

  /** An address that no host has had. */
  newAddress(v6?: boolean): Address {
    return this.#population.newAddress(v6);
  }

  /** A source of nonces of 12 octets from the seed. */
  nonceSource(): () => Uint8Array {
    const rng = this.rng.fork();
    return () => Uint8Array.from({ length: 12 }, () => rng.int(256));
  }

  /** Starts a process on a host. */
  start(label: string, options: StartOptions = {}): void {
    const host = this.host(label);
    if (host.running) throw new Error(`an agent runs on ${label} already`);
    const { newAddress = false, restore = false } = options;
    if (newAddress) this.#population.changeAddress(host);
    host.wallClockOffset = options.wallClockOffset ?? host.wallClockOffset;
    host.poweredOff = false;
    host.paused = false;
    host.bootCount += 1;
    host.disk.sync(); // as the shell does before it reads
    const rng = this.rng.fork();
    const agentOptions = this.#population.agentOptions(host, {
      rng,
      nonce: this.nonceSource(),
      restore,
      now: this.now,
    });
    host.agent = this.#options.makeAgent(agentOptions, host);
    this.#record(host, '*', `start${newAddress ? ' newAddress' : ''}${restore ? ' restore' : ''}`);
    for (const listener of this.#listeners) listener.onStart?.(host);
    this.#dispatch(host, { kind: 'tick' });
  }

  /** Kills the process without a leave. */
  stop(label: string, { powerOff = false }: StopOptions = {}): void {
    const host = this.host(label);
    this.#record(host, '*', powerOff ? 'powerOff' : 'stop');
    host.poweredOff = powerOff;
    if (powerOff) host.disk.losePower();
    this.#onProcessEnd(host);
  }

  /** Suspends the process (SIGSTOP). The kernel goes on buffering its inputs. */
  pause(label: string): void {
    const host = this.host(label);
    this.#record(host, '*', 'pause');
    host.paused = true;
    for (const listener of this.#listeners) listener.onPause?.(host);
  }

  /**
   * Resumes the process (SIGCONT): it handles the buffered inputs in order and then an overdue tick, as the driver
   * does.
   */
  resume(label: string): void {
    const host = this.host(label);
    if (!host.paused) return;
    this.#record(host, '*', 'resume');
    host.paused = false;
    for (const input of host.dequeueInputs()) this.#dispatch(host, input);
    const due = host.agent?.deadline ?? NEVER;
    if (due <= host.toHostTime(this.now)) this.#dispatch(host, { kind: 'tick' });
    this.#scheduleTick(host);
  }

  /** Gives a host another address while its agent runs, and informs the agent. */
  changeAddress(label: string): void {
    const host = this.host(label);
    this.#population.changeAddress(host);
    this.#record(host, '*', `address changed to ${host.address.key}`);
    this.#dispatch(host, { kind: 'addressChanged', address: host.address });
  }

  /** Sets how far a host's wall clock is off, while its agent runs. */
  setWallClock(label: string, offset: Millis): void {
    const host = this.host(label);
    this.#record(host, '*', `wall clock off by ${offset} ms`);
    const by = offset - host.wallClockOffset;
    host.wallClockOffset = offset;
    if (by !== 0) this.#dispatch(host, { kind: 'wallClockStepped', by });
  }

  /** Sends a command to the agent of a host; the result appears in the returned object. */
  command(label: string, command: Command): PendingCommand {
    const host = this.host(label);
    const pending: PendingCommand = { command };
    this.#request += 1;
    this.#pendingCommands.set(this.#request, pending);
    this.#record(host, '?', command.kind);
    for (const listener of this.#listeners) listener.onCommand?.(host, command);
    this.#dispatch(host, { kind: 'command', request: this.#request, command });
    for (const listener of this.#listeners) listener.onCommandHandled?.(host, pending);
    return pending;
  }

  /** Delivers a datagram that no host sent. */
  injectDatagram(label: string, from: Address, bytes: Uint8Array): void {
    this.#dispatch(this.host(label), { kind: 'packet', from, bytes });
  }

  /** Delivers a stream that no host opened, with all of its bytes at once. Answers are lost. */
  injectStream(label: string, from: Address, bytes: Uint8Array): void {
    const write = this.openStream(label, from);
    write(bytes);
    write();
  }

  /** Opens a stream that no host opened. What it returns writes to it, and without bytes closes it. */
  openStream(label: string, from: Address): (bytes?: Uint8Array) => void {
    return openInjectedStream(this.host(label), from, (host, input) => this.#dispatch(host, input));
  }

  get streams(): SimStreams {
    return this.#streams;
  }

  /** Calls `act` at a time that is not in the past. */
  schedule(when: Millis, act: () => void): void {
    this.#timeline.schedule(when, act);
  }

  /** Lets virtual time pass. */
  run(span: Millis): void {
    this.#timeline.advanceTo(this.now + span);
  }

  /** Lets time pass until `done`, which is called every `step`. `false` if `limit` passed first. */
  runUntil(done: () => boolean, limit: Millis, step: Millis = 100): boolean {
    const end = this.now + limit;
    while (!done()) {
      if (this.now >= end) return false;
      this.#timeline.advanceTo(Math.min(end, this.now + step));
    }
    return true;
  }

  #createStreamsContext(): StreamsContext {
    const timeline = this.#timeline;
    return {
      get now() {
        return timeline.now;
      },
      network: this.network,
      schedule: (when, act) => this.#timeline.schedule(when, act),
      hostByAddress: (key) => this.#population.byAddress(key),
      dispatch: (host, input) => this.#dispatch(host, input),
      onTransfer: (from, to, what, bytes) => {
        if (this.trace.recordsTransfers)
          this.trace.recordTransfer(
            { at: this.now, from: from.label, sign: '=', to: to.label },
            bytes,
            () => what,
          );
      },
    };
  }

  #createEffectContext(): EffectContext {
    const timeline = this.#timeline;
    const { network, trace, counts } = this;
    return {
      get now() {
        return timeline.now;
      },
      ...{ network, trace, counts, streams: this.#streams },
      listeners: this.#listeners,
      datagramListeners: this.#datagramListeners,
      simulateCheck: this.#options.simulateCheck,
      simulateJobRun: this.#options.simulateJobRun,
      hostByAddress: (key) => this.#population.byAddress(key),
      schedule: (when, due) => this.#timeline.schedule(when, due),
      dispatch: (host, input) => this.#dispatch(host, input),
      onReply: (host, request, result) => this.#onReply(host, request, result),
      onStopped: (host) => {
        this.#record(host, '*', 'stopped');
        host.disk.flush();
        this.#onProcessEnd(host);
      },
    };
  }

  #deliver(due: QueuedEvent): void {
    if (typeof due === 'function') return due();
    // A host that has changed its address meanwhile is not reached.
    if (due.to.address === due.at)
      this.#dispatch(due.to, { kind: 'packet', from: due.from, bytes: due.bytes });
  }

  #tick(host: SimHost): void {
    host.tickAt = NEVER;
    if (host.paused) return;
    this.#dispatch(host, { kind: 'tick' });
  }

  #dispatch(host: SimHost, input: Input): void {
    const { agent } = host;
    if (agent === undefined) return;
    if (host.paused) {
      if (!host.bufferInput(input)) this.counts.bufferOverflows += 1;
      return;
    }
    if (this.#busy) throw new Error('a listener gave an agent an input: use world.schedule');
    this.counts.inputs += 1;
    this.#busy = true;
    if (this.#options.poisonInputs === true && (input.kind === 'packet' || input.kind === 'streamData')) {
      const bytes = new Uint8Array(input.bytes);
      agent.handle({ ...input, bytes }, host.toHostTime(this.now), this.#effects);
      bytes.fill(0xa5);
    } else agent.handle(input, host.toHostTime(this.now), this.#effects);
    this.#busy = false;
    if (this.#effects.length > 0) this.#applyEffects(host);
    this.#scheduleTick(host);
  }

  #applyEffects(host: SimHost): void {
    const report = this.#simEffects.apply(host, this.#effects);
    if (report === undefined) return;
    this.#busy = true;
    for (const listener of this.#listeners) listener.onEffects?.(host, report.facts, report.topics);
    this.#busy = false;
  }

  #onReply(host: SimHost, request: number, result: CommandResult): void {
    const pending = this.#pendingCommands.get(request);
    if (pending === undefined) throw new Error(`a second reply to request ${request}, or one nobody made`);
    this.#pendingCommands.delete(request);
    pending.result = result;
    pending.repliedAt = this.now;
    for (const listener of this.#listeners) listener.onReply?.(host, pending);
  }

  #onProcessEnd(host: SimHost): void {
    if (!host.running) return;
    host.agent = undefined;
    host.paused = false;
    host.dequeueInputs();
    host.disk.pending = undefined;
    this.#streams.onProcessEnd(host);
    this.#timeline.setAlarm(host, NEVER);
    host.tickAt = NEVER;
  }

  #scheduleTick(host: SimHost): void {
    const deadline = host.toWorldTime(host.agent?.deadline ?? NEVER);
    if (deadline === host.tickAt || host.paused) return;
    host.tickAt = deadline;
    this.#timeline.setAlarm(host, deadline);
  }

  #record(host: SimHost, sign: '*' | '?' | '!', words: string): void {
    this.trace.record(this.now, host.label, sign, words);
  }
}
