/** The envelope of messages as a peer sees it: plaintext, keys, versions, compression. */
import { describe, expect, test } from 'vitest';
import { createAgent } from '../../../../src/agent/agent.ts';
import type { Fact } from '../../../../src/agent/contract/facts.ts';
import type { SimHostOptions } from '../../../../src/sim/world/host.ts';
import { hostEnvelope } from '../../../../src/sim/world/message-kinds.ts';
import { World } from '../../../../src/sim/world/world.ts';
import { Alive, MESSAGE_TYPE, PushNodeState } from '../../../../src/wire/memberlist.ts';
import { BARE_ENVELOPE, sealPacket } from '../../../../src/wire/packet.ts';
import { encodePushPull, sealStream } from '../../../../src/wire/stream-writer.ts';

const KEY = new Uint8Array(32).fill(7);
const nonce = (): Uint8Array => new Uint8Array(12);

function alone(options: SimHostOptions) {
  const world = new World({ seed: 1, makeAgent: createAgent });
  const told: Fact[] = [];
  world.subscribe({ onEffects: (_host, facts) => void told.push(...facts) });
  const host = world.add('ann', options);
  world.start('ann');
  return { world, told, host, names: () => host.runningAgent.view.members().map(({ name }) => name) };
}

describe('S4 with a key, plaintext is rejected whatever it is, and its sender is reported', () => {
  const stranger = { port: 7946, meta: Uint8Array.of(0xff, 0x80), incarnation: 1 };
  const vsn = Uint8Array.of(1, 5, 2, 2, 5, 5);

  test.each(['in plaintext', 'under the key'])('an alive message %s, from an unknown address', (how) => {
    const { world, told, host } = alone({ keys: [KEY], swim: { dialBack: false } });
    const from = world.newAddress();
    const envelope = how === 'under the key' ? hostEnvelope(host.options) : BARE_ENVELOPE;
    const message = Alive.encode({ ...stranger, node: 'eve', addr: from.ip, vsn });

    world.injectDatagram('ann', from, sealPacket([message], envelope, { crc: true, nonce }));

    const believed = how === 'under the key';
    expect(host.runningAgent.view.member('eve') !== undefined).toBe(believed);
    expect(told.filter(({ kind }) => kind === 'packetRejected')).toMatchObject(
      believed ? [] : [{ from: from.key, code: 'plaintext' }],
    );
  });

  test.each(['in plaintext', 'under the key'])('a push/pull %s', (how) => {
    const { world, told, names, host } = alone({ keys: [KEY], swim: { dialBack: false } });
    const from = world.newAddress();
    const envelope = how === 'under the key' ? hostEnvelope(host.options) : BARE_ENVELOPE;
    const row = PushNodeState.create({ ...stranger, name: 'eve', addr: from.ip, state: 0, vsn });
    const userState = new Uint8Array();
    const body = encodePushPull({ kind: 'pushPull', join: true, nodes: [row], userState });
    const wrote: Uint8Array[] = [];
    world.subscribe({ onStreamWrite: (_host, bytes) => void wrote.push(bytes) });

    world.injectStream('ann', from, sealStream(body, envelope, { role: 'dialer', nonce }));

    const believed = how === 'under the key';
    expect(names()).toEqual(believed ? ['ann', 'eve'] : ['ann']);
    expect(told.filter(({ kind }) => kind === 'streamRejected')).toMatchObject(
      believed ? [] : [{ from: from.key, code: 'plaintext' }],
    );
    // What is said about it is not in plaintext either.
    for (const bytes of wrote) expect(bytes[0]).toBe(MESSAGE_TYPE.encrypt);
  });
});

test('S5 every message is encrypted with a nonce of its own, and messages encrypted with the primary key are counted', () => {
  const world = new World({ seed: 3, makeAgent: createAgent });
  const sent: string[] = [];
  const note = (bytes: Uint8Array, at: number): void =>
    void sent.push(Buffer.from(bytes.subarray(at + 1, at + 13)).toString('hex'));
  world.subscribe({
    onDatagram: (_from, _to, bytes) => note(bytes, 0),
    onStreamWrite: (_host, bytes) => bytes.length > 0 && note(bytes, 5),
  });
  for (const label of ['ann', 'bob']) {
    world.add(label, { keys: [KEY] });
    world.start(label);
  }
  const { address } = world.host('ann');
  world.command('bob', { kind: 'join', seeds: [{ text: 'ann', addresses: [address] }] });
  world.run(10_000);

  const seals = ['ann', 'bob'].map((label) => world.host(label).runningAgent.view.health().seals);
  expect(sent.length).toBeGreaterThan(20);
  expect(new Set(sent).size).toBe(sent.length);
  expect(seals.reduce((sum, one) => sum + one)).toBe(sent.length);
});

test('P1 the configured protocol of Serf is announced, 5 by default', () => {
  for (const protocol of [3, 4, 5])
    expect([...alone({ serf: { protocol } }).host.runningAgent.view.self().vsn]).toEqual([
      1,
      5,
      2,
      2,
      5,
      protocol,
    ]);
  expect([...alone({}).host.runningAgent.view.self().vsn]).toEqual([1, 5, 2, 2, 5, 5]);
});

test('P7 with compression on, a datagram is compressed if that makes it smaller', () => {
  const sizes = (compression: boolean): { compressed: number; all: number; bytes: number } => {
    const world = new World({ seed: 2, makeAgent: createAgent });
    const counts = { compressed: 0, all: 0, bytes: 0 };
    world.subscribe({
      onDatagram: (_from, _to, bytes) => {
        counts.all += 1;
        counts.bytes += bytes.length;
        // A CRC may stand in front.
        if (bytes[bytes[0] === MESSAGE_TYPE.crc ? 5 : 0] === MESSAGE_TYPE.compress) counts.compressed += 1;
      },
    });
    const tags = { note: 'again and '.repeat(20) };
    for (const label of ['ann', 'bob', 'cat']) {
      world.add(label, { tags, swim: { compression } });
      world.start(label);
    }
    const { address } = world.host('ann');
    for (const label of ['bob', 'cat'])
      world.command(label, { kind: 'join', seeds: [{ text: 'ann', addresses: [address] }] });
    world.run(20_000);
    return counts;
  };

  const [on, off] = [sizes(true), sizes(false)];
  expect(off.compressed).toBe(0);
  expect(on.compressed).toBeGreaterThan(0);
  expect(on.compressed).toBeLessThan(on.all);
  expect(on.bytes / on.all).toBeLessThan(off.bytes / off.all);
});
