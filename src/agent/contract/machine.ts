/**
 * The interface of the agent core: inputs go in, effects come out. Shells and simulated worlds know it only by this
 * file.
 */
import type { Address } from '../../base/address.ts';
import type { Millis } from '../../base/time.ts';
import type { CheckOutcome, CheckRun, ExternalNodeSnapshot, RegistrySnapshot } from '../../checks/types.ts';
import type { JobsSnapshot, RunOutcome, RunRequest } from '../../jobs/types.ts';
import type { HandlerEvent } from '../../serf/types.ts';
import type { DialFailure } from '../../swim/types.ts';
import type { Command, CommandResult, RequestId } from './commands.ts';
import type { Fact } from './facts.ts';
import type { Topic, View } from './view.ts';

export type { DialFailure } from '../../swim/types.ts';

/**
 * Everything between the sockets and the readers, without either: a sans-IO state machine, run by a shell or a
 * simulated world.
 */
export interface Agent {
  /** Handles one input and appends its effects to `out`. Never awaits, and never throws on malformed bytes. */
  handle(input: Input, now: Millis, out: Effect[]): void;
  /** When the agent next wants a `tick`; `NEVER` if it waits for nothing. The shell arms exactly one timer. */
  readonly deadline: Millis;
  readonly view: View;
}

/** Identifies a stream until it is closed. The agent numbers those it opens evenly, the shell oddly. */
export type StreamId = number;
export type Input = Readonly<
  | { kind: 'packet'; from: Address; bytes: Uint8Array }
  /** A peer dialed us. */
  | { kind: 'streamAccepted'; stream: StreamId; from: Address }
  /** Our dial succeeded. */
  | { kind: 'streamOpened'; stream: StreamId }
  | { kind: 'streamData'; stream: StreamId; bytes: Uint8Array }
  /**
   * The stream ended, or failed if there is a `why`. It is the last input of this stream. `failure`: no connection came
   * about, since the host refused it, is not to be reached, or is silent.
   */
  | { kind: 'streamClosed'; stream: StreamId; why?: string; failure?: DialFailure }
  | { kind: 'tick' }
  | { kind: 'command'; request: RequestId; command: Command }
  /** A check has run. */
  | { kind: 'checkFinished'; outcome: CheckOutcome }
  /** A run of a job has ended. */
  | { kind: 'jobRunFinished'; outcome: RunOutcome }
  /** The wall clock of this host was set: it is so much later than it would have been. */
  | { kind: 'wallClockStepped'; by: Millis }
  /** The outcome of a `countReaders` effect: so many readers have not been sent what the view showed at `index`. */
  | { kind: 'readersCounted'; ticket: number; index: number; waiting: number }
  /** From now on other members reach this host at this address. */
  | { kind: 'addressChanged'; address: Address }
  /** The outcome of a `storeKeys` effect; `error` says why it failed. */
  | { kind: 'keysStored'; ticket: number; error?: string }
  /** The `saveSnapshot` of this revision, or a later one, survives a crash of the host. `error`: it failed and will be retried. */
  | { kind: 'snapshotStored'; revision: number; error?: string }
>;

export type Effect = Readonly<
  | { kind: 'sendPacket'; to: Address; packet: Uint8Array }
  | { kind: 'openStream'; stream: StreamId; to: Address }
  /** With `end` the stream is closed once these bytes are written. */
  | { kind: 'writeStream'; stream: StreamId; bytes: Uint8Array; end: boolean }
  /** The stream stays open while nothing is said on it, and does not count toward limits. A peer that is gone is noticed. */
  | { kind: 'holdStream'; stream: StreamId }
  /** Closes a stream at once. No `streamClosed` follows. */
  | { kind: 'closeStream'; stream: StreamId }
  | { kind: 'reply'; request: RequestId; result: CommandResult }
  | { kind: 'runCheck'; run: CheckRun }
  /** Ends a run that holds a connection; no outcome follows. */
  | { kind: 'stopCheck'; check: string }
  /** Begins a run of a job, once; `jobRunFinished` follows. */
  | { kind: 'startJobRun'; run: RunRequest }
  | { kind: 'topicsChanged'; topics: readonly Topic[] }
  /**
   * Counts the readers that have seen an older view than that of `index`, by default the present one, and have not been sent
   * what changed; `readersCounted` follows.
   */
  | { kind: 'countReaders'; ticket: number; index?: number }
  /** Stores the snapshot in place of all earlier ones, whose revisions are lower; `snapshotStored` follows. */
  | { kind: 'saveSnapshot'; revision: number; snapshot: Snapshot }
  /** The catalog of all members, to be `AgentOptions.catalog` of the next start. */
  | { kind: 'saveCatalog'; bytes: Uint8Array }
  | { kind: 'fact'; fact: Fact }
  /**
   * Stores these gossip keys, primary first, in place of all others; `keysStored` follows. `isConfigured`: the keyring
   * file has the same, which was read at a reload.
   */
  | { kind: 'storeKeys'; ticket: number; keys: readonly Uint8Array[]; isConfigured?: boolean }
  /** For event handlers on this host. */
  | { kind: 'notify'; event: HandlerEvent }
  /**
   * The agent has stopped, and the shell may close its sockets. `why` says what forced it to; absent: it left by
   * command.
   */
  | { kind: 'stopped'; why?: string }
>;

/**
 * The state that survives a restart if there is a data directory. Plain data; the shell encodes it and adds a checksum.
 */
export interface Snapshot {
  /** The highest incarnation that was ever announced. */
  readonly incarnation: number;
  readonly clocks: { readonly member: number; readonly event: number; readonly query: number };
  /** Members that had not left, without this agent itself. */
  readonly peers: readonly PreviousNode[];
  /** This agent has left them. */
  readonly left?: boolean;
  /** The services and checks that were registered here, with their status. */
  readonly registered?: RegistrySnapshot;
  /** The external nodes that this agent owns. */
  readonly external?: readonly ExternalNodeSnapshot[];
  /** Jobs that were registered here, the orders about them, and what this agent has run. */
  readonly jobs?: JobsSnapshot;
  /** Tags that were set or deleted while the agent ran. */
  readonly tags?: SavedTags;
  /** The epoch of our ledger; the next one must exceed it, whatever the clock says. */
  readonly epoch?: number;
  /** Wall-clock milliseconds when this was composed: time to live goes on while the agent is down. */
  readonly at?: number;
}

/** Tags as the configuration had them, and as they were in the end. */
export interface SavedTags {
  readonly configured: readonly (readonly [key: string, value: string])[];
  readonly current: readonly (readonly [key: string, value: string])[];
}

/** A member of the last run, and its address. */
export interface PreviousNode {
  readonly name: string;
  /** `host:port`. */
  readonly addr: string;
  /** Whether it had failed or was leaving. */
  readonly down?: boolean;
}
