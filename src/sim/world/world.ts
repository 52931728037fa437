/**
 * The simulated world: the same agents as in production, byte for byte, on a virtual clock and one seed. Here inputs
 * and effects change hands; when is timeline.ts's business, what the network does to bytes network.ts's and pipes.ts's.
 */

import type { Command, CommandResult } from '../../agent/contract/commands.ts';
import type { Fact } from '../../agent/contract/facts.ts';
import type { Effect, Input } from '../../agent/contract/machine.ts';
import type { Topic } from '../../agent/contract/view.ts';
import type { Address } from '../../base/address.ts';
import { createRng, type Rng } from '../../base/rng.ts';
import { type Millis, NEVER } from '../../base/time.ts';
import type { CheckRun } from '../../checks/types.ts';
import type { SimHost, SimHostOptions } from './host.ts';
import { hostEnvelope, messageKinds } from './message-kinds.ts';
import { LAN_QUALITY, SimNetwork } from './network.ts';
import { Population } from './population.ts';
import { SimStreams } from './streams.ts';
import { Timeline } from './timeline.ts';
import { formatFlat, Trace } from './trace.ts';
import type {
  PendingCommand,
  StartOptions,
  StopOptions,
  WorldCounts,
  WorldListener,
  WorldOptions,
} from './types.ts';

interface Datagram {
  readonly to: SimHost;
  /** Where it lived when this was sent. */
  readonly at: Address;
  readonly from: Address;
  readonly bytes: Uint8Array;
}

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
  readonly #population = new Population();
  readonly #timeline = new Timeline<QueuedEvent, SimHost>(
    (due) => this.#deliver(due),
    (host) => this.#tick(host),
  );
  readonly #listeners: WorldListener[] = [];
  /** Those of them that look at datagrams. */
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
    const world = this;
    this.#streams = new SimStreams(
      {
        get now() {
          return world.now;
        },
        network: this.network,
        schedule: (when, act) => this.schedule(when, act),
        hostByAddress: (key) => this.#population.byAddress(key),
        dispatch: (host, input) => this.#dispatch(host, input),
        onTransfer: (from, to, what, bytes) => this.#onTransfer(from, to, what, bytes),
      },
      this.rng.fork(),
    );
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

  subscribe(watcher: WorldListener): void {
    this.#listeners.push(watcher);
    if (watcher.onDatagram !== undefined) this.#datagramListeners.push(watcher);
  }

  /** A new machine with an address of its own; nothing runs there yet. */
  add(label: string, options: SimHostOptions = {}): SimHost {
    return this.#population.add(label, options);
  }

  /** An address nobody has had. */
  newAddress(v6?: boolean): Address {
    return this.#population.newAddress(v6);
  }

  /** Nonces from the seed: each 12 octets, never the same twice. */
  nonceSource(): () => Uint8Array {
    const rng = this.rng.fork();
    return () => Uint8Array.from({ length: 12 }, () => rng.int(256));
  }

  /**
   * Starts a process: `moved` gives the host a new address first, `remember` its agent what the last one left, `clock`
   * puts its wall clock off by so much.
   */
  start(label: string, options: StartOptions = {}): void {
    const host = this.host(label);
    if (host.running) throw new Error(`an agent runs on ${label} already`);
    const { newAddress = false, restore = false } = options;
    if (newAddress) this.#population.changeAddress(host);
    host.wallClockOffset = options.wallClockOffset ?? host.wallClockOffset;
    host.poweredOff = false;
    host.paused = false;
    host.bootCount += 1;
    const rng = this.rng.fork();
    const birthright = this.#population.agentOptions(host, rng, this.nonceSource(), restore, this.now);
    host.agent = this.#options.makeAgent(birthright, host);
    this.#record(host, '*', `start${newAddress ? ' newAddress' : ''}${restore ? ' restore' : ''}`);
    for (const watcher of this.#listeners) watcher.onStart?.(host);
    this.#dispatch(host, { kind: 'tick' });
  }

  /** Kills the process without a word; with `dark` the machine with it, so that not even its kernel answers. */
  stop(label: string, { powerOff = false }: StopOptions = {}): void {
    const host = this.host(label);
    this.#record(host, '*', powerOff ? 'powerOff' : 'stop');
    host.poweredOff = powerOff;
    this.#onProcessEnd(host);
  }

  /** SIGSTOP: nothing is handled, the kernel goes on collecting. */
  pause(label: string): void {
    const host = this.host(label);
    this.#record(host, '*', 'pause');
    host.paused = true;
  }

  /** SIGCONT: first what the sockets hold, in order, then the tick that is overdue, as the driver does it. */
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

  /** Gives a host another address while its agent runs, and tells the agent. */
  changeAddress(label: string): void {
    const host = this.host(label);
    this.#population.changeAddress(host);
    this.#record(host, '*', `address changed to ${host.address.key}`);
    this.#dispatch(host, { kind: 'addressChanged', address: host.address });
  }

  /** Puts a host's wall clock off by so much, while its agent runs. */
  setWallClock(label: string, offset: Millis): void {
    const host = this.host(label);
    this.#record(host, '*', `wall clock off by ${offset} ms`);
    host.wallClockOffset = offset;
  }

  /** Asks the agent on a host; the answer appears in what is returned. */
  command(label: string, command: Command): PendingCommand {
    const host = this.host(label);
    const asked: PendingCommand = { command };
    this.#request += 1;
    this.#pendingCommands.set(this.#request, asked);
    this.#record(host, '?', command.kind);
    for (const watcher of this.#listeners) watcher.onCommand?.(host, command);
    this.#dispatch(host, { kind: 'command', request: this.#request, command });
    return asked;
  }

  /** A datagram out of nowhere, as any stranger may send one. */
  injectDatagram(label: string, from: Address, bytes: Uint8Array): void {
    this.#dispatch(this.host(label), { kind: 'packet', from, bytes });
  }

  /** A stream out of nowhere on which all of `bytes` comes at once; what is answered goes nowhere. */
  injectStream(label: string, from: Address, bytes: Uint8Array): void {
    const host = this.host(label);
    const stream = host.nextStream();
    this.#dispatch(host, { kind: 'streamAccepted', stream, from });
    this.#dispatch(host, { kind: 'streamData', stream, bytes });
    this.#dispatch(host, { kind: 'streamClosed', stream });
  }

  /** Does something at an instant that is not past. */
  schedule(when: Millis, act: () => void): void {
    this.#timeline.schedule(when, act);
  }

  /** Lets so many virtual milliseconds pass. */
  run(span: Millis): void {
    this.#timeline.advanceTo(this.now + span);
  }

  /** Lets time pass until `done`, looked at every `step`. `false` if `limit` passed first. */
  runUntil(done: () => boolean, limit: Millis, step: Millis = 100): boolean {
    const end = this.now + limit;
    while (!done()) {
      if (this.now >= end) return false;
      this.#timeline.advanceTo(Math.min(end, this.now + step));
    }
    return true;
  }

  #deliver(due: QueuedEvent): void {
    if (typeof due === 'function') return due();
    // Whoever has moved meanwhile is not there any more.
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
    let facts: Fact[] | undefined;
    let topics: Topic[] | undefined;
    // Nothing below feeds an agent at once, so one array serves all.
    for (const effect of this.#effects) {
      switch (effect.kind) {
        case 'sendPacket':
          this.#sendDatagram(host, effect.to, effect.packet);
          break;
        case 'openStream':
          this.counts.streams += 1;
          this.#streams.dial(host, effect.stream, effect.to);
          break;
        case 'writeStream':
          this.counts.streamBytes += effect.bytes.length;
          for (const watcher of this.#listeners) watcher.onStreamWrite?.(host, effect.bytes);
          this.#streams.write(host, effect.stream, effect.bytes, effect.end);
          break;
        case 'closeStream':
          this.#streams.close(host, effect.stream);
          break;
        case 'reply':
          this.#onReply(effect.request, effect.result);
          break;
        case 'topicsChanged':
          if (topics === undefined) topics = [];
          topics.push(...effect.topics);
          break;
        case 'saveSnapshot':
          if (host.saveSnapshot(effect.snapshot))
            for (const watcher of this.#listeners) watcher.onPersist?.(host, 'snapshot');
          break;
        case 'saveCatalog':
          if (host.saveCatalog(effect.bytes))
            for (const watcher of this.#listeners) watcher.onPersist?.(host, 'catalog');
          break;
        case 'fact':
          if (facts === undefined) facts = [];
          facts.push(effect.fact);
          if (this.trace.detail !== 'off') this.#record(host, '!', formatFlat(effect.fact));
          break;
        case 'runCheck':
          this.#runCheck(host, effect.run);
          break;
        case 'storeKeys': {
          host.keys = effect.keys;
          const { bootCount: lives } = host;
          const { ticket } = effect;
          this.schedule(
            this.now,
            () => host.bootCount === lives && this.#dispatch(host, { kind: 'keysStored', ticket }),
          );
          break;
        }
        case 'notify':
          break; // no programs live in this world
        case 'stopped':
          this.#record(host, '*', 'stopped');
          this.#onProcessEnd(host);
          break;
        default:
          unknownEffect(effect);
      }
    }
    this.#effects.length = 0;
    if (facts === undefined && topics === undefined) return;
    this.#busy = true;
    for (const watcher of this.#listeners) watcher.onEffects?.(host, facts ?? [], topics ?? []);
    this.#busy = false;
  }

  #runCheck(host: SimHost, run: CheckRun): void {
    const checked = this.#options.simulateCheck?.(host, run);
    if (checked === undefined) return;
    const { after, status, output } = checked;
    const { check, generation } = run;
    const { bootCount: lives } = host;
    this.schedule(this.now + after, () => {
      if (host.bootCount === lives)
        this.#dispatch(host, { kind: 'checkFinished', outcome: { check, generation, status, output } });
    });
  }

  #sendDatagram(from: SimHost, to: Address, bytes: Uint8Array): void {
    this.counts.packets += 1;
    this.counts.packetBytes += bytes.length;
    const host = this.#population.byAddress(to.key);
    for (const watcher of this.#datagramListeners) watcher.onDatagram?.(from, host, bytes);
    const kinds = (): readonly string[] => messageKinds(bytes, hostEnvelope(from.currentOptions));
    const delays =
      host === undefined ? [] : this.network.datagramDelays(from.label, host.label, bytes.length, kinds);
    if (this.trace.recordsTransfers) {
      const sign = delays.length === 0 ? 'x' : '>';
      const name = host?.label ?? to.key;
      this.trace.recordTransfer(this.now, from.label, sign, name, bytes, () => kinds().join('+'));
    }
    if (host === undefined) return;
    if (delays.length === 0) this.counts.lost += 1;
    for (const delay of delays)
      this.#timeline.schedule(this.now + delay, { to: host, at: host.address, from: from.address, bytes });
  }

  #onTransfer(from: SimHost, to: SimHost, what: string, bytes: Uint8Array): void {
    this.trace.recordTransfer(this.now, from.label, '=', to.label, bytes, () => what);
  }

  #onReply(request: number, result: CommandResult): void {
    const asked = this.#pendingCommands.get(request);
    if (asked === undefined) throw new Error(`a second reply to request ${request}, or one nobody made`);
    this.#pendingCommands.delete(request);
    asked.result = result;
    asked.repliedAt = this.now;
  }

  #onProcessEnd(host: SimHost): void {
    if (!host.running) return;
    host.agent = undefined;
    host.paused = false;
    host.dequeueInputs();
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

/** A new effect does not compile without a line in the world. */
const unknownEffect = (effect: never): never => {
  throw new Error(`an effect this world does not know: ${JSON.stringify(effect)}`);
};
