/** One machine of a world: an address, a disk, perhaps a running agent, and the kernel's buffer in front of it. */

import type { Agent, Input, Snapshot } from '../../agent/contract/machine.ts';
import type { Address } from '../../base/address.ts';
import { type Millis, NEVER } from '../../base/time.ts';
import { type SerfConfig, type SwimConfig, swimSection } from '../../config/protocol.ts';
import { withDefaults } from '../../config/setting.ts';

/** What may differ from host to host. */
export interface SimHostOptions {
  /** The agent's name; the host's label if absent. Two hosts may claim one name. */
  readonly name?: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly swim?: Partial<SwimConfig>;
  readonly serf?: Partial<SerfConfig>;
  readonly keys?: readonly Uint8Array[];
  /** memberlist's label, not the host's. */
  readonly gossipLabel?: string;
  /** Is there somewhere to remember things? True by default. */
  readonly disk?: boolean;
  /** A peer without a catalogue, as Serf agents are (plain.ts). */
  readonly serfPeer?: boolean;
  /** How much faster its clocks run than the world's, in parts of a million. */
  readonly driftPpm?: number;
  readonly v6?: boolean;
}

/** Bytes of datagrams a kernel keeps for a process that does not read: Linux's default `rmem`. */
const SOCKET_BUFFER_BYTES = 212_992;
/** What the kernel counts for a datagram besides its octets. */
const PACKET_OVERHEAD_BYTES = 512;
/** A step well above what a clock's last digit is worth within a year, and well below anything measured. */
const ROUNDING: Millis = 0.00001;
/** States of a disk that may still be found after a torn write. */
const KEPT_STATES = 16;

export class SimHost {
  /** Who this is to the world, the rules of its network, and its trace. */
  readonly label: string;
  readonly name: string;
  readonly options: SimHostOptions;
  address: Address;
  /** `undefined` while nothing runs here. */
  agent: Agent | undefined;
  /** The process is stopped (SIGSTOP) or starved: its kernel still answers. */
  paused = false;
  /** The machine is off: its kernel answers nothing. */
  poweredOff = false;
  /** What the agent asked to remember last, and that was written; outlives it. */
  savedSnapshot: Snapshot | undefined;
  /** Likewise, of what others published. */
  savedCatalog: Uint8Array | undefined;
  /** Nothing more can be written: it is full, or broken. */
  diskFailing = false;
  /** Its gossip keys as they are kept, primary first. */
  keys: readonly Uint8Array[];
  /** How far its wall clock is off. */
  wallClockOffset: Millis = 0;
  /** Processes that ran here so far. */
  bootCount = 0;
  /** The settings the agent reads. They may be turned while it runs, which no configuration can. */
  readonly swim: { -readonly [K in keyof SwimConfig]: SwimConfig[K] };
  /** When the agent's tick is armed for. */
  tickAt: Millis = NEVER;
  /** What `disk` was before, latest last. */
  #previousSnapshots: Snapshot[] = [];
  readonly #clockRate: number;
  #bufferedInputs: Input[] = [];
  #bufferedBytes = 0;
  #stream = -1;

  constructor(label: string, address: Address, options: SimHostOptions) {
    this.label = label;
    this.name = options.name ?? label;
    this.address = address;
    this.options = options;
    this.keys = options.keys ?? [];
    this.swim = { ...withDefaults(swimSection, options.swim) };
    this.#clockRate = 1 + (options.driftPpm ?? 0) / 1_000_000;
  }

  /** What its monotonic clock shows at an instant of the world's. */
  toHostTime(at: Millis): Millis {
    return at * this.#clockRate;
  }

  /** The first instant of the world's at which its own clock has reached `at`. */
  toWorldTime(at: Millis): Millis {
    if (this.#clockRate === 1 || at === NEVER) return at;
    let instant = at / this.#clockRate;
    while (this.toHostTime(instant) < at) instant += ROUNDING;
    return instant;
  }

  /** The agent wants to remember. `false`: the disk refuses. */
  saveSnapshot(snapshot: Snapshot): boolean {
    if (this.diskFailing) return false;
    if (this.savedSnapshot !== undefined) this.#previousSnapshots.push(this.savedSnapshot);
    if (this.#previousSnapshots.length > KEPT_STATES) this.#previousSnapshots.shift();
    this.savedSnapshot = snapshot;
    return true;
  }

  saveCatalog(bytes: Uint8Array): boolean {
    if (this.diskFailing) return false;
    this.savedCatalog = bytes;
    return true;
  }

  /** The disk is empty. */
  wipeDisk(): void {
    this.savedSnapshot = undefined;
    this.savedCatalog = undefined;
    this.#previousSnapshots = [];
  }

  /** The last writes are torn: what is found is the state so many writes ago, or the oldest kept; no catalogue. */
  tearLastWrites(writes: number): void {
    this.savedSnapshot =
      this.#previousSnapshots.at(-writes) ?? this.#previousSnapshots[0] ?? this.savedSnapshot;
    this.savedCatalog = undefined;
    this.#previousSnapshots = [];
  }

  /** Its options with the keys as they are by now. */
  get currentOptions(): SimHostOptions {
    return this.options.keys === undefined ? this.options : { ...this.options, keys: this.keys };
  }

  get running(): boolean {
    return this.agent !== undefined;
  }

  /** The agent of a host known to run. */
  get runningAgent(): Agent {
    if (this.agent === undefined) throw new Error(`no agent runs on ${this.label}`);
    return this.agent;
  }

  /** An odd number no stream of this host has had. */
  nextStream(): number {
    this.#stream += 2;
    return this.#stream;
  }

  /** Keeps an input for a paused process; `false`: the socket buffer is full, the datagram is lost. */
  bufferInput(input: Input): boolean {
    if (input.kind === 'packet') {
      const bytes = input.bytes.length + PACKET_OVERHEAD_BYTES;
      if (this.#bufferedBytes + bytes > SOCKET_BUFFER_BYTES) return false;
      this.#bufferedBytes += bytes;
    }
    this.#bufferedInputs.push(input);
    return true;
  }

  /** All that was held, in the order it came. */
  dequeueInputs(): readonly Input[] {
    const inputs = this.#bufferedInputs;
    this.#bufferedInputs = [];
    this.#bufferedBytes = 0;
    return inputs;
  }
}
