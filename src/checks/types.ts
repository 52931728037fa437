/**
 * Types of this layer: the services and checks that are registered with this agent, how checks run, and what they
 * find. What other agents see of them is in model/service.ts.
 */
import type { Millis } from '../base/time.ts';
import type { CheckStatus, EntryWrite, ExternalNode, ServiceDefinition } from '../model/service.ts';

/** How a check runs. Only `exec` starts programs, and only if it comes from the operator's files (S14). */
export type CheckProbe =
  | {
      readonly kind: 'http';
      readonly url: string;
      readonly method: string;
      readonly headers: ReadonlyMap<string, readonly string[]>;
      readonly body: string;
      readonly tlsServerName: string;
      readonly tlsSkipVerify: boolean;
      readonly followRedirects: boolean;
    }
  | {
      readonly kind: 'tcp';
      readonly target: string;
      readonly tls: boolean;
      readonly tlsServerName: string;
      readonly tlsSkipVerify: boolean;
    }
  | { readonly kind: 'udp'; readonly target: string }
  /** Passes while a connection to the target is open. A run lasts as long as that. */
  | { readonly kind: 'hold'; readonly target: string }
  | { readonly kind: 'ttl'; readonly ttl: Millis }
  | {
      readonly kind: 'grpc';
      /** `host:port`. */
      readonly target: string;
      /** The name to ask the health service for; `''`: the server as a whole. */
      readonly service: string;
      readonly tls: boolean;
      readonly tlsServerName: string;
      readonly tlsSkipVerify: boolean;
    }
  | {
      readonly kind: 'h2ping';
      readonly target: string;
      readonly tls: boolean;
      readonly tlsSkipVerify: boolean;
    }
  | {
      readonly kind: 'alias';
      /** A service of this node; `''`: the node itself. */
      readonly serviceId: string;
    }
  | { readonly kind: 'exec'; readonly argv: readonly string[] }
  /** Of an external node: its status is what was registered; never runs. */
  | { readonly kind: 'reported' }
  /** Passes while the process of the service holds its connection to the agent; never runs. */
  | { readonly kind: 'lease' }
  /** Critical by an operator's order; never runs. */
  | { readonly kind: 'maintenance' };

/** Kinds of checks that no runner runs. */
export type UnscheduledKind = 'ttl' | 'alias' | 'reported' | 'maintenance' | 'lease';

export interface CheckDefinition {
  readonly id: string;
  readonly name: string;
  readonly notes: string;
  /** `''`: a check of the node. */
  readonly serviceId: string;
  readonly probe: CheckProbe;
  /** 0 for kinds that do not run. */
  readonly interval: Millis;
  readonly timeout: Millis;
  readonly initial: CheckStatus;
  readonly successBeforePassing: number;
  readonly failuresBeforeWarning: number;
  readonly failuresBeforeCritical: number;
  /** 0: never. */
  readonly deregisterCriticalAfter: Millis;
  readonly outputMaxBytes: number;
}

/** One run, as a runner of the shell receives it. */
export interface CheckRun {
  readonly check: string;
  /** Changes with every registration that changes the check, and with every lost run: older outcomes are dropped. */
  readonly generation: number;
  readonly probe: Exclude<CheckProbe, { kind: UnscheduledKind }>;
  readonly timeout: Millis;
  readonly outputMaxBytes: number;
}

/** The result of a run. `output` has at most `outputMaxBytes`. */
export interface CheckOutcome {
  readonly check: string;
  readonly generation: number;
  readonly status: CheckStatus;
  readonly output: string;
  /** The run goes on, and another outcome follows: a connection is held. */
  readonly continues?: true;
}

/** A check of this agent and its present state. */
export interface LocalCheck {
  readonly definition: CheckDefinition;
  readonly status: CheckStatus;
  readonly output: string;
  /** As that of a service: checks may be registered over HTTP for a service from a file. */
  readonly fromFile: boolean;
}

export interface LocalService {
  readonly definition: ServiceDefinition;
  /** It comes from a file, and is read from there again after a restart instead of being persisted. */
  readonly fromFile: boolean;
  readonly draining: boolean;
}

/** A lease: services that are registered for as long as a connection of their process is open. Immutable. */
export interface LocalLease {
  readonly id: string;
  /** The connection that holds it; `undefined`: it is closed, or was before a restart and is expected back. */
  readonly holder: string | undefined;
  /** How long the services stay after the connection has closed. 0: not at all. */
  readonly grace: Millis;
  /** Their IDs; never empty. */
  readonly services: readonly string[];
  /** Why they are critical; `''`: they are not. */
  readonly reason: string;
}

/** What reading the files again has changed of a service. */
export interface FileServiceChange {
  readonly id: string;
  /** `replaced`: it had been registered over HTTP. */
  readonly change: 'registered' | 'changed' | 'replaced' | 'deregistered';
  /** Fields of the definition, and `check ID` of checks, that are different. */
  readonly fields: readonly string[];
}

/** What is registered with this agent. Does not depend on gossip. */
export interface LocalView {
  services(): ReadonlyMap<string, LocalService>;
  checks(): ReadonlyMap<string, LocalCheck>;
  leases(): ReadonlyMap<string, LocalLease>;
}

/** Ids and names that clients compare literally. Source: Consul structs, NodeMaint, ServiceMaintPrefix. */
export const NODE_MAINTENANCE = '_node_maintenance';
export const SERVICE_MAINTENANCE = '_service_maintenance:';
/** Our own, in the manner of Consul's: a prefix of the ID of a service that is draining. */
export const SERVICE_DRAINING = '_service_draining:';
/** The same of a service that is leased. */
export const SERVICE_LEASE = '_service_lease:';

/** What this layer wants done. */
export type CheckEffect = Readonly<
  | { kind: 'run'; run: CheckRun }
  /** Ends the run of a check that holds a connection; no outcome follows. */
  | { kind: 'stop'; check: string }
  /** Never empty; removals come first. */
  | { kind: 'publish'; changes: readonly EntryWrite[] }
  /** The lease has another holder, or is gone: its holder of before has to look. */
  | { kind: 'leaseChanged'; lease: string }
  | { kind: 'fact'; fact: CheckFact }
>;

/** Events for logs, metrics, traces and tests. `service` is an id, `''` for a check of the node. */
export type CheckFact = Readonly<
  | { kind: 'serviceRegistered'; service: string; name: string; updated: boolean }
  | { kind: 'serviceDeregistered'; service: string; name: string }
  | { kind: 'checkRegistered'; check: string; service: string }
  | { kind: 'checkDeregistered'; check: string; service: string }
  /** A check was registered under the ID of a check of another service, which has lost it. */
  | { kind: 'checkTaken'; check: string; service: string; from: string }
  | { kind: 'registrationRefused'; check: string; service: string; reason: string }
  | { kind: 'checkChanged'; check: string; service: string; from: CheckStatus; to: CheckStatus }
  /** A TTL check was not updated within its TTL. */
  | { kind: 'checkExpired'; check: string; service: string }
  /** A run did not finish in time. */
  | { kind: 'checkTimedOut'; check: string; service: string }
  /** A check was critical for longer than `deregisterCriticalAfter`, so its service was deregistered. */
  | { kind: 'serviceReaped'; service: string; name: string; check: string }
  | { kind: 'maintenanceChanged'; service: string; on: boolean; reason: string }
  | { kind: 'drainingChanged'; service: string; on: boolean }
  /** A connection holds this lease from now on; `returned`: it was there already. */
  | { kind: 'leaseHeld'; lease: string; services: string; returned: boolean }
  /** The connection has closed, or the process has ended the lease and has said why. */
  | { kind: 'leaseClosed'; lease: string; services: string; reason: string }
  /** The process has ended its lease in order. */
  | { kind: 'leaseReleased'; lease: string; services: string }
  /** Nobody has come back for it. */
  | { kind: 'leaseExpired'; lease: string; services: string }
  /** Another agent has registered or removed an external node of ours later, so ours was dropped. */
  | { kind: 'externalNodeSuperseded'; node: string; owner: string }
  /** A part of the snapshot could not be restored. */
  | { kind: 'restoreRejected'; part: string; reason: string }
>;

/**
 * What survives a restart: registrations that do not come from files, and the state of all checks. Plain data.
 * Definitions are JSON in the shape of Consul's API, and are validated again when they are restored.
 */
export interface RegistrySnapshot {
  readonly services: readonly string[];
  readonly checks: readonly string[];
  readonly states: readonly CheckStateSnapshot[];
  /** `service` is `''` for the node. */
  readonly maintenance: readonly { readonly service: string; readonly reason: string }[];
  /** Ids of services. */
  readonly draining: readonly string[];
  /** Absent in snapshots of earlier versions. */
  readonly leases?: readonly LeaseSnapshot[];
}

export interface LeaseSnapshot {
  readonly id: string;
  readonly grace: Millis;
  readonly services: readonly string[];
  readonly reason: string;
}

export interface CheckStateSnapshot {
  readonly check: string;
  readonly status: CheckStatus;
  readonly output: string;
  /** For a TTL check: the rest of its TTL; 0 for other kinds. */
  readonly ttlLeft: Millis;
  /** How long it had been critical, if its service is deregistered after a time of that. */
  readonly criticalFor?: Millis;
}

/** An external node that this agent owns, with what is registered of it. Plain data. */
export interface ExternalNodeSnapshot {
  readonly name: string;
  readonly address: string;
  readonly taggedAddresses: readonly (readonly [string, string])[];
  readonly meta: readonly (readonly [string, string])[];
  readonly id: string;
  readonly registeredAt: number;
  /** It stands for the removal of one that another agent owned. */
  readonly removed?: boolean;
  readonly registered: RegistrySnapshot;
}

/** What one request says of an external node. */
export interface ExternalRegistration {
  readonly node: Omit<ExternalNode, 'registeredAt' | 'removed'>;
  /** A node that is known stays as it is. */
  readonly keepNode: boolean;
  readonly service: ServiceDefinition | undefined;
  readonly checks: readonly ExternalCheck[];
}

export interface ExternalCheck {
  readonly definition: CheckDefinition;
  /** For a check that does not run: the registration itself is its result. */
  readonly output: string;
}
