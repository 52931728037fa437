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
import { PART_BYTES, roomFor } from '../wire/packet.ts';
import type { Command, RequestId } from './contract/commands.ts';
import type { Fact } from './contract/facts.ts';
import type { Lane } from './contract/lane.ts';
import type { Agent, Effect, Input } from './contract/machine.ts';
import type { AgentOptions } from './contract/options.ts';
import type { AgentHealth, View } from './contract/view.ts';
import { openRooms } from './layers.ts';
import { type CommandHost, Commands } from './operations/join-leave.ts';
import { KeyTasks } from './operations/key-operations.ts';
import { forget, type OperatorRooms, setTags } from './operations/member-commands.ts';
import { Talk } from './operations/messaging.ts';
import { factOf, learnDistance, newsOf } from './readers/member-events.ts';
import { Outlooks } from './readers/partition-summary.ts';
import { LandingView } from './readers/view.ts';
import { CAPABILITY, CAPABILITY_TAG } from './replication/catalog-peers.ts';
import { Services } from './replication/services.ts';
import { Memory } from './replication/snapshots.ts';
import { Followups } from './transport/early-sync.ts';
import { Packets } from './transport/packets.ts';
import { Exchange } from './transport/push-pull.ts';
import { Streams } from './transport/streams.ts';

export type { AgentOptions };

export const createAgent = (options: AgentOptions): Agent => new Landing(options);

class Landing implements Agent {
  readonly view: View;
  readonly #view: LandingView;
  readonly #options: AgentOptions;
  readonly #swim: Swim;
  readonly #serf: Serf;
  readonly #packets: Packets;
  readonly #streams: Streams;
  readonly #services: Services;
  readonly #commands: Commands;
  readonly #followups: Followups;
  readonly #memory: Memory;
  readonly #outlooks: Outlooks;
  readonly #talk: Talk;
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
  #stallSeenFor: Millis = -1;

  constructor(options: AgentOptions) {
    this.#options = options;
    this.#now = options.now;
    this.#deadline = options.now;
    this.#tags = new Map([...options.tags, [CAPABILITY_TAG, CAPABILITY]]);
    const { swim, serf, lanes, envelope, keyring, nonce, evidence } = openRooms(options, this.#tags);
    this.#swim = swim;
    this.#serf = serf;
    this.#keyring = keyring;
    const { swim: config, rng, wrapping } = options;
    this.#services = new Services(options, {
      members: swim.members,
      serf: serf.view,
      rng: rng.fork(),
      rumorBytes: roomFor(config.packetBytes, envelope) - PART_BYTES - 1,
      host: {
        dial: (to, body, ticket, at) => this.#streams.ask({ to, body, ticket }, at, this.#out),
        gossip: (peer) => this.#packets.gossip(peer, this.#out),
        touch: (topics) => this.#view.touchTopics(topics),
      },
    });
    this.#lanes = [...lanes, ...this.#services.lanes];
    this.#packets = new Packets(envelope, this.#lanes, nonce, config.packetBytes, wrapping);
    this.#streams = new Streams(envelope, this.#exchange(), nonce, config.streamTimeout, wrapping);
    this.#followups = new Followups(config.gossipInterval, rng.fork());
    this.#memory = new Memory(options.remembers === true, options, this.#services);
    this.#outlooks = new Outlooks(options, serf.view);
    this.#commands = new Commands(this.#commandHost(), options.serf);
    const keyTasks = new KeyTasks(serf, keyring);
    this.#view = new LandingView({
      members: swim.members,
      serf,
      evidence,
      keyReport: (id) => keyTasks.get(id),
      catalog: this.#services.view,
      local: this.#services.local,
      health: () => this.#health(),
      outlook: () => this.#outlooks.at(this.#now),
      remembered: (node) => this.#services.warmth.member(node),
      indexSeed: options.bornAt,
    });
    this.view = this.#view;
    const stir = (now: Millis): void => this.#memory.stir(now);
    const rooms = { serf, evidence, keyring, keyTasks, packets: this.#packets, view: this.#view };
    this.#talk = new Talk({ ...rooms, serfOut: this.#serfOut, stir });
  }

  get deadline(): Millis {
    return this.#deadline;
  }

  #nextDeadline(): Millis {
    if (this.#commands.stopped) return NEVER;
    return Math.min(
      this.#swim.deadline,
      this.#serf.deadline,
      this.#streams.deadline,
      this.#services.deadline,
      this.#followups.deadline,
      this.#commands.deadline,
      this.#memory.deadline,
      this.#outlooks.deadline,
    );
  }

  handle(input: Input, now: Millis, out: Effect[]): void {
    if (this.#commands.stopped) return this.#afterwards(input, out);
    const from = out.length;
    this.#out = out;
    this.#now = now;
    if (!this.#started) this.#start();
    this.#blameOurselvesFirst();
    switch (input.kind) {
      case 'packet':
        this.#packets.open(input.from, input.bytes, out, (message) => this.#message(message, input.from));
        break;
      case 'streamAccepted':
        this.#streams.accepted(input.stream, input.from, now, out);
        break;
      case 'streamOpened':
        this.#streams.opened(input.stream, out);
        break;
      case 'streamData':
        this.#streams.data(input.stream, input.bytes, now, out);
        break;
      case 'streamClosed':
        this.#streams.closed(input.stream, input.why, now);
        break;
      case 'tick':
        this.#tick();
        break;
      case 'command':
        this.#command(input.request, input.command);
        break;
      case 'checked':
        this.#services.checked(input.outcome, now, out);
        break;
      case 'moved':
        this.#swim.move(input.address, this.#swimOut);
        break;
      case 'keysKept':
        this.#serf.keysKept(input.ticket, input.error, now, this.#serfOut);
        break;
    }
    this.#settle();
    if (this.#commands.leaving) {
      this.#commands.advance(now, out);
      this.#settle();
    }
    this.#memory.follow(this.#services, now);
    if (this.#commands.stopped) this.#memory.last(this.#services, now, out, from);
    this.#view.witness(out, from, now);
    const topics = this.#view.settle();
    if (topics !== undefined) out.push({ kind: 'changed', topics });
    this.#swim.wake(now);
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
    this.#settle();
  }

  /** Once per missed deadline, and before any input that waited with it: the peer is not to blame. */
  #blameOurselvesFirst(): void {
    const due = this.#deadline;
    const lateness = this.#now - due;
    if (due === this.#stallSeenFor || lateness < stallThreshold(this.#options.swim)) return;
    this.#stallSeenFor = due;
    this.#swim.stalled(lateness, this.#now, this.#swimOut);
    this.#settle();
  }

  #tick(): void {
    this.#swim.tick(this.#now, this.#swimOut);
    this.#settle();
    if (this.#serf.deadline <= this.#now) this.#serf.tick(this.#now, this.#serfOut);
    this.#talk.weigh(this.#swim.members.size, this.#out);
    this.#streams.tick(this.#now, this.#out);
    if (this.#followups.due(this.#now)) this.#syncWithSomebody();
    if (this.#services.deadline <= this.#now) this.#services.tick(this.#now, this.#out);
    this.#outlooks.tick(this.#now, this.#out);
    this.#memory.tick(this.#now, this.#swim, this.#serf, this.#services, this.#view, this.#out);
  }

  #message(message: PacketMessage, from: Address): void {
    if (message.kind !== 'user') this.#swim.receive(message, from, this.#now, this.#swimOut);
    else if (isCatalogType(message.body[0] ?? 0))
      this.#services.replication.heard(message.body, from, this.#now);
    else this.#serf.receive(message.body, this.#now, this.#serfOut, from.key);
    this.#settle();
  }

  #command(request: RequestId, command: Command): void {
    switch (command.kind) {
      case 'join':
        return this.#commands.join(request, command.seeds, this.#now, this.#out);
      case 'leave':
        return this.#commands.leave(request, this.#now, this.#out);
      case 'forget':
        return this.#reply(request, () => forget(this.#rooms(), command, this.#now));
      case 'setTags':
        return this.#reply(request, () => {
          this.#tags = setTags(this.#rooms(), this.#tags, command, this.#now);
        });
      case 'fireEvent':
      case 'query':
      case 'respond':
      case 'inquire':
      case 'keys':
        return this.#talk.command(request, command, this.#now, this.#out);
      default:
        return this.#reply(request, () => this.#services.command(command, this.#now, this.#out));
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

  #rooms(): OperatorRooms {
    const { swim, serf, view } = { swim: this.#swim, serf: this.#serf, view: this.#view };
    return { swim, serf, view, swimOut: this.#swimOut, serfOut: this.#serfOut };
  }

  /** Carries what the rooms decided to where it belongs, until nothing is left. */
  #settle(): void {
    while (this.#swimOut.length > 0 || this.#serfOut.length > 0) {
      for (let i = 0; i < this.#swimOut.length; i++) this.#fromSwim(this.#swimOut[i] as SwimEffect);
      this.#swimOut.length = 0;
      for (let i = 0; i < this.#serfOut.length; i++) this.#fromSerf(this.#serfOut[i] as SerfEffect);
      this.#serfOut.length = 0;
    }
  }

  #fromSwim(effect: SwimEffect): void {
    switch (effect.kind) {
      case 'send':
        return this.#packets.send(
          effect.to,
          effect.peer,
          effect.message,
          effect.rider,
          effect.fill,
          this.#out,
        );
      case 'gossip':
        return this.#packets.gossip(effect.peer, this.#out);
      case 'streamPing': {
        const { name, address } = effect.peer.identity;
        const ping = Ping.make({ seqNo: effect.seqNo, node: name });
        return this.#streams.ping(address, ping, effect.deadline, this.#out);
      }
      case 'sync':
        return this.#streams.sync({ to: effect.peer.identity.address, join: false }, this.#now, this.#out);
      case 'roundTrip':
        return this.#learnDistance(effect.peer, effect.millis, effect.payload);
      case 'event':
        this.#serf.memberEvent(effect.event, this.#now, this.#serfOut);
        this.#view.touch(effect.event.member.identity.name, false);
        return;
      case 'fact':
        if ('node' in effect.fact) this.#view.touch(effect.fact.node, false);
        else if (effect.fact.kind === 'suspicionRefuted') this.#view.touch(this.#options.name, false);
        this.#out.push({ kind: 'fact', fact: effect.fact });
        return;
    }
  }

  #learnDistance(peer: Member, roundTrip: Millis, payload: Uint8Array): void {
    const refused = learnDistance(this.#serf, peer, roundTrip, payload);
    if (refused !== undefined) this.#note(refused);
  }

  #fromSerf(effect: SerfEffect): void {
    switch (effect.kind) {
      case 'event':
        return this.#announce(effect.event);
      case 'reconnect':
        return this.#streams.sync({ to: effect.to, join: true }, this.#now, this.#out);
      case 'fact':
        this.#out.push({ kind: 'fact', fact: effect.fact });
        return;
      case 'nameLost':
        this.#note({ kind: 'nameLost', node: this.#options.name, other: effect.other.key });
        return this.#commands.abandon(`${effect.other.key} has the name ${this.#options.name}`, this.#out);
      default:
        return this.#talk.take(effect, this.#now, this.#out);
    }
  }

  #announce(event: SerfEvent): void {
    const { name } = event.member;
    this.#view.touch(name, true);
    this.#services.memberEvent(event, this.#now);
    this.#memory.stir(this.#now);
    this.#outlooks.heard(event, this.#now);
    const fact = factOf(event);
    if (fact !== undefined) this.#note(fact);
    const news = newsOf(event);
    if (news !== undefined) this.#out.push({ kind: 'tell', news });
    if (event.kind === 'reaped') this.#view.forget(name);
  }

  #syncWithSomebody(): void {
    const peer = this.#followups.choose(this.#swim.members);
    if (peer !== undefined)
      this.#streams.sync({ to: peer.identity.address, join: false, followup: true }, this.#now, this.#out);
  }

  #health(): AgentHealth {
    return {
      awareness: this.#swim.awareness,
      incarnation: this.#swim.incarnation,
      clocks: this.#serf.clocks,
      encrypted: this.#options.keys.length > 0,
      seals: this.#keyring.seals,
      leaving: this.#commands.leaving,
      lanes: Object.fromEntries(this.#lanes.map((lane) => [lane.name, lane.queue.size])),
    };
  }

  /** Stopped: requests still get an answer, everything else falls silent. */
  #afterwards(input: Input, out: Effect[]): void {
    if (input.kind !== 'command') return;
    const error = new AgentError('failed', 'this agent has left and is stopping: start it again');
    out.push({ kind: 'reply', request: input.request, result: { ok: false, error } });
  }

  #exchange(): Exchange {
    return new Exchange(this.#swim, this.#serf, this.#services, {
      name: this.#options.name,
      swimOut: this.#swimOut,
      serfOut: this.#serfOut,
      settle: () => this.#settle(),
      rejected: (from, { code, message: detail }) =>
        this.#note({ kind: 'streamRejected', from: from.key, code, detail }),
      synced: (sync, outcome, now) => {
        const { join, followup, to } = sync;
        const peer = to.key;
        if (outcome.ok) this.#note({ kind: 'syncFinished', peer, join, nodes: this.#swim.members.size });
        else this.#note({ kind: 'syncFailed', peer, join, why: outcome.why });
        if (outcome.ok && (join || followup === true)) this.#followups.synced(outcome.news, now);
        this.#commands.synced(sync, outcome, now, this.#out);
      },
    });
  }

  #note(fact: Fact): void {
    this.#out.push({ kind: 'fact', fact });
  }

  #commandHost(): CommandHost {
    return {
      address: () => this.#view.address,
      sync: (sync, now) => this.#streams.sync(sync, now, this.#out),
      joined: (now) => this.#serf.joined(now, this.#serfOut),
      leaveSerf: (now) => this.#serf.leave(now, this.#serfOut),
      leaveSwim: (now) => this.#swim.leave(now, this.#swimOut),
    };
  }
}
