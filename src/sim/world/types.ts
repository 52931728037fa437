/** Options, listeners and counters of a world. */

import type { AgentOptions } from '../../agent/agent.ts';
import type { Command, CommandResult } from '../../agent/contract/commands.ts';
import type { Fact } from '../../agent/contract/facts.ts';
import type { Agent, Snapshot } from '../../agent/contract/machine.ts';
import type { Topic } from '../../agent/contract/view.ts';
import type { Millis } from '../../base/time.ts';
import type { CheckOutcome, CheckRun } from '../../checks/types.ts';
import type { RunRequest } from '../../jobs/types.ts';
import type { CheckStatus } from '../../model/service.ts';
import type { SimHost } from './host.ts';
import type { LinkQuality } from './network.ts';
import type { TraceOptions } from './trace.ts';

export interface WorldOptions {
  readonly seed: number;
  /** Creates the agent of a host: `createAgent`, or something smaller in tests of the world itself. */
  readonly makeAgent: (options: AgentOptions, host: SimHost) => Agent;
  readonly linkQuality?: Partial<LinkQuality>;
  readonly trace?: TraceOptions;
  /**
   * Gives every input its own bytes and overwrites them when the agent has returned, so that whatever it kept without
   * copying is corrupted at once. Costs a copy for each input.
   */
  readonly poisonInputs?: boolean;
  /** The outcome of a check that an agent runs; `undefined` if it never finishes. */
  readonly simulateCheck?: (host: SimHost, run: CheckRun, now: Millis) => SimulatedCheck | undefined;
  /** The outcome of a run of a job; `undefined` if it never ends. */
  readonly simulateJobRun?: (host: SimHost, run: RunRequest, now: Millis) => SimulatedJobRun | undefined;
}

export interface SimulatedJobRun {
  readonly after: Millis;
  readonly ok: boolean;
}

/** The outcome of a check run, `after` its start. */
export interface SimulatedCheck {
  readonly after: Millis;
  readonly status: CheckStatus;
  readonly output: string;
}

/** How a process starts on a host. */
export interface StartOptions {
  /** The host gets another address first. */
  readonly newAddress?: boolean;
  /** The agent is given what the last process saved to the disk. */
  readonly restore?: boolean;
  /** How far the host's wall clock is off from now on; absent: as before. */
  readonly wallClockOffset?: Millis;
}

/** How a process ends. */
export interface StopOptions {
  /** The machine loses power as well, so not even its kernel answers. */
  readonly powerOff?: boolean;
}

/** A command to an agent; `result` and `repliedAt` are set by its reply. */
export interface PendingCommand {
  readonly command: Command;
  result?: CommandResult;
  repliedAt?: Millis;
}

/** Observes a world from outside. `onEffects` is called after every input that caused a fact or changed a topic. */
export interface WorldListener {
  onEffects?(host: SimHost, facts: readonly Fact[], topics: readonly Topic[]): void;
  onCommand?(host: SimHost, command: Command): void;
  /** The input with a command has been handled; its reply may follow later. */
  onCommandHandled?(host: SimHost, pending: PendingCommand): void;
  /** The agent replies; `onCommandHandled` follows if the command has just been handled. */
  onReply?(host: SimHost, pending: PendingCommand): void;
  onStart?(host: SimHost): void;
  /** The process is suspended now. */
  onPause?(host: SimHost): void;
  /** An agent starts a run of a check. */
  onCheckRun?(host: SimHost, run: CheckRun): void;
  /** The outcome of a run is about to be handed to its agent, or to wait for a process that is suspended. */
  onCheckFinished?(host: SimHost, outcome: CheckOutcome): void;
  /** An agent starts a run of a job. */
  onJobRunStarted?(host: SimHost, run: RunRequest): void;
  /** A run has ended, and its agent is about to hear it. */
  onJobRunFinished?(host: SimHost, run: RunRequest): void;
  /** `host` sends a datagram, which may get lost; `to` is absent if no host has the address. */
  onDatagram?(host: SimHost, to: SimHost | undefined, bytes: Uint8Array): void;
  /** `host` writes to a stream, which may be cut. */
  onStreamWrite?(host: SimHost, bytes: Uint8Array): void;
  /** `host` begins to write a snapshot to its disk. */
  onSaveSnapshot?(host: SimHost, snapshot: Snapshot): void;
  /** `host` wrote a catalog to its disk. */
  onSaveCatalog?(host: SimHost, bytes: Uint8Array): void;
}

/** Counters over all hosts, from the beginning. */
export interface WorldCounts {
  packets: number;
  packetBytes: number;
  lost: number;
  bufferOverflows: number;
  streams: number;
  streamBytes: number;
  inputs: number;
}
