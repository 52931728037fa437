/**
 * The words of this room: what is registered with this agent, how its checks are run, and what came of it. What
 * others learn of it is the catalogue's.
 */
import type { Millis } from '../base/time.ts';
import type { CheckStatus, EntryWrite, ServiceDefinition } from '../model/service.ts';

/** How a check is run. Only `exec` starts programs, and only from files of the owner (S14). */
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
  | { readonly kind: 'ttl'; readonly ttl: Millis }
  | {
      readonly kind: 'grpc';
      /** `host:port`. */
      readonly target: string;
      /** `''`: the server as a whole. */
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
  | { readonly kind: 'alias' /** Of this node. */; readonly serviceId: string }
  | { readonly kind: 'exec'; readonly argv: readonly string[] }
  /** An operator's word; has no schedule. */
  | { readonly kind: 'maintenance' };

export interface CheckDefinition {
  readonly id: string;
  readonly name: string;
  readonly notes: string;
  /** `''`: a check of the node. */
  readonly serviceId: string;
  readonly probe: CheckProbe;
  /** 0 for kinds without a schedule. */
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

/** One run, as the shell's runners get it. */
export interface CheckRun {
  readonly check: string;
  /** Grows with every registration that changes this check: an outcome of an older one is dropped. */
  readonly generation: number;
  readonly probe: Exclude<CheckProbe, { kind: 'ttl' | 'alias' | 'maintenance' }>;
  readonly timeout: Millis;
  readonly outputMaxBytes: number;
}

/** What a run came to. `output` is at most `outputMaxBytes`. */
export interface CheckOutcome {
  readonly check: string;
  readonly generation: number;
  readonly status: CheckStatus;
  readonly output: string;
}

/** A check of this agent and how it stands. */
export interface LocalCheck {
  readonly definition: CheckDefinition;
  readonly status: CheckStatus;
  readonly output: string;
}

export interface LocalService {
  readonly definition: ServiceDefinition;
  /** From a configuration file: it is not remembered, the file is. */
  readonly fromFile: boolean;
  readonly draining: boolean;
}

/** Reading what is registered here. Never waits for gossip. */
export interface LocalView {
  services(): ReadonlyMap<string, LocalService>;
  checks(): ReadonlyMap<string, LocalCheck>;
}

/** Ids and names that clients compare literally. Source: Consul structs, NodeMaint, ServiceMaintPrefix. */
export const NODE_MAINTENANCE = '_node_maintenance';
export const SERVICE_MAINTENANCE = '_service_maintenance:';

/** What checks/ wants done. */
export type CheckEffect = Readonly<
  | { kind: 'run'; run: CheckRun }
  /** Never empty; what is removed comes before what is put. */
  | { kind: 'publish'; changes: readonly EntryWrite[] }
  | { kind: 'fact'; fact: CheckFact }
>;

/** What happened, for logs, metrics, traces and tests. `service` is an id, `''` for a check of the node. */
export type CheckFact = Readonly<
  | { kind: 'serviceRegistered'; service: string; name: string; updated: boolean }
  | { kind: 'serviceDeregistered'; service: string; name: string }
  | { kind: 'checkRegistered'; check: string; service: string }
  | { kind: 'checkDeregistered'; check: string; service: string }
  | { kind: 'checkRefused'; check: string; service: string; why: string }
  | { kind: 'checkChanged'; check: string; service: string; from: CheckStatus; to: CheckStatus }
  /** A TTL check was silent for too long. */
  | { kind: 'checkExpired'; check: string; service: string }
  /** A run brought no outcome in time. */
  | { kind: 'checkOverdue'; check: string; service: string }
  /** Critical for longer than it allows: removed with its service. */
  | { kind: 'serviceReaped'; service: string; name: string; check: string }
  | { kind: 'maintenanceChanged'; service: string; on: boolean; reason: string }
  | { kind: 'serviceDrained'; service: string; on: boolean }
  /** Something remembered could not be taken up again. */
  | { kind: 'restoreRejected'; part: string; error: string }
>;

/**
 * What survives a restart: what was registered other than from files, and how all checks stood. Plain data;
 * definitions are JSON texts in the shape they are registered in, and are checked again on the way back.
 */
export interface RegistrySnapshot {
  readonly services: readonly string[];
  readonly checks: readonly string[];
  readonly states: readonly CheckStateSnapshot[];
  /** `service` is `''` for the node. */
  readonly maintenance: readonly { readonly service: string; readonly reason: string }[];
  /** Ids of services. */
  readonly draining: readonly string[];
}

export interface CheckStateSnapshot {
  readonly check: string;
  readonly status: CheckStatus;
  readonly output: string;
  /** For TTL checks: how long its last word still holds; 0 for the others. */
  readonly ttlLeft: Millis;
}
