/** What a world is told and what it tells: its options, who looks on, what is counted. */

import type { AgentOptions } from '../../agent/agent.ts';
import type { Command, Result } from '../../agent/contract/commands.ts';
import type { Fact } from '../../agent/contract/facts.ts';
import type { Agent } from '../../agent/contract/machine.ts';
import type { Topic } from '../../agent/contract/view.ts';
import type { Millis } from '../../base/time.ts';
import type { CheckOrder } from '../../checks/types.ts';
import type { CheckStatus } from '../../model/service.ts';
import type { Host } from './host.ts';
import type { Weather } from './network.ts';
import type { TraceOptions } from './trace.ts';

export interface WorldOptions {
  readonly seed: number;
  /** Makes an agent: `createAgent`, or something smaller in tests of the world itself. */
  readonly birth: (options: AgentOptions, host: Host) => Agent;
  readonly weather?: Partial<Weather>;
  readonly trace?: TraceOptions;
  /**
   * Hand every input its own bytes and overwrite them when the agent has returned: whatever it kept without copying
   * turns to rubbish at once. Costs a copy per input.
   */
  readonly scribble?: boolean;
  /** What a check that an agent orders comes to, and when; `undefined`: its outcome never comes. */
  readonly check?: (host: Host, order: CheckOrder) => Checked | undefined;
}

/** The outcome of a check run, `after` it was ordered. */
export interface Checked {
  readonly after: Millis;
  readonly status: CheckStatus;
  readonly output: string;
}

/** A command given to an agent; `result` and `at` appear with its reply. */
export interface Asked {
  readonly command: Command;
  result?: Result;
  at?: Millis;
}

/** Looks on from outside: after every input that brought forth a fact or a change. */
export interface Watcher {
  acted?(host: Host, facts: readonly Fact[], topics: readonly Topic[]): void;
  asked?(host: Host, command: Command): void;
  started?(host: Host): void;
  /** A datagram leaves `host`, whatever becomes of it; `to` is absent where nobody has the address. */
  sent?(host: Host, to: Host | undefined, bytes: Uint8Array): void;
  /** Bytes go out on a stream of `host`, whatever becomes of them. */
  wrote?(host: Host, bytes: Uint8Array): void;
  /** `host` was asked to remember something; `disk` or `shelf` is new. */
  remembered?(host: Host, what: 'snapshot' | 'catalog'): void;
}

/** What is counted over all hosts, from the beginning. */
export interface Counts {
  packets: number;
  packetBytes: number;
  lost: number;
  overflown: number;
  streams: number;
  streamBytes: number;
  inputs: number;
}
