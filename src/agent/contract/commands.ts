/** Commands: what the shell, HTTP and the command line request of the agent, and what each returns. */
import type { Address } from '../../base/address.ts';
import type { AgentError } from '../../base/errors.ts';
import type { Millis } from '../../base/time.ts';
import type { Registration } from '../../checks/definition/definition.ts';
import type { CheckDefinition, ExternalRegistration, FileServiceChange } from '../../checks/types.ts';
import type { ConfiguredJob, ConfiguredJobChange } from '../../jobs/types.ts';
import type { JobDefinition } from '../../model/job.ts';
import type { CheckStatus, ServiceDefinition } from '../../model/service.ts';
import type { PoolId } from '../../partitions/types.ts';
import type { QueryDefinition, QueryId, QueryReport, ReceivedUserEvent } from '../../serf/types.ts';
import type { EventFilter } from '../../wire/event-filter.ts';
import type { KeyringChange } from '../../wire/keyring.ts';
import type { Investigation } from './evidence.ts';
import type { SyncStatus, SyncSubject } from './sync-status.ts';

export type RequestId = number;

/** Requests of people and programs. Each gets exactly one `reply`. */
export type Command = Readonly<
  /**
   * A push/pull with each seed. The reply is a report, even if no seed answered (`joinFailure` makes that an error).
   * `replay`: user events that were fired before this agent joined are delivered too.
   */
  | { kind: 'join'; seeds: readonly Seed[]; replay?: boolean }
  | { kind: 'leave' }
  /** Stops without leaving: peers are told that this agent will be back within this time. The reply comes as it stops. */
  | { kind: 'pause'; duration: Millis }
  /**
   * Serf's force-leave: a failed member becomes left everywhere, and with `prune` is dropped. `refuseLive` rejects one
   * that is alive.
   */
  | { kind: 'forget'; node: string; prune: boolean; refuseLive: boolean }
  | { kind: 'setTags'; set: ReadonlyMap<string, string>; remove: readonly string[] }
  | {
      kind: 'registerService';
      service: ServiceDefinition;
      checks: readonly CheckDefinition[];
      /** Deregisters checks of an earlier registration that are missing in this one. */
      replaceChecks: boolean;
    }
  /**
   * The operator's files have been read: their services, the tags of the configuration, and the gossip keys, replace those
   * of before. All or nothing. `keys`, the primary first, are there only if their file was edited; `jobs` are not there if
   * they were not read.
   */
  | {
      kind: 'reload';
      services: readonly Registration[];
      tags: ReadonlyMap<string, string>;
      keys?: readonly Uint8Array[];
      jobs?: readonly ConfiguredJob[];
    }
  | { kind: 'deregisterService'; id: string }
  /**
   * Registers these services for as long as a connection is open, and for `grace` after it has closed. It holds the lease
   * of this ID from now on, whoever did before. No two connections have the same `holder`.
   */
  | {
      kind: 'holdLease';
      lease: string;
      holder: string;
      grace: Millis;
      registrations: readonly Registration[];
    }
  /** The connection of this holder has closed. Nothing happens if it does not hold the lease any more. */
  | { kind: 'closeLease'; lease: string; holder: string }
  /** Ends a lease: at once without a reason; with one its services stay for the grace, critical, to say it. */
  | { kind: 'releaseLease'; lease: string; reason: string }
  | { kind: 'registerCheck'; check: CheckDefinition }
  | { kind: 'deregisterCheck'; id: string }
  /** For TTL checks only. */
  | { kind: 'updateCheck'; id: string; status: CheckStatus; output: string }
  /** Maintenance of one service, or of the node if `service` is absent. */
  | { kind: 'maintenance'; service?: string; on: boolean; reason: string }
  /** A node that is no member, or a service and checks of one, which this agent owns from now on. */
  | { kind: 'registerNode'; registration: ExternalRegistration }
  /**
   * All of an external node of this agent, or one service or check of it; with `anyOwner` all of one, whoever owns it. Nothing to
   * remove is no error.
   */
  | { kind: 'deregisterNode'; node: string; service?: string; check?: string; anyOwner?: boolean }
  /** A job without a command; it replaces one of this name that was registered here. */
  | { kind: 'registerJob'; definition: JobDefinition }
  | { kind: 'deregisterJob'; name: string }
  /** Runs a job now, or lets its ticks pass until it is resumed. It may be registered with another agent. */
  | { kind: 'orderJob'; name: string; order: 'run' | 'pause' | 'resume' }
  /**
   * A process takes part in a worker pool as this instance, until its connection has closed. No two processes have the same
   * `session`.
   */
  | { kind: 'attachWorker'; pool: PoolId; worker: string; session: string; quorum?: number }
  /** It does so no more. `inOrder`: it has let all its partitions go. Nothing happens if it did not take part. */
  | { kind: 'detachWorker'; session: string; inOrder: boolean }
  /** It has let a partition go, as it was told. */
  | { kind: 'releasePartition'; session: string; partition: number; token: number }
  /** Withdraws an instance from the answers, or puts it back. */
  | { kind: 'drain'; service: string; on: boolean }
  /** A Serf query. The reply comes at once; `View.queryReport` follows the responses. */
  | { kind: 'query'; query: QueryDefinition }
  /**
   * Queries all agents for what they saw of `node`. The reply comes at once; `View.investigation` follows the reports.
   */
  | { kind: 'queryWitnesses'; node: string; timeout: Millis }
  /** Measures the ways to these members; `View.links` has the reports a second or two later. */
  | { kind: 'testLinks'; nodes: readonly string[] }
  /**
   * Queries all agents to measure the ways to `count` others each or, with 0, to report what they have measured. The reply comes at
   * once; `View.linkSurvey` follows the reports.
   */
  | { kind: 'surveyLinks'; count: number }
  /**
   * Asks all agents whether they serve what is published now of `subject`, until they do, `wait` is over, or `closeSync`. The
   * reply comes at once; `View.syncStatus` follows the answers.
   */
  | { kind: 'openSync'; subject: SyncSubject; wait: Millis }
  | { kind: 'closeSync'; id: number }
  /** Responds to one of `View.pendingQueries`. */
  | { kind: 'respond'; id: QueryId; payload: Uint8Array }
  /**
   * Lists or changes the gossip keys of all members. Only `list` has no key; `force` skips the check whether a member
   * would be cut off.
   */
  | {
      kind: 'keys';
      operation: KeyOperation;
      key: Uint8Array | undefined;
      force: boolean;
      timeout: Millis | undefined;
    }
  /**
   * Asks all members for their keys: would this agent and they still understand each other if it had exactly `keys`, the
   * primary first? The reply comes at once; `View.keyOperationReport` follows, with a `refusal` if not.
   */
  | { kind: 'checkKeyring'; keys: readonly Uint8Array[] }
  /** A Serf user event, to all members, or to the agents that match `filter`. The reply is the event as it was sent. */
  | { kind: 'fireEvent'; name: string; payload: Uint8Array; coalesce: boolean; filter?: EventFilter }
>;

/** One seed as it was written, and the addresses that its name resolves to; empty if it did not resolve. */
export interface Seed {
  readonly text: string;
  readonly addresses: readonly Address[];
  /** The reason why it did not resolve. */
  readonly error?: string;
}

export interface JoinReport {
  /** The number of seeds that answered. */
  readonly joined: number;
  readonly failed: readonly FailedSeed[];
}

export interface FailedSeed {
  /** As it was written. */
  readonly addr: string;
  readonly error: string;
  /** `name`: it has no address. `self`: it is this agent. Absent: who was dialed did not answer, or refused. */
  readonly cause?: 'name' | 'self';
}

export type KeyOperation = 'list' | 'install' | 'use' | 'remove';
/** The progress of a key operation, with keys as fingerprints. A new object after each change. */
export interface KeyOperationReport {
  readonly id: number;
  readonly operation: KeyOperation;
  readonly finished: boolean;
  /** `check`: members are first queried for the keys they have. */
  readonly step: 'check' | 'apply';
  /** Members that were alive when the query was sent. */
  readonly members: number;
  readonly answered: number;
  /** Members that have not answered, and were alive when the query was sent or are now. Who has left since is none. */
  readonly unresponsive: readonly string[];
  /** By member: why it did not apply the operation, or what it remarked when it did. */
  readonly errors: ReadonlyMap<string, string>;
  readonly messages: ReadonlyMap<string, string>;
  /** By key: how many members have it, and how many use it as primary, as far as they answered. */
  readonly keys: ReadonlyMap<string, number>;
  readonly primaries: ReadonlyMap<string, number>;
  /** Why nothing was changed; `undefined`: it was not refused. */
  readonly refusal: string | undefined;
}

/** What a command changed will not survive a restart: the data directory cannot be written now, for the reason `unsaved`. */
export interface Unsaved {
  readonly unsaved: string;
}

/** Commands about the services and checks that are registered with this node. */
export type RegistryCommand = Extract<
  Command,
  {
    kind:
      | 'registerService'
      | 'deregisterService'
      | 'holdLease'
      | 'closeLease'
      | 'releaseLease'
      | 'registerCheck'
      | 'deregisterCheck'
      | 'updateCheck'
      | 'maintenance'
      | 'drain';
  }
>;

/** Commands that change what a snapshot holds. With a data directory they are replied when it is stored, or cannot be. */
export type SavedCommand =
  | RegistryCommand
  | Extract<
      Command,
      { kind: 'setTags' | 'registerNode' | 'deregisterNode' | 'registerJob' | 'deregisterJob' | 'orderJob' }
    >;

/** What a reload has changed. */
export interface ReloadOutcome extends Partial<Unsaved> {
  readonly services: readonly FileServiceChange[];
  /** What a keyring file that was edited has changed, with keys as fingerprints. */
  readonly keys?: readonly { readonly key: string; readonly change: KeyringChange['change'] }[];
  readonly jobs?: readonly ConfiguredJobChange[];
  /** `undefined`: the tag is not set. */
  readonly tags: readonly { readonly key: string; readonly from?: string; readonly to?: string }[];
}

/** Values that commands return; commands that are not listed return none. */
export interface CommandValues extends Readonly<Record<SavedCommand['kind'], Unsaved | undefined>> {
  readonly reload: ReloadOutcome;
  readonly join: JoinReport | undefined;
  readonly fireEvent: ReceivedUserEvent;
  readonly query: QueryReport;
  readonly queryWitnesses: Investigation;
  readonly surveyLinks: QueryReport;
  readonly openSync: SyncStatus;
  readonly keys: KeyOperationReport;
  readonly checkKeyring: KeyOperationReport;
}

export type CommandValue<C extends CommandRequest> = C['kind'] extends keyof CommandValues
  ? CommandValues[C['kind']]
  : undefined;
/** The outcome of a command. */
export type CommandResult =
  | { readonly ok: true; readonly value?: CommandValues[keyof CommandValues] }
  | { readonly ok: false; readonly error: AgentError };
/** Commands as readers send them: seeds are text, whose names the shell resolves. */
export type CommandRequest =
  | { readonly kind: 'join'; readonly seeds: readonly string[]; readonly replay?: boolean }
  | Exclude<Command, { kind: 'join' }>;
