/**
 * The machine's mouth and hands: what goes in, what comes out, and what readers see. Shells and worlds, HTTP and
 * DNS know the core only through this file.
 */
import type { Address } from '../../base/address.ts';
import type { Millis } from '../../base/time.ts';
import type { CheckOutcome, CheckRun, RegistrySnapshot } from '../../checks/types.ts';
import type { HandlerEvent } from '../../serf/types.ts';
import type { Command, CommandResult, RequestId } from './commands.ts';
import type { Fact } from './facts.ts';
import type { Topic, View } from './view.ts';

/** All between the sockets and the readers, without either. Fed by a shell or by a world. */
export interface Agent {
  /** Takes one input, appends what should be done. Never awaits, never throws on foreign bytes. */
  handle(input: Input, now: Millis, out: Effect[]): void;
  /** When the agent next wants a `tick`; `NEVER` if never. The shell arms exactly one timer. */
  readonly deadline: Millis;
  readonly view: View;
}

/** Names a stream for its life. The agent draws even numbers for those it opens, the shell odd ones. */
export type StreamId = number;
export type Input = Readonly<
  | { kind: 'packet'; from: Address; bytes: Uint8Array }
  /** A peer dialed us. */
  | { kind: 'streamAccepted'; stream: StreamId; from: Address }
  /** Our dial succeeded. */
  | { kind: 'streamOpened'; stream: StreamId }
  | { kind: 'streamData'; stream: StreamId; bytes: Uint8Array }
  /** It ended or failed; `why` is absent after an orderly end. Nothing more will come of this stream. */
  | { kind: 'streamClosed'; stream: StreamId; why?: string }
  | { kind: 'tick' }
  | { kind: 'command'; request: RequestId; command: Command }
  /** A check was run. */
  | { kind: 'checkFinished'; outcome: CheckOutcome }
  /** Others reach this host there from now on. */
  | { kind: 'addressChanged'; address: Address }
  /** What became of `keepKeys`; `error` says why it failed. */
  | { kind: 'keysStored'; ticket: number; error?: string }
>;

export type Effect = Readonly<
  | { kind: 'sendPacket'; to: Address; packet: Uint8Array }
  | { kind: 'openStream'; stream: StreamId; to: Address }
  /** `end`: nothing more will be written; close when it is out. */
  | { kind: 'writeStream'; stream: StreamId; bytes: Uint8Array; end: boolean }
  /** Drop it now. No `streamClosed` follows. */
  | { kind: 'closeStream'; stream: StreamId }
  | { kind: 'reply'; request: RequestId; result: CommandResult }
  | { kind: 'runCheck'; run: CheckRun }
  | { kind: 'topicsChanged'; topics: readonly Topic[] }
  | { kind: 'saveSnapshot'; snapshot: Snapshot }
  /** What is known of others' services: `AgentOptions.catalog` of the next life. */
  | { kind: 'saveCatalog'; bytes: Uint8Array }
  | { kind: 'fact'; fact: Fact }
  /** Keep these gossip keys, primary first, in place of all others; then feed `keysKept`. */
  | { kind: 'storeKeys'; ticket: number; keys: readonly Uint8Array[] }
  /** For programs here that want to be told. */
  | { kind: 'notify'; event: HandlerEvent }
  /** The agent has left and waited long enough: the shell may close sockets. `why`: it did not want to. */
  | { kind: 'stopped'; why?: string }
>;

/** What survives a restart, if there is a data directory. Plain data; the shell packs and checks it. */
export interface Snapshot {
  /** Highest incarnation we ever announced. */
  readonly incarnation: number;
  readonly clocks: { readonly member: number; readonly event: number; readonly query: number };
  /** Members that had not left, ourselves not included. */
  readonly peers: readonly PreviousNode[];
  /** What was registered here, and how its checks stood. */
  readonly registered?: RegistrySnapshot;
  /** Epoch of our ledger: the next one must be above it, whatever the clock says. */
  readonly epoch?: number;
  /** Wall-clock milliseconds when this was composed, for what goes on aging while we are down. */
  readonly at?: number;
}

/** Where a member lived. */
export interface PreviousNode {
  readonly name: string;
  /** `host:port`. */
  readonly addr: string;
  /** It had failed, or was leaving. */
  readonly down?: boolean;
}
