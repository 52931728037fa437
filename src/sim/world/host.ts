/** A simulated host: an address, a disk, clocks, the kernel's socket buffer, and perhaps a running agent. */

import type { Agent, Input, Snapshot } from '../../agent/contract/machine.ts';
import type { RetentionTimes } from '../../agent/contract/options.ts';
import type { Address } from '../../base/address.ts';
import type { Rng } from '../../base/rng.ts';
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
  /** How long the agent remembers what is gone, if other than the production agent. */
  readonly retention?: Partial<RetentionTimes>;
}

/** Bytes of datagrams that the kernel buffers for a process that does not read: Linux's default `rmem`. */
const SOCKET_BUFFER_BYTES = 212_992;
/** Bytes that the kernel counts for a datagram besides its payload. */
const PACKET_OVERHEAD_BYTES = 512;
/** A step well above the rounding error of a clock within a year, and well below any time that matters. */
const ROUNDING: Millis = 0.00001;

/** A snapshot on its way to the disk. */
export interface PendingSnapshot {
  readonly revision: number;
  readonly snapshot: Snapshot;
  readonly composedAt: Millis;
}

type SavedSnapshot = Omit<PendingSnapshot, 'revision'>;

/** Earlier snapshots that may be found after a torn write. */
const KEPT_STATES = 16;

/**
 * The disk of a host. A snapshot is written in two steps, as by the shell: from the rename on it survives the end of the process, and
 * only from the sync on a loss of power.
 */
export class SimDisk {
  /** Full or broken: nothing more can be written. */
  failing = false;
  /** At most how long a rename, and then a sync, takes. */
  latency: { readonly rename: Millis; readonly sync: Millis } = { rename: 2, sync: 5 };
  /** Counts losses that no program can prevent: a torn write after its sync, a wiped disk. */
  lossCount = 0;
  /** The last snapshot that the process wants written, and that is not synced. */
  pending: PendingSnapshot | undefined;
  readonly #rng: Rng;
  #saved: SavedSnapshot | undefined;
  #synced: SavedSnapshot | undefined;
  #catalog: Uint8Array | undefined;
  #previousCatalog: Uint8Array | undefined;
  /** Snapshots before the last one, latest last. */
  #previous: SavedSnapshot[] = [];

  constructor(rng: Rng) {
    this.#rng = rng;
  }

  /** What a process that starts now finds. */
  get snapshot(): Snapshot | undefined {
    return this.#saved?.snapshot;
  }

  /** When the agent made that snapshot. */
  get composedAt(): Millis | undefined {
    return this.#saved?.composedAt;
  }

  get catalog(): Uint8Array | undefined {
    return this.#catalog;
  }

  drawLatency(step: 'rename' | 'sync'): Millis {
    return this.latency[step] * this.#rng.next();
  }

  renameSnapshot(saved: SavedSnapshot): void {
    if (this.#saved !== undefined) this.#previous.push(this.#saved);
    if (this.#previous.length > KEPT_STATES) this.#previous.shift();
    this.#saved = saved;
  }

  sync(): void {
    this.#synced = this.#saved;
  }

  saveCatalog(bytes: Uint8Array): boolean {
    if (this.failing) return false;
    if (this.#catalog !== bytes) this.#previousCatalog = this.#catalog;
    this.#catalog = bytes;
    return true;
  }

  /** The process stops in order, and writes what is pending before it ends. */
  flush(): void {
    const { pending } = this;
    this.pending = undefined;
    if (pending === undefined || this.failing) return;
    this.renameSnapshot(pending);
    this.sync();
  }

  /** What was not synced is gone. */
  losePower(): void {
    this.#saved = this.#synced;
  }

  /** Somebody writes other files. */
  replace(snapshot: Snapshot, catalog: Uint8Array | undefined, composedAt: Millis): void {
    this.wipe();
    this.#saved = { snapshot, composedAt };
    this.#synced = this.#saved;
    this.#catalog = catalog;
  }

  /** Deletes all data on the disk. */
  wipe(): void {
    this.lossCount += 1;
    this.#saved = undefined;
    this.#synced = undefined;
    this.#catalog = undefined;
    this.#previousCatalog = undefined;
    this.#previous = [];
  }

  /** Tears the last `writes` writes: the snapshot before them is found, or the oldest one kept, and the catalog before the last. */
  tearLastWrites(writes: number): void {
    this.lossCount += 1;
    this.#saved = this.#previous.at(-writes) ?? this.#previous[0] ?? this.#saved;
    this.#synced = this.#saved;
    this.#catalog = this.#previousCatalog;
    this.#previousCatalog = undefined;
    this.#previous = [];
  }
}

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
  /** Its process can open no more files: it dials nobody, and what it accepts is closed at once. */
  outOfFiles = false;
  /** It outlives the process. */
  readonly disk: SimDisk;
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
  readonly #clockRate: number;
  #bufferedInputs: Input[] = [];
  #bufferedBytes = 0;
  #stream = -1;

  /** `diskRng` is for latencies of the disk. */
  constructor(label: string, address: Address, options: SimHostOptions, diskRng: Rng) {
    this.label = label;
    this.name = options.name ?? label;
    this.address = address;
    this.options = options;
    this.disk = new SimDisk(diskRng);
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

/** Opens a stream to a host that no other host opened. What this returns writes to it, and without bytes closes it. The process that accepted it may be gone by then. */
export function openInjectedStream(
  host: SimHost,
  from: Address,
  dispatch: (host: SimHost, input: Input) => void,
): (bytes?: Uint8Array) => void {
  const { bootCount } = host;
  const stream = host.nextStream();
  dispatch(host, { kind: 'streamAccepted', stream, from });
  return (bytes) => {
    if (!host.running || host.bootCount !== bootCount) return;
    dispatch(
      host,
      bytes === undefined ? { kind: 'streamClosed', stream } : { kind: 'streamData', stream, bytes },
    );
  };
}
