/** A minimal agent: it answers every datagram and every stream, and records its inputs. */
import type { AgentOptions } from '../../../src/agent/agent.ts';
import type { Agent, Effect, Input } from '../../../src/agent/contract/machine.ts';
import type { View } from '../../../src/agent/contract/view.ts';
import { type Address, parseAddress } from '../../../src/base/address.ts';
import { type Millis, NEVER } from '../../../src/base/time.ts';
import type { WorldOptions } from '../../../src/sim/world/types.ts';
import { World } from '../../../src/sim/world/world.ts';

export interface ReceivedInput {
  readonly at: Millis;
  readonly input: Input;
}

/** Emits effects that a test gives it; echoes datagrams once (with `!` in front), and all stream data. */
export class EchoAgent implements Agent {
  readonly options: AgentOptions;
  readonly received: ReceivedInput[] = [];
  readonly view = { health: () => ({ leaving: false }) } as unknown as View;
  deadline: Millis = NEVER;
  readonly #next: Effect[] = [];

  constructor(options: AgentOptions) {
    this.options = options;
  }

  /** Emits the effect at the next tick, which it requests for `at`. */
  emitAt(effect: Effect, at: Millis): void {
    this.#next.push(effect);
    this.deadline = at;
  }

  handle(input: Input, now: Millis, out: Effect[]): void {
    const kept = 'bytes' in input ? { ...input, bytes: new Uint8Array(input.bytes) } : input;
    this.received.push({ at: now, input: kept });
    if (input.kind === 'packet' && input.bytes[0] !== 33)
      out.push({ kind: 'sendPacket', to: input.from, packet: Uint8Array.of(33, ...input.bytes) });
    if (input.kind === 'streamData' && input.stream % 2 === 1)
      out.push({ kind: 'writeStream', stream: input.stream, bytes: new Uint8Array(input.bytes), end: false });
    if (input.kind === 'tick') {
      out.push(...this.#next.splice(0));
      this.deadline = NEVER;
    }
    if (input.kind === 'command') out.push({ kind: 'reply', request: input.request, result: { ok: true } });
  }

  text(kind: 'packet' | 'streamData'): string[] {
    return this.received.flatMap(({ input }) =>
      input.kind === kind ? [new TextDecoder().decode(input.bytes)] : [],
    );
  }

  kinds(): string[] {
    return this.received.map(({ input }) => input.kind).filter((kind) => kind !== 'tick');
  }
}

/** A world of echo agents, all started. */
export function createEchoWorld(
  labels: string,
  options: Omit<WorldOptions, 'makeAgent' | 'seed'> = {},
  seed = 1,
) {
  const world = new World({ seed, makeAgent: (agentOptions) => new EchoAgent(agentOptions), ...options });
  for (const label of labels.split(' ')) {
    world.add(label);
    world.start(label);
  }
  const agentOf = (label: string): EchoAgent => world.host(label).runningAgent as EchoAgent;
  const send = (from: string, to: string, text: string): void => {
    const packet = new TextEncoder().encode(text);
    agentOf(from).emitAt({ kind: 'sendPacket', to: world.host(to).address, packet }, world.now + 1);
    rearm(world, from);
  };
  const dial = (from: string, to: Address, stream = 2): void => {
    agentOf(from).emitAt({ kind: 'openStream', stream, to }, world.now + 1);
    rearm(world, from);
  };
  const write = (from: string, text: string, end = false, stream = 2): void => {
    const bytes = new TextEncoder().encode(text);
    agentOf(from).emitAt({ kind: 'writeStream', stream, bytes, end }, world.now + 1);
    rearm(world, from);
  };
  return { world, echo: agentOf, send, dial, write };
}

/** Any input makes the world read the deadline again. */
const rearm = (world: World, label: string): void => {
  world.command(label, { kind: 'leave' });
};

export const nowhere = parseAddress('10.9.9.9:7946') as Address;
