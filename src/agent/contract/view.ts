/** The view: what readers see of the agent, synchronously and without copies. */
import type { Address } from '../../base/address.ts';
import type { Millis } from '../../base/time.ts';
import type { CatalogView } from '../../catalog/types.ts';
import type { LocalView } from '../../checks/types.ts';
import type { Coordinate } from '../../serf/coordinates.ts';
import type {
  PendingQuery,
  QueryId,
  QueryReport,
  ReceivedUserEvent,
  SerfMember,
  SerfStatus,
} from '../../serf/types.ts';
import type { MemberState } from '../../swim/types.ts';
import type { KeyOperationReport } from './commands.ts';
import type { Investigation, NodeEvidence, NodeReport } from './evidence.ts';

/**
 * What readers can wait for: `nodes` is any change of membership that Serf and Consul would show, `node:NAME` one
 * member's, `members` also suspicions and their end. `services` is the list of services (not their checks),
 * `service:NAME` (lower case) instances of one, their checks and their nodes' state, `checks` any check,
 * `entries:NODE` all that one node published, `events` user events, `event:NAME` those of one name, `queries` those
 * that wait for an answer here, `query:ID` one of ours, `keys:ID` an operation on the keys of all, `anything`
 * whatever a reader can see.
 */
export type Topic =
  | 'anything'
  | 'nodes'
  | 'members'
  | 'services'
  | 'checks'
  | `node:${string}`
  | `service:${string}`
  | `entries:${string}`
  | 'events'
  | `event:${string}`
  | 'queries'
  | `query:${QueryId}`
  | `keys:${number}`;
/** A member as readers see it: swim's row and Serf's status in one. */
export interface MemberView {
  readonly name: string;
  readonly address: Address;
  readonly tags: ReadonlyMap<string, string>;
  /** What people see: Serf's status, but `suspect` where swim suspects. */
  readonly status: SerfStatus | 'suspect';
  readonly serf: SerfMember;
  readonly state: MemberState;
  readonly incarnation: number;
  /** When `state` last changed, on this agent's monotonic clock. */
  readonly since: Millis;
  /** Six octets. */
  readonly vsn: Uint8Array;
}

/** A member, or a service by its name in lower case, that differs since `index`. */
export interface IndexedChange {
  readonly kind: 'member' | 'service';
  readonly name: string;
  readonly index: number;
}

/** The reader's side: in memory, never asks the machine, valid until the next `handle`. */
export interface View {
  readonly node: string;
  readonly address: Address;
  self(): MemberView;
  /** Every known member by name, those that left or failed too, until they are reaped. */
  members(): readonly MemberView[];
  /**
   * Names match without regard to case when `exact` finds nothing. Also a node that is only remembered from before a
   * restart, while its services are answered: `members` does not list it, its incarnation is 0.
   */
  member(name: string): MemberView | undefined;
  /** Largest index of these topics: at least 1, grows with every change a reader can see. */
  indexOf(topics: readonly Topic[]): number;
  /**
   * Who changed after `index`, each once, the latest change last. `undefined` if that is not known any more, or the
   * index is none of ours: then read everything.
   */
  changesAfter(index: number): readonly IndexedChange[] | undefined;
  health(): AgentHealth;
  /** Why a member was blamed, or was not; kept longer than the member. Names match exactly. */
  evidence(name: string): NodeEvidence | undefined;
  /** The witness reports that a `queryWitnesses` command collects, for a while after it has ended. Changes with `query:ID`. */
  investigation(id: QueryId): Investigation | undefined;
  /**
   * All evidence about a node, ours and that of an investigation, with a diagnosis; `undefined`: no node of this name has ever
   * been seen. Names match exactly. `formatTime` writes an instant of this agent's monotonic clock for people.
   */
  diagnose(
    name: string,
    formatTime: (at: Millis) => string,
    investigation?: Investigation,
  ): NodeReport | undefined;
  /** What has become of the members we knew, as of the last input. Counts them all. */
  partitionSummary(): PartitionSummary;
  /** Where a member is in round-trip time: ourselves, and those who answered a probe of ours. Names match exactly. */
  coordinate(name: string): Coordinate | undefined;
  /** User events heard lately, oldest first. */
  userEvents(): readonly ReceivedUserEvent[];
  /** A query of ours, for a minute after it was over. */
  queryReport(id: QueryId): QueryReport | undefined;
  /** An operation on the keys of all members, for a while after it was over. */
  keyOperationReport(id: number): KeyOperationReport | undefined;
  /** Queries of others that wait for an answer of a program here, oldest first. */
  pendingQueries(): readonly PendingQuery[];
  /** Services and checks of all nodes. */
  readonly catalog: CatalogView;
  /** What is registered with this agent. */
  readonly local: LocalView;
}

export interface AgentHealth {
  /** 0 is well; up to awarenessMax - 1. Source: Lifeguard, local health multiplier. */
  readonly awareness: number;
  readonly incarnation: number;
  readonly clocks: { readonly member: number; readonly event: number; readonly query: number };
  readonly encrypted: boolean;
  /** Messages that the key in use has sealed here, since it is in use and this process runs. */
  readonly seals: number;
  readonly leaving: boolean;
  /** Messages waiting in each lane. */
  readonly lanes: Readonly<Record<string, number>>;
}

/** How many of the members known at an instant are visible now; those that left in order are not counted. */
export interface MemberCount {
  readonly known: number;
  readonly visible: number;
}

export interface MissingMember {
  readonly name: string;
  readonly address: Address;
  /** When it was declared failed, on this agent's monotonic clock. */
  readonly downAt: Millis;
}

export interface PartitionSummary {
  /** `deaths`: one by one, or few. `partition`: many at once, or a whole network; it may also have lost its power. */
  readonly kind: 'whole' | 'deaths' | 'partition';
  /** Ourselves included, and everyone who failed and was neither forgotten nor reaped. */
  readonly known: number;
  /** Ourselves included; suspects are. */
  readonly visible: number;
  /** `undefined`: this agent is younger. */
  readonly minuteAgo: MemberCount | undefined;
  readonly hourAgo: MemberCount | undefined;
  /** Latest first. */
  readonly missing: readonly MissingMember[];
  /** How many of them vanished together, the largest such group; 1: each alone. */
  readonly lostTogether: number;
  /** `10.0.2.0/24`: all of that group lived there, and nobody visible does. */
  readonly network: string | undefined;
  /** Of a partition: do we see more than half of the known? */
  readonly side: 'majority' | 'half' | 'minority' | undefined;
  readonly sentence: string;
}
