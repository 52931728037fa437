/** The view: what readers see of the agent, synchronously and without copies. */
import type { Address } from '../../base/address.ts';
import type { Millis } from '../../base/time.ts';
import type { CatalogView } from '../../catalog/types.ts';
import type { LocalView } from '../../checks/types.ts';
import type { JobsView } from '../../jobs/types.ts';
import type { ZonePlan, ZoneSettings } from '../../locality/zone-planner.ts';
import type { PartitionsView } from '../../partitions/types.ts';
import type { Coordinate } from '../../serf/coordinates.ts';
import type { PendingQuery, QueryId, QueryReport, ReceivedUserEvent, SerfMember } from '../../serf/types.ts';
import type { MemberState } from '../../swim/types.ts';
import type { KeyOperationReport } from './commands.ts';
import type { Investigation, NodeEvidence, NodeReport } from './evidence.ts';
import type { LinkReport, LinkSurvey } from './links.ts';
import type { MemberStatus } from './member-status.ts';
import type { SyncStatus } from './sync-status.ts';

/**
 * Topics: what a blocking query can wait for. `nodes` is any membership change that Serf and Consul show, `node:NAME`
 * that of one member, `members` also suspicions and their end. `services` is the list of services without their checks,
 * `service:NAME` (lower case) the instances of one with their checks and nodes, `checks` any check, `jobs` any job or run, `partitions` any
 * worker pool, `partitions:SERVICE:COUNT` one of them, `entries:NODE` all that one node has published. `events` is user events, `event:NAME` those of one name, `queries` the pending queries
 * of others, `query:ID` the responses to one of ours, `keys:ID` the progress of a key operation, `readiness` the end of
 * the wait for the first catalog, `lease:ID` that a lease of this agent has another holder or none, `sync:ID` the end of a sync
 * status, `anything` all that a reader can see.
 */
export type Topic =
  | 'anything'
  | 'nodes'
  | 'members'
  | 'services'
  | 'checks'
  | 'jobs'
  | 'partitions'
  | `partitions:${string}`
  | `node:${string}`
  | `service:${string}`
  | `entries:${string}`
  | 'events'
  | `event:${string}`
  | 'queries'
  | 'readiness'
  | `query:${QueryId}`
  | `keys:${number}`
  | `lease:${string}`
  | `sync:${number}`;
/** A member as readers see it: SWIM's row and Serf's status joined. */
export interface MemberView {
  readonly name: string;
  readonly address: Address;
  readonly tags: ReadonlyMap<string, string>;
  readonly status: MemberStatus;
  readonly serf: SerfMember;
  readonly state: MemberState;
  readonly incarnation: number;
  /** It is suspected, and its host refuses connections: its services are not answered. */
  readonly refused?: true | undefined;
  /** When `state` last changed, on this agent's monotonic clock. */
  readonly since: Millis;
  /** Protocol versions, six octets. */
  readonly vsn: Uint8Array;
}

/** A member, a service by its name in lower case, a node that is no member, or a worker pool, that has changed at `index`. */
export interface IndexedChange {
  readonly kind: 'member' | 'service' | 'node' | 'partitions';
  readonly name: string;
  readonly index: number;
}

/** The read model: in memory, without copies, valid until the next input. */
export interface View {
  readonly node: string;
  readonly address: Address;
  self(): MemberView;
  /** All known members by name, with those that left or failed until they are reaped. */
  members(): readonly MemberView[];
  /**
   * A member by name; the case matters only if two names differ in nothing else. Also finds an unconfirmed node, which
   * `members` does not list: it is known from before a restart only, its services are answered, and its incarnation is
   * 0.
   */
  member(name: string): MemberView | undefined;
  /** Names of the members that SWIM suspects now; the same object until they change. */
  suspects(): ReadonlySet<string>;
  /** The largest index of these topics, at least 1; it grows with every change that a reader can see. */
  indexOf(topics: readonly Topic[]): number;
  /**
   * Members and services that changed after `index`, each once, the latest change last. `undefined` if these are not
   * known any more, or the index is not from this agent: then everything must be read.
   */
  changesAfter(index: number): readonly IndexedChange[] | undefined;
  health(): AgentHealth;
  /** Whether readers may be told that something does not exist. Changes with `readiness`. */
  readiness(): Readiness;
  /**
   * As of when the restored ledgers are that no member has confirmed yet, on this agent's monotonic clock, so it may be
   * negative; `undefined`: there are none.
   */
  restoredAt(): Millis | undefined;
  /** The evidence about a member, which outlives its row. Names match exactly. */
  evidence(name: string): NodeEvidence | undefined;
  /**
   * The witness reports that a `queryWitnesses` command collects, for a while after it has ended. Changes with
   * `query:ID`.
   */
  investigation(id: QueryId): Investigation | undefined;
  /**
   * All evidence about a node, ours and that of an investigation, with a diagnosis; `undefined`: no node of this name
   * has ever been seen. Names match exactly. `formatTime` writes an instant of this agent's monotonic clock for people.
   */
  diagnose(
    name: string,
    formatTime: (at: Millis) => string,
    investigation?: Investigation,
  ): NodeReport | undefined;
  /** The last measurement of the way to each member that was asked for. */
  links(): readonly LinkReport[];
  /** A survey of links, for a while after its end. Changes with `query:ID`. */
  linkSurvey(id: QueryId): LinkSurvey | undefined;
  /** The partition summary as of the last input. Its cost grows with the number of members. */
  partitionSummary(): PartitionSummary;
  /** The network coordinate of this agent, or of a member that has answered a probe of it. Names match exactly. */
  coordinate(name: string): Coordinate | undefined;
  /** User events received lately, oldest first. */
  userEvents(): readonly ReceivedUserEvent[];
  /** The index of an event of `userEvents()`: no two have the same, and later ones have larger ones. */
  userEventIndex(event: ReceivedUserEvent): number;
  /** A query of ours, until a minute after its end. */
  queryReport(id: QueryId): QueryReport | undefined;
  /** A key operation, for a while after its end. */
  keyOperationReport(id: number): KeyOperationReport | undefined;
  /** A sync status, for a while after its end, with which `sync:ID` changes. */
  syncStatus(id: number): SyncStatus | undefined;
  /** The gossip key of a fingerprint, if this agent has it or saw it in a key operation. It must not be shown. */
  gossipKey(fingerprint: string): Uint8Array | undefined;
  /** Queries of other members that a program here may answer, oldest first. */
  pendingQueries(): readonly PendingQuery[];
  /** The services and checks of all nodes. */
  readonly catalog: CatalogView;
  /** The services and checks that are registered with this agent. */
  readonly local: LocalView;
  /** Jobs and their runs, of all agents. */
  readonly jobs: JobsView;
  /** Worker pools and who has which partition, of all agents. */
  readonly partitions: PartitionsView;
  /** Which availability zones this agent's readers prefer. */
  readonly zones: ZonesView;
}

export interface ZonesView {
  readonly settings: ZoneSettings;
  /** The availability zone of a node, its tag `zone`; `null`: it has none, or is unknown. */
  zoneOf(node: string): string | null;
  /**
   * Where the traffic for a service goes from here; `undefined`: everywhere, since this agent has no zone, zones do not matter, or
   * there is no instance. Another object when it is another plan, and `service:NAME` changes with it.
   */
  plan(service: string): ZonePlan | undefined;
}

/**
 * Not ready: since the start no catalog was exchanged with a member. `reason` is a sentence for users. `remembers`:
 * ledgers of the last run are restored; what they have may be answered, what they lack may still exist.
 */
export type Readiness =
  | { readonly ready: true }
  | { readonly ready: false; readonly reason: string; readonly remembers: boolean };

export interface AgentHealth {
  /** The local health score: 0 is healthy, at most awarenessMax - 1. Source: Lifeguard, local health multiplier. */
  readonly awareness: number;
  readonly incarnation: number;
  readonly clocks: { readonly member: number; readonly event: number; readonly query: number };
  readonly encrypted: boolean;
  /** Messages encrypted with the primary key since it became that, or since the start. */
  readonly seals: number;
  readonly leaving: boolean;
  /** How often the network coordinate of this agent began anew, since it had become implausible. */
  readonly coordinateResets: number;
  /** Members that this agent keeps a connection to, and those that keep one to it: they learn at once if it ends. */
  readonly watching: readonly string[];
  readonly watchers: readonly string[];
  /** Messages that wait in each lane. */
  readonly lanes: Readonly<Record<string, number>>;
}

/**
 * The members known at one instant, and how many of them are visible now. Members that left in order are not counted.
 */
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
  /**
   * `deaths`: few members, or one by one. `partition`: many at once, or a whole network, which may also have lost its
   * power.
   */
  readonly kind: 'whole' | 'deaths' | 'partition';
  /** With this agent itself, and with failed members that were neither forgotten nor reaped. */
  readonly known: number;
  /** With this agent itself; suspects are visible. */
  readonly visible: number;
  /** `undefined`: this agent was started later. */
  readonly minuteAgo: MemberCount | undefined;
  readonly hourAgo: MemberCount | undefined;
  /** The latest first. */
  readonly missing: readonly MissingMember[];
  /** The size of the largest group that vanished at one time; 1: each alone. */
  readonly lostTogether: number;
  /** The network that the whole group was in, and no visible member is, as in `10.0.2.0/24`. */
  readonly network: string | undefined;
  /** The side of a partition: whether more than half of the known members are visible. */
  readonly side: 'majority' | 'half' | 'minority' | undefined;
  readonly sentence: string;
}
