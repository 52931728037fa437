/**
 * The service layer: services and checks registered here go into our ledger, and what other members publish comes out
 * of theirs. It connects checks/ and catalog/, which do not know each other, with commands, members and lanes.
 */
import type { Address } from '../../base/address.ts';
import type { Rng } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import { Catalog } from '../../catalog/catalog.ts';
import { EPOCHS_PER_MS, firstEpoch, LATEST_PLAUSIBLE_EPOCH } from '../../catalog/doubts.ts';
import { ExternalNodes } from '../../catalog/external-nodes.ts';
import type { CatalogView, EntryChange } from '../../catalog/types.ts';
import type { TopicSink } from '../../catalog/view.ts';
import type { Registration } from '../../checks/definition/definition.ts';
import { Registry } from '../../checks/registry.ts';
import type { CheckEffect, CheckOutcome, FileServiceChange, LocalView } from '../../checks/types.ts';
import type { JobsView, RunOutcome } from '../../jobs/types.ts';
import type { EntryWrite } from '../../model/service.ts';
import type { PartitionsView } from '../../partitions/types.ts';
import type { SerfEvent, SerfView } from '../../serf/types.ts';
import type { Member, MembersView } from '../../swim/types.ts';
import type { RegistryCommand } from '../contract/commands.ts';
import type { Lane } from '../contract/lane.ts';
import type { Effect, Snapshot } from '../contract/machine.ts';
import type { AgentOptions } from '../contract/options.ts';
import { CatalogPeers, hasCatalog } from './catalog-peers.ts';
import { type ExternalCommand, ExternalOwner } from './external-owner.ts';
import type { FailedMemberSync } from './failed-member-sync.ts';
import type { ReplicationHost } from './host.ts';
import { type JobCommand, JobOwner } from './job-owner.ts';
import { isPartitionCommand, type PartitionCommand, PartitionOwner } from './partition-owner.ts';
import { runRegistryCommand } from './registry-commands.ts';
import { Replication } from './replication.ts';
import { RestoredCatalog } from './restored-catalog.ts';
import { createCatalogLanes } from './rumor-lanes.ts';

/** Commands about services, checks, jobs and partitions. */
export type ServiceCommand = RegistryCommand | ExternalCommand | JobCommand | PartitionCommand;

/** Leases are of this agent alone, so the catalog knows no topics of them. */
type LeaseTopicSink = TopicSink & { add(topic: `lease:${string}`): unknown };

interface ServiceViews {
  readonly catalog: CatalogView;
  readonly local: LocalView;
  readonly jobs: JobsView;
  readonly partitions: PartitionsView;
}

export interface ServiceLayerContext {
  readonly members: MembersView;
  readonly serf: SerfView;
  /** Takes the topics that each change concerns. */
  readonly topics: LeaseTopicSink;
  readonly rng: Rng;
  /** The bytes that a rumor may take in a packet. */
  readonly rumorBytes: number;
  readonly host: ReplicationHost;
  readonly failedMembers: FailedMemberSync;
  /** The catalog of a peer has been compared with ours, and all that it had more has been kept. */
  readonly onCatalogSynced: () => void;
}

export class ServiceLayer {
  readonly catalogPeers: CatalogPeers;
  readonly replication: Replication;
  readonly lanes: readonly Lane[];
  readonly restoredCatalog: RestoredCatalog;
  readonly #registry: Registry;
  readonly #catalog: Catalog;
  readonly #index: ExternalNodes;
  readonly #external: ExternalOwner;
  readonly #jobs: JobOwner;
  readonly #partitions: PartitionOwner;
  readonly #name: string;
  readonly #topics: LeaseTopicSink;
  /** Owners of restored ledgers; those that are confirmed by now are removed when somebody looks. */
  readonly #unconfirmedOwners = new Set<string>();
  readonly #effects: CheckEffect[] = [];

  constructor(options: AgentOptions, context: ServiceLayerContext) {
    const { name, snapshot, startedAt, now, swim } = options;
    const { members, serf, rng, host, failedMembers, rumorBytes, onCatalogSynced } = context;
    this.#name = name;
    this.restoredCatalog = new RestoredCatalog(options);
    const { restoredCatalog } = this;
    this.catalogPeers = new CatalogPeers(members, rng.fork());
    const downtime = Math.max(0, startedAt - (snapshot?.at ?? startedAt));
    this.#registry = new Registry({
      rng: rng.fork(),
      now,
      allowExec: options.allowExec === true,
      ...(snapshot?.registered === undefined ? {} : { snapshot: snapshot.registered }),
      downtime,
    });
    const catalog = new Catalog({
      owner: name,
      // Two starts within one millisecond still begin two epochs.
      epoch: firstEpoch(startedAt * EPOCHS_PER_MS + rng.int(EPOCHS_PER_MS), snapshot?.epoch ?? 0, 1),
      ...(restoredCatalog.catalogSnapshot === undefined ? {} : { snapshot: restoredCatalog.catalogSnapshot }),
      ...(options.internEntries === undefined ? {} : { intern: options.internEntries }),
      tombstoneTtl: options.retention?.tombstones,
      latestEpoch: LATEST_PLAUSIBLE_EPOCH,
      canAnswer: (node) => serf.get(node)?.status === 'alive',
      canOwn: (node) => {
        const member = serf.get(node);
        return member !== undefined && member.status !== 'left' && hasCatalog(member.tags);
      },
    });
    this.#catalog = catalog;
    const source = {
      owners: () => catalog.owners(),
      entries: (owner: string) => catalog.entries(owner),
      isUnconfirmed: (owner: string) => this.#isUnconfirmed(owner),
    };
    const isMember = (node: string): boolean =>
      node === name || restoredCatalog.isUnconfirmed(node) || (serf.get(node)?.status ?? 'left') !== 'left';
    const restored: [owner: string, changes: readonly EntryChange[]][] = [];
    let onHidden = (owner: string, changes: readonly EntryChange[]): void =>
      void restored.push([owner, changes]);
    this.#index = new ExternalNodes(source, name, isMember, (owner, changes) => onHidden(owner, changes));
    const publish = (changes: readonly EntryWrite[], at: Millis): void =>
      this.replication.publish(changes, at);
    this.#jobs = new JobOwner(options, { serf, catalog: this.#index.index, publish });
    this.#partitions = new PartitionOwner(options, { serf, catalog: this.#index.index, publish });
    onHidden = (owner, changes) => {
      this.#jobs.onEntriesChanged(owner, changes);
      this.#partitions.onEntriesChanged(owner, changes);
    };
    for (const [owner, changes] of restored) onHidden(owner, changes);
    this.#topics = this.#partitions.watchTopics(context.topics);
    const topics = this.#topics;
    this.#external = new ExternalOwner(options, { nodes: this.#index, serf, rng: rng.fork(), downtime });
    for (const owner of restoredCatalog.unconfirmed()) {
      this.#unconfirmedOwners.add(owner);
      this.#index.setOwnerUp(owner, true, new Set());
    }
    this.replication = new Replication(
      {
        self: name,
        catalog,
        index: this.#index,
        catalogPeers: this.catalogPeers,
        failedMembers,
        host,
        onCatalogSynced: () => {
          this.#jobs.settle();
          this.#partitions.settle();
          onCatalogSynced();
        },
        topics,
        rng: rng.fork(),
        gossipInterval: swim.gossipInterval,
        gossipNodes: swim.gossipNodes,
        rumorBytes,
      },
      now,
    );
    this.lanes = createCatalogLanes(this.replication.lanes, this.catalogPeers, swim);
  }

  get local(): LocalView {
    return this.#registry.view;
  }

  /** What readers see of this layer. */
  get views(): ServiceViews {
    const { view: jobs } = this.#jobs;
    return { catalog: this.#index.index, local: this.local, jobs, partitions: this.#partitions.view };
  }

  get deadline(): Millis {
    const { replication, restoredCatalog } = this;
    const owned = Math.min(this.#external.deadline, this.#jobs.deadline, this.#partitions.deadline);
    return Math.min(this.#registry.deadline, replication.deadline, restoredCatalog.deadline, owned);
  }

  /** As of when the restored ledgers are that are not confirmed yet; `undefined`: there are none. */
  get restoredAt(): Millis | undefined {
    for (const owner of this.#unconfirmedOwners) {
      if (this.#isUnconfirmed(owner)) return this.restoredCatalog.savedAt;
      this.#unconfirmedOwners.delete(owner);
    }
    return undefined;
  }

  /** Grows whenever the local registrations change. */
  get revision(): number {
    return this.#registry.snapshotRevision + this.#external.revision + this.#jobs.revision;
  }

  /** Grows whenever something changes that a command may not be acknowledged without. */
  get commandRevision(): number {
    return this.#registry.commandRevision + this.#external.commandRevision + this.#jobs.commandRevision;
  }

  localSnapshot(
    now: Millis,
  ): Required<Pick<Snapshot, 'registered' | 'external' | 'epoch'>> & Pick<Snapshot, 'jobs'> {
    const registered = this.#registry.snapshot(now);
    const jobs = this.#jobs.snapshot();
    const external = this.#external.snapshot(now);
    return { registered, external, epoch: this.#catalog.epoch, ...(jobs === undefined ? {} : { jobs }) };
  }

  /** The encoded summary of the catalog: the same array until the catalog changes. */
  get summary(): Uint8Array {
    return this.#catalog.encodedSummary();
  }

  catalogSnapshot(): Uint8Array {
    return this.#catalog.snapshot();
  }

  start(now: Millis, out: Effect[]): void {
    const { loadError: reason } = this.restoredCatalog;
    if (reason !== undefined)
      out.push({ kind: 'fact', fact: { kind: 'restoreRejected', part: 'catalog', reason } });
    this.replication.start(now);
  }

  /** Throws `AgentError` with nothing changed. */
  handleCommand(command: ServiceCommand, now: Millis, out: Effect[]): void {
    if (command.kind === 'registerNode' || command.kind === 'deregisterNode')
      this.#external.handleCommand(command, now, this.#effects);
    else if (
      command.kind === 'registerJob' ||
      command.kind === 'deregisterJob' ||
      command.kind === 'orderJob'
    )
      this.#jobs.handleCommand(command, now, out);
    else if (isPartitionCommand(command)) this.#partitions.handleCommand(command, now, out);
    else runRegistryCommand(this.#registry, command, this.#name, now, this.#effects);
    this.#runEffects(now, out);
  }

  /** Throws `AgentError` with nothing changed. */
  replaceFileServices(
    registrations: readonly Registration[],
    now: Millis,
    out: Effect[],
  ): readonly FileServiceChange[] {
    const changes = this.#registry.replaceFileServices(registrations, now, this.#effects);
    this.#runEffects(now, out);
    return changes;
  }

  onCheckFinished(outcome: CheckOutcome, now: Millis, out: Effect[]): void {
    if (!this.#external.onCheckFinished(outcome, now, this.#effects))
      this.#registry.onCheckFinished(outcome, now, this.#effects);
    this.#runEffects(now, out);
  }

  onJobRunFinished(outcome: RunOutcome, now: Millis, out: Effect[]): void {
    this.#jobs.onRunFinished(outcome, now, out);
  }

  tick(now: Millis, out: Effect[]): void {
    this.#registry.tick(now, this.#effects);
    this.#external.tick(now, this.#effects);
    this.#runEffects(now, out);
    this.replication.tick(now);
    this.#jobs.tick(now, out);
    this.#partitions.tick(now, out);
    for (const owner of this.restoredCatalog.expire(now)) this.replication.onMemberGone(owner);
    this.#index.noteSuperseded(now);
  }

  /** Membership decides which owners' instances exist, and which can pass. */
  onMemberEvent(event: SerfEvent, now: Millis): void {
    this.#onMemberEvent(event, now);
    this.#jobs.wake(now);
    this.#partitions.wake(now);
    this.#index.onMemberChanged(event.member.name, this.#topics);
    this.#index.noteSuperseded(now);
  }

  #onMemberEvent({ kind, member }: SerfEvent, now: Millis): void {
    const { name } = member;
    this.catalogPeers.invalidate();
    if (this.restoredCatalog.confirm(name)) this.#markConfirmed(name);
    this.#catalog.digest.setFailed(name, member.status === 'failed');
    switch (kind) {
      case 'joined':
        return this.replication.onMemberUp(name, now);
      case 'failed':
      case 'failedBefore':
        return this.replication.onMemberDown(name);
      case 'left':
      case 'reaped':
        return this.replication.onMemberGone(name);
      case 'updated':
        return this.replication.onMemberUpdated(name, now);
      case 'leaving':
    }
  }

  /** Readers do without the services of a suspect whose host refuses connections, and have them back at once. */
  onReachability({ identity: { name }, state, refused }: Member): void {
    if (state === 'suspect' || state === 'alive')
      this.#index.setOwnerReachable(name, refused !== true, this.#topics);
  }

  /** The catalog peer at this address. */
  catalogPeerAt(to: Address): Member | undefined {
    return this.catalogPeers.findByAddress(to.key);
  }

  /**
   * Agents that restart together have restored the same ledgers, so their agreement is no proof that an owner is still
   * there.
   */
  #isUnconfirmed(owner: string): boolean {
    return this.#catalog.isUnconfirmed(owner) || this.restoredCatalog.isUnconfirmed(owner);
  }

  /** Readers see a node that was unconfirmed as membership sees it from now on. */
  #markConfirmed(name: string): void {
    this.#index.onOwnerConfirmed(name, this.#topics);
  }

  #runEffects(now: Millis, out: Effect[]): void {
    for (const effect of this.#effects.splice(0)) {
      switch (effect.kind) {
        case 'run':
          out.push({ kind: 'runCheck', run: effect.run });
          break;
        case 'stop':
          out.push({ kind: 'stopCheck', check: effect.check });
          break;
        case 'publish':
          this.replication.publish(effect.changes, now);
          break;
        case 'leaseChanged':
          this.#topics.add(`lease:${effect.lease}`);
          break;
        case 'fact':
          out.push({ kind: 'fact', fact: effect.fact });
      }
    }
  }
}
