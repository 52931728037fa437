/**
 * The view: members with SWIM's row and Serf's status joined, and all else that readers see.
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
import { memberView } from './member-view.ts';
import { TopicIndexes } from './topic-indexes.ts';
import { ZonePlans } from './zone-plans.ts';

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
  readonly #topics: TopicIndexes;
  #sorted: readonly MemberView[] | undefined;
  #byFoldedName: ReadonlyMap<string, MemberView> | undefined;
  #suspects: ReadonlySet<string> = new Set();
  #isSuspectsStale = true;

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
    this.#topics = new TopicIndexes(sources.indexSeed, sources.topics);
    this.#health = sources.health;
    this.#readiness = sources.readiness;
    this.#restoredAt = sources.restoredAt;
    this.#partitionSummary = sources.partitionSummary;
    this.links = sources.links.links;
    this.linkSurvey = sources.links.linkSurvey;
    this.#unconfirmedMember = sources.unconfirmedMember;
    this.#zonePlans = new ZonePlans(this, sources.zones ?? ZONE_DEFAULTS);
    this.zones = this.#zonePlans;
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
    this.#byFoldedName ??= byFoldedName(this.members());
    return this.#byFoldedName.get(name.toLowerCase());
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
    return this.#topics.indexOf(topics);
  }

  changesAfter(index: number): readonly IndexedChange[] | undefined {
    return this.#topics.changesAfter(index);
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
    return this.#topics.indexOfEvent(event);
  }

  queryReport(id: QueryId): QueryReport | undefined {
    return this.#serfLayer.queryReport(id);
  }

  pendingQueries(): readonly PendingQuery[] {
    return this.#serfLayer.pendingQueries;
  }

  onQueryUpdated(report: QueryReport): void {
    this.#topics.onQueryUpdated(report);
  }

  keyOperationReport(id: number): KeyOperationReport | undefined {
    return this.#keyOperations.get(id);
  }

  gossipKey(fingerprint: string): Uint8Array | undefined {
    return this.#keyOperations.findKey(fingerprint);
  }

  onKeyOperationUpdated(report: KeyOperationReport): void {
    this.#topics.onKeyOperationUpdated(report);
  }

  onSyncEnded(id: number): void {
    this.#topics.onSyncEnded(id);
  }

  /** A user event was received, and perhaps an older one dropped for it. */
  onUserEvent(event: ReceivedUserEvent, dropped: ReceivedUserEvent | undefined): void {
    const isLast = dropped !== undefined && this.userEvents().every((one) => one.name !== dropped.name);
    this.#topics.onUserEvent(event, isLast ? dropped.name : undefined);
  }

  /** A reader can see a change of this member; `listed` if the list of nodes shows it, too. */
  markMemberChanged(name: string, listed: boolean): void {
    this.#sorted = undefined;
    this.#byFoldedName = undefined;
    this.#isSuspectsStale = true;
    this.#topics.markMemberChanged(name, listed);
  }

  onPendingQueriesChanged(): void {
    this.#topics.changed.add('queries');
  }

  /** When readers see something else although no input comes. */
  get deadline(): Millis {
    return this.#zonePlans.deadline;
  }

  /** At the end of an input: its facts, which are the effects from index `from` on, become evidence, and readers are told what has changed. */
  publish(out: Effect[], from: number, now: Millis): void {
    this.#evidence.record(out, from, now);
    this.#zonePlans.advance(this.#topics.changed, now);
    const topics = this.flushTopics();
    if (topics !== undefined) out.push({ kind: 'topicsChanged', topics });
  }

  /** The topics that have changed since the last call, each with a new index; `undefined` if none have. */
  flushTopics(): readonly Topic[] | undefined {
    return this.#topics.flush();
  }

  /** Drops the topic of a reaped member: the number of names is not bounded. */
  evictMember(name: string): void {
    this.#topics.evictMember(name);
  }
}

/** Serf keeps members that swim has dropped, so two may be equal: the first is found. */
function byFoldedName(members: readonly MemberView[]): ReadonlyMap<string, MemberView> {
  return new Map(members.toReversed().map((member) => [member.name.toLowerCase(), member]));
}
