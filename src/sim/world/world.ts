/**
 * The simulated world: the same agents as in production, byte for byte, on a virtual clock and one seed. Here inputs
 * and effects change hands; when is timeline.ts's business, what the network does to bytes network.ts's and pipes.ts's.
 */

import type { Command, Result } from '../../agent/contract/commands.ts';
import type { Fact } from '../../agent/contract/facts.ts';
import type { Effect, Input } from '../../agent/contract/machine.ts';
import type { Topic } from '../../agent/contract/view.ts';
import type { Address } from '../../base/address.ts';
import { createRng, type Rng } from '../../base/rng.ts';
import { type Millis, NEVER } from '../../base/time.ts';
import type { CheckOrder } from '../../checks/types.ts';
import type { Host, HostOptions } from './host.ts';
import { envelopeOf, kindsOf } from './message-kinds.ts';
import { CALM, Network } from './network.ts';
import { Population } from './population.ts';
import { Pipes } from './streams.ts';
import { Timeline } from './timeline.ts';
import { flat, Trace } from './trace.ts';
import type { Asked, Counts, Watcher, WorldOptions } from './types.ts';

interface Datagram {
  readonly to: Host;
  /** Where it lived when this was sent. */
  readonly at: Address;
  readonly from: Address;
  readonly bytes: Uint8Array;
}

type Due = Datagram | (() => void);

export class World {
  readonly seed: number;
  readonly rng: Rng;
  readonly network: Network;
  readonly trace: Trace;
  readonly counts: Counts = {
    packets: 0,
    packetBytes: 0,
    lost: 0,
    overflown: 0,
    streams: 0,
    streamBytes: 0,
    inputs: 0,
  };
  readonly #options: WorldOptions;
  readonly #pipes: Pipes;
  readonly #population = new Population();
  readonly #timeline = new Timeline<Due, Host>(
    (due) => this.#deliver(due),
    (host) => this.#tick(host),
  );
  readonly #watchers: Watcher[] = [];
  /** Those of them that look at datagrams. */
  readonly #overhearers: Watcher[] = [];
  readonly #asked = new Map<number, Asked>();
  readonly #out: Effect[] = [];
  #busy = false;
  #request = 0;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.seed = options.seed;
    this.rng = createRng(options.seed);
    this.trace = new Trace(options.trace ?? { detail: 'off', keep: 0 });
    this.network = new Network(this.rng.fork(), { ...CALM, ...options.weather }, () => this.now);
    const world = this;
    this.#pipes = new Pipes(
      {
        get now() {
          return world.now;
        },
        network: this.network,
        at: (when, act) => this.at(when, act),
        hostAt: (key) => this.#population.at(key),
        feed: (host, input) => this.#feed(host, input),
        moved: (from, to, what, bytes) => this.#moved(from, to, what, bytes),
      },
      this.rng.fork(),
    );
  }

  get now(): Millis {
    return this.#timeline.now;
  }

  get hosts(): Iterable<Host> {
    return this.#population.all();
  }

  host(label: string): Host {
    return this.#population.get(label);
  }

  watch(watcher: Watcher): void {
    this.#watchers.push(watcher);
    if (watcher.sent !== undefined) this.#overhearers.push(watcher);
  }

  /** A new machine with an address of its own; nothing runs there yet. */
  add(label: string, options: HostOptions = {}): Host {
    return this.#population.add(label, options);
  }

  /** An address nobody has had. */
  newAddress(v6?: boolean): Address {
    return this.#population.newAddress(v6);
  }

  /** Nonces from the seed: each 12 octets, never the same twice. */
  nonces(): () => Uint8Array {
    const rng = this.rng.fork();
    return () => Uint8Array.from({ length: 12 }, () => rng.int(256));
  }

  /**
   * Starts a process: `moved` gives the host a new address first, `remember` its agent what the last one left, `clock`
   * puts its wall clock off by so much.
   */
  start(label: string, how: { moved?: boolean; remember?: boolean; clock?: Millis } = {}): void {
    const host = this.host(label);
    if (host.running) throw new Error(`an agent runs on ${label} already`);
    const { moved = false, remember = false } = how;
    if (moved) this.#population.move(host);
    host.clock = how.clock ?? host.clock;
    host.dark = false;
    host.paused = false;
    host.lives += 1;
    const rng = this.rng.fork();
    const birthright = this.#population.birthright(host, rng, this.nonces(), remember, this.now);
    host.agent = this.#options.birth(birthright, host);
    this.#note(host, '*', `start${moved ? ' moved' : ''}${remember ? ' remember' : ''}`);
    for (const watcher of this.#watchers) watcher.started?.(host);
    this.#feed(host, { kind: 'tick' });
  }

  /** Kills the process without a word; with `dark` the machine with it, so that not even its kernel answers. */
  stop(label: string, how: { dark?: boolean } = {}): void {
    const host = this.host(label);
    this.#note(host, '*', how.dark === true ? 'dark' : 'stop');
    host.dark = how.dark === true;
    this.#fell(host);
  }

  /** SIGSTOP: nothing is handled, the kernel goes on collecting. */
  pause(label: string): void {
    const host = this.host(label);
    this.#note(host, '*', 'pause');
    host.paused = true;
  }

  /** SIGCONT: first what the sockets hold, in order, then the tick that is overdue, as the driver does it. */
  resume(label: string): void {
    const host = this.host(label);
    if (!host.paused) return;
    this.#note(host, '*', 'resume');
    host.paused = false;
    for (const input of host.drain()) this.#feed(host, input);
    const due = host.agent?.deadline ?? NEVER;
    if (due <= host.time(this.now)) this.#feed(host, { kind: 'tick' });
    this.#arm(host);
  }

  /** Gives a host another address while its agent runs, and tells the agent. */
  move(label: string): void {
    const host = this.host(label);
    this.#population.move(host);
    this.#note(host, '*', `moved to ${host.address.key}`);
    this.#feed(host, { kind: 'moved', address: host.address });
  }

  /** Puts a host's wall clock off by so much, while its agent runs. */
  setClock(label: string, clock: Millis): void {
    const host = this.host(label);
    this.#note(host, '*', `clock off by ${clock} ms`);
    host.clock = clock;
  }

  /** Asks the agent on a host; the answer appears in what is returned. */
  command(label: string, command: Command): Asked {
    const host = this.host(label);
    const asked: Asked = { command };
    this.#request += 1;
    this.#asked.set(this.#request, asked);
    this.#note(host, '?', command.kind);
    for (const watcher of this.#watchers) watcher.asked?.(host, command);
    this.#feed(host, { kind: 'command', request: this.#request, command });
    return asked;
  }

  /** A datagram out of nowhere, as any stranger may send one. */
  inject(label: string, from: Address, bytes: Uint8Array): void {
    this.#feed(this.host(label), { kind: 'packet', from, bytes });
  }

  /** A stream out of nowhere on which all of `bytes` comes at once; what is answered goes nowhere. */
  injectStream(label: string, from: Address, bytes: Uint8Array): void {
    const host = this.host(label);
    const stream = host.nextStream();
    this.#feed(host, { kind: 'streamAccepted', stream, from });
    this.#feed(host, { kind: 'streamData', stream, bytes });
    this.#feed(host, { kind: 'streamClosed', stream });
  }

  /** Does something at an instant that is not past. */
  at(when: Millis, act: () => void): void {
    this.#timeline.put(when, act);
  }

  /** Lets so many virtual milliseconds pass. */
  run(span: Millis): void {
    this.#timeline.advance(this.now + span);
  }

  /** Lets time pass until `done`, looked at every `step`. `false` if `limit` passed first. */
  runUntil(done: () => boolean, limit: Millis, step: Millis = 100): boolean {
    const end = this.now + limit;
    while (!done()) {
      if (this.now >= end) return false;
      this.#timeline.advance(Math.min(end, this.now + step));
    }
    return true;
  }

  #deliver(due: Due): void {
    if (typeof due === 'function') return due();
    // Whoever has moved meanwhile is not there any more.
    if (due.to.address === due.at) this.#feed(due.to, { kind: 'packet', from: due.from, bytes: due.bytes });
  }

  #tick(host: Host): void {
    host.armedAt = NEVER;
    if (host.paused) return;
    this.#feed(host, { kind: 'tick' });
  }

  #feed(host: Host, input: Input): void {
    const { agent } = host;
    if (agent === undefined) return;
    if (host.paused) {
      if (!host.hold(input)) this.counts.overflown += 1;
      return;
    }
    if (this.#busy) throw new Error('a watcher fed an agent: use world.at');
    this.counts.inputs += 1;
    this.#busy = true;
    if (this.#options.scribble === true && (input.kind === 'packet' || input.kind === 'streamData')) {
      const bytes = new Uint8Array(input.bytes);
      agent.handle({ ...input, bytes }, host.time(this.now), this.#out);
      bytes.fill(0xa5);
    } else agent.handle(input, host.time(this.now), this.#out);
    this.#busy = false;
    if (this.#out.length > 0) this.#settle(host);
    this.#arm(host);
  }

  #settle(host: Host): void {
    let facts: Fact[] | undefined;
    let topics: Topic[] | undefined;
    // Nothing below feeds an agent at once, so one array serves all.
    for (const effect of this.#out) {
      switch (effect.kind) {
        case 'sendPacket':
          this.#send(host, effect.to, effect.packet);
          break;
        case 'openStream':
          this.counts.streams += 1;
          this.#pipes.dial(host, effect.stream, effect.to);
          break;
        case 'writeStream':
          this.counts.streamBytes += effect.bytes.length;
          for (const watcher of this.#watchers) watcher.wrote?.(host, effect.bytes);
          this.#pipes.write(host, effect.stream, effect.bytes, effect.end);
          break;
        case 'closeStream':
          this.#pipes.close(host, effect.stream);
          break;
        case 'reply':
          this.#replied(effect.request, effect.result);
          break;
        case 'changed':
          if (topics === undefined) topics = [];
          topics.push(...effect.topics);
          break;
        case 'remember':
          if (host.save(effect.snapshot))
            for (const watcher of this.#watchers) watcher.remembered?.(host, 'snapshot');
          break;
        case 'rememberCatalog':
          if (host.shelve(effect.bytes))
            for (const watcher of this.#watchers) watcher.remembered?.(host, 'catalog');
          break;
        case 'fact':
          if (facts === undefined) facts = [];
          facts.push(effect.fact);
          if (this.trace.detail !== 'off') this.#note(host, '!', flat(effect.fact));
          break;
        case 'runCheck':
          this.#check(host, effect.order);
          break;
        case 'keepKeys': {
          host.keys = effect.keys;
          const { lives } = host;
          const { ticket } = effect;
          this.at(this.now, () => host.lives === lives && this.#feed(host, { kind: 'keysKept', ticket }));
          break;
        }
        case 'tell':
          break; // no programs live in this world
        case 'stopped':
          this.#note(host, '*', 'stopped');
          this.#fell(host);
          break;
        default:
          unknown(effect);
      }
    }
    this.#out.length = 0;
    if (facts === undefined && topics === undefined) return;
    this.#busy = true;
    for (const watcher of this.#watchers) watcher.acted?.(host, facts ?? [], topics ?? []);
    this.#busy = false;
  }

  #check(host: Host, order: CheckOrder): void {
    const checked = this.#options.check?.(host, order);
    if (checked === undefined) return;
    const { after, status, output } = checked;
    const { check, generation } = order;
    const { lives } = host;
    this.at(this.now + after, () => {
      if (host.lives === lives)
        this.#feed(host, { kind: 'checked', outcome: { check, generation, status, output } });
    });
  }

  #send(from: Host, to: Address, bytes: Uint8Array): void {
    this.counts.packets += 1;
    this.counts.packetBytes += bytes.length;
    const host = this.#population.at(to.key);
    for (const watcher of this.#overhearers) watcher.sent?.(from, host, bytes);
    const kinds = (): readonly string[] => kindsOf(bytes, envelopeOf(from.present));
    const delays =
      host === undefined ? [] : this.network.datagram(from.label, host.label, bytes.length, kinds);
    if (this.trace.carries) {
      const sign = delays.length === 0 ? 'x' : '>';
      const name = host?.label ?? to.key;
      this.trace.carried(this.now, from.label, sign, name, bytes, () => kinds().join('+'));
    }
    if (host === undefined) return;
    if (delays.length === 0) this.counts.lost += 1;
    for (const delay of delays)
      this.#timeline.put(this.now + delay, { to: host, at: host.address, from: from.address, bytes });
  }

  #moved(from: Host, to: Host, what: string, bytes: Uint8Array): void {
    this.trace.carried(this.now, from.label, '=', to.label, bytes, () => what);
  }

  #replied(request: number, result: Result): void {
    const asked = this.#asked.get(request);
    if (asked === undefined) throw new Error(`a second reply to request ${request}, or one nobody made`);
    this.#asked.delete(request);
    asked.result = result;
    asked.at = this.now;
  }

  #fell(host: Host): void {
    if (!host.running) return;
    host.agent = undefined;
    host.paused = false;
    host.drain();
    this.#pipes.fell(host);
    this.#timeline.arm(host, NEVER);
    host.armedAt = NEVER;
  }

  #arm(host: Host): void {
    const deadline = host.instant(host.agent?.deadline ?? NEVER);
    if (deadline === host.armedAt || host.paused) return;
    host.armedAt = deadline;
    this.#timeline.arm(host, deadline);
  }

  #note(host: Host, sign: '*' | '?' | '!', words: string): void {
    this.trace.note(this.now, host.label, sign, words);
  }
}

/** A new effect does not compile without a line in the world. */
const unknown = (effect: never): never => {
  throw new Error(`an effect this world does not know: ${JSON.stringify(effect)}`);
};
