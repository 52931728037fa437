/**
 * A peer as every Serf agent in Go is: the rooms below with the habits of goways.ts, and a landing that knows no
 * catalogue. It notes each message of ours that reaches it all the same; a real one would log an error for each.
 */

import type { Command, RequestId } from '../../agent/contract/commands.ts';
import type { Agent, Effect, Input } from '../../agent/contract/machine.ts';
import type { AgentOptions } from '../../agent/contract/options.ts';
import type { View } from '../../agent/contract/view.ts';
import { openRooms } from '../../agent/layers.ts';
import { Commands } from '../../agent/operations/join-leave.ts';
import { KeyTasks } from '../../agent/operations/key-operations.ts';
import { Talk } from '../../agent/operations/messaging.ts';
import { Outlooks } from '../../agent/readers/partition-summary.ts';
import { LandingView } from '../../agent/readers/view.ts';
import { Packets } from '../../agent/transport/packets.ts';
import { type StreamHost, Streams } from '../../agent/transport/streams.ts';
import { WireError } from '../../base/errors.ts';
import { type Millis, NEVER } from '../../base/time.ts';
import { Catalog } from '../../catalog/catalog.ts';
import { CatalogIndex } from '../../catalog/view.ts';
import type { SerfEffect } from '../../serf/types.ts';
import type { SwimEffect } from '../../swim/types.ts';
import { isCatalogType } from '../../wire/catalog.ts';
import { Ping } from '../../wire/memberlist.ts';
import { believed, believedRow, isReminder, isSaid, questionIn } from './go-behavior.ts';

export class Plain implements Agent {
  readonly view: View;
  /** What of the catalogue reached it, and how. */
  readonly overheard: string[] = [];
  readonly #view: LandingView;
  readonly #rooms: ReturnType<typeof openRooms>;
  readonly #packets: Packets;
  readonly #streams: Streams;
  readonly #commands: Commands;
  readonly #talk: Talk;
  readonly #outlooks: Outlooks;
  readonly #swimOut: SwimEffect[] = [];
  readonly #serfOut: SerfEffect[] = [];
  #out: Effect[] = [];
  #now: Millis;
  #started = false;

  constructor(options: AgentOptions) {
    const { swim: config, name, bornAt, now } = options;
    this.#now = now;
    this.#rooms = openRooms(options, options.tags);
    const { swim, serf, lanes, envelope, keyring, nonce, evidence } = this.#rooms;
    this.#packets = new Packets(envelope, lanes, nonce, config.packetBytes);
    this.#streams = new Streams(envelope, this.#streamHost(), nonce, config.streamTimeout);
    this.#commands = new Commands(
      {
        address: () => options.address,
        sync: (sync, at) => this.#streams.sync(sync, at, this.#out),
        joined: (at) => serf.joined(at, this.#serfOut),
        leaveSerf: (at) => serf.leave(at, this.#serfOut),
        leaveSwim: (at) => swim.leave(at, this.#swimOut),
      },
      options.serf,
    );
    const keyTasks = new KeyTasks(serf, keyring);
    this.#outlooks = new Outlooks(options, serf.view);
    const nothing = new Catalog({ owner: name, epoch: 1, admits: () => false });
    this.#view = new LandingView({
      members: swim.members,
      serf,
      evidence,
      keyReport: (id) => keyTasks.get(id),
      catalog: new CatalogIndex(nothing),
      local: { services: () => new Map(), checks: () => new Map() },
      health: () => ({
        awareness: swim.awareness,
        incarnation: swim.incarnation,
        clocks: serf.clocks,
        encrypted: keyring.keys.length > 0,
        seals: keyring.seals,
        leaving: this.#commands.leaving,
        lanes: Object.fromEntries(lanes.map((lane) => [lane.name, lane.queue.size])),
      }),
      outlook: () => this.#outlooks.at(this.#now),
      remembered: () => undefined,
      indexSeed: bornAt,
    });
    this.view = this.#view;
    const rooms = { serf, keyring, keyTasks, evidence, packets: this.#packets, view: this.#view };
    this.#talk = new Talk({ ...rooms, serfOut: this.#serfOut, stir: () => {} });
  }

  get deadline(): Millis {
    if (!this.#started) return this.#now;
    if (this.#commands.stopped) return NEVER;
    const { swim, serf } = this.#rooms;
    return Math.min(swim.deadline, serf.deadline, this.#streams.deadline, this.#commands.deadline);
  }

  handle(input: Input, now: Millis, out: Effect[]): void {
    this.#out = out;
    this.#now = now;
    const { swim } = this.#rooms;
    if (!this.#started) {
      this.#started = true;
      swim.start(now, this.#swimOut);
      this.#settle();
    }
    this.#take(input);
    this.#settle();
    if (this.#commands.leaving) {
      this.#commands.advance(now, out);
      this.#settle();
    }
    swim.wake(now);
    const topics = this.#view.settle();
    if (topics !== undefined) out.push({ kind: 'changed', topics });
  }

  #take(input: Input): void {
    const { swim, serf } = this.#rooms;
    switch (input.kind) {
      case 'packet':
        return this.#packets.open(input.from, input.bytes, this.#out, (message) => {
          if (message.kind !== 'user') {
            const heard = believed(message, swim.members);
            if (heard !== undefined) swim.receive(heard, input.from, this.#now, this.#swimOut);
          } else if (isCatalogType(message.body[0] ?? 0)) this.overheard.push(`packet ${message.body[0]}`);
          else serf.receive(message.body, this.#now, this.#serfOut);
          this.#settle();
        });
      case 'streamAccepted':
        return this.#streams.accepted(input.stream, input.from, this.#now, this.#out);
      case 'streamOpened':
        return this.#streams.opened(input.stream, this.#out);
      case 'streamData':
        return this.#streams.data(input.stream, input.bytes, this.#now, this.#out);
      case 'streamClosed':
        return this.#streams.closed(input.stream, input.why, this.#now);
      case 'tick':
        swim.tick(this.#now, this.#swimOut);
        this.#settle();
        if (serf.deadline <= this.#now) serf.tick(this.#now, this.#serfOut);
        return this.#streams.tick(this.#now, this.#out);
      case 'command':
        return this.#command(input.request, input.command);
      case 'keysKept':
        return serf.keysKept(input.ticket, input.error, this.#now, this.#serfOut);
      case 'checked':
    }
  }

  #command(request: RequestId, command: Command): void {
    switch (command.kind) {
      case 'join':
        return this.#commands.join(request, command.seeds, this.#now, this.#out);
      case 'leave':
        return this.#commands.leave(request, this.#now, this.#out);
      case 'fireEvent':
      case 'query':
      case 'respond':
        return this.#talk.command(request, command, this.#now, this.#out);
      case 'keys': // what `serf keys` asks for is done, whomever it cuts off
        return this.#talk.command(request, { ...command, force: true }, this.#now, this.#out);
      default:
    }
  }

  #streamHost(): StreamHost {
    return {
      mayPushPull: () => true, // memberlist has no such limit
      pushPull: (join) => {
        const { swim, serf } = this.#rooms;
        const userState = serf.userState();
        return { kind: 'pushPull', join, nodes: swim.localStates(), userState, dropped: 0 };
      },
      merge: (state, _from, sync, now) => {
        const { swim, serf } = this.#rooms;
        const rows = state.nodes.flatMap((row) => believedRow(row, swim.members) ?? []);
        swim.merge(rows, now, this.#swimOut);
        this.#settle();
        const joined = sync?.ticket !== undefined;
        const summary = serf.mergeState(state.userState, joined, now, this.#serfOut);
        if (summary.length > 0) this.overheard.push('summary');
        this.#settle();
        return 0;
      },
      isUs: (node) => node === '' || node === this.view.node,
      userMessage: (_from, body, now) => {
        if (isCatalogType(body[0] ?? 0)) this.overheard.push(`stream ${body[0]}`);
        else
          try {
            this.#rooms.serf.receive(body, now, this.#serfOut);
          } catch (error) {
            if (!(error instanceof WireError)) throw error;
          }
        return undefined;
      },
      answered: () => {},
      pinged: (seqNo, ok, now) => this.#rooms.swim.streamAcked(seqNo, ok, now, this.#swimOut),
      synced: (sync, outcome, now) => {
        if (outcome.ok && sync.ticket !== undefined) {
          const nodes = this.#rooms.swim.members.size;
          this.#out.push({
            kind: 'fact',
            fact: { kind: 'syncFinished', peer: sync.to.key, join: true, nodes },
          });
        }
        this.#commands.synced(sync, outcome, now, this.#out);
      },
    };
  }

  #settle(): void {
    while (this.#swimOut.length > 0 || this.#serfOut.length > 0) {
      for (const effect of this.#swimOut.splice(0)) this.#fromSwim(effect);
      for (const effect of this.#serfOut.splice(0)) this.#fromSerf(effect);
    }
  }

  #fromSwim(effect: SwimEffect): void {
    switch (effect.kind) {
      case 'send': {
        const asked = questionIn(effect);
        if (asked !== undefined) return this.#rooms.swim.receive(asked, effect.to, this.#now, this.#swimOut);
        if (!isSaid(effect)) return;
        return this.#packets.send(
          effect.to,
          effect.peer,
          effect.message,
          effect.rider,
          effect.fill,
          this.#out,
        );
      }
      case 'gossip':
        return this.#packets.gossip(effect.peer, this.#out);
      case 'streamPing': {
        const { name, address } = effect.peer.identity;
        const ping = Ping.make({ seqNo: effect.seqNo, node: name });
        return this.#streams.ping(address, ping, effect.deadline, this.#out);
      }
      case 'sync':
        return this.#streams.sync({ to: effect.peer.identity.address, join: false }, this.#now, this.#out);
      case 'event':
        this.#view.touch(effect.event.member.identity.name, false);
        return this.#rooms.serf.memberEvent(effect.event, this.#now, this.#serfOut);
      case 'fact':
        if ('node' in effect.fact) this.#view.touch(effect.fact.node, false);
        this.#out.push({ kind: 'fact', fact: effect.fact });
        return;
      case 'roundTrip':
    }
  }

  #fromSerf(effect: SerfEffect): void {
    switch (effect.kind) {
      case 'event':
        return this.#view.touch(effect.event.member.name, true);
      case 'reconnect':
        return this.#streams.sync({ to: effect.to, join: true }, this.#now, this.#out);
      case 'fact':
      case 'nameLost':
        return;
      default:
        if (!isReminder(effect)) this.#talk.take(effect, this.#now, this.#out);
    }
  }
}
