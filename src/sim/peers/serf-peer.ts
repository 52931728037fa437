/**
 * A Serf peer: the layers of our agent with memberlist's behavior (go-behavior.ts), and without a catalog. It records
 * catalog messages that reach it by mistake, where a real Serf agent would log an error.
 */

import type { Command, RequestId } from '../../agent/contract/commands.ts';
import type { Agent, Effect, Input } from '../../agent/contract/machine.ts';
import type { AgentOptions } from '../../agent/contract/options.ts';
import type { View } from '../../agent/contract/view.ts';
import { applySendEffect, drainEffects, type EffectHandler } from '../../agent/effects.ts';
import { Investigations } from '../../agent/evidence/investigation.ts';
import { createLayers, type Layers } from '../../agent/layers.ts';
import { JoinLeave } from '../../agent/operations/join-leave.ts';
import { KeyOperations } from '../../agent/operations/key-operations.ts';
import { Messaging } from '../../agent/operations/messaging.ts';
import { PartitionMonitor } from '../../agent/readers/partition-summary.ts';
import { AgentView } from '../../agent/readers/view.ts';
import { isServiceMessage } from '../../agent/replication/services.ts';
import { SyncStatuses } from '../../agent/served/sync-statuses.ts';
import { Packets } from '../../agent/transport/packets.ts';
import type { StreamHost } from '../../agent/transport/stream-host.ts';
import { Streams } from '../../agent/transport/streams.ts';
import { WireError } from '../../base/errors.ts';
import { inOneTurn, type Millis, NEVER } from '../../base/time.ts';
import { Catalog } from '../../catalog/catalog.ts';
import { CatalogIndex } from '../../catalog/view.ts';
import type { SerfEffect } from '../../serf/types.ts';
import { LOCAL_SOURCE } from '../../swim/rules/source.ts';
import type { SwimEffect } from '../../swim/types.ts';
import { isLinkType } from '../../wire/links.ts';
import { isPauseType } from '../../wire/pause.ts';
import {
  answerVerification,
  filterAccusation,
  filterAccusationRow,
  isQueryReminder,
  sentByGo,
  withoutLeave,
} from './go-behavior.ts';

export class SerfPeer implements Agent, EffectHandler {
  readonly view: View;
  /** Catalog messages that reached it, and by which way. */
  readonly receivedCatalogMessages: string[] = [];
  readonly #view: AgentView;
  readonly #layers: Layers;
  readonly #transport: { readonly packets: Packets; readonly streams: Streams };
  readonly #joinLeave: JoinLeave;
  readonly #messaging: Messaging;
  readonly #partitionMonitor: PartitionMonitor;
  readonly #swimOut: SwimEffect[] = [];
  readonly #serfOut: SerfEffect[] = [];
  #effects: Effect[] = [];
  #now: Millis;
  #started = false;

  constructor(options: AgentOptions) {
    const { swim: config, name, startedAt, now } = options;
    this.#now = now;
    // memberlist believes what others say of a member, and asks nobody.
    this.#layers = createLayers({ ...options, swim: { ...config, dialBack: false } }, options.tags);
    const { swim, serf, lanes, envelope, keyring, nonce, evidence } = this.#layers;
    this.#transport = {
      packets: new Packets(envelope, lanes, nonce, config.packetBytes),
      streams: new Streams(envelope, this.#createStreamHost(), nonce, config.streamTimeout),
    };
    this.#joinLeave = new JoinLeave(
      {
        members: swim.members,
        dialPushPull: (sync, at) => this.#transport.streams.dialPushPull(sync, at, this.#effects),
        broadcastJoin: (at) => serf.broadcastJoin(at, this.#serfOut),
        leaveSerf: (at) => serf.leave(at, this.#serfOut),
        leaveSwim: (at) => swim.leave(at, this.#swimOut),
        // Serf has no such message: an agent that stops without leaving tells nobody.
        pausing: { start: () => {}, advance: () => true, deadline: NEVER, report: { peers: 0, told: 0 } },
      },
      options.serf,
    );
    const investigations = new Investigations(serf, evidence, name);
    const keyOperations = new KeyOperations(serf, keyring, name);
    this.#partitionMonitor = new PartitionMonitor(options, serf.view);
    const emptyCatalog = new Catalog({ owner: name, epoch: 1, canOwn: () => false });
    const catalog = new CatalogIndex(emptyCatalog);
    const syncStatuses = new SyncStatuses({
      ...{ self: name, serf, ledgers: emptyCatalog, view: catalog, onEnded: () => undefined },
    });
    this.#view = new AgentView({
      members: swim.members,
      serf,
      evidence,
      investigations,
      topics: new Set(),
      ...{ keyOperations, catalog },
      syncStatus: (id) => syncStatuses.get(id),
      local: { services: () => new Map(), checks: () => new Map(), leases: () => new Map() },
      jobs: { all: () => [], get: () => undefined, wall: 0, spread: 0, clockOffset: undefined },
      partitions: { pools: () => [], pool: () => undefined, worker: () => undefined },
      health: () => ({
        awareness: swim.awareness,
        incarnation: swim.incarnation,
        clocks: serf.clocks,
        encrypted: keyring.keys.length > 0,
        seals: keyring.seals,
        leaving: this.#joinLeave.leaving,
        ...{ watching: [], watchers: [] },
        coordinateResets: serf.coordinates.resets,
        lanes: Object.fromEntries(lanes.map((lane) => [lane.name, lane.queue.size])),
      }),
      readiness: () => ({ ready: true }),
      restoredAt: () => undefined,
      partitionSummary: () => this.#partitionMonitor.summarize(this.#now),
      links: { links: () => [], linkSurvey: () => undefined },
      unconfirmedMember: () => undefined,
      indexSeed: startedAt,
    });
    this.view = this.#view;
    this.#messaging = new Messaging({
      ...{ serf, keyring, keyOperations, investigations, syncStatuses },
      packets: this.#transport.packets,
      view: this.#view,
      serfOut: this.#serfOut,
      markDirty: () => {},
    });
  }

  get deadline(): Millis {
    if (!this.#started) return this.#now;
    if (this.#joinLeave.stopped) return NEVER;
    const { swim, serf } = this.#layers;
    return Math.min(swim.deadline, serf.deadline, this.#transport.streams.deadline, this.#joinLeave.deadline);
  }

  handle(input: Input, now: Millis, out: Effect[]): void {
    this.#effects = out;
    this.#now = now;
    const { swim } = this.#layers;
    if (!this.#started) {
      this.#started = true;
      swim.start(now, this.#swimOut);
      this.#drainEffects();
    }
    this.#handleInput(input);
    this.#drainEffects();
    if (this.#joinLeave.leaving) {
      this.#joinLeave.advance(now, out);
      this.#drainEffects();
    }
    swim.skipMissedGossip(now);
    const topics = this.#view.flushTopics();
    if (topics !== undefined) out.push({ kind: 'topicsChanged', topics });
  }

  #handleInput(input: Input): void {
    const { swim, serf } = this.#layers;
    switch (input.kind) {
      case 'packet':
        return this.#transport.packets.receive(input.from, input.bytes, this.#effects, (message) => {
          if (message.kind !== 'user') {
            const accepted = filterAccusation(message, swim.members);
            if (accepted !== undefined) swim.receive(accepted, input.from, this.#now, this.#swimOut);
          } else if (
            isServiceMessage(message.body[0] ?? 0) ||
            isPauseType(message.body[0] ?? 0) ||
            isLinkType(message.body[0] ?? 0)
          )
            this.receivedCatalogMessages.push(`packet ${message.body[0]}`);
          else serf.receive(message.body, this.#now, this.#serfOut);
          this.#drainEffects();
        });
      case 'streamAccepted':
        return this.#transport.streams.onAccepted(input.stream, input.from, this.#now, this.#effects);
      case 'streamOpened':
        return this.#transport.streams.onOpened(input.stream, this.#now, this.#effects);
      case 'streamData':
        return this.#transport.streams.onData(input.stream, input.bytes, this.#now, this.#effects);
      case 'streamClosed':
        return this.#transport.streams.onClosed(input.stream, input, this.#now);
      case 'tick':
        swim.tick(this.#now, this.#swimOut);
        this.#drainEffects();
        if (serf.deadline <= this.#now) serf.tick(this.#now, this.#serfOut);
        return this.#transport.streams.tick(this.#now, this.#effects);
      case 'command':
        return this.#handleCommand(input.request, input.command);
      case 'keysStored':
        return serf.onKeysStored(input.ticket, input.error, this.#now, this.#serfOut);
      case 'checkFinished':
    }
  }

  #handleCommand(request: RequestId, command: Command): void {
    switch (command.kind) {
      case 'join':
        return this.#joinLeave.join(request, command, this.#now, this.#effects);
      case 'leave':
        return this.#joinLeave.leave(request, this.#now, this.#effects);
      case 'fireEvent':
      case 'query':
      case 'respond':
        return this.#messaging.handleCommand(request, command, this.#now, this.#effects);
      case 'keys': // Serf executes key operations whatever their consequences.
        return this.#messaging.handleCommand(request, { ...command, force: true }, this.#now, this.#effects);
      default:
    }
  }

  #createStreamHost(): StreamHost {
    return {
      isMemberHost: () => true,
      acquirePushPull: () => true, // memberlist has no such limit.
      composePushPull: (join) => {
        const { swim, serf } = this.#layers;
        const userState = serf.localState();
        return { kind: 'pushPull', join, nodes: swim.localStates(), userState, dropped: 0 };
      },
      readPushPull: () => inOneTurn(() => undefined),
      mergeRemoteState: (state, from, sync, { now }) =>
        inOneTurn(() => {
          const { swim, serf } = this.#layers;
          const rows = state.nodes.flatMap((row) => filterAccusationRow(row, swim.members) ?? []);
          // memberlist believes any incarnation, and so at least what a member says of itself.
          const source = sync === undefined ? LOCAL_SOURCE : ({ kind: 'outbound', from } as const);
          swim.mergeStates(rows, now, this.#swimOut, source);
          this.#drainEffects();
          const joined = sync?.ticket !== undefined;
          const host = sync === undefined ? undefined : from.host;
          const summary = serf.mergeRemoteState(state.userState, joined, now, this.#serfOut, host);
          if (summary.length > 0) this.receivedCatalogMessages.push('summary');
          this.#drainEffects();
          return 0;
        }),
      isOwnName: (node) => node === '' || node === this.view.node,
      keepOpen: () => false,
      handleUserMessage: (_from, body, { now }) =>
        inOneTurn(() => {
          if (isServiceMessage(body[0] ?? 0)) this.receivedCatalogMessages.push(`stream ${body[0]}`);
          else
            try {
              this.#layers.serf.receive(body, now, this.#serfOut);
            } catch (error) {
              if (!(error instanceof WireError)) throw error;
            }
          return undefined;
        }),
      onResponse: () => inOneTurn(() => undefined),
      onPingOutcome: (seqNo, outcome, now) =>
        this.#layers.swim.onStreamPing(seqNo, outcome, now, this.#swimOut),
      onPushPullFinished: (sync, outcome, now) => {
        if (outcome.ok && sync.ticket !== undefined) {
          const nodes = this.#layers.swim.members.size;
          this.#effects.push({
            kind: 'fact',
            fact: { kind: 'pushPullFinished', peer: sync.to.key, join: true, nodes },
          });
        }
        this.#joinLeave.onPushPullFinished(sync, outcome, now, this.#effects);
      },
    };
  }

  #drainEffects(): void {
    drainEffects(this.#swimOut, this.#serfOut, this);
  }

  applySwimEffect(effect: SwimEffect): void {
    const { swim, serf } = this.#layers;
    switch (effect.kind) {
      case 'roundTrip':
      case 'reachability':
      case 'directPingLost':
        return;
      case 'event':
        this.#view.markMemberChanged(effect.event.member.identity.name, false);
        return serf.handleMemberEvent(withoutLeave(effect.event), this.#now, this.#serfOut);
      case 'fact':
        if ('node' in effect.fact) this.#view.markMemberChanged(effect.fact.node, false);
        this.#effects.push({ kind: 'fact', fact: effect.fact });
        return;
      case 'send': {
        const ack = answerVerification(effect);
        if (ack !== undefined) return swim.receive(ack, effect.to, this.#now, this.#swimOut);
        const sent = sentByGo(effect);
        if (sent !== undefined) applySendEffect(sent, this.#transport, this.#now, this.#effects);
        return;
      }
      default:
        return applySendEffect(effect, this.#transport, this.#now, this.#effects);
    }
  }

  applySerfEffect(effect: SerfEffect): void {
    switch (effect.kind) {
      case 'event':
        return this.#view.markMemberChanged(effect.event.member.name, true);
      case 'pushPull':
        return this.#transport.streams.dialPushPull({ to: effect.to, join: false }, this.#now, this.#effects);
      case 'reconnect':
        return this.#transport.streams.dialPushPull({ to: effect.to, join: true }, this.#now, this.#effects);
      case 'fact':
      case 'nameVoteLost':
        return;
      default:
        if (!isQueryReminder(effect)) this.#messaging.applyEffect(effect, this.#now, this.#effects);
    }
  }
}
