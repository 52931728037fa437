/** Helpers for tests of one Swim: addresses, messages, and an actor with a clock. */
import { type Address, toAddress } from '../../../src/base/address.ts';
import { createRng } from '../../../src/base/rng.ts';
import { swimSection as settings } from '../../../src/config/protocol.ts';
import { type SettingValues, withDefaults } from '../../../src/config/setting.ts';
import type { MessageSource } from '../../../src/swim/rules/source.ts';
import { Swim, type SwimOptions } from '../../../src/swim/swim.ts';
import type { Identity, MemberEvent, SwimEffect, SwimFact } from '../../../src/swim/types.ts';
import {
  type Ack,
  type Alive,
  type Dead,
  decodeMessage,
  type Ping,
  type PushNodeState,
  type Suspect,
  type SwimMessage,
} from '../../../src/wire/memberlist.ts';

export const VSN = Uint8Array.of(1, 5, 2, 2, 5, 5);
export const PORT = 7946;

const NAMES = 'ann bob cat dan eve fay gus hal ivy jon kim lee max zoe'.split(' ');
/** Other names, in order of first mention, for all test files of a process. */
const others: string[] = [];

/** ann is 127.0.0.1, bob 127.0.0.2 and so on; other names are from 127.0.1.1 on. */
export function hostOf(name: string): number {
  const known = NAMES.indexOf(name);
  if (known >= 0) return known + 1;
  const at = others.indexOf(name);
  return 256 + (at >= 0 ? at + 1 : others.push(name));
}

export const addressOf = (name: string): Address => {
  const host = hostOf(name);
  return toAddress(Uint8Array.of(127, 0, host >> 8, host & 0xff), PORT);
};

export const identityOf = (name: string, over: Partial<Identity> = {}): Identity => ({
  name,
  address: addressOf(name),
  meta: new Uint8Array(0),
  vsn: VSN,
  ...over,
});

export const alive = (node: string, incarnation = 1, over: Partial<Alive> = {}): Alive => ({
  kind: 'alive',
  incarnation,
  node,
  addr: addressOf(node).ip,
  port: PORT,
  meta: new Uint8Array(0),
  vsn: VSN,
  ...over,
});

export const suspect = (node: string, from: string, incarnation = 1): Suspect => ({
  kind: 'suspect',
  incarnation,
  node,
  from,
});

export const dead = (node: string, from: string, incarnation = 1): Dead => ({
  kind: 'dead',
  incarnation,
  node,
  from,
});

export const left = (node: string, incarnation = 1): Dead => dead(node, node, incarnation);

export const ack = (seqNo: number, payload = new Uint8Array(0)): Ack => ({ kind: 'ack', seqNo, payload });

export const row = (
  name: string,
  state: number,
  incarnation = 1,
  over: Partial<PushNodeState> = {},
): PushNodeState => ({
  kind: 'nodeState',
  name,
  addr: addressOf(name).ip,
  port: PORT,
  meta: new Uint8Array(0),
  incarnation,
  state,
  vsn: VSN,
  ...over,
});

type Send = Extract<SwimEffect, { kind: 'send' }>;

/** One Swim with a clock, and its effects since the last call of `take`. */
export class Actor {
  readonly swim: Swim;
  readonly name: string;
  now = 0;
  #out: SwimEffect[] = [];

  constructor(
    name: string,
    config: Partial<SettingValues<typeof settings>> = {},
    over: Partial<SwimOptions> & { seed?: number } = {},
  ) {
    this.name = name;
    this.swim = new Swim({
      identity: identityOf(name),
      incarnation: 1,
      // Most messages here come from no member; verify.test.ts tests verification.
      config: withDefaults(settings, { dialBack: false, ...config }),
      rng: createRng(over.seed ?? 7),
      now: 0,
      ackPayload: () => Uint8Array.of(42),
      ...over,
    });
  }

  /** Adds these members, and empties the broadcast queue. */
  knowing(...names: string[]): this {
    for (const name of names) this.swim.receive(alive(name), addressOf(name), this.now, this.#out);
    this.drainBroadcasts();
    this.#out = [];
    return this;
  }

  /** Like `knowing`, with dial-back on: the members come from a push/pull that it started. */
  knowingAll(...names: string[]): this {
    const source = { kind: 'outbound', from: addressOf('seed') } as const;
    return this.mergeFrom(source, ...names.map((name) => row(name, 0))).knowing();
  }

  start(): this {
    this.swim.start(this.now, this.#out);
    return this;
  }

  receive(message: SwimMessage, from: Address = addressOf('someone')): this {
    this.swim.receive(message, from, this.now, this.#out);
    return this;
  }

  merge(...states: PushNodeState[]): this {
    return this.mergeFrom({ kind: 'local' }, ...states);
  }

  mergeFrom(source: MessageSource, ...states: PushNodeState[]): this {
    this.swim.mergeStates(states, this.now, this.#out, source);
    return this;
  }

  do(act: (swim: Swim, now: number, out: SwimEffect[]) => void): this {
    act(this.swim, this.now, this.#out);
    return this;
  }

  /** Lets time pass, ticking at each deadline, exactly on time. */
  pass(millis: number): this {
    const until = this.now + millis;
    while (this.swim.deadline <= until) {
      this.now = Math.max(this.now, this.swim.deadline);
      this.swim.tick(this.now, this.#out);
    }
    this.now = until;
    return this;
  }

  /** Lets time pass until such an effect comes out, and takes it; the others stay. */
  until<K extends SwimEffect['kind']>(
    kind: K,
    wanted: (effect: Extract<SwimEffect, { kind: K }>) => boolean = () => true,
    limit = 600_000,
  ): Extract<SwimEffect, { kind: K }> {
    for (const end = this.now + limit; ; ) {
      for (const effect of this.#out)
        if (effect.kind === kind && wanted(effect as Extract<SwimEffect, { kind: K }>)) {
          this.#out.splice(this.#out.indexOf(effect), 1);
          return effect as Extract<SwimEffect, { kind: K }>;
        }
      if (this.swim.deadline > end) throw new Error(`no such ${kind} within ${limit} ms`);
      this.now = Math.max(this.now, this.swim.deadline);
      this.swim.tick(this.now, this.#out);
    }
  }

  /** The next ping, or the next one of `node`; other pings are acked. */
  untilPing(node?: string): Send & { message: Ping } {
    for (;;) {
      const ping = this.until('send', ({ message }) => message.kind === 'ping') as Send & { message: Ping };
      if (node === undefined || ping.message.node === node) return ping;
      this.receive(ack(ping.message.seqNo));
    }
  }

  /** Takes all effects since the last call. */
  take(): SwimEffect[] {
    const out = this.#out;
    this.#out = [];
    return out;
  }

  facts(): SwimFact[] {
    return this.take().flatMap((effect) => (effect.kind === 'fact' ? [effect.fact] : []));
  }

  events(): MemberEvent[] {
    return this.take().flatMap((effect) => (effect.kind === 'event' ? [effect.event] : []));
  }

  /** Events as `memberJoined bob`, `dead bob`. */
  eventLog(): string[] {
    return this.events().map((event) =>
      event.kind === 'memberDown'
        ? `${event.left ? 'left' : 'dead'} ${event.member.identity.name}`
        : `${event.kind} ${event.member.identity.name}`,
    );
  }

  /** Takes all effects, and returns the number of the ping among them. */
  pingNumber(): number {
    for (const { message } of this.sends()) if (message.kind === 'ping') return message.seqNo;
    throw new Error('no ping was sent');
  }

  sends(): Send[] {
    return this.take().filter((effect) => effect.kind === 'send');
  }

  /** Empties the broadcast queue, and returns each message once. */
  drainBroadcasts(): SwimMessage[] {
    const seen = new Map<string, SwimMessage>();
    for (let packet: Uint8Array[] = []; this.swim.broadcasts.size > 0; packet = []) {
      if (this.swim.broadcasts.dequeue(1e6, 2, 4, packet) === 0) break;
      for (const bytes of packet) seen.set(bytes.toString(), decodeMessage(bytes) as SwimMessage);
    }
    return [...seen.values()];
  }

  state(name: string): string | undefined {
    return this.swim.members.get(name)?.state;
  }

  incarnationOf(name: string): number | undefined {
    return this.swim.members.get(name)?.incarnation;
  }
}
