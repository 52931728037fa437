/**
 * The agent core, a sans-IO state machine: it passes inputs, events and effects between the layers. It is the only file
 * that knows all of them, and holds control flow, no protocol.
 */
import { Deadlines } from '../base/deadlines.ts';
import { type Millis, NEVER } from '../base/time.ts';
import type { Serf } from '../serf/serf.ts';
import type { SerfEffect } from '../serf/types.ts';
import { type Swim, stallThreshold } from '../swim/swim.ts';
import type { SwimEffect } from '../swim/types.ts';
import { availableBytes, COMPOUND_OVERHEAD } from '../wire/packet.ts';
import type { Fact } from './contract/facts.ts';
import type { Lane } from './contract/lane.ts';
import type { Agent, Effect, Input } from './contract/machine.ts';
import type { AgentOptions } from './contract/options.ts';
import type { Topic, View } from './contract/view.ts';
import { EffectRunner } from './effects.ts';
import { Investigations } from './evidence/investigation.ts';
import { createLayers, type Layers } from './layers.ts';
import { LinkTests } from './links/link-tests.ts';
import { type MessageTargets, routeMessage } from './messages.ts';
import { CommandDispatcher, rejectStopped } from './operations/dispatch.ts';
import { JoinLeave, type JoinLeaveHost } from './operations/join-leave.ts';
import { KeyOperations } from './operations/key-operations.ts';
import { MemberCommands, restoreTags, withCapability } from './operations/member-commands.ts';
import { Messaging } from './operations/messaging.ts';
import { Pausing } from './operations/pause.ts';
import { SavedState } from './operations/saved-state.ts';
import { SnapshotScheduler } from './operations/snapshots.ts';
import { StallDetector } from './operations/stall-detector.ts';
import { handleOutcome, type OutcomeTargets } from './outcomes.ts';
import { readHealth } from './readers/health.ts';
import { PartitionMonitor } from './readers/partition-summary.ts';
import { ReadinessTracker } from './readers/readiness.ts';
import { AgentView, type ViewSources } from './readers/view.ts';
import { FailedMemberSync } from './replication/failed-member-sync.ts';
import { ServiceLayer } from './replication/services.ts';
import { ServedLedgers } from './served/served-ledgers.ts';
import { EagerGossip } from './transport/eager-gossip.ts';
import { Packets } from './transport/packets.ts';
import { PushPullHandler } from './transport/push-pull.ts';
import type { PushPullOutcome, PushPullRequest } from './transport/stream-host.ts';
import { handleStreamInput } from './transport/stream-inputs.ts';
import { Streams } from './transport/streams.ts';
import { createTableHost, type TableHost, TableSync } from './transport/table-sync.ts';
import { createWatchHost, Watches } from './transport/watches.ts';

export type { AgentOptions };

export const createAgent = (options: AgentOptions): Agent => new AgentCore(options);

class AgentCore implements Agent {
  readonly view: View;
  readonly #view: AgentView;
  readonly #options: AgentOptions;
  readonly #swim: Swim;
  readonly #serf: Serf;
  readonly #packets: Packets;
  readonly #streams: Streams;
  readonly #watches: Watches;
  readonly #services: ServiceLayer;
  readonly #joinLeave: JoinLeave;
  readonly #pausing: Pausing;
  readonly #tables: TableSync;
  readonly #eagerGossip: EagerGossip;
  readonly #snapshots: SnapshotScheduler;
  readonly #partitionMonitor: PartitionMonitor;
  readonly #links: LinkTests;
  readonly #served: ServedLedgers;
  readonly #outcomes: OutcomeTargets;
  readonly #messageTargets: MessageTargets;
  readonly #readiness: ReadinessTracker;
  readonly #messaging: Messaging;
  readonly #commands: CommandDispatcher;
  readonly #lanes: readonly Lane[];
  readonly #effects: EffectRunner;
  readonly #swimOut: SwimEffect[] = [];
  readonly #serfOut: SerfEffect[] = [];
  readonly #deadlines = new Deadlines();
  readonly #stalls = new StallDetector();
  /** The effects of the input that is being handled. */
  #out: Effect[] = [];
  #now: Millis;
  #started = false;
  /** Computed once, at the end of each input. */
  deadline: Millis;

  constructor(options: AgentOptions) {
    this.#options = options;
    this.#now = options.now;
    this.deadline = options.now;
    const tags = withCapability(restoreTags(options.tags, options.snapshot?.tags));
    const layers = createLayers(options, tags, {
      local: () => this.#services.local,
      answerQuery: (query, payload, now) => this.#links.answer(query, payload, now, this.#out),
      handleServedQuery: (...query) => this.#served.handleQuery(...query),
    });
    const { swim, serf, lanes, envelope, keyring, nonce, evidence } = layers;
    this.#swim = swim;
    this.#serf = serf;
    const { swim: config, rng, codec } = options;
    const topics = new Set<Topic>();
    this.#services = this.#createServices(layers, topics);
    this.#lanes = [...lanes, ...this.#services.lanes];
    this.#packets = new Packets(envelope, this.#lanes, nonce, config.packetBytes, {
      ...(codec === undefined ? {} : { codec }),
      standingOf: (at) => swim.members.standingOf(at),
    });
    this.#streams = new Streams(envelope, this.#createStreamHost(), nonce, config.streamTimeout, codec);
    const { catalogPeers } = this.#services;
    this.#tables = new TableSync(config, rng.fork(), this.#createTableHost());
    this.#eagerGossip = new EagerGossip(config, swim.members, catalogPeers, this.#lanes, this.#packets);
    const watchHost = createWatchHost(swim, this.#swimOut, catalogPeers, () => this.#joinLeave.leaving);
    this.#watches = new Watches(config, this.#streams, rng.fork(), watchHost);
    this.#partitionMonitor = new PartitionMonitor(options, serf.view);
    this.#readiness = new ReadinessTracker(options, {
      ...{ hasPeer: () => catalogPeers.count > 1, topics },
      hasRestored: () => this.#services.restoredAt !== undefined,
    });
    this.#pausing = new Pausing({
      ...{ swim, swimOut: this.#swimOut, packets: this.#packets, catalogPeers },
      gossipInterval: config.gossipInterval,
    });
    this.#joinLeave = new JoinLeave(this.#createJoinLeaveHost(), options.serf);
    this.#links = new LinkTests(options, {
      ...{ members: swim.members, catalogPeers, packets: this.#packets, streams: this.#streams },
      ...{ serf, serfOut: this.#serfOut },
    });
    this.#messageTargets = {
      ...{ swim, swimOut: this.#swimOut, serf, serfOut: this.#serfOut, links: this.#links },
      ...{ pausing: this.#pausing, services: this.#services, tables: this.#tables },
    };
    const keyOperations = new KeyOperations(serf, keyring, options.name);
    const investigations = new Investigations(serf, evidence, options.name);
    const { ledgers, views } = this.#services;
    this.#served = new ServedLedgers(
      { self: options.name, serf, ledgers, view: views.catalog, onEnded: (id) => this.#view.onSyncEnded(id) },
      this.#serfOut,
    );
    this.#view = this.#createView(layers, { topics, keyOperations, investigations });
    this.view = this.#view;
    const shared = { serf, serfOut: this.#serfOut, view: this.#view };
    const members = new MemberCommands({ ...shared, swim, swimOut: this.#swimOut }, tags, options.tags);
    const parts = { swim, serf, members, services: this.#services, view: this.#view };
    const saved = new SavedState(parts, options);
    this.#snapshots = new SnapshotScheduler(options.persistsSnapshots === true, saved);
    this.#messaging = new Messaging({
      ...shared,
      ...{ investigations, keyring, keyOperations, packets: this.#packets },
      syncStatuses: this.#served.statuses,
      markDirty: (now) => this.#snapshots.markDirty(now),
    });
    this.#commands = new CommandDispatcher({
      ...{ joinLeave: this.#joinLeave, messaging: this.#messaging, services: this.#services },
      ...{ members, snapshots: this.#snapshots, links: this.#links },
    });
    this.#effects = new EffectRunner({
      ...shared,
      ...{ name: options.name, swimOut: this.#swimOut, services: this.#services },
      ...{ packets: this.#packets, streams: this.#streams, watches: this.#watches },
      ...{ links: this.#links, tables: this.#tables, partitionMonitor: this.#partitionMonitor },
      ...{ snapshots: this.#snapshots, joinLeave: this.#joinLeave, messaging: this.#messaging },
    });
    this.#outcomes = {
      ...{ swim, serf, swimOut: this.#swimOut, serfOut: this.#serfOut, links: this.#links },
      ...{ services: this.#services, snapshots: this.#snapshots, served: this.#served },
    };
    this.#registerDeadlines(swim, serf);
  }

  #createServices({ swim, serf, envelope }: Layers, topics: Set<Topic>): ServiceLayer {
    const { swim: config, rng } = this.#options;
    return new ServiceLayer(this.#options, {
      ...{ members: swim.members, serf: serf.view, topics, rng: rng.fork(), now: () => this.#now },
      onCatalogSynced: () => this.#readiness.onCatalogSynced(),
      rumorBytes: availableBytes(config.packetBytes, envelope) - COMPOUND_OVERHEAD - 1,
      failedMembers: new FailedMemberSync(swim, serf, this.#serfOut, () => this.#runEffects()),
      host: {
        dial: (to, body, ticket, at) => this.#streams.dialRequest({ to, body, ticket }, at, this.#out),
        gossip: (peer) => this.#packets.sendGossip(peer, this.#out),
        send: (to, body) => this.#packets.sendUserMessage(to, body, this.#out),
      },
    });
  }

  #registerDeadlines(swim: Swim, serf: Serf): void {
    this.#deadlines.add(
      ...[() => swim.deadline, () => serf.deadline, () => this.#streams.deadline],
      ...[() => this.#watches.deadline, () => this.#services.deadline, () => this.#tables.deadline],
      ...[() => this.#joinLeave.deadline, () => this.#snapshots.deadline, () => this.#links.deadline],
      ...[() => this.#partitionMonitor.deadline, () => this.#readiness.deadline, () => this.#view.deadline],
      () => this.#served.deadline,
    );
  }

  handle(input: Input, now: Millis, out: Effect[]): void {
    if (this.#joinLeave.stopped) return this.#handleAfterStop(input, out);
    const from = out.length;
    this.#out = out;
    this.#now = now;
    if (!this.#started) this.#start();
    this.#detectStall();
    switch (input.kind) {
      case 'packet':
        this.#packets.receive(input.from, input.bytes, out, (message) => {
          routeMessage(message, input.from, now, out, this.#messageTargets);
          this.#runEffects();
        });
        break;
      case 'streamAccepted':
      case 'streamOpened':
      case 'streamData':
      case 'streamClosed':
        handleStreamInput(input, { streams: this.#streams, watches: this.#watches }, now, out);
        break;
      case 'tick':
        this.#tick();
        break;
      case 'command':
        this.#commands.dispatch(input.request, input.command, now, out);
        break;
      default:
        handleOutcome(input, this.#outcomes, now, out);
    }
    this.#runEffects();
    if (this.#joinLeave.leaving) {
      this.#watches.sayFarewell(out);
      this.#joinLeave.advance(now, out);
      this.#runEffects();
    }
    if (this.#served.advance(now, out)) this.#runEffects();
    this.#eagerGossip.run(input, now, out);
    this.#links.paths.advance(now, out);
    if (this.#joinLeave.stopped) this.#snapshots.flush(now, out, from);
    else this.#snapshots.advance(now, out);
    this.#view.publish(out, from, now);
    this.#swim.skipMissedGossip(now);
    this.deadline = this.#joinLeave.stopped ? NEVER : this.#deadlines.earliest;
  }

  #start(): void {
    this.#started = true;
    this.#swim.start(this.#now, this.#swimOut);
    this.#services.start(this.#now, this.#out);
    const { name: node, address, keys } = this.#options;
    this.#recordFact({ kind: 'agentStarted', node, address: address.key, encrypted: keys.length > 0 });
    this.#runEffects();
  }

  #detectStall(): void {
    const lateness = this.#stalls.detect(this.deadline, this.#now, stallThreshold(this.#options.swim));
    if (lateness === undefined) return;
    this.#swim.onStall(lateness, this.#now, this.#swimOut);
    this.#eagerGossip.onStall(this.#now);
    this.#streams.onStall(lateness);
    this.#runEffects();
  }

  #tick(): void {
    this.#swim.tick(this.#now, this.#swimOut);
    this.#runEffects();
    if (this.#serf.deadline <= this.#now) this.#serf.tick(this.#now, this.#serfOut);
    this.#messaging.checkKeyUsage(this.#swim.members.size, this.#out);
    this.#streams.tick(this.#now, this.#out);
    this.#watches.tick(this.#now, this.#out);
    this.#tables.tick(this.#now, this.#out);
    if (this.#links.deadline <= this.#now) this.#links.tick(this.#now, this.#out);
    if (this.#services.deadline <= this.#now) this.#services.tick(this.#now, this.#out);
    this.#partitionMonitor.tick(this.#now, this.#out);
    if (this.#readiness.tick(this.#now)) this.#recordFact({ kind: 'firstSyncMissed' });
  }

  #runEffects(): void {
    this.#effects.run(this.#now, this.#out);
  }

  #createView(
    { swim, serf, keyring, evidence }: Layers,
    parts: Pick<ViewSources, 'topics' | 'keyOperations' | 'investigations'>,
  ): AgentView {
    const encrypted = this.#options.keys.length > 0;
    const lasting = { joinLeave: this.#joinLeave, watches: this.#watches, lanes: this.#lanes };
    const healthSources = { swim, serf, keyring, encrypted, ...lasting };
    return new AgentView({
      ...{ members: swim.members, serf, evidence, ...parts },
      ...this.#services.views,
      syncStatus: (id) => this.#served.statuses.get(id),
      health: () => readHealth(healthSources),
      readiness: () => this.#readiness.current,
      restoredAt: () => this.#services.restoredAt,
      partitionSummary: () => this.#partitionMonitor.summarize(this.#now),
      links: { links: () => this.#links.reports(), linkSurvey: (id) => this.#links.survey(id, this.#now) },
      unconfirmedMember: (node) => this.#services.restoredCatalog.unconfirmedMember(node),
      ...{ indexSeed: this.#options.startedAt, zones: this.#options.zones },
    });
  }

  /** After the agent has stopped commands are rejected, those that wait for the last snapshot are replied, and nothing else is done. */
  #handleAfterStop(input: Input, out: Effect[]): void {
    if (input.kind === 'command') rejectStopped(input.request, out);
    if (input.kind === 'snapshotStored') this.#snapshots.onStored(input.revision, input.error, out);
  }

  #createStreamHost(): PushPullHandler {
    return new PushPullHandler(this.#swim, this.#serf, this.#services, {
      name: this.#options.name,
      isReturning: (this.#options.snapshot?.peers.length ?? 0) > 0,
      ...{ swimOut: this.#swimOut, serfOut: this.#serfOut },
      ...{ watches: () => this.#watches, runEffects: () => this.#runEffects() },
      onLinkPing: (seqNo, outcome) => this.#links.onStreamPing(seqNo, outcome),
      onStreamRejected: (from, { code, message: detail }) =>
        this.#recordFact({ kind: 'streamRejected', from: from.key, code, detail }),
      onPushPullFinished: (sync, outcome, now) => this.#onPushPullFinished(sync, outcome, now),
    });
  }

  #createTableHost(): TableHost {
    const parts = { swim: this.#swim, serf: this.#serf, packets: this.#packets, streams: this.#streams };
    return createTableHost({ ...parts, isHere: () => !this.#joinLeave.leaving }, this.#services, (peer) => {
      this.#recordFact({ kind: 'pushPullSpared', peer: peer.key });
      this.#readiness.onPushPullSucceeded();
    });
  }

  #onPushPullFinished(sync: PushPullRequest, outcome: PushPullOutcome, now: Millis): void {
    const { join } = sync;
    const peer = sync.to.key;
    if (outcome.ok) {
      this.#recordFact({ kind: 'pushPullFinished', peer, join, nodes: this.#swim.members.size });
      this.#tables.onPushPullFinished(sync, outcome.news, now);
      this.#readiness.onPushPullSucceeded();
    } else this.#recordFact({ kind: 'pushPullFailed', peer, join, reason: outcome.why });
    this.#joinLeave.onPushPullFinished(sync, outcome, now, this.#out);
  }

  #recordFact(fact: Fact): void {
    this.#out.push({ kind: 'fact', fact });
  }

  #createJoinLeaveHost(): JoinLeaveHost {
    return {
      members: this.#swim.members,
      dialPushPull: (sync, now) => this.#streams.dialPushPull(sync, now, this.#out),
      broadcastJoin: (now) => this.#serf.broadcastJoin(now, this.#serfOut),
      leaveSerf: (now) => this.#serf.leave(now, this.#serfOut),
      leaveSwim: (now) => this.#swim.leave(now, this.#swimOut),
      pausing: this.#pausing,
    };
  }
}
