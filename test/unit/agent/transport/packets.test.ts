import { describe, expect, test } from 'vitest';
import type { Lane } from '../../../../src/agent/contract/lane.ts';
import type { Effect } from '../../../../src/agent/contract/machine.ts';
import { Packets } from '../../../../src/agent/transport/packets.ts';
import { type Address, toAddress } from '../../../../src/base/address.ts';
import { BroadcastQueue } from '../../../../src/swim/broadcasts.ts';
import type { Member } from '../../../../src/swim/types.ts';
import { MESSAGE_TYPE, type PacketMessage, Ping, Suspect } from '../../../../src/wire/memberlist.ts';
import { type Envelope, openPacket, sealPacket } from '../../../../src/wire/packet.ts';

const BUDGET = 1400;
const plain: Envelope = {
  label: new Uint8Array(0),
  keys: [],
  verifyIncoming: true,
  encryptionVersion: 1,
  compress: false,
};
const encrypted: Envelope = { ...plain, keys: [new Uint8Array(32).fill(7)] };
const at: Address = toAddress(Uint8Array.of(127, 0, 0, 2), 7946);
const peer: Member = {
  identity: { name: 'bob', address: at, meta: new Uint8Array(0), vsn: Uint8Array.of(1, 5, 2, 2, 5, 5) },
  state: 'alive',
  incarnation: 1,
  since: 0,
};

function door(envelope: Envelope = plain, limit = 1000) {
  const lane = (name: Lane['name'], user: boolean): Lane => ({
    name,
    queue: new BroadcastQueue(),
    limit: () => limit,
    audience: () => 1000,
    user,
  });
  const lanes = {
    membership: lane('membership', false),
    intents: lane('intents', true),
    queries: lane('queries', true),
    events: lane('events', true),
  };
  const packets = new Packets(envelope, Object.values(lanes), () => new Uint8Array(12), BUDGET);
  const out: Effect[] = [];
  const sent = (): Uint8Array[] =>
    out.flatMap((effect) => (effect.kind === 'sendPacket' ? [effect.packet] : []));
  const kinds = (packet: Uint8Array): number[] =>
    openPacket(packet, envelope).messages.map((message) => message[0] as number);
  return { packets, lanes, out, sent, kinds };
}

const suspect = (node: string): Uint8Array => Suspect.encode({ incarnation: 1, node, from: 'ann' });

describe('filling a packet from the lanes', () => {
  test('without broadcasts nothing is sent', () => {
    const { packets, out } = door();
    packets.sendGossip(peer, out);
    expect(out).toEqual([]);
  });

  test('what came from a peer is not sent back to it, and to others it is', () => {
    const { packets, lanes, out, sent } = door();
    const packet = (node: string): Uint8Array =>
      sealPacket([suspect(node)], plain, { crc: false, nonce: () => new Uint8Array(12) });
    packets.receive(at, packet('eve'), out, () => lanes.membership.queue.enqueue(suspect('eve'), 'eve'));
    packets.sendGossip(peer, out);
    expect(sent()).toEqual([]);
    const other = {
      ...peer,
      identity: { ...peer.identity, address: toAddress(Uint8Array.of(127, 0, 0, 3), 1) },
    };
    packets.sendGossip(other, out);
    expect(sent()).toHaveLength(1);
  });

  test('the direct message comes first, broadcasts piggyback on it', () => {
    const { packets, lanes, out, sent, kinds } = door();
    lanes.membership.queue.enqueue(suspect('eve'), 'eve');
    lanes.intents.queue.enqueue(Uint8Array.of(1, 0x80), 'eve');
    packets.send(at, peer, Ping.create({ seqNo: 1, node: 'bob' }), undefined, true, out);
    expect(kinds(sent()[0] as Uint8Array)).toEqual([0, 3, 8]);
  });

  test.each([
    ['an outsider', undefined],
    ['a member that is down', { ...peer, state: 'dead' } as const],
  ])('S31 %s gets no broadcasts, and none counts as sent', (_, receiver) => {
    const { lanes, out, sent, kinds } = door(plain, 1);
    const packets = new Packets(plain, Object.values(lanes), () => new Uint8Array(12), BUDGET, {
      standingOf: () => 'outsider',
    });
    lanes.membership.queue.enqueue(suspect('eve'), 'eve');
    packets.send(at, receiver, Ping.create({ seqNo: 1, node: 'bob' }), undefined, true, out);
    expect(kinds(sent()[0] as Uint8Array)).toEqual([0]);
    expect(lanes.membership.queue.size).toBe(1);
  });

  test('P7 gossip is compressed, and a ping is not: path tests go by the lengths of pings', () => {
    const { packets, lanes, out, sent } = door({ ...plain, compress: true });
    for (let i = 0; i < 10; i++) lanes.membership.queue.enqueue(suspect(`node-${i}`), `node-${i}`);
    const identity = { ...peer.identity, address: toAddress(Uint8Array.of(127, 0, 0, 3), 1) };
    packets.sendGossip({ ...peer, identity }, out);
    packets.send(at, peer, Ping.create({ seqNo: 1, node: 'bob' }), undefined, true, out);
    const [gossip, ping] = sent() as [Uint8Array, Uint8Array];
    expect([gossip[5], ping[0]]).toEqual([MESSAGE_TYPE.compress, MESSAGE_TYPE.compound]);
    expect(packets.limits.lastPing(peer)).toBeGreaterThanOrEqual(ping.length);
    expect(ping.length).toBeGreaterThan(256);
  });

  test('a ping with a suspicion takes no broadcasts', () => {
    const { packets, lanes, out, sent, kinds } = door();
    lanes.membership.queue.enqueue(suspect('eve'), 'eve');
    const rider = Suspect.create({ incarnation: 1, node: 'bob', from: 'ann' });
    packets.send(at, peer, Ping.create({ seqNo: 1, node: 'bob' }), rider, false, out);
    expect(kinds(sent()[0] as Uint8Array)).toEqual([0, 3]);
  });

  test.each([
    ['plain', plain],
    ['encrypted', encrypted],
  ])('no packet is over its budget, however much there is to say (%s)', (_, envelope) => {
    const { packets, lanes, out, sent } = door(envelope);
    for (let i = 0; i < 500; i++) lanes.membership.queue.enqueue(suspect(`node-${i}`), `node-${i}`);
    for (let i = 0; i < 50; i++) lanes.events.queue.enqueue(new Uint8Array(20 + i));
    for (let i = 0; i < 40; i++) packets.sendGossip(peer, out);
    for (const packet of sent()) expect(packet.length).toBeLessThanOrEqual(BUDGET);
    expect(Math.max(...sent().map((packet) => packet.length))).toBeGreaterThan(BUDGET - 60);
  });

  test('a lane for some peers sends nothing to others, nor to unknown addresses', () => {
    const queue = new BroadcastQueue();
    const lane: Lane = {
      name: 'catalog',
      queue,
      limit: () => 1000,
      audience: () => 1000,
      user: true,
      canReceive: (to) => to === peer,
    };
    const packets = new Packets(plain, [lane], () => new Uint8Array(12), BUDGET);
    const out: Effect[] = [];
    queue.enqueue(new Uint8Array(20));
    const stranger = { ...peer, identity: { ...peer.identity, name: 'cat' } };

    const ping = Ping.create({ seqNo: 1, node: 'cat' });

    packets.sendGossip(stranger, out);
    packets.send(at, undefined, ping, undefined, true, out);
    const alone = out.splice(0).map((effect) => (effect.kind === 'sendPacket' ? effect.packet.length : 0));
    packets.sendGossip(peer, out);

    expect(alone).toEqual([Ping.encode(ping).length]);
    expect(out).toHaveLength(1);
  });

  test('I12: membership churn does not starve the other lanes', () => {
    const { packets, lanes, out, sent } = door();
    lanes.events.queue.enqueue(new Uint8Array(600).fill(3));
    lanes.queries.queue.enqueue(new Uint8Array(900).fill(4));
    lanes.intents.queue.enqueue(Uint8Array.of(1, 0x80), 'eve');
    let next = 0;
    for (let round = 0; round < 16; round++) {
      // More news than ten packets can carry, in every round.
      for (let i = 0; i < 400; i++) lanes.membership.queue.enqueue(suspect(`n${next++}`), `n${next}`);
      packets.sendGossip(peer, out);
    }
    const users = sent().flatMap((packet) =>
      openPacket(packet, plain)
        .messages.filter((message) => message[0] === 8)
        .map((message) => message[1]),
    );
    expect(new Set(users)).toEqual(new Set([1, 3, 4]));
  });

  test('a CRC on gossip and suspicions for peers that understand it; none on direct messages or with encryption', () => {
    const old: Member = { ...peer, identity: { ...peer.identity, vsn: Uint8Array.of(1, 4, 2, 2, 5, 5) } };
    const ping = Ping.create({ seqNo: 1, node: 'bob' });
    const rider = Suspect.create({ incarnation: 1, node: 'bob', from: 'ann' });
    const first = (envelope: Envelope, how: 'gossip' | 'ping' | 'suspecting', to = peer): number => {
      const { packets, lanes, out, sent } = door(envelope);
      lanes.membership.queue.enqueue(suspect('eve'), 'eve');
      if (how === 'gossip') packets.sendGossip(to, out);
      else packets.send(at, to, ping, how === 'ping' ? undefined : rider, false, out);
      return (sent()[0] as Uint8Array)[0] as number;
    };
    expect(first(plain, 'gossip')).toBe(12);
    expect(first(plain, 'suspecting')).toBe(12);
    expect(first(plain, 'ping')).toBe(0);
    expect(first(plain, 'gossip', old)).toBe(3);
    expect(first(encrypted, 'gossip')).toBe(1);
  });
});

describe('a peer that no long datagram reaches', () => {
  const short = (message: Uint8Array): Uint8Array => Uint8Array.of(201, message[1] as number);
  const catalog: Lane = {
    ...{ name: 'catalog', queue: new BroadcastQueue(), limit: () => 2, audience: () => 1, user: true },
    shorten: short,
  };
  const rumor = (owner: number): Uint8Array => new Uint8Array(600).fill(owner);

  test('is sent no longer ones: what does not fit is told shorter, once for each owner, or by a stream', () => {
    const { lanes } = door();
    const all = [...Object.values(lanes), catalog];
    const packets = new Packets(plain, all, () => new Uint8Array(12), BUDGET);
    const out: Effect[] = [];
    packets.limits.set(peer, 512);
    for (const owner of [7, 7, 8]) catalog.queue.enqueue(rumor(owner));
    for (let i = 0; i < 30; i++) lanes.intents.queue.enqueue(new Uint8Array(40).fill(1));
    lanes.events.queue.enqueue(new Uint8Array(520).fill(3));
    lanes.membership.queue.enqueue(new Uint8Array(600).fill(4));
    packets.send(at, peer, Ping.create({ seqNo: 1, node: 'bob' }), undefined, true, out);
    const [packet] = out.flatMap((effect) => (effect.kind === 'sendPacket' ? [effect.packet] : []));
    expect((packet as Uint8Array).length).toBeGreaterThan(440);
    expect((packet as Uint8Array).length).toBeLessThanOrEqual(512);
    const { messages } = openPacket(packet as Uint8Array, plain);
    const told = messages.filter((message) => message[1] === 201).map((message) => message[2]);
    expect(told.sort()).toEqual([7, 8]);
    expect(packets.limits.consumeLong().map(({ by }) => by)).toEqual(
      expect.arrayContaining(['stream', 'pushPull', 'shorter']),
    );
    expect(packets.limits.consumeLong()).toEqual([]);
    for (let i = 0; i < 10; i++) packets.sendGossip(peer, out);
    expect(catalog.queue.size).toBe(0);
  });
});

describe('a ping to a peer that was sent eight long rumors', () => {
  const ping = Ping.create({ seqNo: 1, node: 'bob' });
  function lengthsOf(rumors: number, bytes: number, prepare: (packets: Packets) => void = () => undefined) {
    const [queue, limit] = [new BroadcastQueue(), () => 1];
    const catalog: Lane = {
      name: 'catalog',
      queue,
      limit,
      audience: () => 9,
      user: true,
      shorten: (one) => one,
    };
    const packets = new Packets(plain, [catalog], () => new Uint8Array(12), BUDGET);
    const out: Effect[] = [];
    for (let i = 0; i < rumors; i++) {
      queue.enqueue(new Uint8Array(bytes).fill(i));
      packets.sendGossip(peer, out);
    }
    prepare(packets);
    out.length = 0;
    for (let i = 0; i < 2; i++) packets.send(at, peer, ping, undefined, true, out);
    return out.map((effect) => (effect.kind === 'sendPacket' ? effect.packet.length : 0));
  }

  test('carries the last one again, and the next ping does not', () => {
    const [first, second] = lengthsOf(8, 600) as [number, number];
    expect(first).toBeGreaterThan(600);
    expect(second).toBeLessThan(100);
  });

  test.each([
    ['seven', 7, 600, () => undefined],
    ['short ones', 20, 200, () => undefined],
    ['one that leaves no room for a ping', 8, 1390, () => undefined],
    ['the peer has a limit', 8, 600, (packets: Packets) => void packets.limits.set(peer, 512)],
    ['a ping was long since', 8, 600, (packets: Packets) => packets.limits.recordPing(peer, 300)],
  ])('carries none: %s', (_, rumors, bytes, prepare) => {
    expect(Math.max(...lengthsOf(rumors, bytes, prepare))).toBeLessThan(100);
  });
});

describe('opening a packet', () => {
  const open = (bytes: Uint8Array): { taken: PacketMessage[]; out: Effect[] } => {
    const { packets, out } = door();
    const taken: PacketMessage[] = [];
    packets.receive(at, bytes, out, (message) => void taken.push(message));
    return { taken, out };
  };

  test('garbage becomes a fact, and is not thrown', () => {
    const { taken, out } = open(Uint8Array.of(4, 0xc1, 0xff));
    expect(taken).toEqual([]);
    expect(out).toMatchObject([{ fact: { kind: 'packetRejected', from: '127.0.0.2:7946' } }]);
  });

  test('one malformed message does not affect the others', () => {
    const good = Ping.encode(Ping.create({ seqNo: 9, node: 'bob' }));
    const bad = Uint8Array.of(3, 0x81);
    const compound = Uint8Array.of(7, 2, 0, bad.length, 0, good.length, ...bad, ...good);
    const { taken, out } = open(compound);
    expect(taken).toMatchObject([{ kind: 'ping', seqNo: 9 }]);
    expect(out).toHaveLength(1);
  });
});
