/** A tiny network of Swims: messages pass as decoded objects, one millisecond each, with cuts and pauses. */
import { createRng, type Rng } from '../../../src/base/rng.ts';
import { swimSection as settings } from '../../../src/config/protocol.ts';
import { type SettingValues, withDefaults } from '../../../src/config/setting.ts';
import { retransmitLimit } from '../../../src/swim/broadcasts.ts';
import { Swim } from '../../../src/swim/swim.ts';
import type { SwimEffect, SwimFact } from '../../../src/swim/types.ts';
import { decodeMessage, encodeMessage, type SwimMessage } from '../../../src/wire/memberlist.ts';
import { addressOf, identityOf } from './helpers.ts';

interface Letter {
  readonly at: number;
  readonly from: string;
  readonly to: string;
  readonly messages: readonly SwimMessage[];
}

export class Network {
  now = 0;
  readonly swims = new Map<string, Swim>();
  /** What each noticed, with the time. */
  readonly log: { at: number; who: string; fact: SwimFact }[] = [];
  loss = 0;
  packets = 0;
  readonly #config: SettingValues<typeof settings>;
  readonly #rng: Rng;
  readonly #letters: Letter[] = [];
  readonly #stopped = new Set<string>();
  readonly #paused = new Set<string>();
  readonly #cuts = new Set<string>();
  readonly #streamCuts = new Set<string>();
  readonly #nameByKey = new Map<string, string>();

  constructor(names: string, config: Partial<SettingValues<typeof settings>> = {}, seed = 7) {
    this.#config = withDefaults(settings, config);
    this.#rng = createRng(seed);
    for (const name of names.split(' ')) this.boot(name);
    this.joinAll();
  }

  boot(name: string, incarnation = 1): Swim {
    const swim = new Swim({
      identity: identityOf(name),
      incarnation,
      config: this.#config,
      rng: this.#rng.fork(),
      now: this.now,
      ackPayload: () => new Uint8Array(0),
    });
    this.swims.set(name, swim);
    this.#stopped.delete(name);
    this.#nameByKey.set(addressOf(name).key, name);
    this.#run(name, (out) => swim.start(this.now, out));
    return swim;
  }

  joinAll(): void {
    const names = [...this.swims.keys()];
    for (const name of names.slice(1)) this.sync(name, names[0] as string);
  }

  /** A push/pull, at once. */
  sync(dialer: string, listener: string): void {
    if (!this.#streams(dialer, listener)) return;
    const [a, b] = [this.get(dialer), this.get(listener)];
    const [fromA, fromB] = [a.localStates(), b.localStates()];
    this.#run(listener, (out) => b.mergeStates(fromA, this.now, out));
    this.#run(dialer, (out) => a.mergeStates(fromB, this.now, out));
  }

  get(name: string): Swim {
    const swim = this.swims.get(name);
    if (swim === undefined) throw new Error(`nobody is called ${name}`);
    return swim;
  }

  stop(name: string): void {
    this.#stopped.add(name);
  }

  /** Packets between the two get lost, both ways; streams too if `streams`. */
  cut(a: string, b: string, streams = false): void {
    for (const link of [`${a}>${b}`, `${b}>${a}`]) {
      this.#cuts.add(link);
      if (streams) this.#streamCuts.add(link);
    }
  }

  heal(): void {
    this.#cuts.clear();
    this.#streamCuts.clear();
  }

  /** Its loop stands still for `millis` while its sockets fill; then it notices, as the agent core would. */
  pause(name: string, millis: number): void {
    this.#paused.add(name);
    const deadline = this.get(name).deadline;
    this.pass(millis);
    this.#paused.delete(name);
    const lateness = this.now - deadline;
    if (lateness > 0) this.#run(name, (out) => this.get(name).onStall(lateness, this.now, out));
  }

  pass(millis: number): void {
    const until = this.now + millis;
    for (;;) {
      const letter = this.#nextLetter();
      let at = letter?.at ?? Number.POSITIVE_INFINITY;
      let who: string | undefined;
      for (const [name, swim] of this.swims)
        if (this.#runs(name) && Math.max(this.now, swim.deadline) < at) {
          at = Math.max(this.now, swim.deadline);
          who = name;
        }
      if (at > until) break;
      this.now = Math.max(this.now, at);
      if (who !== undefined) {
        const swim = this.get(who);
        this.#run(who, (out) => swim.tick(this.now, out));
      } else if (letter !== undefined) this.#deliver(letter);
    }
    this.now = until;
  }

  seenAs(name: string): Record<string, string | undefined> {
    const seen: Record<string, string | undefined> = {};
    for (const [who, swim] of this.swims)
      if (who !== name && !this.#stopped.has(who)) seen[who] = swim.members.get(name)?.state;
    return seen;
  }

  facts<K extends SwimFact['kind']>(
    kind: K,
  ): { at: number; who: string; fact: Extract<SwimFact, { kind: K }> }[] {
    return this.log.filter((entry) => entry.fact.kind === kind) as {
      at: number;
      who: string;
      fact: Extract<SwimFact, { kind: K }>;
    }[];
  }

  #nextLetter(): Letter | undefined {
    return this.#letters.find(({ to }) => !this.#paused.has(to));
  }

  #deliver(letter: Letter): void {
    this.#letters.splice(this.#letters.indexOf(letter), 1);
    if (this.#stopped.has(letter.to)) return;
    const swim = this.get(letter.to);
    this.#run(letter.to, (out) => {
      for (const message of letter.messages) swim.receive(message, addressOf(letter.from), this.now, out);
    });
  }

  #runs(name: string): boolean {
    return !this.#stopped.has(name) && !this.#paused.has(name);
  }

  #streams(a: string, b: string): boolean {
    return this.#runs(a) && this.#runs(b) && !this.#streamCuts.has(`${a}>${b}`);
  }

  #run(name: string, act: (out: SwimEffect[]) => void): void {
    const out: SwimEffect[] = [];
    act(out);
    for (const effect of out) this.#carryOut(name, effect);
  }

  #carryOut(name: string, effect: SwimEffect): void {
    const swim = this.get(name);
    switch (effect.kind) {
      case 'send': {
        const messages = [encodeMessage(effect.message)];
        if (effect.compoundWith !== undefined) messages.push(encodeMessage(effect.compoundWith));
        if (effect.piggyback) this.#fill(swim, 1300, messages);
        const to = this.#nameByKey.get(effect.to.key);
        if (to !== undefined) this.#post(name, to, messages);
        return;
      }
      case 'gossip': {
        const messages: Uint8Array[] = [];
        this.#fill(swim, 1390, messages);
        if (messages.length > 0) this.#post(name, effect.peer.identity.name, messages);
        return;
      }
      case 'pushPull':
        return this.sync(name, effect.peer.identity.name);
      case 'streamPing': {
        const outcome = this.#streams(name, effect.peer.identity.name) ? 'acked' : 'timeout';
        return this.#run(name, (out) => swim.onStreamPing(effect.seqNo, outcome, this.now, out));
      }
      case 'fact':
        this.log.push({ at: this.now, who: name, fact: effect.fact });
        return;
      case 'roundTrip':
      case 'event':
        return;
    }
  }

  #fill(swim: Swim, room: number, into: Uint8Array[]): void {
    swim.broadcasts.dequeue(room, 2, retransmitLimit(this.#config.retransmitMult, swim.members.size), into);
  }

  #post(from: string, to: string, messages: readonly Uint8Array[]): void {
    this.packets++;
    if (this.#cuts.has(`${from}>${to}`) || this.#rng.next() < this.loss) return;
    const decoded = messages.map((bytes) => decodeMessage(bytes) as SwimMessage);
    this.#letters.push({ at: this.now + 1, from, to, messages: decoded });
  }
}
