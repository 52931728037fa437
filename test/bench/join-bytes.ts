/**
 * What a join costs in bytes, and a quiet cluster after it, in the simulated world, where bytes do not depend on the machine: all but
 * the first join the first at once. By what datagrams and streams say. `npx tsx test/bench/join-bytes.ts [members] [seeds]`.
 */
import { createAgent } from '../../src/agent/agent.ts';
import type { Agent, Effect } from '../../src/agent/contract/machine.ts';
import type { AgentOptions } from '../../src/agent/contract/options.ts';
import { toSeed } from '../../src/sim/world/bootstrap.ts';
import type { SimHost } from '../../src/sim/world/host.ts';
import { hostEnvelope, messageKinds } from '../../src/sim/world/message-kinds.ts';
import { World } from '../../src/sim/world/world.ts';
import { HEADER_BYTES } from './kit/capture.ts';
import { fixed, table } from './kit/figures.ts';

const JOIN_MILLIS = 10_000;
const SETTLE_MILLIS = 110_000;
const IDLE_MILLIS = 60_000;
const SHOWN = 12;

/** Datagrams with their headers, streams without. */
class Bytes {
  readonly #kinds = new Map<string, { count: number; bytes: number }>();

  add(effect: Effect, host: SimHost): void {
    if (effect.kind === 'openStream') this.#count('streams dialed', 0);
    else if (effect.kind === 'writeStream') {
      this.#count('TCP', effect.bytes.length);
      this.#count(`TCP, type ${effect.bytes[0]}`, effect.bytes.length);
    } else if (effect.kind === 'sendPacket') {
      const bytes = HEADER_BYTES + effect.packet.length;
      this.#count('UDP', bytes);
      const kinds = messageKinds(effect.packet, hostEnvelope(host.currentOptions));
      this.#count(`UDP, ${[...new Set(kinds)].sort().join(' + ')}`, bytes);
    }
  }

  #count(kind: string, bytes: number): void {
    const held = this.#kinds.get(kind) ?? { count: 0, bytes: 0 };
    this.#kinds.set(kind, { count: held.count + 1, bytes: held.bytes + bytes });
  }

  /** The largest, each divided by `by`. */
  print(by: number): void {
    const rows = [...this.#kinds]
      .sort(([, a], [, b]) => b.bytes - a.bytes)
      .filter(([kind], i) => i < SHOWN || kind === 'streams dialed')
      .map(([kind, { count, bytes }]) => [kind, fixed(count / by, 2), fixed(bytes / by, 1)]);
    console.log(table([['', 'count', 'bytes'], ...rows]));
    this.#kinds.clear();
  }
}

/** An agent whose effects are counted. */
function createCounted(options: AgentOptions, count: (effect: Effect) => void): Agent {
  const agent = createAgent(options);
  const handle = agent.handle.bind(agent);
  agent.handle = (input, now, out) => {
    const from = out.length;
    handle(input, now, out);
    for (const effect of out.slice(from)) count(effect);
  };
  return agent;
}

function run(members: number, seeds: number): void {
  const joining = new Bytes();
  const idle = new Bytes();
  const met: number[] = [];
  for (let seed = 100; seed < 100 + seeds; seed++) {
    let bytes = new Bytes();
    const world = new World({
      ...{ seed, trace: { detail: 'facts', maxLines: 0 } },
      makeAgent: (options, host) => createCounted(options, (effect) => bytes.add(effect, host)),
    });
    const labels = Array.from({ length: members }, (_, i) => `n${String(i).padStart(4, '0')}`);
    for (const label of labels) {
      world.add(label, { disk: false });
      world.start(label);
    }
    world.run(1000);
    bytes = joining;
    const startedAt = world.now;
    const seeded = [toSeed(world.host(labels[0] as string))];
    for (const label of labels.slice(1)) world.command(label, { kind: 'join', seeds: seeded });
    const knowsAll = (label: string): boolean =>
      world
        .host(label)
        .runningAgent.view.members()
        .filter(({ status }) => status === 'alive').length === members;
    world.runUntil(() => labels.every(knowsAll), JOIN_MILLIS, 10);
    met.push(world.now - startedAt);
    world.run(startedAt + JOIN_MILLIS - world.now);
    bytes = new Bytes();
    world.run(SETTLE_MILLIS);
    bytes = idle;
    world.run(IDLE_MILLIS);
  }
  console.log(
    `${members} join at once, ${seeds} seeds; all knew all after ${met.map((ms) => fixed(ms)).join(', ')} ms\n`,
  );
  console.log(`each in the first ${JOIN_MILLIS / 1000} s:\n`);
  joining.print(members * seeds);
  console.log('\nthen each and second, quiet:\n');
  idle.print((members * seeds * IDLE_MILLIS) / 1000);
}

const [members = 32, seeds = 3] = process.argv.slice(2).map(Number);
run(members, seeds);
