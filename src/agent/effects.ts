/** Effects of the layers: what SWIM and Serf decide is executed here, until nothing more follows from it. */
import type { Millis } from '../base/time.ts';
import type { Serf } from '../serf/serf.ts';
import type { SerfEffect, SerfEvent } from '../serf/types.ts';
import type { SwimEffect } from '../swim/types.ts';
import { Ping } from '../wire/memberlist.ts';
import type { Fact } from './contract/facts.ts';
import type { Effect } from './contract/machine.ts';
import type { LinkTests } from './links/link-tests.ts';
import type { JoinLeave } from './operations/join-leave.ts';
import type { Messaging } from './operations/messaging.ts';
import type { SnapshotScheduler } from './operations/snapshots.ts';
import { toHandlerEvent, toMemberFact, updateCoordinate } from './readers/member-events.ts';
import type { PartitionMonitor } from './readers/partition-summary.ts';
import type { AgentView } from './readers/view.ts';
import type { ServiceLayer } from './replication/services.ts';
import type { Packets } from './transport/packets.ts';
import type { Streams } from './transport/streams.ts';
import type { TableSync } from './transport/table-sync.ts';
import type { Watches } from './transport/watches.ts';

/** The parts of the agent that effects concern, and the lists that layers append them to. */
export interface EffectTargets {
  /** This agent's own name. */
  readonly name: string;
  readonly serf: Serf;
  readonly view: AgentView;
  readonly packets: Packets;
  readonly streams: Streams;
  readonly watches: Watches;
  readonly tables: Pick<TableSync, 'sync'>;
  readonly links: Pick<LinkTests, 'paths'>;
  readonly services: ServiceLayer;
  readonly snapshots: SnapshotScheduler;
  readonly joinLeave: JoinLeave;
  readonly messaging: Messaging;
  readonly partitionMonitor: PartitionMonitor;
  readonly swimOut: SwimEffect[];
  readonly serfOut: SerfEffect[];
}

/** Executes the effects of the two layers. Effects that follow are appended to the lists they come from. */
export interface EffectHandler {
  applySwimEffect(effect: SwimEffect): void;
  applySerfEffect(effect: SerfEffect): void;
}

/** Hands all pending effects to `handler`, and those that they cause in turn, until both lists are empty. */
export function drainEffects(swimOut: SwimEffect[], serfOut: SerfEffect[], handler: EffectHandler): void {
  while (swimOut.length > 0 || serfOut.length > 0) {
    for (let i = 0; i < swimOut.length; i++) handler.applySwimEffect(swimOut[i] as SwimEffect);
    swimOut.length = 0;
    for (let i = 0; i < serfOut.length; i++) handler.applySerfEffect(serfOut[i] as SerfEffect);
    serfOut.length = 0;
  }
}

/** Effects of SWIM that send something and do nothing else. */
export type SendEffect = Extract<SwimEffect, { kind: 'send' | 'gossip' | 'streamPing' | 'pushPull' }>;

export function applySendEffect(
  effect: SendEffect,
  { packets, streams }: Pick<EffectTargets, 'packets' | 'streams'>,
  now: Millis,
  out: Effect[],
): void {
  switch (effect.kind) {
    case 'send': {
      const { to, peer, message, compoundWith, piggyback } = effect;
      return packets.send(to, peer, message, compoundWith, piggyback, out);
    }
    case 'gossip':
      return packets.sendGossip(effect.peer, out);
    case 'streamPing': {
      const { identity } = effect.peer;
      const ping = Ping.create({ seqNo: effect.seqNo, node: identity.name });
      return streams.dialPing(identity.address, ping, effect.deadline, out);
    }
    case 'pushPull':
      return streams.dialPushPull({ to: effect.peer.identity.address, join: false }, now, out);
  }
}

export class EffectRunner implements EffectHandler {
  readonly #targets: EffectTargets;
  #now: Millis = 0;
  #out: Effect[] = [];

  constructor(targets: EffectTargets) {
    this.#targets = targets;
  }

  /** Executes all pending effects, and those that they cause in turn. */
  run(now: Millis, out: Effect[]): void {
    this.#now = now;
    this.#out = out;
    drainEffects(this.#targets.swimOut, this.#targets.serfOut, this);
  }

  applySwimEffect(effect: SwimEffect): void {
    const { name, serf, view, serfOut } = this.#targets;
    switch (effect.kind) {
      case 'roundTrip': {
        const rejected = updateCoordinate(serf, effect.peer, effect.millis, effect.payload);
        if (rejected !== undefined) this.#recordFact(rejected);
        return;
      }
      case 'event':
        this.#targets.services.catalogPeers.onMemberEvent(effect.event);
        serf.handleMemberEvent(effect.event, this.#now, serfOut);
        view.markMemberChanged(effect.event.member.identity.name, false);
        return;
      case 'directPingLost':
        return this.#targets.links.paths.onDirectPingLost(effect.peer, this.#now, this.#out);
      case 'reachability':
        this.#targets.services.onReachability(effect.member);
        return view.markMemberChanged(effect.member.identity.name, true);
      case 'fact':
        if ('node' in effect.fact) view.markMemberChanged(effect.fact.node, false);
        else if (effect.fact.kind === 'suspicionRefuted') view.markMemberChanged(name, false);
        return this.#recordFact(effect.fact);
      case 'pushPull':
        if (effect.periodic === true) return this.#targets.tables.sync(effect.peer, this.#now, this.#out);
        return applySendEffect(effect, this.#targets, this.#now, this.#out);
      default:
        return applySendEffect(effect, this.#targets, this.#now, this.#out);
    }
  }

  applySerfEffect(effect: SerfEffect): void {
    const { name, streams, joinLeave, messaging } = this.#targets;
    switch (effect.kind) {
      case 'event':
        return this.#handleMemberEvent(effect.event);
      case 'reconnect':
        return streams.dialPushPull({ to: effect.to, join: true }, this.#now, this.#out);
      case 'pushPull':
        return streams.dialPushPull({ to: effect.to, join: false }, this.#now, this.#out);
      case 'fact':
        return this.#recordFact(effect.fact);
      case 'nameVoteLost': {
        const other = effect.other.key;
        this.#recordFact({ kind: 'nameConflictLost', node: name, other });
        return joinLeave.abandon(`${other} has the name ${name}`, this.#out);
      }
      default:
        return messaging.applyEffect(effect, this.#now, this.#out);
    }
  }

  #handleMemberEvent(event: SerfEvent): void {
    const { view, services, snapshots, partitionMonitor, watches } = this.#targets;
    const { name } = event.member;
    view.markMemberChanged(name, true);
    services.onMemberEvent(event, this.#now);
    watches.onRingChanged(this.#now);
    snapshots.markDirty(this.#now);
    partitionMonitor.onMemberEvent(event, this.#now);
    const fact = toMemberFact(event);
    if (fact !== undefined) this.#recordFact(fact);
    const handlerEvent = toHandlerEvent(event);
    if (handlerEvent !== undefined) this.#out.push({ kind: 'notify', event: handlerEvent });
    if (event.kind === 'reaped') view.evictMember(name);
  }

  #recordFact(fact: Fact): void {
    this.#out.push({ kind: 'fact', fact });
  }
}
