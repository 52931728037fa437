/** Commands: what the shell, HTTP and the command line may ask of the agent, and what each is answered with. */

import type { Address } from '../../base/address.ts';
import type { AgentError } from '../../base/errors.ts';
import type { Millis } from '../../base/time.ts';
import type { CheckDefinition } from '../../checks/types.ts';
import type { CheckStatus, ServiceDefinition } from '../../model/service.ts';
import type { QueryDefinition, QueryId, QueryReport, ReceivedUserEvent } from '../../serf/types.ts';
import type { Investigation } from './evidence.ts';

export type RequestId = number;

/** What people and programs ask of the agent. Each gets exactly one `reply`. */
export type Command = Readonly<
  /** Push/pull with each seed. The reply is a report, also if none worked (`joinFailure` makes it an error). */
  | { kind: 'join'; seeds: readonly Seed[] }
  | { kind: 'leave' }
  /** Serf's force-leave: a failed member becomes left, everywhere. `live` refuses one that is alive. */
  | { kind: 'forget'; node: string; prune: boolean; refuseLive: boolean }
  | { kind: 'setTags'; set: ReadonlyMap<string, string>; remove: readonly string[] }
  | {
      kind: 'registerService';
      service: ServiceDefinition;
      checks: readonly CheckDefinition[];
      /** Drop checks of an earlier registration that are not named in this one. */
      replaceChecks: boolean;
      fromFile: boolean;
    }
  | { kind: 'deregisterService'; id: string }
  | { kind: 'registerCheck'; check: CheckDefinition }
  | { kind: 'deregisterCheck'; id: string }
  /** TTL checks only. */
  | { kind: 'updateCheck'; id: string; status: CheckStatus; output: string }
  /** Of one service, or with `service` absent of the node. */
  | { kind: 'maintenance'; service?: string; on: boolean; reason: string }
  /** Takes an instance out of the answers, or back in. */
  | { kind: 'drain'; service: string; on: boolean }
  /** A Serf query. The reply comes at once; what comes of the query is at `View.question`. */
  | { kind: 'query'; query: QueryDefinition }
  /** Queries all agents for what they saw of `node`. The reply comes at once; `View.investigation` follows the reports. */
  | { kind: 'queryWitnesses'; node: string; timeout: Millis }
  /** Answers one of `View.waitingQueries`. */
  | { kind: 'respond'; id: QueryId; payload: Uint8Array }
  /** The gossip keys of all members. `key` is absent for `list`; `force` passes over what would cut somebody off. */
  | {
      kind: 'keys';
      operation: KeyOperation;
      key: Uint8Array | undefined;
      force: boolean;
      timeout: Millis | undefined;
    }
  /** A Serf user event, to every member. The reply is the event as it was told here. */
  | { kind: 'fireEvent'; name: string; payload: Uint8Array; coalesce: boolean }
>;

/** One seed as a person wrote it, and the addresses its name stands for (empty: it did not resolve). */
export interface Seed {
  readonly text: string;
  readonly addresses: readonly Address[];
  /** Why it did not resolve. */
  readonly error?: string;
}

export interface JoinReport {
  /** How many seeds answered. */
  readonly joined: number;
  readonly failed: readonly { readonly addr: string; readonly error: string }[];
}

export type KeyOperation = 'list' | 'install' | 'use' | 'remove';
/** How far an operation on all keys has come. Keys are named by fingerprint. A new object whenever something came. */
export interface KeyOperationReport {
  readonly id: number;
  readonly operation: KeyOperation;
  readonly finished: boolean;
  /** `check`: members are asked first which keys they have. */
  readonly step: 'check' | 'apply';
  /** Members that were alive when they were asked. */
  readonly members: number;
  readonly answered: number;
  /** Who is alive and has not answered. */
  readonly unresponsive: readonly string[];
  /** What those said who did not do it, and those who did with a reservation. */
  readonly errors: ReadonlyMap<string, string>;
  readonly messages: ReadonlyMap<string, string>;
  /** How many members have, and use, each key, as far as they said. */
  readonly keys: ReadonlyMap<string, number>;
  readonly primaries: ReadonlyMap<string, number>;
  /** Why it was left alone. */
  readonly refusal: string | undefined;
}

/** What commands give back; those that are not named give nothing. */
export interface CommandValues {
  readonly join: JoinReport | undefined;
  readonly fireEvent: ReceivedUserEvent;
  readonly query: QueryReport;
  readonly queryWitnesses: Investigation;
  readonly keys: KeyOperationReport;
}

export type CommandValue<C extends CommandRequest> = C['kind'] extends keyof CommandValues
  ? CommandValues[C['kind']]
  : undefined;
/** What a command came to. */
export type CommandResult =
  | { readonly ok: true; readonly value?: CommandValues[keyof CommandValues] }
  | { readonly ok: false; readonly error: AgentError };
/** Commands as readers give them: seeds are text, the shell resolves names. */
export type CommandRequest =
  | { readonly kind: 'join'; readonly seeds: readonly string[] }
  | Exclude<Command, { kind: 'join' }>;
