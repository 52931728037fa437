/**
 * What a table costs that is full of members that never answer: heap for each row, and the turns of two minutes, in which every
 * 20 ms another one is announced (`node --expose-gc --import tsx test/bench/full-table.ts [MEMBERS]`).
 */
import { pathToFileURL } from 'node:url';
import { createAgent } from '../../src/agent/agent.ts';
import type { Agent, Effect, Input } from '../../src/agent/contract/machine.ts';
import { type Address, toAddress } from '../../src/base/address.ts';
import { NO_BYTES } from '../../src/base/bytes.ts';
import { createRng } from '../../src/base/rng.ts';
import { resolveConfig } from '../../src/config/resolve.ts';
import { metaFromTags } from '../../src/serf/tags.ts';
import { encodeMessage, PushNodeState } from '../../src/wire/memberlist.ts';
import { BARE_ENVELOPE, sealPacket } from '../../src/wire/packet.ts';
import { encodePushPull, sealStream } from '../../src/wire/stream-writer.ts';

const VSN = Uint8Array.of(1, 5, 2, 2, 5, 5);
const META = metaFromTags(new Map([['hearsay', '1']]));
const NAMES = ['ann', 'bob', 'cat', 'dan'];
const { config } = resolveConfig({ flags: {}, env: {}, files: [], hostname: 'ann' });
const nonce = (): Uint8Array => new Uint8Array(12);
const addressOf = (i: number): Address => toAddress(Uint8Array.of(10, 0, 0, i + 1), 7946);
const ghostRow = (i: number): PushNodeState => {
  const addr = Uint8Array.of(10, 1 + (i >> 16), (i >> 8) & 255, i & 255);
  return rowOf(`ghost-${i}.example.internal`, addr);
};
const rowOf = (name: string, addr: Uint8Array): PushNodeState =>
  PushNodeState.create({ name, addr, port: 7946, meta: META, vsn: VSN, incarnation: 1, state: 0 });

interface Mail {
  readonly at: number;
  readonly to: number;
  readonly input: Input;
}

/** Four agents, of which the first one has room for all; datagrams between them take 1 ms, and streams lead nowhere. */
class Mesh {
  now = 0;
  /** Milliseconds of each turn of the first agent. */
  readonly turns: number[] = [];
  readonly #agents: readonly Agent[];
  readonly #mail: Mail[] = [];
  #streams = 1;

  constructor(maxMembers: number) {
    this.#agents = NAMES.map((name, i) =>
      createAgent({
        ...{
          name,
          address: addressOf(i),
          tags: new Map(),
          keys: [],
          label: '',
          rng: createRng(i + 1),
          nonce,
        },
        ...{ serf: config.serf, swim: { ...config.swim, maxMembers: i === 0 ? maxMembers : 100 } },
        ...{ startedAt: 1_700_000_000_000, now: 0 },
      } as never),
    );
  }

  get first(): Agent {
    return this.#agents[0] as Agent;
  }

  give(to: number, input: Input): void {
    const out: Effect[] = [];
    const agent = this.#agents[to] as Agent;
    const before = performance.now();
    agent.handle(input, this.now, out);
    if (to === 0) this.turns.push(performance.now() - before);
    for (const effect of out) this.#carryOut(to, effect);
  }

  #carryOut(from: number, effect: Effect): void {
    if (effect.kind === 'openStream') {
      const input = {
        kind: 'streamClosed',
        stream: effect.stream,
        why: 'silent',
        failure: 'timeout',
      } as const;
      this.#mail.push({ at: this.now + 3000, to: from, input });
    }
    if (effect.kind !== 'sendPacket') return;
    const to = this.#agents.findIndex((_, i) => addressOf(i).key === effect.to.key);
    const input = { kind: 'packet', from: addressOf(from), bytes: effect.packet.slice() } as const;
    if (to >= 0) this.#mail.push({ at: this.now + 1, to, input });
  }

  tell(to: number, nodes: readonly PushNodeState[]): void {
    const stream = this.#streams;
    this.#streams += 2;
    this.give(to, { kind: 'streamAccepted', stream, from: toAddress(Uint8Array.of(10, 0, 0, 2), 50_000) });
    const body = encodePushPull({ kind: 'pushPull', join: false, nodes, userState: NO_BYTES });
    this.give(to, {
      ...{ kind: 'streamData', stream },
      bytes: sealStream(body, BARE_ENVELOPE, { role: 'dialer', nonce }),
    });
    this.give(to, { kind: 'streamClosed', stream });
  }

  announce(row: PushNodeState): void {
    const { name: node, addr, port, meta, vsn, incarnation } = row;
    const message = encodeMessage({ kind: 'alive', incarnation, node, addr, port, meta, vsn });
    const bytes = sealPacket([message], BARE_ENVELOPE, { crc: false, nonce });
    this.give(0, { kind: 'packet', from: addressOf(1), bytes });
  }

  run(millis: number): void {
    const end = this.now + millis;
    for (; this.now < end; this.now += 1) {
      for (let i = this.#mail.length - 1; i >= 0; i--) {
        const mail = this.#mail[i] as Mail;
        if (mail.at > this.now) continue;
        this.#mail.splice(i, 1);
        this.give(mail.to, mail.input);
      }
      this.#agents.forEach((agent, i) => {
        if (agent.deadline <= this.now) this.give(i, { kind: 'tick' });
      });
    }
  }
}

function heapAfterGc(): number {
  const { gc } = globalThis as { gc?: () => void };
  if (gc === undefined) throw new Error('run with --expose-gc');
  gc();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** Measures and prints everything. */
export async function run(members = 16_384): Promise<void> {
  const mesh = new Mesh(members);
  NAMES.forEach((_, i) => {
    mesh.tell(
      i,
      NAMES.map((name, k) => rowOf(name, addressOf(k).ip)),
    );
  });
  mesh.run(20_000);
  const before = heapAfterGc();
  for (let from = 0; from < members; from += 1000) {
    mesh.tell(
      0,
      Array.from({ length: 1000 }, (_, i) => ghostRow(from + i)),
    );
    mesh.run(200);
  }
  mesh.run(5000);
  const held = mesh.first.view.members().length;
  const after = heapAfterGc();
  console.log(
    `${held} members, ${((after - before) / 1e6).toFixed(1)} MB, ${Math.round((after - before) / held)} bytes each`,
  );
  mesh.turns.length = 0;
  for (let i = 0; i < 6000; i++) {
    mesh.announce(ghostRow(members + 1000 + i));
    mesh.run(20);
  }
  const sorted = [...mesh.turns].sort((a, b) => a - b);
  const at = (share: number): string => (sorted[Math.floor((sorted.length - 1) * share)] ?? 0).toFixed(2);
  const busy = sorted.reduce((sum, ms) => sum + ms, 0) / 120_000;
  console.log(
    `${sorted.length} turns in 120 s: ${(100 * busy).toFixed(1)} % of the time, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, p99.9 ${at(0.999)} ms, longest ${at(1)} ms`,
  );
  console.log(`heap at the end ${((heapAfterGc() - before) / 1e6).toFixed(1)} MB`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  await run(Number(process.argv[2] ?? 16_384));
