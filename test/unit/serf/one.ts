/** One Serf with lanes of its own, and short words for what goes in and comes out. */
import { toAddress } from '../../../src/base/address.ts';
import { createRng } from '../../../src/base/rng.ts';
import { type SerfConfig, serfSection as settings } from '../../../src/config/protocol.ts';
import { withDefaults } from '../../../src/config/setting.ts';
import type { LamportTimes } from '../../../src/serf/lamport.ts';
import type { InternalQueryHandler } from '../../../src/serf/queries/internal.ts';
import { Serf } from '../../../src/serf/serf.ts';
import type { SerfEffect, SerfEvent, SerfFact, SerfMember } from '../../../src/serf/types.ts';
import { BroadcastQueue } from '../../../src/swim/broadcasts.ts';
import type { Member, MemberState } from '../../../src/swim/types.ts';
import { Keyring } from '../../../src/wire/keyring.ts';
import {
  decodeSerf,
  encodeTags,
  JoinIntent,
  LeaveIntent,
  Query,
  type SerfMessage,
  SerfState,
  UserEvent,
} from '../../../src/wire/serf.ts';
import { decodeStruct } from '../../../src/wire/struct.ts';

export const SELF = 'ann';

export const HOUR = 3_600_000;

/** A row as swim would show it. The last octet of the address is drawn from the name. */
export function member(
  name: string,
  state: MemberState = 'alive',
  tags: Record<string, string> = {},
): Member {
  const last = [...name].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % 256;
  return {
    identity: {
      name,
      address: toAddress(Uint8Array.of(127, 0, 0, last), 7946),
      meta: encodeTags(new Map(Object.entries(tags))),
      vsn: Uint8Array.of(1, 5, 2, 2, 5, 5),
    },
    state,
    incarnation: 1,
    since: 0,
  };
}

export interface OneOptions {
  readonly config?: Partial<SerfConfig>;
  readonly clocks?: LamportTimes;
  readonly seed?: number;
  /** Nothing is known yet, not even of ourselves. */
  readonly withoutMembers?: boolean;
  readonly keys?: readonly Uint8Array[];
  readonly persistsKeys?: boolean;
  readonly answer?: InternalQueryHandler;
  /** Members swim knows from the start, besides ourselves. */
  readonly members?: readonly string[];
}

export class One {
  readonly lanes = {
    intents: new BroadcastQueue(),
    queries: new BroadcastQueue(),
    events: new BroadcastQueue(),
  };
  readonly serf: Serf;
  readonly out: SerfEffect[] = [];
  now = 0;

  constructor(options: OneOptions = {}) {
    this.serf = new Serf({
      name: SELF,
      address: () => member(SELF).identity.address,
      isAddressOfMember: ({ key }) =>
        [...this.serf.view.all()].some((one) => one.member.identity.address.key === key),
      gossipInterval: 200,
      keyring: new Keyring(options.keys ?? []),
      persistsKeys: options.persistsKeys ?? false,
      config: withDefaults(settings, options.config),
      rng: createRng(options.seed ?? 1),
      now: 0,
      lanes: this.lanes,
      ...(options.answer === undefined ? {} : { handleInternalQuery: options.answer }),
      ...(options.clocks === undefined ? {} : { clocks: options.clocks }),
    });
    if (options.withoutMembers !== true) for (const name of [SELF, ...(options.members ?? [])]) this.up(name);
    this.out.length = 0;
  }

  up(name: string, tags?: Record<string, string>, hasAnswered = false): void {
    this.serf.handleMemberEvent(
      { kind: 'memberJoined', member: { ...member(name, 'alive', tags), hasAnswered } },
      this.now,
      this.out,
    );
  }

  down(name: string, left = false): void {
    const row = member(name, left ? 'left' : 'dead');
    this.serf.handleMemberEvent({ kind: 'memberDown', member: row, left, by: name }, this.now, this.out);
  }

  leaveIntent(node: string, ltime: number, prune = false): void {
    this.receive(LeaveIntent.encode({ node, ltime, prune }));
  }

  joinIntent(node: string, ltime: number): void {
    this.receive(JoinIntent.encode({ node, ltime }));
  }

  event(name: string, ltime: number, payload: Uint8Array = new Uint8Array()): void {
    this.receive(UserEvent.encode({ name, ltime, payload, cc: false }));
  }

  query(id: number, ltime: number, values: Partial<Query> = {}): void {
    this.receive(
      Query.encode(Query.create({ id, ltime, addr: Uint8Array.of(127, 0, 0, 9), name: 'q', ...values })),
    );
  }

  receive(body: Uint8Array): void {
    this.serf.receive(body, this.now, this.out);
  }

  merge(state: Partial<SerfState>, join = false, host?: string): void {
    this.serf.mergeRemoteState(SerfState.encode(SerfState.create(state)), join, this.now, this.out, host);
  }

  state(): SerfState {
    return decodeStruct(SerfState, this.serf.localState());
  }

  /** Lets time pass, ticking at each deadline. */
  pass(millis: number): void {
    const until = this.now + millis;
    while (this.serf.deadline <= until) {
      this.now = this.serf.deadline;
      this.serf.tick(this.now, this.out);
    }
    this.now = until;
  }

  seen(name: string): { status: string; ltime: number } | undefined {
    const held = this.serf.view.get(name);
    return held && { status: held.status, ltime: held.statusLTime };
  }

  status(name: string): SerfMember['status'] | undefined {
    return this.serf.view.get(name)?.status;
  }

  /** Takes the broadcasts of a lane, as bytes. */
  takeBroadcasts(lane: keyof One['lanes'] = 'intents'): Uint8Array[] {
    const into: Uint8Array[] = [];
    this.lanes[lane].dequeue(1 << 20, 0, 1, into);
    return into;
  }

  takeMessages(lane: keyof One['lanes'] = 'intents'): SerfMessage[] {
    return this.takeBroadcasts(lane).map(decodeSerf);
  }

  /** Takes the events since the last call: `failed bob`. */
  events(): string[] {
    const events = this.out.flatMap((effect) => (effect.kind === 'event' ? [effect.event] : []));
    drop(this.out, 'event');
    return events.map((event: SerfEvent) => `${event.kind} ${event.member.name}`);
  }

  /** Takes the facts since the last call. */
  facts(): SerfFact[] {
    const facts = this.out.flatMap((effect) => (effect.kind === 'fact' ? [effect.fact] : []));
    drop(this.out, 'fact');
    return facts;
  }
}

export const one = (options?: OneOptions): One => new One(options);

function drop(out: SerfEffect[], kind: SerfEffect['kind']): void {
  const rest = out.filter((effect) => effect.kind !== kind);
  out.length = 0;
  out.push(...rest);
}
