/** A simulated host: an address, a disk, clocks, the kernel's socket buffer, and perhaps a running agent. */

import type { Agent, Input, Snapshot } from '../../agent/contract/machine.ts';
import type { Address } from '../../base/address.ts';
import { type Millis, NEVER } from '../../base/time.ts';
import { type SerfConfig, type SwimConfig, swimSection } from '../../config/protocol.ts';
import { withDefaults } from '../../config/setting.ts';

/** Options that may differ from host to host. */
export interface SimHostOptions {
  /** The agent's name; the host's label if absent. Two hosts may have the same name. */
  readonly name?: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly swim?: Partial<SwimConfig>;
  readonly serf?: Partial<SerfConfig>;
  readonly keys?: readonly Uint8Array[];
  /** The label of memberlist, not that of the host. */
  readonly gossipLabel?: string;
  /** Whether the agent has a data directory. True by default. */
  readonly disk?: boolean;
  /** Somebody will tell the agent to join, so readers wait for a catalog. */
  readonly hasSeeds?: boolean;
  /** The host runs a Serf peer, which has no catalog (serf-peer.ts). */
  readonly serfPeer?: boolean;
  /** How much faster its clocks run than the world's, in parts per million. */
  readonly driftPpm?: number;
  readonly v6?: boolean;
}

/** Bytes of datagrams that the kernel buffers for a process that does not read: Linux's default `rmem`. */
const SOCKET_BUFFER_BYTES = 212_992;
/** Bytes that the kernel counts for a datagram besides its payload. */
const PACKET_OVERHEAD_BYTES = 512;
/** A step well above the rounding error of a clock within a year, and well below any time that matters. */
const ROUNDING: Millis = 0.00001;
/** Earlier snapshots that may be found after a torn write. */
const KEPT_STATES = 16;

export class SimHost {
  /** Identifies the host to the world, to network rules and in the trace. */
  readonly label: string;
  readonly name: string;
  readonly options: SimHostOptions;
  address: Address;
  /** `undefined` while no agent runs. */
  agent: Agent | undefined;
  /** The process is suspended (SIGSTOP) or starved. Its kernel still answers. */
  paused = false;
  /** The machine is off. Its kernel answers nothing. */
  poweredOff = false;
  /** The last snapshot that was written; it outlives the process. */
  savedSnapshot: Snapshot | undefined;
  /** The last catalog that was written; it outlives the process. */
  savedCatalog: Uint8Array | undefined;
  /** The disk is full or broken: nothing more can be written. */
  diskFailing = false;
  /** The gossip keys on the disk, primary first. */
  keys: readonly Uint8Array[];
  /** How far its wall clock is off. */
  wallClockOffset: Millis = 0;
  /** Number of processes that were started on this host. It identifies the one that runs. */
  bootCount = 0;
  /** The settings that the agent reads. Unlike a configuration, they may change while it runs. */
  readonly swim: { -readonly [K in keyof SwimConfig]: SwimConfig[K] };
  /** The time that the agent's tick is scheduled for. */
  tickAt: Millis = NEVER;
  /** Snapshots before the last one, latest last. */
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

  /** The reading of its monotonic clock at a time of the world. */
  toHostTime(at: Millis): Millis {
    return at * this.#clockRate;
  }

  /** The first time of the world at which its monotonic clock has reached `at`. */
  toWorldTime(at: Millis): Millis {
    if (this.#clockRate === 1 || at === NEVER) return at;
    let instant = at / this.#clockRate;
    while (this.toHostTime(instant) < at) instant += ROUNDING;
    return instant;
  }

  /** Writes a snapshot to the disk. `false` if the disk is failing. */
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

  /** Deletes all data on the disk. */
  wipeDisk(): void {
    this.savedSnapshot = undefined;
    this.savedCatalog = undefined;
    this.#previousSnapshots = [];
  }

  /** Tears the last `writes` writes: the snapshot before them is found, or the oldest one kept, and no catalog. */
  tearLastWrites(writes: number): void {
    this.savedSnapshot =
      this.#previousSnapshots.at(-writes) ?? this.#previousSnapshots[0] ?? this.savedSnapshot;
    this.savedCatalog = undefined;
    this.#previousSnapshots = [];
  }

  /** The options, with the keys that are on the disk now. */
  get currentOptions(): SimHostOptions {
    return this.options.keys === undefined ? this.options : { ...this.options, keys: this.keys };
  }

  get running(): boolean {
    return this.agent !== undefined;
  }

  /** The agent of a host that must be running; throws if none runs. */
  get runningAgent(): Agent {
    if (this.agent === undefined) throw new Error(`no agent runs on ${this.label}`);
    return this.agent;
  }

  /** An odd number that no stream of this host has had. */
  nextStream(): number {
    this.#stream += 2;
    return this.#stream;
  }

  /** Buffers an input of a suspended process. `false` if the socket buffer is full, so that the datagram is lost. */
  bufferInput(input: Input): boolean {
    if (input.kind === 'packet') {
      const bytes = input.bytes.length + PACKET_OVERHEAD_BYTES;
      if (this.#bufferedBytes + bytes > SOCKET_BUFFER_BYTES) return false;
      this.#bufferedBytes += bytes;
    }
    this.#bufferedInputs.push(input);
    return true;
  }

  /** Removes and returns all buffered inputs, in order of arrival. */
  dequeueInputs(): readonly Input[] {
    const inputs = this.#bufferedInputs;
    this.#bufferedInputs = [];
    this.#bufferedBytes = 0;
    return inputs;
  }
}
