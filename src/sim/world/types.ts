/** What a world is told and what it tells: its options, who looks on, what is counted. */

import type { AgentOptions } from '../../agent/agent.ts';
import type { Command, CommandResult } from '../../agent/contract/commands.ts';
import type { Fact } from '../../agent/contract/facts.ts';
import type { Agent } from '../../agent/contract/machine.ts';
import type { Topic } from '../../agent/contract/view.ts';
import type { Millis } from '../../base/time.ts';
import type { CheckRun } from '../../checks/types.ts';
import type { CheckStatus } from '../../model/service.ts';
import type { SimHost } from './host.ts';
import type { LinkQuality } from './network.ts';
import type { TraceOptions } from './trace.ts';

export interface WorldOptions {
  readonly seed: number;
  /** Makes an agent: `createAgent`, or something smaller in tests of the world itself. */
  readonly makeAgent: (options: AgentOptions, host: SimHost) => Agent;
  readonly linkQuality?: Partial<LinkQuality>;
  readonly trace?: TraceOptions;
  /**
   * Hand every input its own bytes and overwrite them when the agent has returned: whatever it kept without copying
   * turns to rubbish at once. Costs a copy per input.
   */
  readonly poisonInputs?: boolean;
  /** What a check that an agent orders comes to, and when; `undefined`: its outcome never comes. */
  readonly simulateCheck?: (host: SimHost, run: CheckRun) => SimulatedCheck | undefined;
}

/** The outcome of a check run, `after` it was ordered. */
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

/** A command given to an agent; `result` and `at` appear with its reply. */
export interface PendingCommand {
  readonly command: Command;
  result?: CommandResult;
  repliedAt?: Millis;
}

/** Looks on from outside: after every input that brought forth a fact or a change. */
export interface WorldListener {
  onEffects?(host: SimHost, facts: readonly Fact[], topics: readonly Topic[]): void;
  onCommand?(host: SimHost, command: Command): void;
  onStart?(host: SimHost): void;
  /** A datagram leaves `host`, whatever becomes of it; `to` is absent where nobody has the address. */
  onDatagram?(host: SimHost, to: SimHost | undefined, bytes: Uint8Array): void;
  /** Bytes go out on a stream of `host`, whatever becomes of them. */
  onStreamWrite?(host: SimHost, bytes: Uint8Array): void;
  /** `host` was asked to remember something; `disk` or `shelf` is new. */
  onPersist?(host: SimHost, what: 'snapshot' | 'catalog'): void;
}

/** What is counted over all hosts, from the beginning. */
export interface WorldCounts {
  packets: number;
  packetBytes: number;
  lost: number;
  bufferOverflows: number;
  streams: number;
  streamBytes: number;
  inputs: number;
}
