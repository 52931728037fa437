/**
 * The view: members with SWIM's row and Serf's status joined, and for each topic the index at which it last changed.
 */
import type { Address } from '../../base/address.ts';
import type { Millis } from '../../base/time.ts';
import type { CatalogView } from '../../catalog/types.ts';
import type { LocalView } from '../../checks/types.ts';
import type { JobsView } from '../../jobs/types.ts';
import { ZONE_DEFAULTS, type ZoneSettings } from '../../locality/zone-planner.ts';
import type { PartitionsView } from '../../partitions/types.ts';
import type { Coordinate } from '../../serf/coordinates.ts';
import type { Serf } from '../../serf/serf.ts';
import type { PendingQuery, QueryId, QueryReport, ReceivedUserEvent, SerfView } from '../../serf/types.ts';
import type { MembersView } from '../../swim/types.ts';
import type { KeyOperationReport } from '../contract/commands.ts';
import type { Investigation, NodeEvidence, NodeReport } from '../contract/evidence.ts';
import type { Effect } from '../contract/machine.ts';
import type {
  AgentHealth,
  IndexedChange,
  MemberView,
  PartitionSummary,
  Readiness,
  Topic,
  View,
  ZonesView,
} from '../contract/view.ts';
import { type Investigations, reportOnNode } from '../evidence/investigation.ts';
import type { EvidenceLog } from '../evidence/log.ts';
import { ChangeLog } from './change-log.ts';
import { memberView } from './member-view.ts';
import { ZonePlans } from './zone-plans.ts';

/** Topics of queries and key operations that have ended are retained longer than these themselves. */
const MAX_ENDED_TOPICS = 256;
const SERVICE = 'service:';
const NODE = 'node:';
const POOL = 'partitions:';

/** They have an index from the start. */
const STANDING_TOPICS: readonly Topic[] = [
  ...(['anything', 'nodes', 'members', 'services', 'checks', 'jobs', 'partitions'] as const),
  ...(['events', 'queries'] as const),
];

export interface ViewSources {
  readonly members: MembersView;
  readonly serf: Serf;
  readonly evidence: EvidenceLog;
  readonly investigations: Investigations;
  /** The one set of topics that changed since the last `flushTopics`; the catalog adds its own. */
  readonly topics: Set<Topic>;
  readonly keyOperations: {
    get(id: number): KeyOperationReport | undefined;
    findKey(fingerprint: string): Uint8Array | undefined;
  };
  readonly syncStatus: View['syncStatus'];
  readonly catalog: CatalogView;
  readonly local: LocalView;
  readonly jobs: JobsView;
  readonly partitions: PartitionsView;
  readonly health: () => AgentHealth;
  readonly readiness: () => Readiness;
  readonly restoredAt: () => Millis | undefined;
  readonly partitionSummary: () => PartitionSummary;
  readonly links: Pick<View, 'links' | 'linkSurvey'>;
  /** A node that is known from before the restart only. */
  readonly unconfirmedMember: (name: string) => MemberView | undefined;
  /** The first index, wall-clock milliseconds: no index is used twice after a restart (B3 in docs/consul.md). */
  readonly indexSeed: number;
  /** By default those of the settings. */
  readonly zones?: ZoneSettings | undefined;
}

/** The one implementation of `View`. Only the agent core, and the catalog through the set of topics, marks changes. */
export class AgentView implements View {
  readonly node: string;
  readonly catalog: CatalogView;
  readonly local: LocalView;
  readonly jobs: JobsView;
  readonly partitions: PartitionsView;
  readonly zones: ZonesView;
  readonly #zonePlans: ZonePlans;
  readonly links: View['links'];
  readonly linkSurvey: View['linkSurvey'];
  readonly #members: MembersView;
  readonly #serf: SerfView;
  readonly #serfLayer: Serf;
  readonly #evidence: EvidenceLog;
  readonly #investigations: Investigations;
  readonly #keyOperations: ViewSources['keyOperations'];
  readonly syncStatus: View['syncStatus'];
  readonly #health: () => AgentHealth;
  readonly #readiness: () => Readiness;
  readonly #restoredAt: () => Millis | undefined;
  readonly #partitionSummary: () => PartitionSummary;

  readonly #unconfirmedMember: (name: string) => MemberView | undefined;
  readonly #indexes = new Map<Topic, number>();
  readonly #eventIndexes = new WeakMap<ReceivedUserEvent, number>();
  #index: number;
  #sorted: readonly MemberView[] | undefined;
  #suspects: ReadonlySet<string> = new Set();
  #isSuspectsStale = true;
  readonly #changedTopics: Set<Topic>;
  readonly #changes: ChangeLog;
  /** Members that have changed since the last `flushTopics`. */
  readonly #changedMembers = new Set<string>();
  /** Topics of ended queries and key operations whose indexes are still known, oldest first. */
  readonly #endedTopics: Topic[] = [];

  constructor(sources: ViewSources) {
    this.node = sources.members.self.identity.name;
    this.catalog = sources.catalog;
    this.local = sources.local;
    this.jobs = sources.jobs;
    this.partitions = sources.partitions;
    this.#members = sources.members;
    this.#serf = sources.serf.view;
    this.#serfLayer = sources.serf;
    this.#evidence = sources.evidence;
    this.#investigations = sources.investigations;
    this.#keyOperations = sources.keyOperations;
    this.syncStatus = sources.syncStatus;
    this.#changedTopics = sources.topics;
    this.#health = sources.health;
    this.#readiness = sources.readiness;
    this.#restoredAt = sources.restoredAt;
    this.#partitionSummary = sources.partitionSummary;
    this.links = sources.links.links;
    this.linkSurvey = sources.links.linkSurvey;
    this.#unconfirmedMember = sources.unconfirmedMember;
    this.#zonePlans = new ZonePlans(this, sources.zones ?? ZONE_DEFAULTS);
    this.zones = this.#zonePlans;
    this.#index = Math.max(1, sources.indexSeed);
    this.#changes = new ChangeLog(this.#index);
    for (const topic of STANDING_TOPICS) this.#indexes.set(topic, this.#index);
  }

  get address(): Address {
    return this.#members.self.identity.address;
  }

  self(): MemberView {
    const known = this.#serf.get(this.node);
    if (known !== undefined) return memberView(known, this.#members);
    // Before the first input this agent is in SWIM's table, but not yet in Serf's.
    const member = this.#members.self;
    return memberView(
      { name: this.node, status: 'alive', statusLTime: 0, downAt: undefined, member, tags: new Map() },
      this.#members,
    );
  }

  members(): readonly MemberView[] {
    this.#sorted ??= [...this.#serf.all()]
      .map((member) => memberView(member, this.#members))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
    return this.#sorted;
  }

  member(name: string): MemberView | undefined {
    const confirmed = this.confirmedMember(name);
    if (confirmed?.name === name) return confirmed;
    const unconfirmed = this.#unconfirmedMember(name);
    return unconfirmed?.name === name ? unconfirmed : (confirmed ?? unconfirmed);
  }

  /** Like `member`, without unconfirmed nodes. */
  confirmedMember(name: string): MemberView | undefined {
    const exact = this.#serf.get(name);
    if (exact !== undefined) return memberView(exact, this.#members);
    const folded = name.toLowerCase();
    return this.members().find((one) => one.name.toLowerCase() === folded);
  }

  suspects(): ReadonlySet<string> {
    if (!this.#isSuspectsStale) return this.#suspects;
    this.#isSuspectsStale = false;
    const names = new Set<string>();
    for (const { identity, state } of this.#members.all()) if (state === 'suspect') names.add(identity.name);
    const isSame = names.size === this.#suspects.size && [...names].every((name) => this.#suspects.has(name));
    if (!isSame) this.#suspects = names;
    return this.#suspects;
  }

  indexOf(topics: readonly Topic[]): number {
    let largest = 1;
    for (const topic of topics) {
      // A name that no node has yet can be waited for: its index is the least.
      const index = this.#indexes.get(topic) ?? 1;
      if (index > largest) largest = index;
    }
    return largest;
  }

  changesAfter(index: number): readonly IndexedChange[] | undefined {
    return this.#changes.after(index, this.#index);
  }

  health(): AgentHealth {
    return this.#health();
  }

  readiness(): Readiness {
    return this.#readiness();
  }

  restoredAt(): Millis | undefined {
    return this.#restoredAt();
  }

  evidence(name: string): NodeEvidence | undefined {
    return this.#evidence.forNode(name);
  }

  investigation(id: QueryId): Investigation | undefined {
    return this.#investigations.get(id);
  }

  diagnose(
    name: string,
    formatTime: (at: Millis) => string,
    investigation?: Investigation,
  ): NodeReport | undefined {
    return reportOnNode(this, name, formatTime, investigation);
  }

  partitionSummary(): PartitionSummary {
    return this.#partitionSummary();
  }

  coordinate(name: string): Coordinate | undefined {
    const { coordinates } = this.#serfLayer;
    return name === this.node ? coordinates.own : coordinates.get(name);
  }

  userEvents(): readonly ReceivedUserEvent[] {
    return this.#serfLayer.recentEvents;
  }

  userEventIndex(event: ReceivedUserEvent): number {
    return this.#eventIndexes.get(event) ?? 1;
  }

  queryReport(id: QueryId): QueryReport | undefined {
    return this.#serfLayer.queryReport(id);
  }

  pendingQueries(): readonly PendingQuery[] {
    return this.#serfLayer.pendingQueries;
  }

  onQueryUpdated({ id, finished }: QueryReport): void {
    this.#markTask(`query:${id}`, finished);
  }

  keyOperationReport(id: number): KeyOperationReport | undefined {
    return this.#keyOperations.get(id);
  }

  gossipKey(fingerprint: string): Uint8Array | undefined {
    return this.#keyOperations.findKey(fingerprint);
  }

  onKeyOperationUpdated({ id, finished }: KeyOperationReport): void {
    this.#markTask(`keys:${id}`, finished);
  }

  onSyncEnded(id: number): void {
    this.#markTask(`sync:${id}`, true);
  }

  #markTask(topic: Topic, finished: boolean): void {
    this.#changedTopics.add(topic);
    if (finished) this.#endedTopics.push(topic);
    if (this.#endedTopics.length > MAX_ENDED_TOPICS) this.#indexes.delete(this.#endedTopics.shift() as Topic);
  }

  /** A user event was received, and perhaps an older one dropped for it. */
  onUserEvent(event: ReceivedUserEvent, dropped: ReceivedUserEvent | undefined): void {
    // Clients recognize the events that they have seen by the index, so each event has one of its own.
    this.#index += 1;
    this.#eventIndexes.set(event, this.#index);
    for (const topic of ['events', `event:${event.name}`] as const) {
      this.#changedTopics.add(topic);
      this.#indexes.set(topic, this.#index);
    }
    // The index of a name is dropped with its last event: the number of names is not bounded.
    if (dropped !== undefined && this.userEvents().every((one) => one.name !== dropped.name))
      this.#indexes.delete(`event:${dropped.name}`);
  }

  /** A reader can see a change of this member; `listed` if the list of nodes shows it, too. */
  markMemberChanged(name: string, listed: boolean): void {
    this.#sorted = undefined;
    this.#isSuspectsStale = true;
    this.#changedTopics.add('members');
    this.#changedMembers.add(name);
    if (!listed) return;
    this.#changedTopics.add('nodes');
    this.#changedTopics.add(`node:${name}`);
  }

  onPendingQueriesChanged(): void {
    this.#changedTopics.add('queries');
  }

  /** When readers see something else although no input comes. */
  get deadline(): Millis {
    return this.#zonePlans.deadline;
  }

  /** At the end of an input: its facts, which are the effects from index `from` on, become evidence, and readers are told what has changed. */
  publish(out: Effect[], from: number, now: Millis): void {
    this.#evidence.record(out, from, now);
    this.#zonePlans.advance(this.#changedTopics, now);
    const topics = this.flushTopics();
    if (topics !== undefined) out.push({ kind: 'topicsChanged', topics });
  }

  /** The topics that have changed since the last call, each with a new index; `undefined` if none have. */
  flushTopics(): readonly Topic[] | undefined {
    if (this.#changedTopics.size === 0) return undefined;
    this.#index += 1;
    this.#changedTopics.add('anything');
    const topics = [...this.#changedTopics];
    for (const topic of topics) {
      if (!isEventTopic(topic)) this.#indexes.set(topic, this.#index);
      if (topic.startsWith(SERVICE))
        this.#changes.append('service', topic.slice(SERVICE.length), this.#index);
      else if (topic.startsWith(POOL))
        this.#changes.append('partitions', topic.slice(POOL.length), this.#index);
      else if (topic.startsWith(NODE) && !this.#changedMembers.has(topic.slice(NODE.length)))
        this.#changes.append('node', topic.slice(NODE.length), this.#index);
    }
    for (const name of this.#changedMembers) this.#changes.append('member', name, this.#index);
    this.#changedMembers.clear();
    this.#changedTopics.clear();
    return topics;
  }

  /** Drops the topic of a reaped member: the number of names is not bounded. */
  evictMember(name: string): void {
    this.#changedTopics.delete(`node:${name}`);
    this.#indexes.delete(`node:${name}`);
  }
}

/** These have the index of their last event. */
const isEventTopic = (topic: Topic): boolean => topic === 'events' || topic.startsWith('event:');
