/**
 * The service layer: services and checks registered here go into our ledger, and what other members publish comes out
 * of theirs. It connects checks/ and catalog/, which do not know each other, with commands, members and lanes.
 */
import type { Address } from '../../base/address.ts';
import type { Rng } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import type { Catalog } from '../../catalog/catalog.ts';
import { ExternalNodes } from '../../catalog/external-nodes.ts';
import type { CatalogView, EntryChange } from '../../catalog/types.ts';
import type { TopicSink } from '../../catalog/view.ts';
import type { Registration } from '../../checks/definition/definition.ts';
import { Registry } from '../../checks/registry.ts';
import type { CheckEffect, CheckOutcome, FileServiceChange, LocalView } from '../../checks/types.ts';
import type { JobsView } from '../../jobs/types.ts';
import type { PartitionsView } from '../../partitions/types.ts';
import type { SerfEvent, SerfView } from '../../serf/types.ts';
import type { Member, MembersView } from '../../swim/types.ts';
import { isCatalogType } from '../../wire/catalog.ts';
import { isClockType } from '../../wire/clock.ts';
import type { RegistryCommand } from '../contract/commands.ts';
import type { Lane } from '../contract/lane.ts';
import type { Effect, Input, Snapshot } from '../contract/machine.ts';
import type { AgentOptions } from '../contract/options.ts';
import { isSchedulingCommand, Scheduling, type SchedulingCommand } from '../scheduling/scheduling.ts';
import { CatalogPeers } from './catalog-peers.ts';
import { createCatalog } from './create-catalog.ts';
import { type ExternalCommand, ExternalOwner } from './external-owner.ts';
import type { FailedMemberSync } from './failed-member-sync.ts';
import type { ReplicationHost } from './host.ts';
import { runRegistryCommand } from './registry-commands.ts';
import { Replication } from './replication.ts';
import { RestoredCatalog } from './restored-catalog.ts';
import { createCatalogLanes } from './rumor-lanes.ts';

/** Commands about services, checks, jobs and partitions. */
export type ServiceCommand = RegistryCommand | ExternalCommand | SchedulingCommand;

/** Inputs about checks and jobs. */
export type ServiceInput = Extract<Input, { kind: 'checkFinished' | 'jobRunFinished' | 'wallClockStepped' }>;

export const isServiceMessage = (type: number): boolean => isCatalogType(type) || isClockType(type);

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
  /** As of the input that is being handled. */
  readonly now: () => Millis;
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
  readonly scheduling: Scheduling;
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
    const catalog = createCatalog(options, { serf, rng, restored: restoredCatalog.catalogSnapshot });
    this.#catalog = catalog;
    const source = {
      owners: () => catalog.owners(),
      entries: (owner: string) => catalog.entries(owner),
      isUnconfirmed: (owner: string) => this.#isUnconfirmed(owner),
    };
    const isMember = (node: string): boolean =>
      node === name || restoredCatalog.isUnconfirmed(node) || (serf.get(node)?.status ?? 'left') !== 'left';
    const restored: [owner: string, changes: readonly EntryChange[]][] = [];
    let onHidden = (owner: string, changes: readonly EntryChange[], _at?: Millis): void =>
      void restored.push([owner, changes]);
    this.#index = new ExternalNodes(source, name, isMember, (owner, changes, at) =>
      onHidden(owner, changes, at),
    );
    this.scheduling = new Scheduling(options, {
      ...{ serf, catalog: this.#index.index, rng: options.rng.derive(`clocks ${now}`), now: context.now },
      send: (to, body) => host.send(to, body),
      addressOf: (node) => this.catalogPeers.addressOf(node),
      isMember: (from) => members.isAddressOfMember(from),
      publish: (changes, at) => this.replication.publish(changes, at),
    });
    onHidden = (owner, changes, at) => this.scheduling.onEntriesChanged(owner, changes, at);
    for (const [owner, changes] of restored) onHidden(owner, changes);
    this.#topics = this.scheduling.watchTopics(context.topics);
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
        onCatalogSynced: (at) => {
          this.scheduling.settle(at);
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

  get ledgers(): Pick<Catalog, 'replicaProgress' | 'entries' | 'version'> {
    return this.#catalog;
  }

  get local(): LocalView {
    return this.#registry.view;
  }

  /** What readers see of this layer. */
  get views(): ServiceViews {
    return { catalog: this.#index.index, local: this.local, ...this.scheduling.views };
  }

  get deadline(): Millis {
    const { replication, restoredCatalog } = this;
    const owned = Math.min(this.#external.deadline, this.scheduling.deadline);
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
    return this.#registry.snapshotRevision + this.#external.revision + this.scheduling.jobs.revision;
  }

  /** Grows whenever something changes that a command may not be acknowledged without. */
  get commandRevision(): number {
    return (
      this.#registry.commandRevision + this.#external.commandRevision + this.scheduling.jobs.commandRevision
    );
  }

  localSnapshot(
    now: Millis,
  ): Required<Pick<Snapshot, 'registered' | 'external' | 'epoch'>> & Pick<Snapshot, 'jobs'> {
    const registered = this.#registry.snapshot(now);
    const jobs = this.scheduling.jobs.snapshot();
    const external = this.#external.snapshot(now);
    return { registered, external, epoch: this.#catalog.epoch, ...(jobs === undefined ? {} : { jobs }) };
  }

  /** The encoded summary of the catalog: the same array until the catalog changes. */
  get summary(): Uint8Array {
    return this.#catalog.digest.encodedSummary();
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
    else if (isSchedulingCommand(command)) this.scheduling.handleCommand(command, now, out);
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

  /** The body of a user message of which `isServiceMessage` is true. Throws `WireError`. */
  receiveGossip(body: Uint8Array, from: Address, now: Millis): void {
    if (isClockType(body[0] ?? 0)) this.scheduling.jobs.receiveClock(body, from, now);
    else this.replication.receiveGossip(body, from, now);
  }

  handleInput(input: ServiceInput, now: Millis, out: Effect[]): void {
    if (input.kind === 'checkFinished') this.#onCheckFinished(input.outcome, now, out);
    else if (input.kind === 'jobRunFinished') this.scheduling.jobs.onRunFinished(input.outcome, now, out);
    else this.scheduling.jobs.onClockStepped(input.by, now);
  }

  #onCheckFinished(outcome: CheckOutcome, now: Millis, out: Effect[]): void {
    if (!this.#external.onCheckFinished(outcome, now, this.#effects))
      this.#registry.onCheckFinished(outcome, now, this.#effects);
    this.#runEffects(now, out);
  }

  tick(now: Millis, out: Effect[]): void {
    this.#registry.tick(now, this.#effects);
    this.#external.tick(now, this.#effects);
    this.#runEffects(now, out);
    this.replication.tick(now);
    this.scheduling.tick(now, out);
    for (const owner of this.restoredCatalog.expire(now)) this.replication.onMemberGone(owner);
    this.#index.noteSuperseded(now);
  }

  /** Membership decides which owners' instances exist, and which can pass. */
  onMemberEvent(event: SerfEvent, now: Millis): void {
    this.scheduling.wake(now);
    this.#onMemberEvent(event, now);
    this.#index.onMemberChanged(event.member.name, this.#topics);
    this.#index.noteSuperseded(now);
  }

  #onMemberEvent({ kind, member }: SerfEvent, now: Millis): void {
    const { name } = member;
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
