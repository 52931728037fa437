/** The landing: who gets what. The only file that knows all rooms; it holds control flow and no protocol. */
import type { Address } from '../base/address.ts';
import { AgentError } from '../base/errors.ts';
import { type Millis, NEVER } from '../base/time.ts';
import type { Serf } from '../serf/serf.ts';
import type { SerfEffect, SerfEvent } from '../serf/types.ts';
import { type Swim, stallThreshold } from '../swim/swim.ts';
import type { Member, SwimEffect } from '../swim/types.ts';
import { isCatalogType } from '../wire/catalog.ts';
import type { Keyring } from '../wire/keyring.ts';
import { type PacketMessage, Ping } from '../wire/memberlist.ts';
import { availableBytes, COMPOUND_OVERHEAD } from '../wire/packet.ts';
import type { Command, RequestId } from './contract/commands.ts';
import type { Fact } from './contract/facts.ts';
import type { Lane } from './contract/lane.ts';
import type { Agent, Effect, Input } from './contract/machine.ts';
import type { AgentOptions } from './contract/options.ts';
import type { AgentHealth, View } from './contract/view.ts';
import { createLayers } from './layers.ts';
import { JoinLeave, type JoinLeaveHost } from './operations/join-leave.ts';
import { KeyOperations } from './operations/key-operations.ts';
import { forgetMember, type MemberCommandContext, setTags } from './operations/member-commands.ts';
import { Messaging } from './operations/messaging.ts';
import { toHandlerEvent, toMemberFact, updateCoordinate } from './readers/member-events.ts';
import { PartitionMonitor } from './readers/partition-summary.ts';
import { AgentView } from './readers/view.ts';
import { CAPABILITY, CAPABILITY_TAG } from './replication/catalog-peers.ts';
import { ServiceLayer } from './replication/services.ts';
import { SnapshotScheduler } from './replication/snapshots.ts';
import { EarlySync } from './transport/early-sync.ts';
import { Packets } from './transport/packets.ts';
import { PushPullHandler } from './transport/push-pull.ts';
import { Streams } from './transport/streams.ts';

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
  readonly #services: ServiceLayer;
  readonly #joinLeave: JoinLeave;
  readonly #earlySync: EarlySync;
  readonly #snapshots: SnapshotScheduler;
  readonly #partitionMonitor: PartitionMonitor;
  readonly #messaging: Messaging;
  readonly #keyring: Keyring;
  readonly #lanes: readonly Lane[];
  readonly #swimOut: SwimEffect[] = [];
  readonly #serfOut: SerfEffect[] = [];
  #tags: ReadonlyMap<string, string>;
  #out: Effect[] = [];
  #now: Millis;
  #started = false;
  /** Worked out once, at the end of each input. */
  #deadline: Millis;
  #lastStallDeadline: Millis = -1;

  constructor(options: AgentOptions) {
    this.#options = options;
    this.#now = options.now;
    this.#deadline = options.now;
    this.#tags = new Map([...options.tags, [CAPABILITY_TAG, CAPABILITY]]);
    const { swim, serf, lanes, envelope, keyring, nonce, evidence } = createLayers(options, this.#tags);
    this.#swim = swim;
    this.#serf = serf;
    this.#keyring = keyring;
    const { swim: config, rng, codec: wrapping } = options;
    this.#services = new ServiceLayer(options, {
      members: swim.members,
      serf: serf.view,
      rng: rng.fork(),
      rumorBytes: availableBytes(config.packetBytes, envelope) - COMPOUND_OVERHEAD - 1,
      host: {
        dial: (to, body, ticket, at) => this.#streams.dialRequest({ to, body, ticket }, at, this.#out),
        gossip: (peer) => this.#packets.sendGossip(peer, this.#out),
        markTopicsChanged: (topics) => this.#view.markTopicsChanged(topics),
      },
    });
    this.#lanes = [...lanes, ...this.#services.lanes];
    this.#packets = new Packets(envelope, this.#lanes, nonce, config.packetBytes, wrapping);
    this.#streams = new Streams(envelope, this.#exchange(), nonce, config.streamTimeout, wrapping);
    this.#earlySync = new EarlySync(config.gossipInterval, rng.fork());
    this.#snapshots = new SnapshotScheduler(options.persistsSnapshots === true, options, this.#services);
    this.#partitionMonitor = new PartitionMonitor(options, serf.view);
    this.#joinLeave = new JoinLeave(this.#commandHost(), options.serf);
    const keyTasks = new KeyOperations(serf, keyring);
    this.#view = new AgentView({
      members: swim.members,
      serf,
      evidence,
      keyReport: (id) => keyTasks.get(id),
      catalog: this.#services.view,
      local: this.#services.local,
      health: () => this.#health(),
      outlook: () => this.#partitionMonitor.summarize(this.#now),
      remembered: (node) => this.#services.restoredCatalog.unconfirmedMember(node),
      indexSeed: options.startedAt,
    });
    this.view = this.#view;
    const stir = (now: Millis): void => this.#snapshots.markDirty(now);
    const rooms = { serf, evidence, keyring, keyTasks, packets: this.#packets, view: this.#view };
    this.#messaging = new Messaging({ ...rooms, serfOut: this.#serfOut, markDirty: stir });
  }

  get deadline(): Millis {
    return this.#deadline;
  }

  #nextDeadline(): Millis {
    if (this.#joinLeave.stopped) return NEVER;
    return Math.min(
      this.#swim.deadline,
      this.#serf.deadline,
      this.#streams.deadline,
      this.#services.deadline,
      this.#earlySync.deadline,
      this.#joinLeave.deadline,
      this.#snapshots.deadline,
      this.#partitionMonitor.deadline,
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
        this.#packets.receive(input.from, input.bytes, out, (message) => this.#message(message, input.from));
        break;
      case 'streamAccepted':
        this.#streams.onAccepted(input.stream, input.from, now, out);
        break;
      case 'streamOpened':
        this.#streams.onOpened(input.stream, out);
        break;
      case 'streamData':
        this.#streams.onData(input.stream, input.bytes, now, out);
        break;
      case 'streamClosed':
        this.#streams.onClosed(input.stream, input.why, now);
        break;
      case 'tick':
        this.#tick();
        break;
      case 'command':
        this.#command(input.request, input.command);
        break;
      case 'checkFinished':
        this.#services.onCheckFinished(input.outcome, now, out);
        break;
      case 'addressChanged':
        this.#swim.setAddress(input.address, this.#swimOut);
        break;
      case 'keysStored':
        this.#serf.onKeysStored(input.ticket, input.error, now, this.#serfOut);
        break;
    }
    this.#runEffects();
    if (this.#joinLeave.leaving) {
      this.#joinLeave.advance(now, out);
      this.#runEffects();
    }
    this.#snapshots.detectChanges(this.#services, now);
    if (this.#joinLeave.stopped) this.#snapshots.flush(this.#services, now, out, from);
    this.#view.recordEvidence(out, from, now);
    const topics = this.#view.flushTopics();
    if (topics !== undefined) out.push({ kind: 'topicsChanged', topics });
    this.#swim.skipMissedGossip(now);
    this.#deadline = this.#nextDeadline();
  }

  #start(): void {
    this.#started = true;
    this.#swim.start(this.#now, this.#swimOut);
    this.#services.start(this.#now, this.#out);
    this.#out.push({
      kind: 'fact',
      fact: {
        kind: 'agentStarted',
        node: this.#options.name,
        address: this.#options.address.key,
        encrypted: this.#options.keys.length > 0,
      },
    });
    this.#runEffects();
  }

  /** Once per missed deadline, and before any input that waited with it: the peer is not to blame. */
  #detectStall(): void {
    const due = this.#deadline;
    const lateness = this.#now - due;
    if (due === this.#lastStallDeadline || lateness < stallThreshold(this.#options.swim)) return;
    this.#lastStallDeadline = due;
    this.#swim.onStall(lateness, this.#now, this.#swimOut);
    this.#runEffects();
  }

  #tick(): void {
    this.#swim.tick(this.#now, this.#swimOut);
    this.#runEffects();
    if (this.#serf.deadline <= this.#now) this.#serf.tick(this.#now, this.#serfOut);
    this.#messaging.checkKeyUsage(this.#swim.members.size, this.#out);
    this.#streams.tick(this.#now, this.#out);
    if (this.#earlySync.consumeDeadline(this.#now)) this.#syncWithRandomPeer();
    if (this.#services.deadline <= this.#now) this.#services.tick(this.#now, this.#out);
    this.#partitionMonitor.tick(this.#now, this.#out);
    this.#snapshots.tick(this.#now, this.#swim, this.#serf, this.#services, this.#view, this.#out);
  }

  #message(message: PacketMessage, from: Address): void {
    if (message.kind !== 'user') this.#swim.receive(message, from, this.#now, this.#swimOut);
    else if (isCatalogType(message.body[0] ?? 0))
      this.#services.replication.receiveGossip(message.body, from, this.#now);
    else this.#serf.receive(message.body, this.#now, this.#serfOut, from.key);
    this.#runEffects();
  }

  #command(request: RequestId, command: Command): void {
    switch (command.kind) {
      case 'join':
        return this.#joinLeave.join(request, command.seeds, this.#now, this.#out);
      case 'leave':
        return this.#joinLeave.leave(request, this.#now, this.#out);
      case 'forget':
        return this.#reply(request, () => forgetMember(this.#memberCommandContext(), command, this.#now));
      case 'setTags':
        return this.#reply(request, () => {
          this.#tags = setTags(this.#memberCommandContext(), this.#tags, command, this.#now);
        });
      case 'fireEvent':
      case 'query':
      case 'respond':
      case 'queryWitnesses':
      case 'keys':
        return this.#messaging.handleCommand(request, command, this.#now, this.#out);
      default:
        return this.#reply(request, () => this.#services.handleCommand(command, this.#now, this.#out));
    }
  }

  #reply(request: RequestId, act: () => void): void {
    try {
      act();
      this.#out.push({ kind: 'reply', request, result: { ok: true } });
    } catch (error) {
      if (!(error instanceof AgentError)) throw error;
      this.#out.push({ kind: 'reply', request, result: { ok: false, error } });
    }
  }

  #memberCommandContext(): MemberCommandContext {
    const { swim, serf, view } = { swim: this.#swim, serf: this.#serf, view: this.#view };
    return { swim, serf, view, swimOut: this.#swimOut, serfOut: this.#serfOut };
  }

  /** Carries what the rooms decided to where it belongs, until nothing is left. */
  #runEffects(): void {
    while (this.#swimOut.length > 0 || this.#serfOut.length > 0) {
      for (let i = 0; i < this.#swimOut.length; i++) this.#applySwimEffect(this.#swimOut[i] as SwimEffect);
      this.#swimOut.length = 0;
      for (let i = 0; i < this.#serfOut.length; i++) this.#applySerfEffect(this.#serfOut[i] as SerfEffect);
      this.#serfOut.length = 0;
    }
  }

  #applySwimEffect(effect: SwimEffect): void {
    switch (effect.kind) {
      case 'send':
        return this.#packets.send(
          effect.to,
          effect.peer,
          effect.message,
          effect.compoundWith,
          effect.piggyback,
          this.#out,
        );
      case 'gossip':
        return this.#packets.sendGossip(effect.peer, this.#out);
      case 'streamPing': {
        const { name, address } = effect.peer.identity;
        const ping = Ping.create({ seqNo: effect.seqNo, node: name });
        return this.#streams.dialPing(address, ping, effect.deadline, this.#out);
      }
      case 'pushPull':
        return this.#streams.dialPushPull(
          { to: effect.peer.identity.address, join: false },
          this.#now,
          this.#out,
        );
      case 'roundTrip':
        return this.#updateCoordinate(effect.peer, effect.millis, effect.payload);
      case 'event':
        this.#serf.handleMemberEvent(effect.event, this.#now, this.#serfOut);
        this.#view.markMemberChanged(effect.event.member.identity.name, false);
        return;
      case 'fact':
        if ('node' in effect.fact) this.#view.markMemberChanged(effect.fact.node, false);
        else if (effect.fact.kind === 'suspicionRefuted')
          this.#view.markMemberChanged(this.#options.name, false);
        this.#out.push({ kind: 'fact', fact: effect.fact });
        return;
    }
  }

  #updateCoordinate(peer: Member, roundTrip: Millis, payload: Uint8Array): void {
    const refused = updateCoordinate(this.#serf, peer, roundTrip, payload);
    if (refused !== undefined) this.#recordFact(refused);
  }

  #applySerfEffect(effect: SerfEffect): void {
    switch (effect.kind) {
      case 'event':
        return this.#handleMemberEvent(effect.event);
      case 'reconnect':
        return this.#streams.dialPushPull({ to: effect.to, join: true }, this.#now, this.#out);
      case 'fact':
        this.#out.push({ kind: 'fact', fact: effect.fact });
        return;
      case 'nameVoteLost':
        this.#recordFact({ kind: 'nameLost', node: this.#options.name, other: effect.other.key });
        return this.#joinLeave.abandon(`${effect.other.key} has the name ${this.#options.name}`, this.#out);
      default:
        return this.#messaging.applyEffect(effect, this.#now, this.#out);
    }
  }

  #handleMemberEvent(event: SerfEvent): void {
    const { name } = event.member;
    this.#view.markMemberChanged(name, true);
    this.#services.onMemberEvent(event, this.#now);
    this.#snapshots.markDirty(this.#now);
    this.#partitionMonitor.onMemberEvent(event, this.#now);
    const fact = toMemberFact(event);
    if (fact !== undefined) this.#recordFact(fact);
    const news = toHandlerEvent(event);
    if (news !== undefined) this.#out.push({ kind: 'notify', event: news });
    if (event.kind === 'reaped') this.#view.evictMember(name);
  }

  #syncWithRandomPeer(): void {
    const peer = this.#earlySync.choosePeer(this.#swim.members);
    if (peer !== undefined)
      this.#streams.dialPushPull(
        { to: peer.identity.address, join: false, early: true },
        this.#now,
        this.#out,
      );
  }

  #health(): AgentHealth {
    return {
      awareness: this.#swim.awareness,
      incarnation: this.#swim.incarnation,
      clocks: this.#serf.clocks,
      encrypted: this.#options.keys.length > 0,
      seals: this.#keyring.seals,
      leaving: this.#joinLeave.leaving,
      lanes: Object.fromEntries(this.#lanes.map((lane) => [lane.name, lane.queue.size])),
    };
  }

  /** Stopped: requests still get an answer, everything else falls silent. */
  #handleAfterStop(input: Input, out: Effect[]): void {
    if (input.kind !== 'command') return;
    const error = new AgentError('failed', 'this agent has left and is stopping: start it again');
    out.push({ kind: 'reply', request: input.request, result: { ok: false, error } });
  }

  #exchange(): PushPullHandler {
    return new PushPullHandler(this.#swim, this.#serf, this.#services, {
      name: this.#options.name,
      swimOut: this.#swimOut,
      serfOut: this.#serfOut,
      runEffects: () => this.#runEffects(),
      onStreamRejected: (from, { code, message: detail }) =>
        this.#recordFact({ kind: 'streamRejected', from: from.key, code, detail }),
      onPushPullFinished: (sync, outcome, now) => {
        const { join, early: followup, to } = sync;
        const peer = to.key;
        if (outcome.ok)
          this.#recordFact({ kind: 'pushPullFinished', peer, join, nodes: this.#swim.members.size });
        else this.#recordFact({ kind: 'pushPullFailed', peer, join, why: outcome.why });
        if (outcome.ok && (join || followup === true)) this.#earlySync.onPushPullFinished(outcome.news, now);
        this.#joinLeave.onPushPullFinished(sync, outcome, now, this.#out);
      },
    });
  }

  #recordFact(fact: Fact): void {
    this.#out.push({ kind: 'fact', fact });
  }

  #commandHost(): JoinLeaveHost {
    return {
      address: () => this.#view.address,
      dialPushPull: (sync, now) => this.#streams.dialPushPull(sync, now, this.#out),
      broadcastJoin: (now) => this.#serf.broadcastJoin(now, this.#serfOut),
      leaveSerf: (now) => this.#serf.leave(now, this.#serfOut),
      leaveSwim: (now) => this.#swim.leave(now, this.#swimOut),
    };
  }
}
